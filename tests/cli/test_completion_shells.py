"""The Tab key in real shells with hostile names in the cache: nothing runs, and good names are completed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import click.shell_completion
import pexpect
import pytest
import typer.main
from support.example_platform import platform
from support.waiting import until

from opsctl.aws.s3.cache import Cache
from opsctl.cli import app
from opsctl.commands.runs.completion_cache import CompletionCache
from opsctl.completion.offers import is_offered
from opsctl.home import Home

#: Each would make a file of its number in the working folder, or type something, where a shell took it for its own.
HOSTILE = [
    *("$(touch {n})", "`touch {n}`", "\\$(touch {n})", "\\`touch {n}\\`", "'\\$(touch {n})'", '"\\$(touch {n})"'),
    *('"$(touch {n})"', "'$(touch {n})", '"; touch {n}; "', "x\n touch {n}\n", "\rtouch {n}\r", "; touch {n} ;"),
    *(
        "x&touch {n}&",
        "x|touch {n}",
        "<(touch {n})",
        ">{n}",
        "x >{n} y",
        "(touch {n})",
        "x(touch {n})y",
        "*(e:'touch {n}':)",
    ),
    *(
        "${{(e):-\\$(touch {n})}}",
        "$'\\x24(touch {n})'",
        'x\\:"\\$(touch {n})"',
        "))'; touch {n}; '((",
        ")) ; touch {n} ; ",
    ),
    *(
        "$[$(touch {n})]",
        "{{touch,{n}}}",
        "\\\\$(touch {n})",
        "\\\\\\$(touch {n})",
        "x\ty$(touch {n})",
        "$(touch${{IFS}}{n})",
    ),
    *(
        "\x15touch {n}\r",
        "\x03\ntouch {n}\n",
        "x\x1b[31m\x1b]0;t\x07",
        "x\u202egnp",
        "a b",
        "*",
        "?",
        "[a-z]*",
        "~",
        "~root",
    ),
    *("!touch", "#x", "%1", "^x", "=ls", "-rf", "--yes", "x\\", "'", '"', "`", "$", "\x00", "\x9b31m", "x" * 10_000),
]
#: Alone and behind letters, by which they are completed: `q002$(touch ...)`.
NAMES = [
    prefix + name.format(n=f"file{number}")
    for number, name in enumerate(HOSTILE)
    for prefix in ("", f"q{number:03d}", "zz")
]
#: Names that ran in zsh before there was the filter, each completed alone: a mistake of syntax in one candidate keeps
#: zsh from all of them.
RAN_IN_ZSH = (2, 3, 4, 5, 20, 22, 28)
GOOD = "good-data_1.5+x/y@z"
RUN = "good-20261120-120000-aaaa"
SCAN = "sub-good/ses-1"
#: bash splits its words at colons.
ELSEWHERE = ("s3://far-bucket/good-set", "s3://far-bucket/good:odd")

#: The program that a shell finds: it completes as the real one does, and writes down what it is called with.
PROGRAM = """#!{python}
import json, os, pathlib, sys
if "_OPSCTL_COMPLETE" in os.environ:
    from opsctl.__main__ import main
    main()
pathlib.Path({typed!r}).write_text(json.dumps(sys.argv[1:]))
"""
STARTS = {
    "bash": (
        ["--norc", "--noprofile", "-i"],
        "PS1='READY> '; bind 'set completion-query-items 0'; bind 'set page-completions off'",
    ),
    "zsh": (["-f", "-i"], "PS1='READY> '; LISTMAX=100000; autoload -U compinit; compinit -u -d $HOME/dump"),
    "fish": (["--no-config", "-i"], "function fish_prompt; echo -n 'READY> '; end"),
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a program and a home whose cache holds the names."""
    folder = tmp_path_factory.mktemp("machine")
    for part in ("bin", "work", "user"):
        (folder / part).mkdir()
    program = folder / "bin" / "opsctl"
    program.write_text(PROGRAM.format(python=sys.executable, typed=str(folder / "typed")))
    program.chmod(0o755)
    home = Home(folder / "home")
    home.keep(platform())
    cache = Cache(home.cache)
    names = CompletionCache(cache, "data")
    names.runs([*NAMES, RUN])
    names.datasets([*NAMES, GOOD, *ELSEWHERE])
    cache.put_value("data", f"scans/{RUN}", [*NAMES, SCAN])
    return folder


class Shell:
    """A shell at a terminal in which opsctl's completion is installed."""

    def __init__(self, name: str, machine: Path) -> None:
        self.name = name
        arguments, start = STARTS[name]
        self._machine = machine
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("OPSCTL", "_OPSCTL", "PYTHON"))
        }
        environment |= {
            "PATH": f"{machine / 'bin'}:{os.environ['PATH']}",
            "HOME": str(machine / "user"),
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
            "OPSCTL_HOME": str(machine / "home"),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        }
        script = subprocess.run(
            [machine / "bin" / "opsctl", "--show-completion", name],
            env={**environment, "_OPSCTL_COMPLETE": f"source_{name}"},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        installed = machine / f"completion.{name}"
        installed.write_text(f"{start}\n{script}\n")
        self._child = pexpect.spawn(
            name,
            arguments,
            env=environment,
            cwd=machine / "work",
            dimensions=(2_000, 200),
            timeout=60,
            encoding="utf-8",
            codec_errors="replace",
        )
        self._child.delaybeforesend = None
        self._steps = 0
        self.type(f". {installed}\r")
        self.settle()

    def type(self, keys: str) -> None:
        self._child.send(keys)

    def settle(self) -> None:
        """Clear the line, and wait until everything typed before has been acted on."""
        self._steps += 1
        self.type(f"\x15echo SET''TLED{self._steps}\r")
        self._child.expect(f"SETTLED{self._steps}\r?\n")

    def completed(self, keys: str) -> list[str]:
        """The arguments that the line has after its completion and Enter."""
        typed = self._machine / "typed"
        typed.unlink(missing_ok=True)
        self.type(f"{keys}\r")
        until(typed.exists)
        until(lambda: typed.read_text() != "")
        self.settle()
        return list(json.loads(typed.read_text()))

    def close(self) -> None:
        self._child.close(force=True)


@pytest.fixture(params=list(STARTS))
def shell(request: pytest.FixtureRequest, machine: Path) -> Iterator[Shell]:
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    opened = Shell(request.param, machine)
    yield opened
    opened.close()


def test_hostile_names_run_nothing_and_good_ones_are_completed(shell: Shell, machine: Path) -> None:
    for line in ("scans ", "why zz", *(f"scans q{number:03d}" for number in RAN_IN_ZSH[:3] if shell.name == "zsh")):
        shell.type(f"opsctl {line}\t\t")
        shell.settle()
    assert os.listdir(machine / "work") == []
    assert shell.completed("opsctl scans good\t") == ["scans", GOOD]
    assert shell.completed("opsctl status --run good\t") == ["status", "--run", RUN]
    for typed in ("s3:", "s3://far-bucket/good-", '"s3://far-bucket/good-' if shell.name == "bash" else "s3://f"):
        keys = f"opsctl scans {typed}\t" + ("" if "good-" in typed else "-\t")
        assert shell.completed(keys) == ["scans", ELSEWHERE[0]], typed
    assert shell.completed("opsctl scans s3://far-bucket/good:\t") == ["scans", ELSEWHERE[1]]


@pytest.mark.campaign
def test_each_hostile_name_alone_runs_nothing(shell: Shell, machine: Path) -> None:
    for number in range(len(HOSTILE)):
        shell.type(f"opsctl status --run q{number:03d}\t\t")
        shell.settle()
        shell.type(f"opsctl scans q{number:03d}\t")
        shell.settle()
        assert os.listdir(machine / "work") == [], HOSTILE[number]


def test_only_names_without_a_meaning_to_a_shell_are_offered() -> None:
    offered = [name for name in NAMES if is_offered(name, incomplete="")]
    assert [name for name in offered if not re.fullmatch(r"[A-Za-z0-9._/:+=@-]+", name)] == []
    # Behind letters, these are names.
    assert {name[:6] for name in offered} == {"zz=ls", "zz-rf", "zz--ye", "q045=l", "q046-r", "q047--"}


@pytest.mark.parametrize(
    ("value", "incomplete", "offered"),
    [
        ("HNU1-20261120-120000-aaaa", "", True),
        ("s3://bucket/a+b@c/d=e_f.g", "", True),
        ("--platform", "", False),
        ("--platform", "-", True),
        ("-rf", "", False),
        ("--yes;x", "--", False),
        ("--yes=$(x)", "--", False),
        ("=ls", "", False),
        ("~root", "", False),
        ("", "", False),
        ("name\n", "", False),
        ("naïve", "", False),
        ("x" * 1024, "", True),
        ("x" * 1025, "", False),
    ],
)
def test_what_is_offered(value: str, incomplete: str, *, offered: bool) -> None:
    assert is_offered(value, incomplete=incomplete) is offered


def test_no_option_of_any_verb_offers_a_hostile_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever each completion finds, for every shell: the filter is in the way of all of them."""
    names = [click.shell_completion.CompletionItem(name) for name in ("$(x)", "a b", "--yes", "\x1b[31m", "x\n", GOOD)]
    monkeypatch.setattr(click.Parameter, "shell_complete", lambda *_: names)
    program = typer.main.get_command(app)
    shells = click.shell_completion._available_shells
    assert {"bash", "zsh", "fish", "powershell"} <= set(shells)
    assert {shell.get_completions for shell in shells.values()} == {
        click.shell_completion.ShellComplete.get_completions
    }
    asking = click.shell_completion.ShellComplete(program, {}, "opsctl", "_OPSCTL_COMPLETE")
    asked = [(path, option) for path, command in verbs(program) for option in options_with_values(command)]
    assert len(asked) > 100
    for path, option in asked:
        assert [item.value for item in asking.get_completions([*path, option], "")] == [GOOD], (path, option)


def options_with_values(command: click.Command) -> list[str]:
    return [
        parameter.opts[0]
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.is_flag and not parameter.count
    ]


def verbs(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from verbs(inner, *path, name)
    yield path, command
