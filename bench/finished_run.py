"""A run whose scans are all done, each with 45 connectomes and 3 QA pictures, and opsctl's commands on it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from bench.platform import BenchPlatform, platform_of
from bench.server import Server
from bench.server.outputs import content_of_output
from opsctl.assets import atlas_table
from opsctl.core.runs.manifest import Run, timestamp
from opsctl.home import Home

_ROOT = Path(__file__).resolve().parents[1]
_ATLASES = 45
_QA = ("skull_strip/qa_skullstrip__{}_T1w.png", "reg/qa_fast.png", "reg/t1w_in_dwi_2_{}.png")
_THREADS = 16
#: So many scans lost regions: they are to be looked at.
_SCANS_A_WARNING = 40


@dataclass(frozen=True)
class Cost:
    """What one command took.

    Attributes
    ----------
    wall, cpu
        Seconds; `cpu` of user and system together.
    mib
        The peak of its resident memory.
    """

    wall: float
    cpu: float
    mib: float


class FinishedRun:
    """A finished run of a dataset with a number of scans.

    Parameters
    ----------
    folder
        Empty; opsctl's home becomes a folder in it, and commands run there.
    """

    #: Of each scan.
    connectomes = _ATLASES

    def __init__(self, server: Server, folder: Path, scans: int) -> None:
        self._server = server
        self._folder = folder
        self._home = folder / "home"
        self._bench = BenchPlatform(server.url, self._home, scans, f"finished-{scans}")
        # Of a platform on AWS, because of a local one opsctl looks for its process.
        Home(self._home).keep(platform_of(None, data_bucket=self._bench.data_bucket))
        # Batch has forgotten the jobs, as it does after some days.
        self.run = self._bench.recorded()
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(self._finish, range(scans)))

    def opsctl(self, *arguments: str) -> Cost:
        """Run a command; its messages go nowhere.

        Raises
        ------
        SystemExit
            If it fails.
        """
        figures = self._folder / "figures.json"
        environment = {
            **os.environ,
            "OPSCTL_HOME": str(self._home),
            "AWS_ENDPOINT_URL": self._server.url,
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "PYTHONPATH": str(_ROOT),
        }
        command = [sys.executable, "-m", "bench.verb_process", str(figures), *arguments]
        completed = subprocess.run(command, cwd=self._folder, env=environment, capture_output=True, check=False)
        if completed.returncode:
            raise SystemExit(f"opsctl {' '.join(arguments)} failed: {completed.stderr.decode()}")
        return Cost(**json.loads(figures.read_bytes()))

    def _finish(self, index: int) -> None:
        key = f"opsctl/runs/{self.run.run_id}/results/{index:05d}.json"
        body = json.dumps(_result(self.run, index), sort_keys=True, separators=(",", ":")).encode()
        digest = hashlib.sha256(body).digest()
        direct = self._bench.storage.direct
        # Of 10,000 scans boto3 would take a minute.
        assert direct is not None
        assert direct.put(self._bench.data_bucket, key, [body], sha256=digest, size_bytes=len(body))


def _result(run: Run, index: int) -> dict[str, Any]:
    scan = run.scans[index]
    name = scan.replace("/", "_")
    folder = run.scan_uri(index)
    size = {"kind": "streamlines", "nodes": 70 - index % 3, "edges": 2_100 - index % 211, "regions": 70, "lost": 0}
    connectomes = [
        _file(folder, f"connectomes_d/{atlas}/{name}_dwi_{atlas}_connectome.csv", graph={"atlas": atlas, **size})
        for atlas in _folders()
    ]
    pictures = [_file(folder, f"qa_d/{path.format(name)}") for path in _QA]
    started = datetime(2026, 11, 20, 17, tzinfo=UTC) + timedelta(seconds=index)
    seconds = {"pull": 12.5, "m2g": 3_600.0 + index % 600, "push": 5.25}
    warnings = [{"code": "regions_lost", "atlas": _folders()[0], "text": f"{_folders()[0]} lost 9 of its 70 regions."}]
    return {
        "schema_version": 1,
        "run_id": run.run_id,
        "index": index,
        "scan": scan,
        "key": run.keys[index],
        "status": "succeeded",
        "cause": "",
        "cause_code": "",
        "facts": {},
        "exit_code": 0,
        "attempt": 1,
        "started_at": timestamp(started),
        "stopped_at": timestamp(started + timedelta(seconds=sum(seconds.values()))),
        "seconds": seconds,
        "peak_memory_mib": 11_240 + index % 70,
        "peak_disk_mib": 2_100 + index % 50,
        "job_id": "j",
        "log_stream": "l",
        "warnings": warnings if index % _SCANS_A_WARNING == 7 else [],
        "outputs": {"folder": folder, "files": [*connectomes, *pictures]},
    }


def _file(folder: str, path: str, **graph: Any) -> dict[str, Any]:
    content = content_of_output(f"{folder}/{path}".partition("://")[2].partition("/")[2])
    assert content is not None
    return {"path": path, "size_bytes": len(content), "sha256": _sha256(content), "etag": "", **graph}


@cache
def _folders() -> list[str]:
    return sorted(atlas.folder("2mm") for atlas in atlas_table())[:_ATLASES]


@cache
def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
