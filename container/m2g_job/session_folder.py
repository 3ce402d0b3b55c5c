"""m2g's output folder of one session: its files under the scan's own names, and its connectomes."""

from __future__ import annotations

import os
from typing import Callable

from m2g_job import connectomes, outputs
from m2g_job.connectomes import Connectomes
from m2g_job.environment import Environment
from m2g_job.outputs import Output
from m2g_job.qa_pictures import QaPictures
from m2g_job.scan import Scan
from m2g_job.staged_names import StagedNames


def session_path(scan: Scan, environment: Environment) -> str:
    """Where m2g writes a scan's outputs: `OUTPUT_DIR/sub-X/ses-Y`."""
    names = StagedNames(scan)
    return os.path.join(environment.output_dir, f"sub-{names.subject}", f"ses-{names.session}")


class SessionFolder:
    """`OUTPUT_DIR/sub-X/ses-Y`; made just before m2g starts.

    Parameters
    ----------
    scan, environment
        What is processed, and by which attempt.

    Attributes
    ----------
    names
        The scan's names in this job.
    qa_pictures
        Those that m2g will misplace.
    """

    def __init__(self, scan: Scan, environment: Environment) -> None:
        self._scan = scan
        self.names = StagedNames(scan)
        self._path = session_path(scan, environment)
        self.qa_pictures = QaPictures(scan, environment, self._path)

    def outputs(self) -> list[Output]:
        """The files to publish; raise `ScanFailed` where two have the same name."""
        return outputs.collect(self._path, self.names)

    def find_connectomes(self, *, check: Callable[[], None]) -> Connectomes:
        """See `connectomes.find`."""
        return connectomes.find(self._path, self._scan, check=check)

    def verify_connectomes(self, *, check: Callable[[], None]) -> Connectomes:
        """See `connectomes.verify`."""
        return connectomes.verify(self._path, self._scan, check=check)
