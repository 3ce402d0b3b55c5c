"""Help: an example for every verb, at once, and m2g's own spelling understood."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import typer.main

from opsctl.cli import app

VERBS = [
    *("up", "sample", "upload", "scans", "check", "run", "status", "cost", "why", "logs", "cancel"),
    *("results", "report", "audit", "down"),
]

HEAVY = ["boto3", "botocore", "rich", "moto", "bids", "dipy", "matplotlib", "numpy", "python_terraform", "pydantic"]

ALL_HELP = f"""
import io, json, sys
from contextlib import redirect_stdout
from opsctl.__main__ import main
shown = {{}}
for words in ([], *([verb] for verb in {VERBS!r})):
    sys.argv = ["opsctl", *words, "--help"]
    with redirect_stdout(io.StringIO()) as said:
        try:
            main()
        except SystemExit as end:
            shown[" ".join(words)] = [end.code or 0, said.getvalue()]
print(json.dumps([shown, [name for name in {HEAVY!r} if name in sys.modules]]))
"""


@pytest.fixture(scope="module")
def helped() -> tuple[dict[str, tuple[int, str]], list[str]]:
    """Every help page as a new process shows it, and the heavy packages that it imported for them."""
    ended = subprocess.run([sys.executable, "-c", ALL_HELP], capture_output=True, text=True, timeout=120, check=True)
    shown, heavy = json.loads(ended.stdout)
    return shown, heavy


def test_help_imports_nothing_heavy(helped: tuple[Any, list[str]]) -> None:
    assert helped[1] == []


def test_the_list_of_verbs_is_whole() -> None:
    group: Any = typer.main.get_command(app)
    assert sorted(group.commands) == sorted(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verbs_help_ends_its_words_with_an_example_of_its_own(helped: tuple[Any, Any], verb: str) -> None:
    code, page = helped[0][verb]
    assert code == 0
    examples = [line.strip() for line in page.splitlines() if "Example:" in line]
    assert len(examples) == 1
    assert examples[0].startswith(f"Example: opsctl {verb}")
    assert "--help" in page
    assert "\x1b" not in page


@pytest.mark.parametrize("verb", VERBS)
def test_every_example_is_a_command_line_that_opsctl_reads(helped: tuple[Any, Any], verb: str) -> None:
    (example,) = [line.split("Example:")[1] for line in helped[0][verb][1].splitlines() if "Example:" in line]
    words = example.split()
    group: Any = typer.main.get_command(app)
    assert words[:2] == ["opsctl", verb]
    group.commands[verb].make_context(verb, words[2:], parent=group.make_context("opsctl", [verb]))


def test_the_first_page_names_every_verb_and_where_to_begin(helped: tuple[Any, Any]) -> None:
    code, page = helped[0][""]
    assert code == 0
    assert [verb for verb in VERBS if f"  {verb} " not in page] == []
    assert "opsctl up --local" in page


def test_nothing_typed_shows_the_help(opsctl: Callable[..., Any]) -> None:
    said = opsctl()
    assert "Usage: " in said.out + said.err


def params(*words: str) -> dict[str, Any]:
    """What `opsctl run` reads from a command line, options as functions get them."""
    group: Any = typer.main.get_command(app)
    parent = group.make_context("opsctl", ["run", *words])
    context = group.commands["run"].make_context("run", list(words), parent=parent)
    found: dict[str, Any] = context.params
    return found


def test_m2gs_own_spelling_is_understood() -> None:
    ours = params(
        *("HNU1", "--participant-label", "01", "--participant-label", "02", "--session-label", "1"),
        *("--diffusion-model", "csd", "--track-type", "particle", "--mem-gb", "10", "--n-cpus", "2"),
    )
    theirs = params(
        *("HNU1", "--participant_label", "01", "--participant_label", "02", "--session_label", "1"),
        *("--diffusion_model", "csd", "--track_type", "particle", "--mem_gb", "10", "--n_cpus", "2"),
    )
    assert ours == theirs
    assert list(theirs["participant_label"]) == ["01", "02"]
    assert (theirs["model"], theirs["mem_gb"]) == ("csd", 10.0)


def test_values_stay_as_they_are_typed() -> None:
    found = params(
        *("my_data", "--sp", "native_dsn", "--modif", "n_cpus", "--parcellation", "mem_gb", "--parcellation", "AAL_")
    )
    assert (found["dataset"], found["space"], found["modif"]) == ("my_data", "native_dsn", "n_cpus")
    assert list(found["parcellation"]) == ["mem_gb", "AAL_"]


def test_every_option_of_m2g_has_its_name_here() -> None:
    from dataclasses import fields

    from opsctl.core.m2g import M2gOptions

    group: Any = typer.main.get_command(app)
    known = {option for one in group.commands["run"].params for option in one.opts}
    wanted = {f"--{one.name.replace('_', '-')}" for one in fields(M2gOptions)}
    assert wanted - known == set()


@pytest.mark.parametrize("verb", VERBS)
def test_every_argument_and_option_says_what_it_is(helped: tuple[Any, Any], verb: str) -> None:
    group: Any = typer.main.get_command(app)
    # The page breaks lines at blanks and behind hyphens.
    page = "".join(helped[0][verb][1].split())
    for parameter in group.commands[verb].params:
        if not getattr(parameter, "hidden", False):
            assert parameter.help, parameter.name
            assert "".join(parameter.help.split()) in page
