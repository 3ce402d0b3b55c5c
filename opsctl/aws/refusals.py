"""Reads the errors that AWS returns; `opsctl.core.aws_refusal` has a sentence and a thing to do for each code."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of
from opsctl.core.aws_refusal import DENIED, DISK_FULL_HEADER, LOCAL_SERVER, LOGIN_AGAIN, THROTTLED, AwsRefusal, explain
from opsctl.core.errors import Problem

__all__ = ["CREATE_LOGIN", "DENIED", "LOGIN_AGAIN", "THROTTLED", "refusal", "skew_of"]

CREATE_LOGIN = (
    "Log in (`aws configure`, or `aws sso login` with --profile), or try it all here with `opsctl up --local`."
)


def skew_of(date: str, *, now: datetime) -> float | None:
    """How many seconds `now` is ahead of a reply's `Date` header; None where it has none."""
    try:
        return (now - parsedate_to_datetime(date).astimezone(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None


def refusal(error: ClientError, what: str) -> Problem:
    """Translate an error of AWS into a sentence with its hint.

    Parameters
    ----------
    what
        What was being done, to follow "while".
    """
    reply: Any = error.response
    details = reply.get("Error", {})
    metadata = reply.get("ResponseMetadata", {})
    headers = metadata.get("HTTPHeaders", {})
    return explain(
        AwsRefusal(
            code=code_of(error),
            message=_one_line(str(details.get("Message") or "")).rstrip("."),
            operation=error.operation_name,
            what=what,
            status=int(metadata.get("HTTPStatusCode", 0)),
            tries=int(metadata.get("RetryAttempts", 0)) + 1,
            bucket=details.get("BucketName", ""),
            region=details.get("Region") or headers.get("x-amz-bucket-region", ""),
            skew_seconds=skew_of(headers.get("date", ""), now=datetime.now(UTC)) or 0.0,
            is_local=headers.get("server") == LOCAL_SERVER,
            is_disk_full=DISK_FULL_HEADER in headers,
        )
    )


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
