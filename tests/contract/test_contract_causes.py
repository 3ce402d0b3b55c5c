"""The codes of causes: the runner and opsctl know the same, none is without use, and no prose is compared."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from m2g_job import causes, faults
from support.repository import ROOT

from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.cause_table import CAUSES

RUNNER = ROOT / "container" / "m2g_job"
OPSCTL = ROOT / "opsctl"
RUNNER_CODES = {name: value for name, value in vars(causes).items() if name.isupper()}
FAULTS = {name for name, value in vars(faults).items() if isinstance(value, type) and issubclass(value, faults.Fault)}
#: They say what codes mean, or ask for them.
NOT_PRODUCERS = ("cause_code.py", "cause_table.py", "causes.py", "why.py")


def trees(*folders: Path) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            yield path, ast.parse(path.read_text())


def attributes_of(name: str, tree: ast.Module) -> set[str]:
    """The attributes of a module or class that a file uses."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    }


def test_every_code_has_a_row() -> None:
    assert set(CAUSES) == set(CauseCode)
    assert len(set(RUNNER_CODES.values())) == len(RUNNER_CODES)


def test_the_runners_codes_are_opsctls() -> None:
    assert {name: CauseCode[name].value for name in RUNNER_CODES} == RUNNER_CODES


def test_no_code_is_without_use() -> None:
    used_by_runner = set().union(*(attributes_of("causes", tree) for _, tree in trees(RUNNER)))
    assert set(RUNNER_CODES) - used_by_runner == set()
    used_by_opsctl = set().union(
        *(attributes_of("CauseCode", tree) for path, tree in trees(OPSCTL) if path.name not in NOT_PRODUCERS)
    )
    assert set(CauseCode.__members__) - used_by_opsctl - set(RUNNER_CODES) == {"UNKNOWN"} - used_by_opsctl


def test_every_fault_that_the_runner_raises_carries_a_code_of_the_list() -> None:
    calls = [
        (path.name, call)
        for path, tree in trees(RUNNER)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in FAULTS
    ]
    assert len(calls) > 50
    assert [f"{name}:{call.lineno}" for name, call in calls if not _has_code(call)] == []


def _has_code(call: ast.Call) -> bool:
    """Whether the second argument is a constant of `causes`, or what another fault or a table of these has."""
    if len(call.args) != 2:
        return False
    code = ast.unparse(call.args[1])
    return code.startswith(("causes.", "_INVALID[", "_input_code(")) or code.endswith(".cause_code")


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_without_a_code_cannot_be_made(fault: str) -> None:
    with pytest.raises(TypeError):
        vars(faults)[fault]("words")
    made = vars(faults)[fault]("words", causes.DISK_FULL, file="x")
    assert (made.ending.cause, made.ending.cause_code, made.ending.facts) == ("words", "disk_full", {"file": "x"})
    assert made.ending.exit_code == made.exit_code


#: Fields that hold sentences for people.
PROSE = {"title", "help", "what", "do", "example", "words", "message", "cause", "note", "hint"}
COMPARING = {
    *("startswith", "endswith", "find", "index", "count", "removeprefix", "removesuffix", "partition", "rpartition"),
    *("casefold", "match", "search", "fullmatch", "findall", "finditer"),
}
#: Their patterns match what AWS says, and what differs from scan to scan in a line of m2g's.
WITH_PATTERNS = {"aws_messages.py", "blocked_reasons.py", "causes.py", "launch_refusals.py"}
WHERE = (OPSCTL / "core" / "diagnosis", OPSCTL / "commands" / "diagnosis", OPSCTL / "render")


def is_prose(node: ast.AST) -> bool:
    """Whether an expression holds a field with sentences, or a literal of several words."""
    return any(
        (isinstance(part, ast.Attribute) and part.attr in PROSE)
        or (isinstance(part, ast.Name) and part.id in ("title", "help_", "example", "words"))
        or (isinstance(part, ast.Constant) and isinstance(part.value, str) and " " in part.value.strip())
        for part in ast.walk(node)
    )


def comparisons_of_prose(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        operands: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in COMPARING:
            operands = [node.func.value, *node.args]
        elif isinstance(node, ast.match_case) and isinstance(node.pattern, ast.MatchValue):
            operands = [node.pattern.value]
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Attribute):
            # A table whose keys are sentences.
            operands = [node.slice]
        if any(is_prose(operand) for operand in operands):
            yield f"{node.lineno}: {ast.unparse(node)}" if not isinstance(node, ast.match_case) else ast.unparse(node)


def test_no_prose_is_compared() -> None:
    compared = [
        f"{path.relative_to(ROOT)}:{comparison}"
        for path, tree in trees(*WHERE)
        for comparison in comparisons_of_prose(tree)
    ]
    assert compared == []


@pytest.mark.parametrize(
    "line",
    [
        '"most likely" in cause.title',
        'cause.title.startswith("Spot took")',
        "group.example != group.title",
        'finding.what.casefold().rstrip(".") != title',
        'x == "never submitted"',
        'harmless(group.example).removeprefix("not submitted")',
        're.search("out of memory", message)',
        "HELP[cause.title]",
        "title in KNOWN",
    ],
)
def test_the_guard_sees_a_comparison(line: str) -> None:
    assert list(comparisons_of_prose(ast.parse(line)))


def test_patterns_stand_where_aws_is_quoted_only() -> None:
    importing = {
        path.name
        for path, tree in trees(OPSCTL / "core" / "diagnosis", OPSCTL / "commands" / "diagnosis")
        if any(isinstance(node, ast.Import) and node.names[0].name == "re" for node in ast.walk(tree))
    }
    assert importing - WITH_PATTERNS == set()


def test_no_template_compares_prose() -> None:
    for path in (OPSCTL / "render").rglob("*.j2"):
        tests = [
            tag for tag in path.read_text().split("{%")[1:] if "==" in tag.split("%}")[0] or "!=" in tag.split("%}")[0]
        ]
        assert [tag for tag in tests if any(f".{field}" in tag.split("%}")[0] for field in PROSE)] == []
