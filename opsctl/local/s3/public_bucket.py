"""OpenNeuro's bucket on the local platform: reads of it are passed on to S3, without any credentials.

So a local job reads a public dataset as a job on AWS does: from the same bucket, and only if its role's policy allows
it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.harmless import harmless
from opsctl.core.openneuro.accession import BUCKET
from opsctl.core.openneuro.endpoint import ENDPOINT_VARIABLE
from opsctl.local.front import Application
from opsctl.local.rights.roles import find_bucket
from opsctl.local.rights.signature import signature_of

_LOG = logging.getLogger("opsctl.local")
#: S3's global address; the bucket's name has a dot, which no certificate of S3's covers as a part of the host.
_S3 = "https://s3.amazonaws.com"
_CHUNK_BYTES = 256 * 1024
_CONNECT_SECONDS, _READ_SECONDS = 10, 60
_CONNECTIONS = 64
#: A page of a listing has some 400 kB.
_MOST_BYTES_WITHOUT_LENGTH = 16_000_000

#: What S3 may know of a request. Not the key of the local platform, and nothing that names this machine.
_SENT = ("range", "if-match", "if-none-match", "x-amz-checksum-mode", "x-amz-optional-object-attributes")
#: What concerns the connection to S3 only, or the local server says itself.
_NOT_RETURNED = ("connection", "date", "keep-alive", "server", "transfer-encoding")
#: What signs a URL.
_SIGNING = "x-amz-"

#: The SDKs try this again, in jobs and in opsctl: the network may be back. A reply to HEAD has no code, and is not.
_UNREACHABLE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>RequestTimeout</Code><Message>OpenNeuro cannot be reached.'
    b"</Message></Error>"
)

#: By the classes of botocore's and urllib3's errors, the most special first.
_REASONS = {
    "NameResolutionError": "its name cannot be resolved",
    "ProxyError": "the proxy does not answer",
    "ProxyConnectionError": "the proxy does not answer",
    "SSLError": "its certificate is not trusted here",
    "NewConnectionError": "it takes no connection",
    "TimeoutError": "it does not answer in time",
}


def endpoint(environment: Mapping[str, str]) -> str:
    """The address of S3 that has OpenNeuro's bucket.

    Raises
    ------
    Problem
        If the variable for another one holds no address.
    """
    url = environment.get(ENDPOINT_VARIABLE, "").rstrip("/") or _S3
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query
    except ValueError:
        is_address = False
    if not is_address:
        raise Problem(
            f"{ENDPOINT_VARIABLE} is not an address such as {_S3}: {harmless(url)!r}.",
            "Unset it, or correct it.",
            code=ErrorCode.CONFIGURATION_INVALID,
        )
    return url


class PublicBucket:
    """A WSGI application that passes reads of OpenNeuro's bucket on to S3, and all other requests to an application.

    Parameters
    ----------
    application
        moto. Where it has a bucket of this name, it answers.
    url
        See `endpoint`.
    ca_bundle
        The certificates to trust; None: those of the AWS SDKs.
    """

    def __init__(self, application: Application, url: str, *, ca_bundle: str | None = None) -> None:
        self._application = application
        self._url = url
        # The stubs know neither a file of certificates nor two times.
        verify: Any = ca_bundle or True
        timeout: Any = (_CONNECT_SECONDS, _READ_SECONDS)
        self._session = URLLib3Session(
            verify=verify,
            proxies=get_environ_proxies(url),
            timeout=timeout,
            max_pool_connections=_CONNECTIONS,
        )

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        return (self._pass_on if _is_read(environ) else self._application)(environ, start_response)

    def _pass_on(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        names = {name: f"HTTP_{name.upper().replace('-', '_')}" for name in _SENT}
        headers: Any = {name: environ[key] for name, key in names.items() if key in environ}
        request = AWSPreparedRequest(
            environ["REQUEST_METHOD"], self._url + _unsigned(environ["REQUEST_URI"]), headers, None, True
        )
        try:
            reply = self._session.send(request)
            length = reply.headers.get("content-length")
            body = reply.raw.stream(_CHUNK_BYTES, decode_content=False)
            if length is None:
                content = _whole(body)
                length, body = str(len(content)), iter([content])
        except (BotoCoreError, HTTPError, OSError) as error:
            return _unreachable(error, start_response)
        returned = [(name, value) for name, value in reply.headers.items() if name.lower() not in _NOT_RETURNED]
        returned = [(name, value) for name, value in returned if name.lower() != "content-length"]
        start_response(f"{reply.status_code} {reply.raw.reason or ''}", [*returned, ("Content-Length", length)])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else body


def _is_read(environ: dict[str, Any]) -> bool:
    """Whether a request reads OpenNeuro's bucket, and there is no bucket of this name here."""
    path = environ["REQUEST_URI"].partition("?")[0]
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or not f"{path}/".startswith(f"/{BUCKET}/"):
        return False
    signature = signature_of(environ)
    return signature is not None and signature.service == "s3" and find_bucket(BUCKET) is None


def _unsigned(target: str) -> str:
    """A request's target without the signature of a presigned URL."""
    path, mark, query = target.partition("?")
    kept = [part for part in query.split("&") if not part.lower().startswith(_SIGNING)]
    return path + mark + "&".join(kept)


def _whole(body: Iterator[bytes]) -> bytes:
    content = b""
    for piece in body:
        content += piece
        if len(content) > _MOST_BYTES_WITHOUT_LENGTH:
            raise HTTPError("a reply of unknown length does not end")
    return content


def _unreachable(error: Exception, start_response: Callable[..., Any]) -> Iterable[bytes]:
    # botocore's sentence may hold the URL, whose keys name subjects.
    inner = getattr(error, "kwargs", {}).get("error", error)
    kinds = {kind.__name__ for kind in type(inner).__mro__}
    why = next((reason for kind, reason in _REASONS.items() if kind in kinds), "the connection failed")
    _LOG.warning("OpenNeuro cannot be reached: %s", why)
    headers = [
        ("Content-Type", "application/xml"),
        ("Content-Length", str(len(_UNREACHABLE))),
        ("x-opsctl-unreachable", why),
    ]
    start_response("400 Bad Request", headers)
    return [_UNREACHABLE]
