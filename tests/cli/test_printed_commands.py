"""Every command that opsctl's sentences name exists and takes these arguments."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from itertools import product
from typing import Any

import click
import pytest
import typer.main
from support.repository import ROOT

from opsctl.cli import app

#: What a value within a sentence may stand for: nothing, options, or an argument.
_VALUES = ("value", "", " --run value", " value", "--all")
#: Whole lines of advice, as the verbs' last lines have them, and commands within sentences.
_COMMAND = re.compile(r"`(opsctl[ \0][^`]*)`|^  (opsctl [^`\n]*?)(?:  .*)?$", re.MULTILINE)
#: Named as what happens or happened, not as something to type.
_NAMES_OF_VERBS = {"opsctl delete", "opsctl results", "opsctl run", "opsctl \0"}


def sentences() -> Iterator[tuple[str, str]]:
    """The texts of the program with the file of each, without docstrings; \\0 stands for each value within."""
    for path in sorted((ROOT / "opsctl").rglob("*.py")):
        tree = ast.parse(path.read_text())
        docstrings = {
            node.body[0].value
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        parts = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if node in docstrings or node in parts:
                continue
            if isinstance(node, ast.JoinedStr):
                yield (
                    str(path.relative_to(ROOT)),
                    "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values),
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield str(path.relative_to(ROOT)), node.value


def printed_commands() -> list[tuple[str, str]]:
    found = {(path, match[1] or match[2]) for path, text in sentences() for match in _COMMAND.finditer(text)}
    return sorted((path, command.strip()) for path, command in found if command.strip() not in _NAMES_OF_VERBS)


def is_read(command: str) -> bool:
    """Whether opsctl would read a command line, with some value for each `\\0` or `{name}` within it."""
    pattern = re.sub(r"\{\w+\}", "\0", command)
    return any(
        _reads("".join(f"{text}{value}" for text, value in zip(pattern.split("\0"), [*values, ""], strict=True)))
        for values in product(_VALUES, repeat=pattern.count("\0"))
    )


def _reads(line: str) -> bool:
    words = shlex.split(line.replace(" …", ""))[1:]
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


@pytest.mark.parametrize(("path", "command"), printed_commands())
def test_a_printed_command_is_one_that_opsctl_reads(path: str, command: str) -> None:
    assert is_read(command), f"{path} tells to type `{command}`"


def test_a_command_that_does_not_exist_is_found() -> None:
    assert not is_read("opsctl scan HNU1")
    assert not is_read("opsctl why --dataset \0")
    assert not is_read("opsctl scans")
    assert is_read("opsctl up --name {name}")
