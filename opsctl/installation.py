"""How this opsctl was installed, and what its installation lacks. Nothing here is read before something is missing."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from opsctl.core.errors import Problem
from opsctl.core.foreign_json import inner_object, parse_object
from opsctl.core.installation import EXTRAS, Installation, Installer, missing_extra, missing_module
from opsctl.small_file import read_small

#: The folders of uv's cache that hold the environments of `uvx`.
_UVX_FOLDER = re.compile(r"(?:archive|environments|builds)-v[0-9]+")

#: Of a file that a tool leaves in the environment, in bytes.
_LARGEST = 1_000_000


def ensure_extra(name: str) -> None:
    """Refuse to go on without an extra.

    Raises
    ------
    Problem
        When it is not installed.
    """
    problem = lacking_extra(name)
    if problem is not None:
        raise problem


def lacking_extra(name: str) -> Problem | None:
    """What a user is told who needs this extra; None where it is installed. Its modules are not imported."""
    if name in _extras():
        return None
    return missing_extra(next(extra for extra in EXTRAS if extra.name == name), installation())


def lacking_module(name: str) -> Problem | None:
    """What a user is told when a module of this name is missing; None for opsctl's own, which is a bug."""
    top = name.partition(".")[0]
    if top in ("", "opsctl"):
        return None
    return missing_module(name, installation(), is_pythons=top in sys.stdlib_module_names)


def installation() -> Installation:
    """How this opsctl was installed, by the files that the tools leave."""
    return installation_in(Path(sys.prefix), python=sys.executable, package=_distribution(), extras=_extras())


def installation_in(
    prefix: Path, *, python: str, package: Distribution | None, extras: tuple[str, ...] = ()
) -> Installation:
    """How opsctl was installed in an environment.

    Parameters
    ----------
    prefix
        The environment's folder.
    python
        The path of its Python.
    package
        opsctl in it, if it was installed at all.
    extras
        The extras that are installed.
    """
    source, is_editable = _source(package)
    pipx, receipt = prefix / "pipx_metadata.json", prefix / "uv-receipt.toml"
    suffix, others = "", tuple[str, ...]()
    if receipt.is_file():
        installer, others = Installer.UV_TOOL, _others(receipt)
    elif pipx.is_file():
        suffix = _suffix(pipx)
        installer = Installer.PIPX if prefix.parent.name == "venvs" else Installer.PIPX_RUN
    elif _UVX_FOLDER.fullmatch(prefix.parent.name):
        installer = Installer.UVX
    elif package is not None and (package.read_text("INSTALLER") or "").strip() == "uv":
        installer = Installer.UV
    else:
        installer = Installer.PIP
    return Installation(installer, python, source, is_editable, extras, others, suffix)


def _extras() -> tuple[str, ...]:
    return tuple(extra.name for extra in EXTRAS if all(find_spec(module) is not None for module in extra.modules))


def _distribution() -> Distribution | None:
    try:
        return distribution("opsctl")
    except PackageNotFoundError:  # a checkout that was never installed
        return None


def _source(package: Distribution | None) -> tuple[str, bool]:
    """What a package was installed from, if not from an index, and whether it is editable."""
    origin = _object(package.read_text("direct_url.json") if package is not None else None)
    url = origin.get("url")
    if not isinstance(url, str):
        return "", False
    if inner_object(origin, "dir_info").get("editable") is True:
        return unquote(urlsplit(url).path), True
    system = inner_object(origin, "vcs_info").get("vcs")
    return (f"{system}+{url}" if isinstance(system, str) else url), False


def _suffix(metadata: Path) -> str:
    suffix = inner_object(_object(_text(metadata)), "main_package").get("suffix")
    return suffix if isinstance(suffix, str) else ""


def _others(receipt: Path) -> tuple[str, ...]:
    try:
        tool = tomllib.loads(_text(receipt)).get("tool", {})
        return tuple(_name(entry) for entry in tool["requirements"] if entry["name"] != "opsctl")
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        return ()


def _name(requirement: dict[str, Any]) -> str:
    extras = ",".join(requirement.get("extras", ()))
    return f"{requirement['name']}{f'[{extras}]' if extras else ''}{requirement.get('specifier', '')}"


def _text(path: Path) -> str:
    try:
        return read_small(path, at_most=_LARGEST).decode()
    except (OSError, ValueError):
        return ""


def _object(text: str | None) -> dict[str, Any]:
    """A JSON object; empty where the text holds none."""
    try:
        return parse_object(text or "")
    except ValueError:
        return {}
