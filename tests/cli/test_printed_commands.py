"""Every command that opsctl's sentences name exists and takes these arguments."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import product

import pytest
from support.printed_commands import COMMAND, commands_in, ensure_readable, follow, harmless_form, reads
from support.repository import ROOT

#: What a value within a sentence may stand for: nothing, options, or an argument.
_VALUES = ("value", "", " --run value", " value", "--all", "1")
#: Named as what happens or happened, not as something to type.
_NAMES_OF_VERBS = {"opsctl delete", "opsctl results", "opsctl run", "opsctl \0"}

_IMPORTED = re.compile(r"\bopsctl\.")


def sentences() -> Iterator[tuple[str, str]]:
    """The texts of the program with the file of each, without docstrings; \\0 stands for each value within."""
    for path in sorted((ROOT / "opsctl").rglob("*.py")):
        source = path.read_text()
        # Each worker collects this: only what can have a command is parsed.
        if "opsctl" not in _IMPORTED.sub("", source):
            continue
        nodes = list(ast.walk(ast.parse(source)))
        docstrings = {
            node.body[0].value
            for node in nodes
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        parts = {part for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in nodes:
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
    found = {(path, match[1] or match[2]) for path, text in sentences() for match in COMMAND.finditer(text)}
    return sorted((path, command.strip()) for path, command in found if command.strip() not in _NAMES_OF_VERBS)


def is_read(command: str) -> bool:
    """Whether opsctl would read a command line, with some value for each `\\0` or `{name}` within it."""
    pattern = re.sub(r"\{\w+\}", "\0", command)
    return any(
        reads("".join(f"{text}{value}" for text, value in zip(pattern.split("\0"), [*values, ""], strict=True)))
        for values in product(_VALUES, repeat=pattern.count("\0"))
    )


@pytest.mark.parametrize(("path", "command"), printed_commands())
def test_a_printed_command_is_one_that_opsctl_reads(path: str, command: str) -> None:
    assert is_read(command), f"{path} tells to type `{command}`"


def test_a_command_that_does_not_exist_is_found() -> None:
    assert not is_read("opsctl scan HNU1")
    assert not is_read("opsctl why --dataset \0")
    assert not is_read("opsctl scans")
    assert is_read("opsctl up --name {name}")


PRINTED = """There is no run.  `opsctl run HNU1 --sp native` starts one, and `opsctl why` explains.

  opsctl logs sub-01 --tail 20  its last lines
  opsctl down                   take everything down
"""


def test_commands_are_found_in_sentences_and_lines_of_advice() -> None:
    assert commands_in(PRINTED) == [
        *("opsctl run HNU1 --sp native", "opsctl why"),
        *("opsctl logs sub-01 --tail 20", "opsctl down"),
    ]
    ensure_readable(PRINTED)


def test_a_command_that_opsctl_does_not_read_is_found_in_output() -> None:
    with pytest.raises(AssertionError, match="opsctl scans --nothing HNU1"):
        ensure_readable("`opsctl scans --nothing HNU1` lists them")


@pytest.mark.parametrize(
    ("command", "typed"),
    [
        ("opsctl run HNU1 --sp native --yes", ["run", "HNU1", "--sp", "native", "--dry-run"]),
        ("opsctl status --wait --platform local", ["status", "--platform", "local"]),
        ("opsctl run DATASET", None),
        ("opsctl up --local", None),
    ],
)
def test_only_what_changes_nothing_is_typed(command: str, typed: list[str] | None) -> None:
    assert harmless_form(command) == typed


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (2, "Usage: opsctl why"),
        (3, "This is a bug."),
        (1, "There is no run."),
        (0, "`opsctl scans --nothing HNU1` lists them"),
    ],
)
def test_advice_that_does_not_help_is_found(code: int, shown: str) -> None:
    with pytest.raises(AssertionError, match="opsctl why|opsctl scans"):
        follow("There is no run. `opsctl why` explains.", lambda *_words: (code, shown))


def test_advice_that_helps_is_followed() -> None:
    assert follow(PRINTED, lambda *_words: (0, "fine")) == [
        *("opsctl run HNU1 --sp native", "opsctl why", "opsctl logs sub-01 --tail 20"),
    ]
