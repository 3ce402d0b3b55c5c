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

Trees = dict[str, ast.Module]

ROW = re.compile(r"^\| `(\w+)` \| (\d+) \| .+\. ?.*\|$", re.MULTILINE)


@pytest.fixture(scope="module")
def trees() -> Trees:
    """All of opsctl, parsed, by file: seconds of work, and not before a test needs it."""
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text())
        for path in sorted((ROOT / "opsctl").rglob("*.py"))
    }


def name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def problem_classes(trees: Trees) -> dict[str, str]:
    """The class `Problem` and every one derived from it, with its file."""
    defined = [
        (file, node) for file, tree in trees.items() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    ]
    classes = {"Problem": "opsctl/core/errors.py"}
    while True:
        derived = {node.name: file for file, node in defined if {name_of(base) for base in node.bases} & classes.keys()}
        if derived.keys() <= classes.keys():
            return classes
        classes |= derived


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_every_problem_is_given_a_code(trees: Trees) -> None:
    without = {
        file
        for file, tree in trees.items()
        for call in calls(tree)
        if name_of(call.func) == "Problem" and not any(keyword.arg == "code" for keyword in call.keywords)
    }
    assert without == set()


def test_no_code_is_left_for_later(trees: Trees) -> None:
    other = [
        file
        for file, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "OTHER" and name_of(node.value) == "ErrorCode"
    ]
    default = inspect.signature(Problem).parameters["code"].default
    assert (other, default, "OTHER" in ErrorCode.__members__) == ([], inspect.Parameter.empty, False)


def code_of(name: str, file: str) -> str:
    """The code that a class of problems gives where its caller says nothing of a code."""
    kind = getattr(importlib.import_module(file.removesuffix(".py").replace("/", ".")), name)
    required = {
        parameter.name: OSError(5, "Input/output error") if "OSError" in str(parameter.annotation) else "x"
        for parameter in inspect.signature(kind).parameters.values()
        if parameter.default is inspect.Parameter.empty
    }
    return str(kind(**required).code.value)


def test_each_class_of_problems_has_a_code_of_its_own(trees: Trees) -> None:
    codes = {name: code_of(name, file) for name, file in problem_classes(trees).items() if name != "Problem"}
    assert len(codes) > 5
    assert [name for name, code in codes.items() if code == "other"] == []


def test_no_problem_is_made_of_the_class_of_another(trees: Trees) -> None:
    """`type(problem)(…)` would lose the code."""
    copied = [file for file, tree in trees.items() for call in calls(tree) if is_call_of_a_class(call)]
    assert copied == []


def is_call_of_a_class(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Call) and name_of(call.func.func) == "type"


def repeats(node: ast.AST, name: str) -> bool:
    return any(
        isinstance(part, ast.Attribute) and part.attr == "what" and name_of(part.value) == name
        for part in ast.walk(node)
    )


def test_a_problem_that_repeats_another_keeps_its_code(trees: Trees) -> None:
    """Except where the configuration repeats it: there a wrong value is no wrong usage."""
    own_code = {"opsctl/core/config.py", "opsctl/core/settings.py"}
    lost = [
        f"{file}:{call.lineno}"
        for file, tree in trees.items()
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


def test_every_code_is_used(trees: Trees) -> None:
    used = {
        node.attr
        for file, tree in trees.items()
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
