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
from opsctl.cli.near_names import no_such_verb, platform_options_last

#: The first sentence of each verb's help, by its name, which is also the name of its module and of its function; under
#: the headings of the first help page.
GROUPS = {
    "Platform": {
        "up": "Create the platform, or bring it up to date.",
        "platforms": "List the platforms that this machine knows, on AWS and local.",
        "use": "Pick the platform that later commands use.",
        "doctor": "Check this machine, AWS and the platform.",
        "selftest": "Run a small job for each model, and show what works.",
        "image": "Build, push or show the image that the jobs run.",
        "down": "Remove the platform and keep the data.",
    },
    "Data": {
        "sample": "Write a small BIDS dataset for trying opsctl.",
        "upload": "Copy a BIDS dataset to the data bucket.",
        "datasets": "List the datasets in the data bucket and what they hold.",
        "scans": "List a dataset's scans, and what is left out and why.",
        "check": "Find the scans that m2g cannot process, before a run.",
        "parcellations": "List the parcellations and the memory that each needs.",
        "delete": "Delete a dataset, a subject, outputs or a run for good.",
    },
    "Runs": {
        "run": "Submit a job for each scan of a BIDS dataset.",
        "simulate": "Play a run through: when it ends, and what it costs.",
        "runs": "List the runs, the newest last.",
        "status": "Show the state of a run, and the scans that need attention.",
        "logs": "Show the jobs' logs, each line with its scan's name.",
        "why": "Explain why scans wait or failed, and what to do about it.",
        "cost": "Show what a run has cost so far.",
        "size": "Show what scans needed, and how many to put on an instance.",
        "cancel": "End the jobs of a run, or of some of its scans.",
    },
    "Results": {
        "results": "Download and verify the connectomes of a run or a dataset.",
        "report": "Write one HTML page about a run or a dataset.",
        "reliability": "Tell how reliable the connectomes are, from repeated scans.",
        "compare": "Compare two runs or settings over the scans that both have.",
        "audit": "Compare every scan of a dataset with its inputs and outputs.",
    },
    "Help": {
        "config": "Show each setting and where its value comes from.",
    },
}
SUMMARIES = {name: summary for group in GROUPS.values() for name, summary in group.items()}
#: Not a verb of its own: `opsctl help run` is `opsctl run --help`.
_HELP = "help"
#: The summaries of all groups begin in one column.
_LONGEST = max(map(len, SUMMARIES))


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

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; `help VERB` shows the help of a verb, and a platform may be named before the verb."""
        args = platform_options_last(args)
        if args[:1] == [_HELP]:
            args = [*args[1:], "--help"]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that was typed.

        Raises
        ------
        click.UsageError
            If there is no such verb: with the verbs that may be meant.
        """
        if args and args[0] not in SUMMARIES and not args[0].startswith("-"):
            ctx.fail(no_such_verb(args[0], SUMMARIES))
        return super().resolve_command(ctx, args)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002  click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the verbs under their headings, each with its whole sentence."""
        for heading, summaries in GROUPS.items():
            rows = [*summaries.items()]
            if heading == "Help":
                rows.append((f"{_HELP} VERB", "Show the help of a verb."))
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(_LONGEST), summary) for name, summary in rows])

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
    alone.command(name, cls=CommandWithPanels)(verb)
    return typer.main.get_command(alone)
