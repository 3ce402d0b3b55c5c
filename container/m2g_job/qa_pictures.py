"""QA pictures that m2g writes where nobody looks for them, or to a folder that it forgets to make."""

from __future__ import annotations

import os
import shutil
import time

from m2g_job.environment import Environment
from m2g_job.log import Log
from m2g_job.scan import Scan

#: m2g joins its QA folder with an absolute path, so that this picture of the tensors lands in the container's root.
PEAK_DIRECTIONS = "/Tractography_Model_Peak_Directions.png"
_PEAK_DIRECTIONS_FOLDER = os.path.join("qa_d", "tensor")
#: Where `--space native_dsn` saves three pictures of its registration. m2g does not make the folder and fails without
#: it after the whole tractography.
_DSN_FOLDER = "tmp"
_DSN_PICTURES_FOLDER = os.path.join("qa_d", "dsn")


class QaPictures:
    """The misplaced QA pictures of one run of m2g; made just before it starts.

    Parameters
    ----------
    scan, environment
        What is processed, and by which attempt.
    session_dir
        `OUTPUT_DIR/sub-X/ses-Y`.
    """

    def __init__(self, scan: Scan, environment: Environment, session_dir: str) -> None:
        self._session_dir = session_dir
        self._started = time.time()
        # The root is this job's alone where its input and output folders lie there, as in the image. Elsewhere (the
        # local platform's jobs are processes of one machine) the picture may be another job's, or the user's own.
        self._owns_root = environment.work_dir == "/"
        self._is_dsn = scan.pipeline == "dwi" and scan.options.get("space") == "native_dsn"
        if self._is_dsn:
            os.makedirs(os.path.join(session_dir, _DSN_FOLDER), exist_ok=True)

    def move(self, log: Log) -> None:
        """Move the pictures that m2g has written to its QA folders; a failure costs a line of the log."""
        try:
            self._move_all()
        except OSError as error:
            log.write(f"m2g's QA pictures could not all be kept: {error}")

    def _move_all(self) -> None:
        if self._is_dsn:
            folder = os.path.join(self._session_dir, _DSN_FOLDER)
            for name in sorted(os.listdir(folder)):
                self._move(os.path.join(folder, name), _DSN_PICTURES_FOLDER)
        # An older picture is an earlier attempt's, or the image's.
        if self._owns_root and os.path.isfile(PEAK_DIRECTIONS) and os.path.getmtime(PEAK_DIRECTIONS) >= self._started:
            self._move(PEAK_DIRECTIONS, _PEAK_DIRECTIONS_FOLDER)

    def _move(self, path: str, folder: str) -> None:
        target = os.path.join(self._session_dir, folder)
        os.makedirs(target, exist_ok=True)
        shutil.move(path, os.path.join(target, os.path.basename(path)))
