"""The rules of the house that no other tool checks."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.repository import ROOT

LONGEST = 400
ENDINGS = {".py", ".tf", ".hcl", ".sh", ".toml"}

#: What plain data needs. No clock, no disk, no network, no process.
PURE = {
    "array",
    "bisect",
    # Arrays and the events of a simulation: computed, never read or written.
    "numpy",
    "simpy",
    "warnings",
    *(
        "__future__",
        "abc",
        "base64",
        "codecs",
        "collections",
        "dataclasses",
        "datetime",
        "difflib",
        "enum",
        "heapq",
        "errno",
        "fnmatch",
        "functools",
        "hashlib",
        "ipaddress",
        "itertools",
        "json",
        "re",
        "shlex",
        "statistics",
        "struct",
    ),
    *("contextlib", "math", "msgspec", "operator", "string", "typing", "unicodedata", "zlib"),
}
#: Names that would bring the clock or the disk in through the back door.
IMPURE_CALLS = {"now", "utcnow", "today", "open", "input", "print", "eval", "exec", "__import__"}


def sources() -> list[Path]:
    return [
        path
        for folder in ("opsctl", "container", "terraform")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file()
        and (path.suffix in ENDINGS or path.name == "Dockerfile")
        and not {".terraform", "__pycache__", "shipped"} & set(path.parts)
    ]


def core() -> list[Path]:
    return sorted((ROOT / "opsctl" / "core").rglob("*.py"))


def test_there_is_something_to_look_at() -> None:
    assert len(sources()) > 60
    assert len(core()) > 10


def test_no_file_is_too_long() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in sources()}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_no_file_of_tests_is_too_long() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): path.read_bytes().count(b"\n")
        for path in (ROOT / "tests").rglob("*.py")
        if "node_modules" not in path.parts
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if later.search(line)
    ]
    assert found == []


def test_every_test_file_has_a_name_of_its_own() -> None:
    """pytest imports them by their bare names: two of a name end the collection, and so every test."""
    files = [path for path in (ROOT / "tests").rglob("*.py") if path.name not in ("conftest.py", "__init__.py")]
    # The folder of helpers is a package: its modules have their own full names.
    names = Counter(path.name for path in files if "support" not in path.parts)
    assert [name for name, count in names.items() if count > 1] == []


def test_no_module_is_called_utils() -> None:
    assert [path for path in sources() if path.stem in ("utils", "helpers", "misc", "common")] == []


@pytest.mark.parametrize("path", core(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_core_is_pure(path: Path) -> None:
    tree = ast.parse(path.read_text())
    imported: set[str] = set()
    called: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(node.module or "")
        elif isinstance(node, ast.Call):
            function = node.func
            called.add(function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", ""))
    foreign = {name for name in imported if name.split(".")[0] not in PURE and not name.startswith("opsctl.core")}
    assert foreign == set()
    assert called & IMPURE_CALLS == set()


HEAVY = ["boto3", "botocore", "rich", "moto", "bids", "python_terraform", "numpy", "simpy", "dipy"]


@pytest.mark.parametrize(
    "module", ["opsctl.cli", "opsctl.core.dataset.discovery", "opsctl.core.runs.manifest", "opsctl.assets"]
)
def test_imports_are_light(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert ended.stdout.strip() == "[]"


#: Words that this code once used in place of the field's own.
PRIVATE_WORDS = {
    *("album", "begun", "census", "darkroom", "desk", "endurance", "endure", "enduring", "fruit", "glance", "haul"),
    *(
        "mend",
        "mishap",
        "mishaps",
        "patience",
        "standing",
        "standings",
        "surveyor",
        "tally",
        "unsent",
        "wish",
        "wished",
    ),
}
#: Names that say nothing of what they hold.
EMPTY_NAMES = {"one", "found", "made", "here", "there", "wanted", "mine", "theirs", "told"}


@pytest.mark.parametrize("folder", ["opsctl", "container"])
def test_names_are_the_fields(folder: str) -> None:
    private = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name, line in _names(path)
        if PRIVATE_WORDS & set(name.strip("_").lower().split("_")) or name.strip("_") in EMPTY_NAMES
    ]
    assert private == []


def _names(path: Path) -> Iterator[tuple[str, int]]:
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.NAME:
                yield token.string, token.start[0]


#: Who writes to a terminal or a log, and why what it writes is harmless. Everything else goes through `Screen`, `Page`,
#: `LogFile` or an error.
WRITERS = {
    "opsctl/boundary.py": "errors, through `harmless`",
    "opsctl/completion/shells.py": "what `is_offered` lets through, and the help of options",
    "opsctl/early_stop.py": "one word of its own",
    "opsctl/cli/__init__.py": "the version",
    "opsctl/cli/call_lines.py": "`-v`, through `EntryFormatter`",
    "opsctl/render/screen.py": "JSON, in ASCII",
    "opsctl/local/server.py": "the server's log, through `EntryFormatter`",
    "opsctl/cli/notify/process.py": "lines of the server's log, through `EntryFormatter`",
    "opsctl/render/logs.py": "lines of jobs, through `harmless`",
    "opsctl/local/jobs/process_supervisor.py": "runs in a job: its output is the job's",
    "opsctl/local/jobs/preloaded_supervisor.py": "a traceback of the job: its output is the job's",
    "opsctl/local/preview": "runs in a job: its output is the job's",
}
#: What writes: functions by name, methods with the objects that they belong to.
_WRITES = re.compile(
    r"^(print|typer\.(echo|secho|confirm|prompt)|click\.(echo|secho|confirm|prompt|style)|input|getpass\.getpass"
    r"|sys\.(stdout|stderr|__stdout__|__stderr__)\.(write|writelines|buffer\.write)|traceback\.print_\w+|pprint\.pprint"
    r"|warnings\.warn|logging\.(basicConfig|warning|error|info|critical|exception|StreamHandler)"
    r"|(rich\.)?(console\.)?Console|(self\._screen\.)?data\.file\.write|os\.write)$"
)


def nodes_where(words: str) -> Iterator[tuple[Path, Any]]:
    """Each node of the program's files that have one of these words: to parse all of them takes seconds."""
    for path in sorted((ROOT / "opsctl").rglob("*.py")):
        text = path.read_text()
        if re.search(words, text):
            yield from ((path, node) for node in ast.walk(ast.parse(text)))


def test_only_the_screen_errors_and_logs_write() -> None:
    writers = {
        path.relative_to(ROOT).as_posix(): node.lineno
        for path, node in nodes_where(r"print|typer|click|input|getpass|std(out|err)|warnings|logging|Console|write")
        if isinstance(node, ast.Call)
        and _WRITES.match(ast.unparse(node.func))
        # A log's own file, which `log_entry` has passed, and files that are no log.
        and not (ast.unparse(node.func) == "os.write" and not ast.unparse(node.args[0]).isdigit())
    }
    assert {name: line for name, line in writers.items() if not name.startswith(tuple(WRITERS))} == {}
    assert [name for name in WRITERS if not any(writer.startswith(name) for writer in writers)] == []


#: Where JSON is parsed by the standard library: the one parser of foreign JSON, opsctl's own files, and readers that
#: give `json.loads` more than a text and catch what it raises.
_PARSERS = {
    "opsctl/core/foreign_json.py",
    "opsctl/assets.py",
    "opsctl/core/dataset/bold_timing.py",
}


def test_foreign_json_has_one_parser() -> None:
    """`json.loads` raises RecursionError as well, which every second caller forgets."""
    parsers = {
        path.relative_to(ROOT).as_posix()
        for path, node in nodes_where(r"json\.load")
        if (ROOT / "opsctl" / "local") not in path.parents
        and isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("json.loads", "json.load")
    }
    assert parsers == _PARSERS


def test_a_text_of_digits_becomes_a_number_with_a_bound() -> None:
    """`isdigit` and `isdecimal` say nothing of the length: `int` raises for more than 4,300 digits."""
    unbounded = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, node in nodes_where("isdigit|isdecimal|isnumeric")
        if (ROOT / "opsctl" / "local") not in path.parents
        and isinstance(node, ast.IfExp | ast.If)
        and re.search(r"\.(isdigit|isdecimal|isnumeric)\(\)", ast.unparse(node))
        and re.search(r"\bint\(", ast.unparse(node))
        and not re.search(r"\blen\((text|length|event\.event_id)\) <", ast.unparse(node))
    ]
    assert unbounded == []


def test_no_group_of_a_pattern_is_possessive() -> None:
    """CPython before 3.11.5 misses matches then (gh-106052), silently; Debian 12 has 3.11.2."""
    possessive = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "opsctl").rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"\)([*+?]|\{\d*,?\d*\})\+|\(\?>", line)
    ]
    assert possessive == []
