"""A platform for terminals: a real local server whose `m2g` waits for a gate, and a dataset of three scans."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import nibabel
import numpy as np

from opsctl.assets import container_dir
from opsctl.aws.batch.batch import UNFINISHED
from opsctl.core.errors import Problem
from opsctl.home import Home
from opsctl.local import control
from support.local_servers import client, kill
from support.platform_record import BUCKET, register_platform, write_m2g
from support.waiting import until

_VOLUMES = 33
_HARMFUL = ("AWS_", "OPSCTL_", "LC_", "PYTHON", "NO_COLOR", "FORCE_COLOR", "TTY_", "COLUMNS", "LINES")


class SmallPlatform:
    """A server, its queue and dataset, and a home that knows them.

    Parameters
    ----------
    slots
        How many jobs run at once; 0: all of them wait.

    Attributes
    ----------
    gate
        While this file is there, jobs go on to their end.
    environment
        What a person's shell has.
    """

    def __init__(self, folder: Path, *, slots: int = 2) -> None:
        self.folder, self.gate, self.home = folder, folder / "gate", folder / "home"
        self.gate.touch()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_HARMFUL)}
        self.environment = {
            **inherited,
            "OPSCTL_HOME": str(self.home),
            # The stand-in makes a single connectome.
            "OPSCTL_PARCELLATION": "Desikan_",
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(folder / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
        }
        self.server = control.start(self.home, slots=slots, entrypoint=self._entrypoint(), stop_grace_seconds=1.0)
        try:
            self.s3 = client(self.server, "s3")
            self.s3.create_bucket(Bucket=BUCKET)
            for key, body in dataset("HNU1").items():
                self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
            Home(self.home).keep(register_platform(self.home, self.server, endpoint_url=self.server.endpoint_url))
        except BaseException:
            self.close()
            raise

    def _entrypoint(self) -> list[str]:
        script = Path(__file__).with_name("waiting_m2g.py")
        path = write_m2g(self.folder / "bin", sys.executable, "-I", "-S", str(script), str(self.gate))
        return ["/usr/bin/env", path, f"PYTHONPATH={container_dir()}", sys.executable, "-m", "m2g_job"]

    def share_with(self, home: Path) -> None:
        """Let another home know the platform, as that of a second machine would."""
        record = Home(self.home).recall("local")
        assert record is not None
        Home(home).keep(record)
        theirs, files = control.Files(home), control.Files(self.home)
        theirs.folder.mkdir(mode=0o700)
        for source, target in ((files.record, theirs.record), (files.key, theirs.key)):
            shutil.copy(source, target)

    def finish_jobs(self) -> None:
        """Open the gate and wait until no job is left: one that is would take a slot from the next test."""
        self.gate.touch()
        batch = client(self.server, "batch")
        until(
            lambda: not any(batch.list_jobs(jobQueue="q", jobStatus=state)["jobSummaryList"] for state in UNFINISHED),
            seconds=120,
        )

    def close(self) -> None:
        """End the server."""
        try:
            control.stop(self.home)
        except Problem:
            with suppress(ProcessLookupError):
                kill(self.server)


def dataset(name: str) -> dict[str, bytes]:
    """Three scans by key; the last has a b-vector too few."""
    files = {f"{name}/dataset_description.json": b'{"Name": "HNU1", "BIDSVersion": "1.9.0"}'}
    for subject, vectors in (("01", _VOLUMES), ("02", _VOLUMES), ("03", _VOLUMES - 1)):
        stem = f"sub-{subject}_ses-1"
        folder = f"{name}/sub-{subject}/ses-1"
        files |= {
            f"{folder}/dwi/{stem}_dwi.nii.gz": _image((5, 4, 3, _VOLUMES)),
            f"{folder}/dwi/{stem}_dwi.bval": b"0 " + b"1000 " * (_VOLUMES - 1) + b"\n",
            f"{folder}/dwi/{stem}_dwi.bvec": _vectors(vectors),
            f"{folder}/anat/{stem}_T1w.nii.gz": _image((5, 4, 3)),
        }
    return files


def _vectors(count: int) -> bytes:
    turns = np.arange(count)
    rows = np.cos(turns), np.sin(turns) * np.cos(turns / 7), np.sin(turns) * np.sin(turns / 7)
    return "".join(f"{' '.join(f'{value:.4f}' for value in row)}\n" for row in rows).encode()


def _image(shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    nibabel.Nifti1Image(np.ones(shape, dtype=np.int16), np.eye(4)).to_stream(stream)
    return gzip.compress(stream.getvalue(), mtime=0)
