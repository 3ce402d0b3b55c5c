"""A scan's result, as its job wrote it to S3: a scan is done when its result says `succeeded`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from opsctl.core.errors import Problem

_SCHEMA_VERSION = 1

#: Which of a run's outputs: the connectomes, the QA pictures and logs, or every file.
What = Literal["connectomes", "qa", "all"]


@dataclass(frozen=True, kw_only=True)
class OutputFile:
    """One published file.

    Attributes
    ----------
    sha256
        Hexadecimal.
    etag
        S3's, without quotes; empty where the job does not know it.
    """

    uri: str
    size_bytes: int
    sha256: str
    etag: str = ""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one job made of its scan.

    Attributes
    ----------
    status
        `succeeded` or `failed`.
    cause
        Why it failed, in words; empty when it succeeded.
    cause_code
        The code of the cause (`opsctl.core.diagnosis.cause_code`); empty when it succeeded.
    facts
        What the cause is made of.
    seconds
        Duration by phase: `pull`, `m2g`, `push`.
    connectomes
        S3 addresses of the connectomes.
    """

    index: int
    scan: str
    key: str
    status: Literal["succeeded", "failed"]
    cause: str
    exit_code: int
    attempt: int
    started_at: str
    stopped_at: str
    seconds: Mapping[str, float]
    peak_memory_mib: int
    connectomes: tuple[str, ...]
    files: tuple[OutputFile, ...]
    log_stream: str
    job_id: str
    cause_code: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict, hash=False)

    @property
    def succeeded(self) -> bool:
        """Whether the scan is done."""
        return self.status == "succeeded"

    @property
    def total_seconds(self) -> float:
        """Duration of all phases together."""
        return sum(self.seconds.values())

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Result:
        """Parse a result.

        Raises
        ------
        Problem
            If `value` is not a result of schema version 1.
        """
        try:
            outputs = value["outputs"]
            if value["schema_version"] != _SCHEMA_VERSION or value["status"] not in ("succeeded", "failed"):
                raise ValueError("schema_version or status")
            return cls(
                index=int(value["index"]),
                scan=value["scan"],
                key=value["key"],
                status=value["status"],
                cause=value.get("cause") or "",
                exit_code=int(value["exit_code"]),
                attempt=int(value["attempt"]),
                started_at=value["started_at"],
                stopped_at=value["stopped_at"],
                seconds=dict(value["seconds"]),
                peak_memory_mib=int(value["peak_memory_mib"]),
                connectomes=tuple(outputs["connectomes"]),
                files=tuple(
                    OutputFile(
                        uri=file["uri"],
                        size_bytes=int(file["size_bytes"]),
                        sha256=file["sha256"],
                        etag=file.get("etag") or "",
                    )
                    for file in outputs.get("files", ())
                ),
                log_stream=value.get("log_stream") or "",
                job_id=value.get("job_id") or "",
                cause_code=value.get("cause_code") or "",
                facts=dict(value.get("facts") or {}),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Problem(f"A result cannot be read ({error!r} is missing or wrong).", "Run the scan again.") from error
