"""Every command that opsctl's help and first pages show, and how it is carried out on a small local platform."""

from __future__ import annotations

import dataclasses
import re
import shlex
from typing import TYPE_CHECKING, Any

from support.repository import ROOT

if TYPE_CHECKING:
    from conftest import Journey

#: Pages for a user's first steps: all that they show is typed.
PAGES = [ROOT / "README.md", ROOT / "docs/running.md"]

#: What is shown and not carried out, by how it begins, and why.
EXCEPTIONS = {
    "make": "the demo and the tests: this is one of them",
    "aws": "needs an AWS account",
    "opsctl compare": "needs two runs that have ended: tests/cli/test_compare.py types it",
    "opsctl image": "needs a container engine: tests/image types them",
    "opsctl up --region": "needs an AWS account",
}
#: What stands for a person's own, and what it is here.
OWN = {
    "sub-0025427": "sub-01",
    "/data/HNU1": "sample",
    "--run HNU1-20261120-170211-ab12": "",  # the latest
}
#: Typed by the journey in the course of things: they make the platform and take it down.
BY_THE_JOURNEY = {"opsctl up": "second up", "opsctl up --local": "second up", "opsctl down": "down"}
#: `opsctl up` and all that goes with it, without an account.
HERE = {"opsctl up": "opsctl up --local"}
_ASKING = ("up", "run", "cancel", "down")


def shown() -> list[str]:
    """The commands as they are shown, the pages' blocks first, each once."""
    lines = [
        line.partition("  #")[0].strip()
        for page in PAGES
        for block in re.findall(r"^```\n(.*?)^```", page.read_text(), re.M | re.S)
        for line in block.replace("\\\n", " ").splitlines()
    ]
    commands = [line for line in lines if re.match(r"(opsctl|make|aws) ", line)]
    return list(dict.fromkeys([*commands, *examples()]))


def examples() -> list[str]:
    """What `opsctl VERB --help` shows."""
    import typer.main

    from opsctl.cli import app

    group: Any = typer.main.get_command(app)
    found = [re.findall(r"Example: (opsctl .*)", command.help) for command in group.commands.values()]
    return [line.strip() for lines in found for line in lines]


def reason_not_to(command: str) -> str | None:
    """Why a command is not carried out here; None where it is."""
    return next((why for start, why in EXCEPTIONS.items() if f"{command} ".startswith(f"{start} ")), None)


def words_here(command: str) -> list[str]:
    """What is typed for a command as it is shown, without `opsctl`; a verb that asks also gets `--yes`."""
    line = HERE.get(command, command)
    for theirs, ours in OWN.items():
        line = line.replace(theirs, ours)
    words = shlex.split(line)[1:]
    return [*words, "--yes"] if words[0] in _ASKING else words


def type_examples(trip: Journey) -> None:
    """Carry out what the journey itself does not, in a folder of their own, on the run of HNU1 that has just ended."""
    elsewhere = trip.program.folder / "examples"
    elsewhere.mkdir()
    there = dataclasses.replace(trip.program, folder=elsewhere)
    for command in shown():
        words = words_here(command) if reason_not_to(command) is None else []
        if words and command not in BY_THE_JOURNEY:
            trip.typed[f"example: {command}"] = tuple(words)
            trip.said[f"example: {command}"] = there(*words)
