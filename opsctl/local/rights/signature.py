"""Who signed a request, by its Authorization header or the query of a presigned URL; its body is not read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

# Strict: moto reads the service and the key from the same header, and must not understand it differently.
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/\d+/(?P<region>[^/,\s]*)/(?P<service>[^/,\s]+)/aws4_request(,.*)?"
)
_PRESIGNED = re.compile(r"(?P<key>[^/]+)/\d+/(?P<region>[^/]*)/(?P<service>[^/]+)/aws4_request")


@dataclass(frozen=True)
class Signature:
    """A request's signature. Its digest is not checked: the user's key and the jobs' tokens are the secrets.

    Attributes
    ----------
    access_key
        "" where there is a signature, and no key can be read.
    token
        The session token, or "".
    is_version_4
        Whether it is in the form that every bucket takes.
    date
        When it was made, as the request says it; "" where it says nothing.
    expires
        How many seconds a presigned URL is good for, or, in the old form, until when; None: it is no URL's.
    """

    access_key: str
    region: str = ""
    service: str = "s3"
    token: str = ""
    is_version_4: bool = True
    date: str = ""
    expires: str | None = None


def signature_of(environ: dict[str, Any]) -> Signature | None:
    """Read a request's signature; None: the request is not signed.

    Parameters
    ----------
    environ
        The request, as WSGI gives it.
    """
    header: str | None = environ.get("HTTP_AUTHORIZATION")
    if header is not None:
        date = environ.get("HTTP_X_AMZ_DATE") or environ.get("HTTP_DATE", "")
        return _version_4(_HEADER, header, environ.get("HTTP_X_AMZ_SECURITY_TOKEN", ""), date)
    query = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    if "X-Amz-Credential" in query:
        token, date, expires = (query.get(f"X-Amz-{name}", "") for name in ("Security-Token", "Date", "Expires"))
        return _version_4(_PRESIGNED, query["X-Amz-Credential"], token, date, expires)
    if "AWSAccessKeyId" in query:
        return Signature(query["AWSAccessKeyId"], is_version_4=False, expires=query.get("Expires", ""))
    return None


def _version_4(pattern: re.Pattern[str], text: str, token: str, date: str, expires: str | None = None) -> Signature:
    match = pattern.fullmatch(text)
    if match is None:
        return Signature("", is_version_4=False)
    return Signature(match["key"], match["region"], match["service"].lower(), token, date=date, expires=expires)
