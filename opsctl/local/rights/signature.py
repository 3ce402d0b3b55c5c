"""Who signed a request: the access key and the scope in its Authorization header, or in the query of a presigned URL."""

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
    """A request's signature. Its digest is not checked: whoever has the key has its secret too.

    Attributes
    ----------
    access_key
        "" where the header is not one of Signature Version 4.
    token
        The session token, or "".
    """

    access_key: str
    region: str = ""
    service: str = "s3"
    token: str = ""


def signature_of(environ: dict[str, Any]) -> Signature | None:
    """Read a request's signature; None: the request is not signed.

    Parameters
    ----------
    environ
        The request, as WSGI gives it.
    """
    header: str | None = environ.get("HTTP_AUTHORIZATION")
    if header is not None:
        match = _HEADER.fullmatch(header)
        token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN", "")
        return Signature(match["key"], match["region"], match["service"].lower(), token) if match else Signature("")
    query = parse_qs(environ.get("QUERY_STRING", ""))
    if "X-Amz-Credential" in query:
        match = _PRESIGNED.fullmatch(query["X-Amz-Credential"][0])
        token = query.get("X-Amz-Security-Token", [""])[0]
        return Signature(match["key"], match["region"], match["service"].lower(), token) if match else Signature("")
    # The forms before Signature Version 4.
    return Signature("") if "AWSAccessKeyId" in query else None
