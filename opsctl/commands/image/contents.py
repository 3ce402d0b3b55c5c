"""Lets an image say what it holds: its own Python reads it, in a container without a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.image.contents import ImageContents, parse_contents
from opsctl.engine import Engine

#: Where the Dockerfile puts the link to its Python.
RUNNERS_PYTHON = "/opt/opsctl/python"
_DEFAULT_PYTHON = "python3.7"
_PYTHON_OPTION = "PYTHON="
#: The inventory bounds itself; an image whose Python is something else does not.
_MOST_BYTES = 64 * 1024 * 1024


def read_contents(engine: Engine, folder: Path, image: str, *, python: str, is_brief: bool = False) -> ImageContents:
    """Run `container/inventory.py` in an image, as the image's own user.

    Parameters
    ----------
    folder
        The folder with the inventory.
    python
        The Python in the image.
    is_brief
        Read the system and the Python only.

    Raises
    ------
    Problem
        When the container does not run, or prints without end.
    """
    lines: list[str] = []
    size = 0

    def collect(line: str) -> None:
        nonlocal size
        size += len(line)
        if size > _MOST_BYTES:
            raise Problem(f"{image} prints more than packages.", code=ErrorCode.ENGINE_FAILED)
        lines.append(line)

    script = (folder / "inventory.py").read_text(encoding="utf-8")
    words = ["run", "--rm", "--pull", "never", "--network", "none", "--entrypoint", python, image, "-B", "-c", script]
    engine.follow(*words, *(["brief"] if is_brief else []), on_line=collect)
    return parse_contents(lines)


def python_of(options: Sequence[str]) -> str:
    """The base's Python that a build takes: `-- --build-arg PYTHON=python3` names another one."""
    named = [word.removeprefix("--build-arg=") for word in options]
    return next(
        (word.removeprefix(_PYTHON_OPTION) for word in named if word.startswith(_PYTHON_OPTION)), _DEFAULT_PYTHON
    )
