"""Who signed a request, by its Authorization header, the query of a presigned URL, or the fields of a form."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

# Strict: moto reads the service and the key from the same header, and must not understand it differently.
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/\d+/(?P<region>[^/,\s]*)/(?P<service>[^/,\s]+)/aws4_request(,.*)?"
)
_PRESIGNED = re.compile(r"(?P<key>[^/]+)/\d+/(?P<region>[^/]*)/(?P<service>[^/]+)/aws4_request")
_FORM_KEY = re.compile(rb'name="(?:x-amz-credential|awsaccesskeyid)"\r\n\r\n([^/\r\n]+)', re.IGNORECASE)


@dataclass(frozen=True)
class Signature:
    """A request's signature. Its digest is not checked: whoever has the key has its secret too.

    Attributes
    ----------
    access_key
        "" where there is a signature, and no key can be read.
    token
        The session token, or "".
    is_version_4
        Whether it is in the form that every bucket takes.
    """

    access_key: str
    region: str = ""
    service: str = "s3"
    token: str = ""
    is_version_4: bool = True


def signature_of(environ: dict[str, Any]) -> Signature | None:
    """Read a request's signature; None: the request is not signed.

    Parameters
    ----------
    environ
        The request, as WSGI gives it.
    """
    header: str | None = environ.get("HTTP_AUTHORIZATION")
    if header is not None:
        return _version_4(_HEADER, header, environ.get("HTTP_X_AMZ_SECURITY_TOKEN", ""))
    query = parse_qs(environ.get("QUERY_STRING", ""))
    if "X-Amz-Credential" in query:
        return _version_4(_PRESIGNED, query["X-Amz-Credential"][0], query.get("X-Amz-Security-Token", [""])[0])
    if "AWSAccessKeyId" in query:
        return Signature(query["AWSAccessKeyId"][0], is_version_4=False)
    if environ.get("CONTENT_TYPE", "").startswith("multipart/form-data"):
        body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        key = _FORM_KEY.search(body)
        return Signature(key[1].decode(errors="replace"), is_version_4=False) if key else None
    return None


def _version_4(pattern: re.Pattern[str], text: str, token: str) -> Signature:
    match = pattern.fullmatch(text)
    if match is None:
        return Signature("", is_version_4=False)
    return Signature(match["key"], match["region"], match["service"].lower(), token)
