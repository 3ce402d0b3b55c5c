"""What a self-test holds the platform to, from the job's environment variables."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Mapping

from m2g_job import causes, derivative
from m2g_job.faults import WrongInput

#: The variable that makes a job a self-test.
URI_VARIABLE = "OPSCTL_SELFTEST_URI"
_URI = re.compile(r"^s3://[^/]+/opsctl/selftest/(selftest-[A-Za-z0-9-]+)/(csd|csa)$")


@dataclass(frozen=True)
class Settings:
    """One self-test of one model.

    Attributes
    ----------
    uri
        `s3://DATA/opsctl/selftest/<selftest_id>/<model>`; "" where a person typed `--selftest` in the image: then
        nothing is known of a platform, and only the image and the machine are looked at.
    role
        The ARN of the job role; "" where the person who submitted the job may not see it.
    raw_uri
        An object that no job may write: it stands where raw data would.
    other_bucket
        A bucket that no job may list; "" where opsctl knows of none.
    repository
        The address of the platform's image repository; "" where it has none.
    image
        The image of the platform's jobs.
    memory_mib, vcpus, disk_gib
        What the job and its instance have by their definitions; 0 where that is not known.
    is_local
        Whether the job runs on opsctl's local platform.
    """

    uri: str
    selftest_id: str
    model: str
    attempt: int
    job_id: str
    role: str
    raw_uri: str
    other_bucket: str
    repository: str
    image: str
    memory_mib: int
    vcpus: int
    disk_gib: int
    work_dir: str
    is_local: bool

    @property
    def bucket(self) -> str:
        """The platform's data bucket."""
        return self.uri[len("s3://") :].split("/", 1)[0]

    @property
    def is_preview(self) -> bool:
        """Whether the local platform's preview stands in m2g's place."""
        return derivative.is_preview(self.image)


def read(variables: Mapping[str, str]) -> Settings:
    """Parse the job's environment variables.

    Raises
    ------
    WrongInput
        `OPSCTL_SELFTEST_URI` is not a self-test's address, or a number is not a whole number.
    """
    uri = variables.get(URI_VARIABLE, "").rstrip("/")
    match = _URI.match(uri)
    if uri and not match:
        raise WrongInput(
            f"{URI_VARIABLE} is not a self-test's address (s3://BUCKET/opsctl/selftest/ID/MODEL): {uri!r}",
            causes.SCAN_RECORD_INVALID,
        )

    def text(name: str) -> str:
        return variables.get(f"OPSCTL_SELFTEST_{name}", "")

    return Settings(
        uri=uri,
        selftest_id=match.group(1) if match else "",
        model=match.group(2) if match else "",
        attempt=_number(variables, "AWS_BATCH_JOB_ATTEMPT") or 1,
        job_id=variables.get("AWS_BATCH_JOB_ID", ""),
        role=text("ROLE"),
        raw_uri=text("RAW_URI"),
        other_bucket=text("OTHER_BUCKET"),
        repository=text("REPOSITORY"),
        image=text("IMAGE"),
        memory_mib=_number(variables, "OPSCTL_SELFTEST_MEMORY_MIB"),
        vcpus=_number(variables, "OPSCTL_SELFTEST_VCPUS"),
        disk_gib=_number(variables, "OPSCTL_SELFTEST_DISK_GIB"),
        work_dir=os.path.abspath(variables.get("OPSCTL_WORK_DIR") or "/"),
        is_local=bool(variables.get("AWS_ENDPOINT_URL")),
    )


def _number(variables: Mapping[str, str], name: str) -> int:
    value = variables.get(name) or "0"
    if not re.match(r"^[0-9]{1,9}$", value):
        raise WrongInput(f"{name} is not a whole number: {value}", causes.SCAN_RECORD_INVALID)
    return int(value)
