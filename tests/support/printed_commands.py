"""The commands that opsctl prints: found in its output, read by the real parser, and typed where that changes nothing.

`ensure_readable` is for every output. `follow` types each command in the situation that printed it: it must not be
wrong usage or a bug, and it must not lead back to the sentence that named it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

import click
import typer.main

from opsctl.cli import app
from opsctl.cli.near_names import platform_options_last

#: Types a command line without `opsctl`; returns the exit code and all that was printed.
Type = Callable[..., tuple[int, str]]

#: Whole lines of advice, as the verbs' last lines have them, and commands within sentences.
COMMAND = re.compile(r"`(opsctl[ \0][^`]*)`|^  (opsctl [^`\n]*?)(?:  .*)?$", re.MULTILINE)
#: Words that stand for a name of the user's: `DIR`, `NAME=VALUE`, `s3://BUCKET/KEY`.
_PLACEHOLDER = re.compile(r"\b[A-Z][A-Z_]+\b(?![a-z0-9])|…")
#: Verbs that are not typed, each with the reason.
NOT_TYPED = {
    "up": "takes Terraform and minutes; `make test-campaign` types it",
    "down": "removes the platform",
    "delete": "deletes data for good",
    "cancel": "ends jobs",
    "selftest": "submits jobs",
    "image": "builds and pushes with a container engine",
    "upload": "needs a dataset of the user's",
    "results": "writes files",
    "report": "writes a file",
    "sample": "writes files",
}
#: Options that wait until something ends, or submit: the command is typed without them.
_LEFT_OUT = {"--follow", "-f", "--wait", "--watch", "--yes", "-y"}
#: Verbs whose exit code 1 is an answer.
_ANSWERS_WITH_1 = {"audit", "check", "doctor"}
_WRONG_USAGE, _BUG = 2, 3


def commands_in(text: str) -> list[str]:
    """The commands that a text tells to type, in their order, each once."""
    commands = (match[1] or match[2] for match in COMMAND.finditer(text))
    return list(dict.fromkeys(command.strip() for command in commands))


def reads(line: str) -> bool:
    """Whether opsctl has this verb, and the verb takes these arguments."""
    words = platform_options_last(shlex.split(line.replace(" …", ""))[1:])
    context: Any = None
    try:
        context = typer.main.get_command(app).make_context("opsctl", words)
        while hasattr(context.command, "commands"):
            name, command, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
            context = command.make_context(name, rest, parent=context)
    except click.UsageError:
        return False
    except click.exceptions.Exit:
        return True
    return True


def ensure_readable(output: str) -> None:
    """Each command that was printed exists and takes these arguments.

    Raises
    ------
    AssertionError
        With the first one that does not.
    """
    for command in commands_in(output):
        # A verb alone names what happens or happened: "`opsctl run` looks at the first 200 scans".
        if len(command.split()) > 2:
            assert reads(command), f"This tells to type `{command}`, which opsctl does not read:\n{output}"


def harmless_form(command: str) -> list[str] | None:
    """The words to type for a command, without `opsctl`; None where it is not typed (`NOT_TYPED`, a placeholder)."""
    words = shlex.split(command)[1:]
    if not words or words[0] in NOT_TYPED or _PLACEHOLDER.search(command) or not reads(command):
        return None
    words = [word for word in words if word not in _LEFT_OUT]
    return [*words, "--dry-run"] if words[0] == "run" and "--dry-run" not in words else words


def follow(output: str, typed: Type) -> list[str]:
    """Type the commands that were printed; returns those that were typed.

    Raises
    ------
    AssertionError
        When a command is wrong usage, a bug, or ends in an error without an answer that leads on.
    """
    followed = []
    for command in commands_in(output):
        words = harmless_form(command)
        if words is None:
            continue
        code, shown = typed(*words)
        said = f"`{command}` was printed by\n{output}\nand says (exit code {code})\n{shown}"
        assert code not in (_WRONG_USAGE, _BUG), said
        if code and words[0] not in _ANSWERS_WITH_1:
            assert shown.strip(), said
            assert shown.strip() not in output, f"{said}\nwhich leads back"
        ensure_readable(shown)
        followed.append(command)
    return followed
