"""What this platform's own instances take to boot, pull and start, and of their disk: measured by its self-tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from opsctl.core import bounded
from opsctl.core.costs.estimate import Startup
from opsctl.core.record import SCHEMA_VERSION, RecordReader
from opsctl.core.selftest.phases import Phases

#: The object in the data bucket.
TIMES_KEY = "opsctl/platform/times.json"
_MOST = 20


@dataclass(frozen=True, kw_only=True)
class StartTimes:
    """What one job of a self-test measured.

    Attributes
    ----------
    measured_at
        UTC, ISO 8601.
    boot_seconds
        From the submission until an instance had the job.
    pull_seconds
        0 where the ECS agent did not say: then the pull is part of `start_seconds`.
    disk_used_mib
        What system and image take of the instance's disk; None where it was not measured.
    image
        What the jobs ran.
    """

    measured_at: bounded.Moment
    instance_type: bounded.Name
    boot_seconds: bounded.Seconds
    pull_seconds: bounded.Seconds
    start_seconds: bounded.Seconds
    disk_used_mib: bounded.Mib | None = None
    image: bounded.Text = ""

    @property
    def measured_on(self) -> str:
        """The date."""
        return self.measured_at[:10]


@dataclass(frozen=True, kw_only=True)
class PlatformTimes:
    """The content of `times.json`: newest first, at most 20."""

    times: tuple[StartTimes, ...] = ()

    @classmethod
    def decode(cls, data: bytes, uri: str) -> PlatformTimes:
        """Read `times.json`.

        Raises
        ------
        UnreadableRecord
            If it is damaged, or of another version.
        """
        return _READER.decode(data, uri)

    def as_json(self) -> dict[str, Any]:
        """The content of `times.json`."""
        return {"schema_version": SCHEMA_VERSION, "times": [asdict(entry) for entry in self.times]}

    def with_measured(
        self,
        measured: Iterable[tuple[str, Phases]],
        *,
        at: str,
        disks: Mapping[str, int | None] | None = None,
        image: str = "",
    ) -> PlatformTimes:
        """A copy with what a self-test measured.

        Parameters
        ----------
        measured
            Pairs of a job's instance type and its phases.
        disks
            By instance type, what system and image take of the disk, in MiB.
        image
            What the jobs ran.
        """
        entries = [
            StartTimes(
                measured_at=at,
                instance_type=instance_type,
                boot_seconds=phases.instance,
                pull_seconds=phases.pull or 0.0,
                start_seconds=phases.start,
                disk_used_mib=(disks or {}).get(instance_type),
                image=image,
            )
            for instance_type, phases in measured
            if phases.instance is not None and phases.start is not None
        ]
        return replace(self, times=(*entries, *self.times)[:_MOST])

    def startup(self, instance_type: str) -> Startup | None:
        """What an instance of a type takes before its first scan begins, by the newest self-test; None without one."""
        for entry in self.times:
            if entry.instance_type == instance_type:
                seconds = entry.boot_seconds + entry.pull_seconds + entry.start_seconds
                return Startup(hours=seconds / 3600, measured_on=entry.measured_on)
        return None

    def disk(self, image: str) -> StartTimes | None:
        """The newest measurement of what system and image take of a disk; None where no self-test ran this image."""
        return next((entry for entry in self.times if entry.disk_used_mib and entry.image == image), None)


_READER = RecordReader(PlatformTimes, hint="`opsctl selftest` measures again.")
