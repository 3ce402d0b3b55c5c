"""What the local server refuses before it looks at keys: unclear requests, those of web pages, and moto's own paths."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from email.message import Message
from typing import Any

from werkzeug.exceptions import HTTPException

from opsctl.local.identity import IDENTITY_PATH, answer_to

#: A WSGI application.
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

#: The names of the address that the server listens on.
_HOSTS = ("127.0.0.1", "localhost")
_METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")
_SIMPLE_HEADERS = ("host", "content-length", "transfer-encoding", "authorization", "x-amz-security-token")
_LENGTH = re.compile(r"[0-9]{1,15}")
_TARGET = re.compile(r"/[\x21-\x7e\x80-\xff]*")
#: moto's own pages, which need no key: one deletes every object, others give out a role's credentials.
_CLOSED = ("/moto-api", "/favicon.ico", "/latest/meta-data", "/latest/api")


def why_refused(method: str, target: str, headers: Message, *, port: int) -> tuple[int, str] | None:
    """Return the HTTP status and the reason with which a request is refused by its head; None: it may go on.

    Parameters
    ----------
    target
        As it stands in the request's first line.
    headers
        Each header as often as it was sent.
    port
        The server's.
    """
    values = {name: headers.get_all(name, []) for name in _SIMPLE_HEADERS}
    # A line that is no header ends the headers for Python's parser, and what follows it would not be seen.
    if headers.defects or headers.get_payload() or any(len(sent) > 1 for sent in values.values()):
        return 400, "headers that cannot be read, or a header twice"
    if method not in _METHODS:
        return 405, "a method that no service has"
    if not _TARGET.fullmatch(target):
        return 400, "a target that is no path"
    # A page in the user's browser could otherwise reach the server under a name of its own.
    if not values["host"] or values["host"][0].lower() not in {f"{name}:{port}" for name in _HOSTS}:
        return 403, "another host"
    from_page = headers.get_all("sec-fetch-site", [])
    if "origin" in headers or any(site.lower() not in ("none", "same-origin") for site in from_page):
        return 403, "a request of a web page"
    length, coding = values["content-length"], values["transfer-encoding"]
    if (length and coding) or any(not _LENGTH.fullmatch(text) for text in length):
        return 400, "an unclear length"
    if any(text.lower() != "chunked" for text in coding):
        return 400, "another transfer coding than chunked"
    return None


class Front:
    """A WSGI application that answers the identity path, refuses moto's own, and passes all others on.

    Parameters
    ----------
    token
        The one in the server's record.
    """

    def __init__(self, application: Application, token: str) -> None:
        self._application = application
        self._token = token

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        path = environ["PATH_INFO"]
        if path == IDENTITY_PATH:
            answer = answer_to(environ.get("QUERY_STRING", ""), self._token)
            return _short("200 OK" if answer else "400 Bad Request", answer or "", start_response)
        if path.startswith(_CLOSED):
            return _short("403 Forbidden", "", start_response)
        try:
            return self._application(environ, start_response)
        except HTTPException as refusal:
            # A body that is cut off or too long, met before moto reads it.
            return refusal(environ, start_response)


def _short(status: str, text: str, start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    return [text.encode()]
