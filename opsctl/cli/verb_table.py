"""The verbs, each imported only when it is typed: all of them take 100 ms, at every start and every Tab key."""

from __future__ import annotations

from collections import UserDict
from importlib import import_module
from typing import Any

import click
import typer
import typer.core
import typer.main
from click.shell_completion import CompletionItem

from opsctl.cli.global_options import Verbs as VerbGroup
from opsctl.cli.help_page import CommandWithPanels

#: The first sentence of each verb's help, by its name, which is also the name of its module and of its function.
SUMMARIES = {
    "up": "Make the platform, or bring it up to date.",
    "sample": "Write a small real BIDS dataset, made from the diffusion MRI that DIPY ships.",
    "upload": "Bring a BIDS dataset into the data bucket.",
    "datasets": "List the datasets in the data bucket: subjects, and what they were made into.",
    "scans": "Show a dataset's scans, and what is left out and why.",
    "check": "Read every scan's bval, bvec and header, and say which m2g could not process.",
    "parcellations": "List the parcellations: regions, how many m2g keeps, and the memory that a job needs.",
    "run": "Submit a job for each scan of a BIDS dataset.",
    "runs": "List the runs, the newest last: when, how far, into which folder, with which options.",
    "status": "Show where a run stands: counts, and the scans that need you, each with its cause.",
    "cost": "Show about what a run has cost, from its attempts' real times, lost attempts counted.",
    "why": "Explain why scans do not start, or why they failed, each with what to do about it.",
    "logs": "Show the jobs' logs, each line under its scan's name.",
    "cancel": "End the jobs of a run, or of some of its scans, and look until every one has ended.",
    "results": "Bring a run's connectomes home, each checked against its SHA-256.",
    "report": (
        "Write a run as one HTML page that needs no network: counts, causes, durations, cost, each scan's pictures."
    ),
    "audit": "Hold every scan of a dataset against its inputs, job and outputs; exit 1 when any is not complete.",
    "config": "Show each configured value and where it comes from; exit 1 when a file or a variable is wrong.",
    "doctor": (
        "Look at this machine, AWS and the platform: each line fine, a warning or wrong, with what to do about it."
    ),
    "selftest": "Submit a small job for each model, and show what works: roles, storage, image, machine and logs.",
    "down": "Take the platform down.",
    "delete": "Delete data for good, all its versions included: a dataset, one subject of it, outputs, or a run.",
    "image": "The image that the jobs run: build it here, push it to the platform's repository, look at it.",
}

_WITH_PANELS = {"up"}


class Verbs(UserDict[str, click.Command]):
    """The commands of all verbs by their names; each is imported when it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.data = dict.fromkeys(SUMMARIES)  # type: ignore[assignment]  # None: not imported yet

    def __getitem__(self, name: str) -> click.Command:
        """The command of a verb."""
        if self.data[name] is None:
            self.data[name] = _command(name)
        return self.data[name]


class VerbTable(VerbGroup):
    """The group of all verbs: help, completion and "Did you mean …" list them without importing them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": Verbs()})

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """The names of all verbs, in the order of the first help page."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs."""
        typer.core.TyperGroup(commands=_listed()).format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The verbs and options that begin with what is typed."""
        verbs = [
            CompletionItem(command.name, help=command.get_short_help_str())
            for command in _listed()
            if command.name and command.name.startswith(incomplete)
        ]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]


def _listed() -> list[click.Command]:
    return [click.Command(name, help=summary) for name, summary in SUMMARIES.items()]


def _command(name: str) -> click.Command:
    """A verb's command, or the group of commands below its name."""
    verb = getattr(import_module(f"opsctl.cli.verbs.{name}"), name)
    settings = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}
    if isinstance(verb, typer.Typer):
        parent = typer.Typer(**settings)  # type: ignore[arg-type]
        parent.add_typer(verb, name=name)
        group = typer.main.get_command(parent)
        assert isinstance(group, click.Group)  # noqa: S101 it has a group below it
        return group.commands[name]
    alone = typer.Typer(**settings)  # type: ignore[arg-type]
    alone.command(name, cls=CommandWithPanels if name in _WITH_PANELS else None)(verb)
    return typer.main.get_command(alone)
