"""A platform without Terraform, a proxy before it, and two laptops that know nothing of each other."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import chaos_dataset
import chaos_m2g
from fault_proxy import FaultProxy
from laptop import Laptop
from routes import jobs_through, platform_faults
from sightings import Sightings
from support import faulty_server
from support.local_servers import client, kill, retry_strategy
from support.platform_record import BUCKET, register_platform, write_m2g

from opsctl.assets import container_dir
from opsctl.core.errors import Problem
from opsctl.home import Home
from opsctl.local import control

_ACTIVE = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")


class World:
    """Everything that a campaign happens to.

    Attributes
    ----------
    scans
        The dataset's scans by name, in order.
    laptops
        Two OPSCTL_HOMEs, both with the platform's record.
    s3, batch
        Clients that meet no faults.
    sightings
        What the proxy saw.
    """

    def __init__(self, folder: Path, *, scan_count: int, slots: int) -> None:
        self.folder = folder
        self._home = folder / "server"
        self.proxy = FaultProxy()
        self.sightings = Sightings(self.proxy)
        self.ledger = folder / "ledger"
        self.ledger.touch()
        self.server = faulty_server.start(
            self._home, faults={}, slots=slots, entrypoint=self._entrypoint(), stop_grace_seconds=30.0
        )
        self.laptops: list[Laptop] = []
        try:
            self._furnish(scan_count)
        except BaseException:
            self.close()
            raise

    def _furnish(self, scan_count: int) -> None:
        self.proxy.upstream_port = self.server.port
        self.s3, self.batch = client(self.server, "s3"), client(self.server, "batch")
        self.s3.create_bucket(Bucket=BUCKET)
        self.scans = chaos_dataset.make(self.s3, BUCKET, scan_count=scan_count)
        self.platform = register_platform(
            self._home,
            self.server,
            endpoint_url=self.proxy.url,
            spot=True,
            retryStrategy=retry_strategy(),
            timeout={"attemptDurationSeconds": 21_600},
        )
        self.laptops = [self._laptop(name) for name in ("lab", "home")]

    def _entrypoint(self) -> list[str]:
        path = write_m2g(self.folder / "bin", sys.executable, "-I", "-S", chaos_m2g.__file__, str(self.ledger))
        return jobs_through(self.proxy, path, f"PYTHONPATH={container_dir()}", sys.executable, "-m", "m2g_job")

    def _laptop(self, name: str) -> Laptop:
        home = self.folder / name
        Home(home).keep(self.platform)
        # Where opsctl looks for the local platform: it finds the proxy, and behind it the platform's own answer.
        facts = json.loads(control.Files(self._home).record.read_text())
        (home / "local").mkdir()
        control.Files(home).record.write_text(json.dumps({**facts, "port": self.proxy.port}))
        shutil.copy2(control.Files(self._home).key, control.Files(home).key)
        return Laptop(name, home, sightings=self.sightings)

    def faults(self, plan: dict[str, object] | None = None) -> dict[str, int]:
        """Give the platform another plan of faults, and count what has happened."""
        return platform_faults(self.server.port, plan)

    def active(self) -> int:
        """How many of the queue's jobs have not ended."""
        found = 0
        for status in _ACTIVE:
            found += len(self.batch.list_jobs(jobQueue="q", jobStatus=status)["jobSummaryList"])
        return found

    def wait_for_jobs(self, *, seconds: float) -> None:
        """Wait until no job is on its way."""
        pause = threading.Event()
        for _ in range(int(seconds / 0.2)):
            # A job may go from one state into an earlier one between two looks.
            if not self.active() and not self.active():
                return
            pause.wait(0.2)
        raise AssertionError(f"jobs are still on their way after {seconds:g} s")

    def keys(self, prefix: str) -> dict[str, tuple[int, str]]:
        """Sizes and etags below a prefix, by key."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        found = [one for page in pages for one in page.get("Contents", [])]
        return {one["Key"]: (one["Size"], one["ETag"].strip('"')) for one in found}

    def body(self, key: str) -> bytes:
        """An object's bytes."""
        read: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return read

    def documents(self, prefix: str, part: str) -> dict[str, Any]:
        """The JSONs below a prefix whose key holds a part, by key."""
        return {key: json.loads(self.body(key)) for key in self.keys(prefix) if part in key}

    def close(self) -> None:
        """End everything that was started."""
        for laptop in self.laptops:
            laptop.end()
        try:
            control.stop(self.server)
        except Problem:
            with suppress(ProcessLookupError):
                kill(self.server)


@contextmanager
def world(folder: Path, *, scan_count: int, slots: int) -> Iterator[World]:
    """A world for a while."""
    made = World(folder, scan_count=scan_count, slots=slots)
    with made.proxy:
        try:
            yield made
        finally:
            made.close()
