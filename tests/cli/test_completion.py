"""Completion: each shell's own protocol with the real program, from what earlier commands left, and nothing heavy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
from support.example_platform import platform

from opsctl.aws.s3.cache import Cache
from opsctl.cli import app
from opsctl.commands.runs.completion_cache import CompletionCache, CompletionReader
from opsctl.core.runs.manifest import Run
from opsctl.home import Home

OLD, NEW, OTHER = "HNU1-20261120-120000-aaaa", "HNU1-20261122-120000-bbbb", "ragged-20261121-120000-cccc"

# What the program does when a shell asks it, and then the heavy packages that this took and the sockets that it made.
ASKED = """
import json, socket, sys
made = []
real = socket.socket
socket.socket = lambda *a, **k: made.append(1) or real(*a, **k)
from opsctl.__main__ import main
sys.argv = ["opsctl"]
try:
    main()
finally:
    top = sorted({name.partition(".")[0] for name in sys.modules})
    sys.stderr.write("\\n" + json.dumps([top, len(made)]))
"""
HEAVY = {
    "click",
    "typer",
    "msgspec",
    "boto3",
    "botocore",
    "rich",
    "moto",
    "bids",
    "nibabel",
    "numpy",
    "dipy",
    "jinja2",
    "PIL",
    "python_terraform",
}


def a_run(run_id: str, *scans: str, dataset: str) -> Run:
    return Run(
        run_id=run_id,
        dataset=dataset,
        output="s3://data/x",
        m2g={},
        model="csa",
        image="i",
        platform="m2g",
        region="us-east-1",
        scans=scans,
        created_at="t",
        created_by="ada",
        command_line=(),
        opsctl_version="0.1.0",
        keys=(),
        sizes=(len(scans),),
        resources="csa",
        attempt_timeout_seconds=21_600,
    )


@pytest.fixture
def known(home: Path) -> Home:
    """A machine on which somebody has worked."""
    kept = Home(home)
    kept.keep(platform(name="lab"))
    kept.keep(platform())
    completion_cache = CompletionCache(Cache(kept.cache), "data")
    completion_cache.runs([OLD, OTHER, NEW])
    completion_cache.run(a_run(OLD, "sub-01/ses-1", "sub-09/ses-1", dataset="s3://data/HNU1"))
    completion_cache.run(a_run(OTHER, "sub-alice", dataset="s3://elsewhere/ragged"))
    completion_cache.run(a_run(NEW, "sub-01/ses-1", "sub-01/ses-2", "sub-02/ses-1", dataset="s3://data/HNU1"))
    return kept


def ask(shell: str, *words: str, **settings: str) -> list[str]:
    """What a shell gets for a line whose last word is being typed; checks that nothing heavy was needed."""
    line = " ".join(["opsctl", *words])
    environment = {
        **os.environ,
        "_OPSCTL_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words)),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        **settings,
    }
    ended = subprocess.run(
        [sys.executable, "-c", ASKED], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    words_said, _, report = ended.stderr.rpartition("\n")
    assert words_said == ""
    modules, sockets = json.loads(report)
    assert HEAVY & set(modules) == set()
    assert sockets == 0
    return [line for line in ended.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["status", "--run", ""], [NEW, OTHER, OLD]),
        (["status", "--run", "rag"], [OTHER]),
        (["why", ""], ["sub-01/ses-1", "sub-01/ses-2", "sub-02/ses-1"]),
        (["why", "sub-02"], ["sub-02/ses-1"]),
        (["cancel", "sub-01/ses-1", "sub-01/ses-2"], ["sub-01/ses-2"]),
        (["logs", "--run", OLD, ""], ["sub-01/ses-1", "sub-09/ses-1"]),
        (["logs", "--run", "cccc", ""], ["sub-alice"]),
        (["logs", "--run", "HNU1", ""], []),
        (["status", "--scan", "sub-01/"], ["sub-01/ses-1", "sub-01/ses-2"]),
        (["run", ""], ["HNU1", "s3://elsewhere/ragged"]),
        (["runs", "--dataset", "H"], ["HNU1"]),
        (["run", "HNU1", "--scan", "sub-02"], ["sub-02/ses-1"]),
        (["run", "s3://elsewhere/ragged", "--exclude", ""], ["sub-alice"]),
        (["status", "--platform", ""], ["lab", "m2g"]),
        (["status", "--platform", "lab", "--run", ""], [NEW, OTHER, OLD]),
        (["run", "HNU1", "--sp", ""], ["native", "native_dsn"]),
        (["results", "x", "--what", "q"], ["qa"]),
        (["rep"], ["report"]),
        (["status", "--wa"], ["--watch", "--wait"]),
    ],
    ids=lambda value: " ".join(value)[:40],
)
def test_what_bash_gets(known: Home, words: list[str], found: list[str]) -> None:
    assert ask("bash", *words) == found


def test_another_platforms_runs_are_another_buckets(known: Home) -> None:
    known.keep(platform(name="far", data_bucket="other"))
    assert ask("bash", "status", "--run", "") == []
    assert ask("bash", "status", "--platform", "m2g", "--run", "HNU1-20261120") == [OLD]


def test_the_configuration_is_asked_too(known: Home, tmp_path: Path) -> None:
    known.keep(platform(name="far", data_bucket="other"))
    (tmp_path / "c.toml").write_text('platform = "m2g"\n[datasets]\nmine = "s3://data/HNU1"\n')
    with_it = {"OPSCTL_CONFIG": str(tmp_path / "c.toml")}
    assert ask("bash", "scans", "", **with_it) == ["HNU1", "mine", "s3://elsewhere/ragged"]
    assert ask("bash", "scans", "mine", "--scan", "sub-02", **with_it) == ["sub-02/ses-1"]


def test_zsh_and_fish_get_descriptions_without_rich(known: Home) -> None:
    zsh = "\n".join(ask("zsh", "stat"))
    assert zsh.startswith('_arguments \'*: :(("status":"Show the state of a run')
    (fish,) = ask("fish", "stat")
    assert fish.startswith("status\tShow the state of a run")
    assert ask("fish", "why", "sub-02") == ["sub-02/ses-1"]
    assert '"sub-02/ses-1"' in "".join(ask("zsh", "why", "sub-02"))


@pytest.mark.parametrize("broken", ["none", "no cache", "no notes", "not a database", "damaged record"])
def test_nothing_known_is_no_error_and_makes_nothing(home: Path, broken: str) -> None:
    kept = Home(home)
    if broken != "none":
        kept.keep(platform())
    if broken == "not a database":
        kept.cache.write_text("no")
    if broken == "no notes":
        import sqlite3

        sqlite3.connect(kept.cache).execute("CREATE TABLE records (bucket TEXT)")
    if broken == "damaged record":
        (kept.platform_dir("m2g") / "record.json").write_text("{")
    before = sorted(home.rglob("*")) if home.exists() else None
    for words in (["why", ""], ["status", "--run", ""], ["run", ""]):
        assert ask("bash", *words) == []
    assert (sorted(home.rglob("*")) if home.exists() else None) == before


def test_a_cache_that_somebody_writes_to_keeps_nobody_waiting(known: Home) -> None:
    import sqlite3

    writer = sqlite3.connect(known.cache, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    assert ask("bash", "status", "--run", "") == []
    writer.close()


def test_what_stands_for_a_run_a_scan_or_a_dataset_is_completed_everywhere() -> None:
    group: Any = typer.main.get_command(app)
    lacking = [
        f"{verb} {one.name}"
        for verb, command in group.commands.items()
        for one in command.params
        if one.name in ("run_id", "dataset", "scan", "scans", "exclude", "platform")
        # Of `upload` it is a file's path within the folder; of a simulation, a number of scans.
        and (verb, one.name) not in {("upload", "exclude"), ("run", "scans"), ("simulate", "scans")}
        and one._custom_shell_complete is None
    ]
    assert lacking == []


def real_opsctl(folder: Path) -> Path:
    """A program of that name, as an installation has it."""
    program = folder / "opsctl"
    program.write_text(f"#!{sys.executable}\nfrom opsctl.__main__ import main\nmain()\n")
    program.chmod(0o755)
    return program


def script_of(shell: str, program: Path) -> str:
    """What `--install-completion` writes for a shell."""
    ended = subprocess.run(
        [program, "--show-completion", shell],
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return ended.stdout


BASH = """
{script}
COMP_WORDS=(opsctl why sub-02)
COMP_CWORD=2
{function} opsctl
printf '%s\\n' "${{COMPREPLY[@]}}"
"""

ZSH = """
autoload -U compinit
compinit -u -d {folder}/dump
_arguments() {{ print -r -- "$@" }}
{script}
words=(opsctl why sub-02)
CURRENT=3
{function}
"""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_with_its_own_script(known: Home, tmp_path: Path, shell: str) -> None:
    """The script that `opsctl --install-completion` writes, in the shell itself where it is there."""
    program = real_opsctl(tmp_path)
    script = script_of(shell, program)
    assert f"complete_{shell}" in script
    binary = shutil.which(shell)
    if binary is None:
        pytest.skip(f"{shell} is not installed; its protocol is tested above")
    if shell == "fish":
        typed = f'{script}\ncomplete --do-complete "opsctl why sub-02"'
    else:
        text = BASH if shell == "bash" else ZSH
        typed = text.format(script=script, function="_opsctl_completion", folder=tmp_path)
    ended = subprocess.run(
        [binary, "-c", typed],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "sub-02/ses-1" in ended.stdout, ended.stderr
    assert "sub-01" not in ended.stdout


@pytest.mark.parametrize("value", [7, "text", {"a": 1}, [1, None], None])
def test_names_that_another_version_stored_otherwise_are_no_failure(known: Home, value: object) -> None:
    cache = Cache(known.cache)
    for name in ("runs", "datasets"):
        cache.put_value("data", name, value)
    reader = CompletionReader(known.cache, "data")
    assert (reader.runs(), reader.datasets(), reader.scans(None)) == ([], [], [])
    CompletionCache(cache, "data").dataset("HNU1")
    assert reader.datasets() == ["HNU1"]
