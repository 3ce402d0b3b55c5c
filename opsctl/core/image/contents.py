"""What an image holds, as `container/inventory.py` prints it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from opsctl.core.foreign_json import parse_object


@dataclass(frozen=True)
class Package:
    """A package of dpkg or of pip.

    Attributes
    ----------
    architecture
        Empty for a Python package.
    source
        dpkg's source package, where it has another name; else empty.
    licence
        As a Python package names it; empty where it does not, and for dpkg, which does not know it.
    place
        The folder of a Python package; else empty.
    """

    name: str
    version: str
    architecture: str = ""
    source: str = ""
    licence: str = ""
    place: str = ""


@dataclass(frozen=True)
class Copied:
    """What was copied into the image without a package, so that nobody can read its version."""

    name: str
    folder: str

    @property
    def sentence(self) -> str:
        """What a list of packages says of it."""
        return f"In {self.folder} without a package: its version and its parts are not known."


@dataclass
class ImageContents:
    """What an image says about itself.

    Attributes
    ----------
    system
        `ubuntu 18.04`; empty where it has no os-release.
    system_name
        `Ubuntu 18.04.6 LTS`.
    python
        The version of m2g's and the runner's Python.
    """

    system: str = ""
    system_name: str = ""
    python: str = ""
    packages: list[Package] = field(default_factory=list)
    modules: list[Package] = field(default_factory=list)
    copied: list[Copied] = field(default_factory=list)


def parse_contents(lines: Iterable[str]) -> ImageContents:
    """Read the inventory's lines; what an engine prints between them, and what has another form, is passed over."""
    contents = ImageContents()
    for line in lines:
        try:
            entry = parse_object(line)
        except ValueError:
            continue
        for kind, value in entry.items():
            if isinstance(value, str) and kind == "python":
                contents.python = value
            elif isinstance(value, list) and all(isinstance(word, str) for word in value):
                _add(contents, kind, value)
    return contents


def _add(contents: ImageContents, kind: str, words: list[str]) -> None:
    match kind, words:
        case "system", [family, version, name]:
            contents.system, contents.system_name = f"{family} {version}".strip(), name
        case "package", [name, version, architecture, source]:
            contents.packages.append(Package(name, version, architecture=architecture, source=source))
        case "module", [name, version, licence, place]:
            contents.modules.append(Package(name, version, licence=licence, place=place))
        case "copied", [name, folder]:
            contents.copied.append(Copied(name, folder))
