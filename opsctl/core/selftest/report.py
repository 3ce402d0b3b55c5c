"""What a self-test found, for the table and for `--json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from opsctl.core.costs.money import spent
from opsctl.core.selftest.phases import Phases
from opsctl.core.selftest.result import Verdict

#: Version of `selftest --json`; docs/selftest.schema.json describes it.
SCHEMA_VERSION = 3


@dataclass(frozen=True, kw_only=True)
class Row:
    """One check of one model's job.

    Attributes
    ----------
    check
        Its stable id.
    title
        For people.
    detail
        One sentence.
    remedy
        What to do; empty where the check is fine or was not made.
    seconds
        How long it took.
    """

    check: str
    group: str
    title: str
    verdict: Verdict
    detail: str
    seconds: float
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class ModelReport:
    """What one model's job found.

    Attributes
    ----------
    job_id
        Batch's; empty where it was not submitted.
    usd
        What it cost at AWS's prices, without the minutes for which its instance stays idle afterwards; None where
        opsctl's preview ran in m2g's place: its times say nothing about AWS.
    versions
        Of m2g, Python and boto3 in the job; empty without a result.
    last_lines
        The end of its log, of a job that left no result.
    disk_used_mib
        What system and image take of the instance's disk; None without an instance or a result.
    """

    model: str
    instance_type: str
    job_id: str
    log_stream: str
    rows: tuple[Row, ...]
    phases: Phases
    usd: float | None
    versions: Mapping[str, str | int]
    last_lines: tuple[str, ...] = ()
    disk_used_mib: int | None = None

    def as_json(self) -> dict[str, Any]:
        """An entry of `models` in `selftest --json`."""
        return {
            "model": self.model,
            "instance_type": self.instance_type,
            "job_id": self.job_id,
            "log_stream": self.log_stream,
            "rows": [asdict(row) for row in self.rows],
            "seconds": {**asdict(self.phases), "total": self.phases.total},
            "usd": self.usd,
            "versions": dict(self.versions),
            "disk_used_mib": self.disk_used_mib,
            "last_lines": list(self.last_lines),
        }


@dataclass(frozen=True, kw_only=True)
class SelftestReport:
    """What a self-test found.

    Attributes
    ----------
    account_id
        The platform's account; not in the JSON.
    left
        What could not be removed, in words; empty where nothing is left.
    """

    selftest_id: str
    platform: str
    region: str
    account_id: str
    image: str
    opsctl_version: str
    is_local: bool
    is_preview: bool
    started_at: str
    models: Sequence[ModelReport]
    left: str = ""

    def count(self, verdict: Verdict) -> int:
        """How many rows of all models have a verdict."""
        return sum(row.verdict == verdict for model in self.models for row in model.rows)

    @property
    def usd(self) -> float | None:
        """What all jobs cost at AWS's prices; None where the preview ran."""
        if self.is_preview:
            return None
        return sum(model.usd for model in self.models if model.usd is not None)

    def as_json(self) -> dict[str, Any]:
        """What `selftest --json` prints; without the account's number, so that it can be shared."""
        document: dict[str, Any] = _masked(self._as_json(), self.account_id)
        return document

    def _as_json(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "selftest_id": self.selftest_id,
            "ok": not self.count("failed"),
            "opsctl_version": self.opsctl_version,
            "platform": self.platform,
            "region": self.region,
            "local": self.is_local,
            "preview": self.is_preview,
            "image": self.image,
            "started_at": self.started_at,
            "models": [model.as_json() for model in self.models],
            **spent(self.usd or 0.0, is_local=self.is_local).as_json(),
            **({"usd": None} if self.usd is None else {}),
            "left": self.left,
        }


def _masked(value: Any, account_id: str) -> Any:
    """JSON with `ACCOUNT` in place of the account's number, which ARNs, buckets and images contain."""
    if isinstance(value, str):
        return value.replace(account_id, "ACCOUNT") if account_id else value
    if isinstance(value, list):
        return [_masked(item, account_id) for item in value]
    if isinstance(value, dict):
        return {name: _masked(item, account_id) for name, item in value.items()}
    return value
