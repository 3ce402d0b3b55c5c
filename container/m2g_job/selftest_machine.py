"""The machine that a job gets: memory, processors, disk and clock."""

from __future__ import annotations

import os
import shutil
import time
from email.utils import parsedate_to_datetime
from typing import Any, Callable

from m2g_job import memory
from m2g_job.selftest_check import Check, Doubtful, Failed, NotChecked
from m2g_job.selftest_settings import Settings

_GROUP = "machine"
_GIB, _MIB = 1024**3, 1024**2
#: What opsctl reckons with for the image and all else that is no scan (`opsctl/core/dataset/scan_validation.py`).
_IMAGE_GIB = 30
#: A file system is a little smaller than its disk.
_WHOLE_DISK = 0.95
#: S3 refuses requests of a clock that is 15 minutes off; one that drifts gets there.
_CLOCK_WARNING_SECONDS, _CLOCK_FAILED_SECONDS = 60.0, 240.0
_THIS_MACHINE = "preview: not checked. Jobs are processes of this machine."
_NO_INSTANCE = "There is no instance here: this machine runs the jobs."


class Machine:
    """The checks of the machine.

    Parameters
    ----------
    client
        S3, for its clock.
    memory_limit_mib, disk_usage, processors, now
        This machine's; 0 MiB where the container has no limit.
    """

    def __init__(
        self,
        settings: Settings,
        client: Any,
        *,
        memory_limit_mib: Callable[[], int] = memory.limit_mib,
        disk_usage: Callable[[str], Any] = shutil.disk_usage,
        processors: Callable[[], int | None] = os.cpu_count,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._client = client
        self._memory_limit_mib = memory_limit_mib
        self._disk_usage = disk_usage
        self._processors = processors
        self._now = now

    def disk_used_mib(self) -> int | None:
        """What system and image take of the instance's disk; None where there is no instance, or it cannot be seen.

        The image is unpacked and no scan has begun. Files of scans that ran on the instance before would count too.
        """
        if self._settings.is_local or not self._settings.disk_gib:
            return None
        try:
            usage = self._disk_usage("/")
        except OSError:
            return None
        return int((usage.total - usage.free) // _MIB)

    def checks(self) -> list[Check]:
        """The checks."""
        looks = {"memory": self._memory, "vcpus": self._vcpus, "disk": self._disk, "clock": self._clock}
        return [Check(name, _GROUP, look) for name, look in looks.items()]

    def _memory(self) -> str:
        registered = self._settings.memory_mib
        if self._settings.is_preview:
            raise NotChecked(_THIS_MACHINE)
        if not registered:
            raise NotChecked("How much memory the job must have was not named.")
        limit = self._memory_limit_mib()
        if not limit and self._settings.is_local:
            raise NotChecked("This machine's container engine sets no limit.")
        if limit != registered:
            raise Failed(f"the container has {limit or 'no limit of'} MiB, and its definition names {registered} MiB")
        return f"The container has {limit} MiB, as registered."

    def _vcpus(self) -> str:
        registered = self._settings.vcpus
        if self._settings.is_local:
            raise NotChecked(_NO_INSTANCE)
        if not registered:
            raise NotChecked("How many processors the job must have was not named.")
        processors = self._processors() or 0
        if processors < registered:
            raise Failed(f"the machine has {processors} vCPUs, and the job's definition names {registered}")
        return f"The machine has {processors} vCPUs, the job {registered}."

    def _disk(self) -> str:
        registered = self._settings.disk_gib
        if self._settings.is_local:
            raise NotChecked(_NO_INSTANCE)
        if not registered:
            raise NotChecked("How large the disk must be was not named.")
        usages = [self._disk_usage(path) for path in dict.fromkeys(("/", self._settings.work_dir))]
        total, free = (min(getattr(usage, name) for usage in usages) / _GIB for name in ("total", "free"))
        if total < _WHOLE_DISK * registered:
            raise Failed(f"the disk has {total:.0f} GiB, and the platform's root_volume_gib is {registered}")
        if free < registered - _IMAGE_GIB:
            raise Doubtful(
                f"Of {registered} GiB only {free:.0f} are free: the image takes more than the {_IMAGE_GIB} that "
                "`opsctl check` reckons with."
            )
        return f"The disk has {total:.0f} GiB: system and image take {total - free:.0f}, {free:.0f} are free."

    def _clock(self) -> str:
        if not self._settings.uri:
            raise NotChecked("No platform, and so no S3 whose clock could be read.")
        before = self._now()
        reply = self._client.list_objects_v2(Bucket=self._settings.bucket, MaxKeys=1)
        after = self._now()
        # The header has whole seconds.
        s3_now = parsedate_to_datetime(reply["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp() + 0.5
        offset = (before + after) / 2 - s3_now
        text = f"The clock is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} S3's"
        if abs(offset) >= _CLOCK_FAILED_SECONDS:
            raise Failed(f"{text}: at 15 minutes S3 refuses every request")
        if abs(offset) >= _CLOCK_WARNING_SECONDS:
            raise Doubtful(f"{text}.")
        return "The clock agrees with S3's."
