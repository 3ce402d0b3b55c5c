"""The commands that complete an installation of opsctl, for each way to install it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from opsctl.core.errors import ErrorCode, Problem

#: In double quotes a shell changes these.
_CHANGED_IN_QUOTES = frozenset('$`"\\!')


@dataclass(frozen=True, slots=True)
class Extra:
    """A part of opsctl that is installed by its name in brackets: `opsctl[local]`.

    Parameters
    ----------
    needed_by
        What needs it, as the subject of a sentence in the plural.
    modules
        The Python modules that only it brings.
    """

    name: str
    needed_by: str
    modules: tuple[str, ...]


#: The extras for users, as pyproject.toml has them; flask and werkzeug come with moto's server.
EXTRAS = (
    Extra("local", "The local platform and the sample dataset", ("dipy", "flask", "moto", "scipy", "werkzeug")),
    Extra("notify", "Messages about the end of a run", ("apprise",)),
    Extra("sbom", "Lists of an image's packages", ("cyclonedx",)),
)


class Installer(StrEnum):
    """The tool that installed opsctl."""

    PIP = "pip"
    UV = "uv pip"
    UV_TOOL = "uv tool"
    UVX = "uvx"
    PIPX = "pipx"
    PIPX_RUN = "pipx run"


@dataclass(frozen=True, slots=True)
class Installation:
    """How this opsctl was installed.

    Parameters
    ----------
    python
        The path of the Python that runs it.
    source
        The file, folder or repository that it was installed from; empty for the package index.
    is_editable
        Whether it is a checkout that runs from its own files.
    extras
        The extras that are installed.
    others
        The packages that the user installed beside it with `uv tool install --with`.
    suffix
        What pipx adds to the command's name.
    """

    installer: Installer
    python: str
    source: str = ""
    is_editable: bool = False
    extras: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    suffix: str = ""

    def with_extra(self, name: str) -> str:
        """The command that installs an extra, and keeps those that there are."""
        return self._install({*self.extras, name})

    def with_package(self, requirement: str) -> str:
        """The command that installs a package for opsctl's use."""
        package = _quoted(requirement)
        match self.installer:
            case Installer.UV_TOOL:
                return self._install(self.extras, (*self.others, requirement))
            case Installer.UVX:
                return f"uvx --with {package} --from {self._requirement(self.extras)} opsctl"
            case Installer.PIPX:
                return f"pipx inject opsctl{self.suffix} {package}"
            case Installer.PIPX_RUN:
                return f"pipx run --spec {self._requirement(self.extras)} --with {package} opsctl"
            case Installer.UV:
                return f"uv pip install --python {_quoted(self.python, always=False)} {package}"
            case Installer.PIP:
                return f"{_quoted(self.python, always=False)} -m pip install {package}"

    def again(self) -> str:
        """The command that installs everything again."""
        match self.installer:
            case Installer.UV_TOOL:
                return "uv tool upgrade --reinstall opsctl"
            case Installer.UVX:
                return f"uvx --refresh --from {self._requirement(self.extras)} opsctl"
            case Installer.PIPX:
                return f"pipx reinstall opsctl{self.suffix}"
            case Installer.PIPX_RUN:
                return f"pipx run --no-cache --spec {self._requirement(self.extras)} opsctl"
            case Installer.UV:
                return self._install(self.extras).replace("uv pip install", "uv pip install --reinstall", 1)
            case Installer.PIP:
                return self._install(self.extras).replace("pip install", "pip install --force-reinstall", 1)

    def _install(self, extras: Iterable[str], others: tuple[str, ...] = ()) -> str:
        requirement = self._requirement(extras)
        match self.installer:
            case Installer.UV_TOOL:
                beside = "".join(f" --with {_quoted(other)}" for other in others or self.others)
                return f"uv tool install --force{' --editable' * self.is_editable}{beside} {requirement}"
            case Installer.UVX:
                return f"uvx --from {requirement} opsctl"
            case Installer.PIPX:
                suffix = f" --suffix {_quoted(self.suffix, always=False)}" if self.suffix else ""
                return f"pipx install --force{' --editable' * self.is_editable}{suffix} {requirement}"
            case Installer.PIPX_RUN:
                return f"pipx run --spec {requirement} opsctl"
            case Installer.UV:
                python = _quoted(self.python, always=False)
                return f"uv pip install --python {python}{' -e' * self.is_editable} {requirement}"
            case Installer.PIP:
                python = _quoted(self.python, always=False)
                return f"{python} -m pip install{' -e' * self.is_editable} {requirement}"

    def _requirement(self, extras: Iterable[str]) -> str:
        names = f"[{','.join(sorted(extras))}]" if extras else ""
        if self.is_editable:
            return _quoted(f"{self.source}{names}")
        return _quoted(f"opsctl{names} @ {self.source}" if self.source else f"opsctl{names}")


def missing_extra(extra: Extra, installation: Installation) -> Problem:
    """What a user is told who needs an extra that is not installed."""
    return Problem(
        f'{extra.needed_by} need opsctl\'s extra "{extra.name}", which is not installed.',
        f"Install it: `{installation.with_extra(extra.name)}`.",
        code=ErrorCode.INSTALLATION_INCOMPLETE,
    )


def missing_module(module: str, installation: Installation, *, is_pythons: bool) -> Problem:
    """What a user is told when a Python module is missing which is not opsctl's own.

    Parameters
    ----------
    module
        Its full name.
    is_pythons
        Whether it belongs to Python's standard library.
    """
    top = module.partition(".")[0]
    if is_pythons:
        return Problem(
            f"{installation.python} was built without its module {top}.",
            "Install opsctl with another Python, of version 3.11 or later.",
            code=ErrorCode.INSTALLATION_INCOMPLETE,
        )
    for extra in EXTRAS:
        if top in extra.modules and extra.name not in installation.extras:
            return missing_extra(extra, installation)
    return Problem(
        f"The Python module {module}, which opsctl needs, is not installed.",
        f"Install opsctl again: `{installation.again()}`.",
        code=ErrorCode.INSTALLATION_INCOMPLETE,
    )


def _quoted(word: str, *, always: bool = True) -> str:
    """A word for a shell, in double quotes where they do, as manuals have it."""
    if not always and shlex.quote(word) == word:
        return word
    return shlex.quote(word) if _CHANGED_IN_QUOTES & set(word) else f'"{word}"'
