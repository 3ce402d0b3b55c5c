"""Every problem has a code, and the page and the schema name all codes."""

from __future__ import annotations

import ast
import errno
import importlib
import inspect
import json
import re
from collections.abc import Iterator

import pytest
from support.repository import ROOT

from opsctl.core.errors import ErrorCode, Interrupted, PlatformBusy, Problem, UsageProblem, write_error_code

TREES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in sorted((ROOT / "opsctl").rglob("*.py"))
}
ROW = re.compile(r"^\| `(\w+)` \| (\d+) \| .+\. ?.*\|$", re.MULTILINE)


def name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def problem_classes() -> dict[str, str]:
    """The class `Problem` and every one derived from it, with its file."""
    classes = {"Problem": "opsctl/core/errors.py"}
    while True:
        derived = {
            node.name: file
            for file, tree in TREES.items()
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef) and {name_of(base) for base in node.bases} & classes.keys()
        }
        if derived.keys() <= classes.keys():
            return classes
        classes |= derived


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_every_problem_is_given_a_code() -> None:
    without = {
        file
        for file, tree in TREES.items()
        for call in calls(tree)
        if name_of(call.func) == "Problem" and not any(keyword.arg == "code" for keyword in call.keywords)
    }
    assert without == set()


def test_no_code_is_left_for_later() -> None:
    other = [
        file
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "OTHER" and name_of(node.value) == "ErrorCode"
    ]
    default = inspect.signature(Problem).parameters["code"].default
    assert (other, default, "OTHER" in ErrorCode.__members__) == ([], inspect.Parameter.empty, False)


@pytest.mark.parametrize("name", sorted(problem_classes().keys() - {"Problem"}))
def test_a_class_of_problems_has_a_code_of_its_own(name: str) -> None:
    module = problem_classes()[name].removesuffix(".py").replace("/", ".")
    kind = getattr(importlib.import_module(module), name)
    required = {
        parameter.name: OSError(5, "Input/output error") if "OSError" in str(parameter.annotation) else "x"
        for parameter in inspect.signature(kind).parameters.values()
        if parameter.default is inspect.Parameter.empty
    }
    assert kind(**required).code.value != "other"


def test_no_problem_is_made_of_the_class_of_another() -> None:
    """`type(problem)(…)` would lose the code."""
    copied = [file for file, tree in TREES.items() for call in calls(tree) if is_call_of_a_class(call)]
    assert copied == []


def is_call_of_a_class(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Call) and name_of(call.func.func) == "type"


def repeats(node: ast.AST, name: str) -> bool:
    return any(
        isinstance(part, ast.Attribute) and part.attr == "what" and name_of(part.value) == name
        for part in ast.walk(node)
    )


def test_a_problem_that_repeats_another_keeps_its_code() -> None:
    """Except where the configuration repeats it: there a wrong value is no wrong usage."""
    own_code = {"opsctl/core/config.py", "opsctl/core/settings.py"}
    lost = [
        f"{file}:{call.lineno}"
        for file, tree in TREES.items()
        if file not in own_code
        for call in calls(tree)
        if name_of(call.func) == "Problem"
        for name in ("problem", "first", "error")
        if any(repeats(argument, name) for argument in call.args)
        and [ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg == "code"] != [f"{name}.code"]
    ]
    assert lost == []


def test_the_page_describes_every_code_with_its_exit_code() -> None:
    rows = ROW.findall((ROOT / "docs/errors.md").read_text())
    codes = {(code.value, str(code.exit_code)) for code in ErrorCode if code.value != "other"}
    assert sorted(rows) == sorted(codes)


def test_the_schema_lists_every_code() -> None:
    schema = json.loads((ROOT / "docs/errors.schema.json").read_text())
    assert schema["properties"]["error"]["properties"]["code"]["enum"] == [code.value for code in ErrorCode]


def test_every_code_is_used() -> None:
    used = {
        node.attr
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and name_of(node.value) == "ErrorCode"
    }
    assert set(ErrorCode.__members__) - used == set()


def test_exit_codes_follow_from_the_code() -> None:
    problem = Problem("It is so.", code=ErrorCode.NO_SCANS)
    problems = (problem, UsageProblem("x"), PlatformBusy("x"), Interrupted("x"))
    assert [problem.exit_code for problem in problems] == [1, 2, 1, 130]


def test_a_sentence_is_added_to_the_same_problem() -> None:
    problem = PlatformBusy("It is busy.", "Wait.")
    problem.add_sentence("Nothing was changed.")
    assert str(problem) == "It is busy. Nothing was changed. Wait."
    assert problem.as_json() == {
        "schema_version": 1,
        "error": {
            "code": "platform_busy",
            "message": "It is busy. Nothing was changed.",
            "hint": "Wait.",
            "exit_code": 1,
        },
    }


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, ErrorCode.DISK_FULL),
        (errno.EDQUOT, ErrorCode.DISK_FULL),
        (errno.EACCES, ErrorCode.FILE_UNWRITABLE),
        (errno.EROFS, ErrorCode.FILE_UNWRITABLE),
    ],
)
def test_a_full_disk_is_told_from_a_file_that_may_not_be_written(number: int, code: ErrorCode) -> None:
    assert write_error_code(OSError(number, "x")) is code
