"""The preview's log, with the notice that it is not m2g."""

from __future__ import annotations

from importlib.metadata import version

NOTICE = (
    "PREVIEW: this is opsctl's small preview of m2g, not m2g. It fits the scan's own voxels with DIPY, but skips "
    "eddy correction, registration and atlases: eight parcels cut by geometry stand in for a parcellation. "
    "Try opsctl out with it; draw no scientific conclusion from its connectomes."
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


def software() -> str:
    """Return the packages that compute, with versions. From their metadata: importing DIPY takes a second."""
    return ", ".join(f"{name} {version(name)}" for name in ("dipy", "nibabel", "numpy"))
