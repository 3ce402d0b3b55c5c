"""Makes every server of the local platform that an environment starts record its calls.

A folder for PYTHONPATH: Python imports its `sitecustomize` at each start, which replaces the server's program by
`recording_server`. opsctl itself, installed or not, holds nothing of this.
"""

from __future__ import annotations

from pathlib import Path


def recording_environment(calls: Path) -> dict[str, str]:
    """The variables with which servers that are started write their calls to a file, a line of JSON a call."""
    return {"PYTHONPATH": str(Path(__file__).parent), "RECORDED_CALLS": str(calls)}
