"""One bucket, one scan and the jobs that process it: what a test sets up, runs, and looks at afterwards."""

from __future__ import annotations

import copy
import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from m2g_job import m2g_arguments

from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.result import Result
from support.job_s3 import LocalS3
from support.repository import ROOT

CONTAINER = ROOT / "container"
BUCKET = "data"
RUN_ID = "HNU1-20261122-120000-ab12"
RUN = f"opsctl/runs/{RUN_ID}"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g:1"
DIGEST = "sha256:" + "ab" * 32
ATLAS = "Desikan_space-MNI152NLin6_res-2x2x2"
DESIKAN = {
    "name": "Desikan",
    "argument": "Desikan_space-MNI152NLin6_res-",
    "folder": ATLAS,
    "regions": 70,
    "kept": 70,
}
SKULL_STRIP = "qa_d/skull_strip/qa_skullstrip__sub-0025427_ses-1_T1w_reor_RAS_res.png"
REGISTRATION = [
    "tmp_d/reg_a/mni2t1w_warp.nii.gz",
    "tmp_d/reg_a/t1w_vent_csf_in_dwi.nii.gz",
    "tmp_d/reg_m/t1wtissue2dwi_xfm.mat",
]
OUTPUT = "HNU1/derivatives/m2g-csa-native/sub-0025427/ses-1"


def nifti(volumes: int = 1) -> bytes:
    """A small NIfTI image, uncompressed."""
    rng = np.random.default_rng(volumes)
    data = rng.integers(0, 1000, size=(5, 4, 3, volumes) if volumes > 1 else (5, 4, 3), dtype=np.int16)
    stream = io.BytesIO()
    image = nibabel.Nifti1Image(data, np.eye(4))
    image.to_stream(stream)
    return stream.getvalue()


def packed(volumes: int = 1) -> bytes:
    """The same image, gzipped."""
    return gzip.compress(nifti(volumes), mtime=0)


def table(count: int, rows: int) -> bytes:
    """A bval (1 row; the first volume is b=0) or bvec (3 rows) file."""
    values = ["0", *["1000"] * (count - 1)] if rows == 1 else ["0.5"] * count
    return (" ".join(values) + "\n").encode() * rows


class RunningJob:
    """A runner's process; its output is collected as it comes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._lines: list[str] = []
        self._grown = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._grown:
                self._lines.append(line.decode())
                self._grown.notify_all()

    @property
    def output(self) -> str:
        with self._grown:
            return "".join(self._lines)

    def wait_for(self, text: str, timeout_seconds: float = 60) -> None:
        with self._grown:
            has_come = self._grown.wait_for(lambda: text in "".join(self._lines), timeout=timeout_seconds)
        assert has_come, f"{text!r} never came in:\n{self.output}"

    def wait(self, timeout_seconds: float = 90) -> int:
        code = self.process.wait(timeout=timeout_seconds)
        self._reader.join(timeout=30)
        return code


class World:
    """A dwi scan of HNU1 in a bucket, as a run's submission left it."""

    def __init__(self, s3: LocalS3, folder: Path) -> None:
        self.s3, self.folder = s3, folder
        self.client = s3.lasting_client
        self.client.create_bucket(Bucket=BUCKET)
        self.jobs: list[RunningJob] = []
        self._bin = folder / "bin"
        self._bin.mkdir()
        shutil.copy(Path(__file__).with_name("fake_m2g.py"), folder / "fake_m2g.py")
        (self._bin / "m2g").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{folder / "fake_m2g.py"}" "$@"\n')
        (self._bin / "m2g").chmod(0o755)
        self.scan = self.dwi_scan()
        self.submit()

    def put(self, key: str, data: bytes) -> dict[str, Any]:
        """Put an object and return its URI, size and etag, as a scan's input has them."""
        self.client.put_object(Bucket=BUCKET, Key=key, Body=data)
        return {"uri": f"s3://{BUCKET}/{key}", "size_bytes": len(data), "etag": hashlib.md5(data).hexdigest()}

    def input(self, role: str, key: str, data: bytes) -> None:
        """Replace the scan's input of a role."""
        others = [entry for entry in self.scan["inputs"] if entry["role"] != role]
        self.scan["inputs"] = [*others, {"role": role, **self.put(key, data)}]

    def dwi_scan(self) -> dict[str, Any]:
        session = "HNU1/sub-0025427/ses-1"
        self.scan = {
            "schema_version": 1,
            "run_id": RUN_ID,
            "index": 0,
            "dataset": f"s3://{BUCKET}/HNU1",
            "opsctl_version": "0.1.0",
            "scan": {"name": "sub-0025427/ses-1", "subject": "0025427", "session": "1", "entities": {}},
            "inputs": [],
            "atlases": [DESIKAN],
            "m2g": {"pipeline": "dwi", "diffusion_model": "csa", "seeds": 1, "parcellation": ["Desikan"]},
            "argv": [],
            "image": IMAGE,
            "image_digest": DIGEST,
            "output": f"s3://{BUCKET}/{OUTPUT}",
            "key": "5f" * 32,
        }
        self.input("dwi", f"{session}/dwi/sub-0025427_ses-1_dwi.nii.gz", packed(7))
        self.input("bval", f"{session}/dwi/sub-0025427_ses-1_dwi.bval", table(7, 1))
        self.input("bvec", f"{session}/dwi/sub-0025427_ses-1_dwi.bvec", table(7, 3))
        self.input("T1w", f"{session}/anat/sub-0025427_ses-1_T1w.nii.gz", packed())
        return self.scan

    def ask(self, **options: Any) -> list[str]:
        """Change m2g's options in the scan's JSON; returns the arguments that follow from all of them."""
        self.scan["m2g"].update(options)
        names = self.scan["scan"]
        self.scan["argv"] = m2g_arguments.arguments(
            self.scan["m2g"], [], subject=names["subject"], session=names["session"] or "nosession"
        )
        return list(self.scan["argv"])

    def submit(self, index: int = 0, *, argv: list[str] | None = None) -> None:
        """Write the scan's JSON to the bucket, with the arguments that its options make, or with others."""
        self.ask()
        self.scan["argv"] = self.scan["argv"] if argv is None else argv
        scan = {**copy.deepcopy(self.scan), "index": index}
        self.put(f"{RUN}/scans/{index:05d}.json", json.dumps(scan).encode())

    def start(
        self,
        job: str = "job-a",
        *,
        attempt: int = 1,
        python: tuple[str, ...] = (sys.executable,),
        path: str = "",
        work: str = "",
        **environment: str,
    ) -> RunningJob:
        """Start one attempt of a job as a process of its own."""
        work_dir = self.folder / (work or f"work-{job}")
        work_dir.mkdir(exist_ok=True)
        process = subprocess.Popen(
            [*python, "-m", "m2g_job"],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={
                "PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": path or str(CONTAINER),
                "AWS_MAX_ATTEMPTS": "3",
                "AWS_SDK_UA_APP_ID": job,
                "OPSCTL_RUN_URI": f"s3://{BUCKET}/{RUN}",
                "OPSCTL_SCAN_OFFSET": "0",
                "OPSCTL_WORK_DIR": str(work_dir),
                "OPSCTL_LOG_STREAM": f"csa/default/{job}",
                "AWS_BATCH_JOB_ID": job,
                "AWS_BATCH_JOB_ATTEMPT": str(attempt),
                **self.s3.credentials,
                **environment,
            },
        )
        self.jobs.append(RunningJob(process))
        return self.jobs[-1]

    def run(self, job: str = "job-a", **options: Any) -> tuple[int, str]:
        """Run one attempt to its end: exit code and output."""
        running = self.start(job, **options)
        return running.wait(), running.output

    def end_jobs(self) -> None:
        for hold in self.s3.holds:
            hold.released.set()
        for job in self.jobs:
            if job.process.poll() is None:
                # SIGTERM first, so that the runner ends its m2g, which has a process group of its own.
                job.process.send_signal(signal.SIGCONT)
                job.process.send_signal(signal.SIGTERM)
                try:
                    job.process.wait(timeout=40)
                except subprocess.TimeoutExpired:
                    job.process.kill()
                    job.process.wait()

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def get(self, key: str) -> bytes:
        body: bytes = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    @property
    def result_uri(self) -> str:
        """Of the first scan's result."""
        return f"s3://{BUCKET}/{RUN}/results/00000.json"

    @property
    def attempt_uri(self) -> str:
        """Of the record of the first attempt at the first scan."""
        return f"s3://{BUCKET}/{RUN}/attempts/00000.1.0123abcd.json"

    def result(self, index: int = 0) -> dict[str, Any]:
        """A scan's result. Whatever the job was, opsctl must be able to read it."""
        key = f"{RUN}/results/{index:05d}.json"
        body = self.get(key)
        Result.decode(body, f"s3://{BUCKET}/{key}")
        result: dict[str, Any] = json.loads(body)
        return result

    def files(self, index: int = 0) -> list[dict[str, Any]]:
        """The files of a scan's result, each with its `uri`."""
        outputs = self.result(index)["outputs"]
        return [{"uri": f"{outputs['folder']}/{file['path']}", **file} for file in outputs["files"]]

    def graphs(self) -> list[dict[str, Any]]:
        """What each connectome of the first scan's result holds, with its `uri`."""
        return [{"uri": file["uri"], **file["graph"]} for file in self.files() if "graph" in file]

    def attempt(self, job: str = "job-a", *, attempt: int = 1, index: int = 0) -> dict[str, Any]:
        """The record of one attempt."""
        token = hashlib.sha256(job.encode()).hexdigest()[:8]
        key = f"{RUN}/attempts/{index:05d}.{attempt}.{token}.json"
        body = self.get(key)
        Attempt.decode(body, f"s3://{BUCKET}/{key}")
        record: dict[str, Any] = json.loads(body)
        return record

    def seen_input(self, job: str = "job-a") -> list[str]:
        """What m2g found in its input folder."""
        root = self.folder / f"work-{job}" / "input"
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
