"""The preview's log: m2g's own lines in m2g's order, and lines that start with PREVIEW where the preview differs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

NOTICE = (
    "PREVIEW: this is opsctl's small preview of m2g, not m2g. It fits the scan's own voxels with DIPY, but skips "
    "eddy correction and registration: the regions of an atlas are the voxels nearest to their centres, scaled into "
    "the scan. Its lines and files are named as m2g's. Try opsctl out with it; draw no scientific conclusion from its "
    "connectomes."
)
ENDING = "PREVIEW: done. These outputs come from opsctl's preview, not from m2g."


class ProgressLog:
    """Log lines, printed at once and kept for the outputs that hold a log."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        """Print one line and flush it, so that it reaches the job's log while the next step runs."""
        self.lines.append(line)
        print(line, flush=True)

    def remark(self, line: str) -> None:
        """Print a line that is not m2g's."""
        self.write(f"PREVIEW: {line}")

    def call(self, name: str, *, inputs: tuple[Path, ...] = (), output: Path | None = None) -> None:
        """Print what m2g prints when it calls one of its functions."""
        if inputs:
            self.write(f"Checking inputs for {name} ...")
        for path in inputs:
            self.write(f"Input {path} found.")
        if output is not None:
            self.write(f"Output will exist at {output}.")
        self.write(f"Calling {name}.")

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Print, as m2g does, how long one of its functions took; nothing where it fails."""
        started = time.perf_counter()
        yield
        self.write(f"Function {name!r} finished in {time.perf_counter() - started:.4f} secs")


def software() -> str:
    """Return the packages that compute, with versions. From their metadata: importing DIPY takes a second."""
    return ", ".join(f"{name} {version(name)}" for name in ("dipy", "nibabel", "numpy", "scipy"))
