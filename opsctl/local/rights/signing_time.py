"""Refuses requests by the time of their signature, as AWS does: too far from the server's clock, or a URL too late.

The server's clock is this machine's (`server_clock.py`), so whoever is refused has another one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from opsctl.local.rights import refusals
from opsctl.local.rights.refusals import Refusal
from opsctl.local.rights.signature import Signature

_DATE = "%Y%m%dT%H%M%SZ"
_XML_DATE = "%Y-%m-%dT%H:%M:%SZ"
#: Every other service tolerates five minutes.
_TOLERATED_MINUTES = {"s3": 15, "sts": 15}
_LONGEST_SECONDS = 604_800


def untimely(signature: Signature, environ: dict[str, Any], *, now: datetime) -> Refusal | None:
    """Return how AWS refuses a request because of its time, or None if it does not.

    Parameters
    ----------
    environ
        The request, as WSGI gives it.
    now
        By the server's clock, UTC.
    """
    service, now = signature.service, now.replace(microsecond=0)
    if not signature.is_version_4:
        return _old_url(signature, now)
    signed_at = _parsed(signature.date)
    if signed_at is None:
        return refusals.undated(service, environ)
    tolerated = timedelta(minutes=_TOLERATED_MINUTES.get(service, 5))
    if signature.expires is not None:
        return _url(signature.expires, signed_at, now, tolerated)
    if abs(now - signed_at) <= tolerated:
        return None
    if service == "s3":
        details = {
            "RequestTime": signature.date,
            "ServerTime": now.strftime(_XML_DATE),
            "MaxAllowedSkewMilliseconds": str(tolerated // timedelta(milliseconds=1)),
        }
        return refusals.skewed(service, environ, "", details)
    minutes = tolerated // timedelta(minutes=1)
    if signed_at < now:
        state, relation, limit, sign = "expired", "now earlier", now - tolerated, "-"
    else:
        state, relation, limit, sign = "not yet current", "still later", now + tolerated, "+"
    words = (
        f"Signature {state}: {signed_at.strftime(_DATE)} is {relation} than {limit.strftime(_DATE)} "
        f"({now.strftime(_DATE)} {sign} {minutes} min.)"
    )
    return refusals.skewed(service, environ, words)


def _url(expires: str, signed_at: datetime, now: datetime, tolerated: timedelta) -> Refusal | None:
    """A presigned URL: it is good from its signature until it expires."""
    if not (expires.isascii() and expires.isdigit()) or int(expires[:9]) > _LONGEST_SECONDS:
        return refusals.bad_expiry()
    until = signed_at + timedelta(seconds=int(expires))
    details = {"Expires": until.strftime(_XML_DATE), "ServerTime": now.strftime(_XML_DATE)}
    if now > until:
        return refusals.expired_url({"X-Amz-Expires": expires, **details})
    if signed_at - now > tolerated:
        milliseconds = str((signed_at - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1))
        return refusals.early_url({"X-Amz-Date": milliseconds, **details})
    return None


def _old_url(signature: Signature, now: datetime) -> Refusal | None:
    """A URL in the form before version 4: it names the second, since 1970, at which it expires."""
    expires = signature.expires or ""
    if not (expires.isascii() and expires.isdigit()):
        return refusals.undated("s3", {})
    if len(expires) > len("9999999999") or int(expires) >= now.timestamp():
        return None
    until = datetime.fromtimestamp(int(expires), UTC)
    return refusals.expired_url({"Expires": until.strftime(_XML_DATE), "ServerTime": now.strftime(_XML_DATE)})


def _parsed(date: str) -> datetime | None:
    """`X-Amz-Date`, or the `Date` of HTTP; None: it cannot be read."""
    try:
        return datetime.strptime(date, _DATE).replace(tzinfo=UTC)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(date).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
