"""Every name of moto's that the local platform imports, replaces or extends exists in the installed moto.

They are no public interface: with another version of moto, this test names what is gone, and the files that use it.
`make test-next-moto` runs it with the newest moto.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from importlib import import_module
from typing import Any

import pytest
from support.repository import ROOT

#: moto's public interface: its server's entry point and the address of its account.
_PUBLIC = {"moto.core.models.DEFAULT_ACCOUNT_ID"}


def used_names(source: str) -> set[str]:
    """The dotted names of moto's in a module: those imported, and attributes of imported modules."""
    tree = ast.parse(source)
    modules: dict[str, str] = {}
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("moto."):
                    names.add(alias.name)
                    modules[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("moto"):
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            names.add(f"{modules[node.value.id]}.{node.attr}")
    return names


@cache
def files_by_name() -> dict[str, list[str]]:
    files: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "opsctl").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        # Each worker collects this: only what can have such a name is parsed.
        for name in used_names(source) if "moto" in source else ():
            files[name].append(str(path.relative_to(ROOT)))
    return dict(files)


def exists(name: str) -> bool:
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            value: Any = import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            if not hasattr(value, part):
                return False
            value = getattr(value, part)
        return True
    return False


@pytest.mark.parametrize("name", sorted(files_by_name().keys() - _PUBLIC))
def test_moto_has_the_name(name: str) -> None:
    assert exists(name), f"moto has no {name} any more; it is used by {', '.join(files_by_name()[name])}"


def test_only_the_local_platform_knows_moto() -> None:
    users = {path for files in files_by_name().values() for path in files}
    assert users, "no file uses moto: the search is broken"
    assert all(path.startswith("opsctl/local/") for path in users)


def test_the_search_finds_imports_and_attributes() -> None:
    source = "import moto.s3.models as models\nfrom moto.iam.models import iam_backends\nmodels.FakeKey = object\n"
    assert used_names(source) == {"moto.s3.models", "moto.s3.models.FakeKey", "moto.iam.models.iam_backends"}
    assert not exists("moto.s3.models.NoSuchThing")
    assert not exists("moto.no_such_module.Thing")
