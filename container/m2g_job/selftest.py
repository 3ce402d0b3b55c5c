"""`m2g_job` as a self-test: whether the platform's roles, image and machine are as scans need them.

It is a job like a scan's, with its definition, image and role. It writes one row a check into `result.json`, last.
"""

from __future__ import annotations

import os
import platform
import re
from typing import Any, Mapping, Sequence

import boto3

from m2g_job import causes, link_local, m2g, record, s3, selftest_settings, version
from m2g_job.environment import log_stream
from m2g_job.faults import ConditionFailed, ConditionsUnsupported, Fault, TransientFault
from m2g_job.log import Log
from m2g_job.result import timestamp
from m2g_job.selftest_check import FAILED, Check, NotChecked, Row
from m2g_job.selftest_clients import Clients
from m2g_job.selftest_identity import identity
from m2g_job.selftest_image import Image
from m2g_job.selftest_instance import InstanceRole
from m2g_job.selftest_machine import Machine
from m2g_job.selftest_settings import Settings
from m2g_job.selftest_storage import Storage
from m2g_job.stop import StopRequest

#: The argument by which a person in the image asks for a self-test.
ARGUMENT = "--selftest"
_STOP_SECONDS = 20.0


def is_requested(arguments: Sequence[str], variables: Mapping[str, str]) -> bool:
    """Whether the process is to test the platform instead of processing a scan."""
    return ARGUMENT in arguments or bool(variables.get(selftest_settings.URI_VARIABLE))


def run(variables: Mapping[str, str], *, log: Log, stop: StopRequest) -> int:
    """Make every check and write the result.

    Returns
    -------
    int
        The exit code: 0 where no check failed, 1 where one did, and as for scans 2, 75 and 143 (see `faults`).
    """
    try:
        settings = selftest_settings.read(variables)
        stop.call_after(_STOP_SECONDS, lambda: os._exit(stop.fault.exit_code))
        return _run(settings, variables, log=log, stop=stop)
    except Fault as fault:
        log.write(f"failed: {fault}")
        return fault.exit_code


def _run(settings: Settings, variables: Mapping[str, str], *, log: Log, stop: StopRequest) -> int:
    # opsctl looks for this line in CloudWatch.
    log.write(f"selftest {settings.selftest_id} {settings.model}")
    started_at = timestamp()
    client = s3.make_client()
    machine = Machine(settings, client)
    rows = []
    for check in _checks(settings, variables, client, machine):
        stop.check()
        rows.append(check.carry_out(log))
    code = int(any(row.verdict == FAILED for row in rows))
    if settings.uri:
        result = _result(settings, variables, rows, started_at=started_at, disk_used_mib=machine.disk_used_mib())
        _write(settings, result, s3.S3(client))
    return code


def _checks(settings: Settings, variables: Mapping[str, str], client: Any, machine: Machine) -> list[Check]:
    clients = Clients()
    storage = Storage(settings, client, refused_client=clients.make("s3"))
    return [
        Check("role", "identity", lambda: _identity(settings, clients)),
        *storage.checks(),
        *InstanceRole(settings, variables, clients).checks(),
        *Image(settings, variables, document=storage.document).checks(),
        *machine.checks(),
    ]


def _identity(settings: Settings, clients: Clients) -> str:
    if not settings.uri:
        raise NotChecked("No platform: this is not a job of `opsctl selftest`.")
    return identity(clients.make("sts"), role=settings.role)


def _result(
    settings: Settings,
    variables: Mapping[str, str],
    rows: Sequence[Row],
    *,
    started_at: str,
    disk_used_mib: int | None,
) -> dict[str, Any]:
    package = version.M2gPackage()
    if not settings.is_preview:
        package = version.find("m2g", m2g.child_environment(variables))
    return {
        "schema_version": 1,
        "selftest_id": settings.selftest_id,
        "model": settings.model,
        "job_id": settings.job_id,
        "attempt": settings.attempt,
        "started_at": started_at,
        "stopped_at": timestamp(),
        **_pull(variables),
        "log_stream": log_stream(variables),
        "versions": {
            "m2g": package.version or "",
            "python": platform.python_version(),
            "boto3": boto3.__version__,
        },
        "disk_used_mib": disk_used_mib,
        "rows": [row.as_json() for row in rows],
    }


def _pull(variables: Mapping[str, str]) -> dict[str, str | None]:
    """When the ECS agent began and ended to pull the image; None where it does not say so."""
    task: Any = {}
    uri = variables.get("ECS_CONTAINER_METADATA_URI_V4")
    if uri:
        try:
            task = record.parse(link_local.request(f"{uri}/task").encode())
        except (OSError, ValueError):
            task = {}
    names = {"pull_started_at": "PullStartedAt", "pull_stopped_at": "PullStoppedAt"}
    return {name: _moment(task.get(agents) if isinstance(task, dict) else None) for name, agents in names.items()}


def _moment(text: object) -> str | None:
    """The agent's time, which has nanoseconds, to the second."""
    match = re.match(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z$", str(text))
    return f"{match.group(1)}Z" if match else None


def _write(settings: Settings, result: Mapping[str, Any], storage: s3.S3) -> None:
    """Write the result, unless an earlier attempt of this job has written one.

    Raises
    ------
    TransientFault, S3Refused
        As for a scan's result: Batch tries the job again, or not.
    """
    uri = f"{settings.uri}/result.json"
    try:
        storage.write(uri, dict(result), if_none=True)
    except ConditionsUnsupported:
        storage.write(uri, dict(result))
    except ConditionFailed as error:
        document = storage.read(uri)
        if document is None:
            raise TransientFault(f"{uri} is being written by another attempt", causes.S3_UNAVAILABLE) from error
