"""A page for each verb, from the program's own command tree."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import typer.main

from manual.pages.exit_codes import EXIT_CODES
from manual.pages.markdown import GENERATED, escaped
from opsctl.cli import app
from opsctl.cli.verb_table import GROUPS

FOLDER = "reference/commands"

_BRACKETS = re.compile(r"\s*\[((?:default|env var|required|x[<>]|[\d.]+<)[^\]]*)\]$")
_BOUND = re.compile(r"x>=([\d.]+)$")
_EVERYWHERE = ("verbose", "no_color")


def pages() -> dict[str, str]:
    """The pages of all verbs, by their paths below docs/."""
    with _no_configuration():
        root: Any = typer.main.get_command(app)
        context = click.Context(root, info_name="opsctl")
        verbs = {name: root.get_command(context, name) for group in GROUPS.values() for name in group}
        made = {f"{FOLDER}/{name}.md": _page(verb, context) for name, verb in verbs.items()}
    return {f"{FOLDER}/index.md": _index(), **made}


@contextmanager
def _no_configuration() -> Iterator[None]:
    """Defaults are the program's, not those of whoever builds the manual."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("OPSCTL_")}
    try:
        yield
    finally:
        os.environ.update(kept)


def _index() -> str:
    parts = [
        "# Every command\n",
        GENERATED,
        "Each page has the arguments, options and exit codes of one command, as `opsctl VERB --help` shows them. "
        "[Commands](../../commands.md) says what all commands have in common.\n",
    ]
    for heading, verbs in GROUPS.items():
        rows = "".join(f"- [`opsctl {name}`]({name}.md): {escaped(summary)}\n" for name, summary in verbs.items())
        parts += [f"## {heading}\n", rows]
    names = "".join(f"{name}\n" for group in GROUPS.values() for name in group)
    parts.append(f"```{{toctree}}\n:hidden:\n\n{names}```\n")
    return "\n".join(parts)


def _page(verb: click.Command, parent: click.Context) -> str:
    context = click.Context(verb, info_name=verb.name, parent=parent)
    parts = [f"# {context.command_path}\n", GENERATED, *_described(verb, context, level=2)]
    if isinstance(verb, click.Group):
        for name in verb.list_commands(context):
            below = verb.get_command(context, name)
            assert below is not None  # noqa: S101  it is in the list
            inner = click.Context(below, info_name=name, parent=context)
            parts += [f"## {inner.command_path}\n", *_described(below, inner, level=3)]
    parts += ["## Exit codes\n", _exit_codes(verb.name or "")]
    parts.append("`-v`, `--no-color` and `-h` work with [every command](../../commands.md).\n")
    return "\n".join(parts)


def _described(verb: click.Command, context: click.Context, *, level: int) -> list[str]:
    paragraphs = [" ".join(paragraph.split()) for paragraph in (verb.help or "").split("\n\n")]
    examples = [text.removeprefix("Example: ") for text in paragraphs if text.startswith("Example: ")]
    parts = [f"{escaped(text)}\n" for text in paragraphs if not text.startswith("Example: ")]
    parts.append(f"```\n{context.command_path} {' '.join(verb.collect_usage_pieces(context))}\n```\n")
    if examples:
        parts += ["Example:\n", "```\n" + "".join(f"{example}\n" for example in examples) + "```\n"]
    panels: dict[str, list[str]] = {}
    for parameter in verb.get_params(context):
        record = parameter.get_help_record(context)
        if record is None or parameter.name in (*_EVERYWHERE, "help"):
            continue
        usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
        panel = getattr(parameter, "rich_help_panel", None) or usual
        panels.setdefault(panel, []).append(_parameter(*record))
    for panel, rows in panels.items():
        parts += [f"{'#' * level} {panel}\n", "".join(rows)]
    return parts


def _parameter(names: str, words: str) -> str:
    """A parameter and its help, as one entry of a list."""
    marks = ""
    if match := _BRACKETS.search(words):
        words, marks = words[: match.start()], match[1]
    sentences = [escaped(words).strip(), *(_mark(mark) for mark in marks.split("; ") if mark)]
    return f"- `{names}`  \n  {' '.join(filter(None, sentences))}\n"


def _mark(mark: str) -> str:
    name, _, value = mark.partition(": ")
    if name == "default":
        return f"Default: `{value}`."
    if name == "env var":
        return f"Variable: `{value}`."
    if mark == "required":
        return "Required."
    if bound := _BOUND.match(mark):
        return f"At least {bound[1]}."
    return f"`{mark}`."


def _exit_codes(name: str) -> str:
    rows = "".join(f"- {number}: {meaning}.\n" for number, meaning in sorted(EXIT_CODES.get(name, {}).items()))
    general = "[All commands](../exit-codes.md) end with 0 after success, and with 1, 2, 3 or 130 after an error.\n"
    return f"{rows}\n{general}" if rows else general
