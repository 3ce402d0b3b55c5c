"""What ECR's scan of an image for known vulnerabilities says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

#: opsctl's own word where ECR has no scan; the other words are ECR's.
NOT_SCANNED = "NOT_SCANNED"

#: Basic scanning ends with COMPLETE; Amazon Inspector's enhanced scanning goes on, and is ACTIVE.
_WITH_RESULT = frozenset({"COMPLETE", "ACTIVE"})
_AT_WORK = frozenset({"IN_PROGRESS", "PENDING"})
_SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNTRIAGED", "UNDEFINED")


@dataclass(frozen=True, kw_only=True)
class ImageScan:
    """A scan of an image by ECR.

    Attributes
    ----------
    status
        ECR's word, for example `COMPLETE`, `IN_PROGRESS` or `FAILED`; `NOT_SCANNED` where it has no scan.
    description
        ECR's explanation of the status, or empty.
    findings
        Number of findings of each severity, the gravest first; None where there is no result.
    completed_at
        When the result was made; None where ECR does not say it.
    is_enhanced
        Whether Amazon Inspector scans the image, which also reads packages of languages; None where ECR does not tell.
    """

    status: str
    description: str = ""
    findings: Mapping[str, int] | None = None
    completed_at: datetime | None = None
    is_enhanced: bool | None = None

    @property
    def is_at_work(self) -> bool:
        """Whether the result is still to come."""
        return self.status in _AT_WORK


def scan_of(
    status: str,
    *,
    description: str,
    counts: Mapping[str, int] | None,
    completed_at: datetime | None,
    is_enhanced: bool,
) -> ImageScan:
    """A scan, from ECR's answer.

    ECR leaves out the counts when there is no finding, and also in the first seconds of a scan that it calls complete.
    """
    ranks = {severity: rank for rank, severity in enumerate(_SEVERITIES)}
    has_result = status in _WITH_RESULT or counts is not None
    ordered = sorted((counts or {}).items(), key=lambda item: (ranks.get(item[0], len(ranks)), item[0]))
    is_known = has_result or status in _AT_WORK
    return ImageScan(
        status=status,
        description=description,
        findings={severity: count for severity, count in ordered if count} if has_result else None,
        completed_at=completed_at,
        is_enhanced=(is_enhanced or status == "ACTIVE") if is_known else None,
    )
