"""One request at a time for moto, which many threads may call and whose dictionaries have no locks.

A list that is read while another request adds to it ends with an error 500, even of a call whose work is done.
Terraform repeats that call, and is told that the resource exists already.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable
from typing import Any

from opsctl.local.rights.signature import signature_of

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class OneAtATime:
    """A WSGI application that lets one request at a time through, but all of S3's: opsctl's own store has locks.

    Parameters
    ----------
    application
        moto.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        signature = signature_of(environ)
        if signature is None or signature.service == "s3":
            return self._application(environ, start_response)
        # A client that sends its body slowly must not keep the others waiting.
        length = environ.get("CONTENT_LENGTH", "")
        if length.isdigit():
            environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(length)))
        with self._lock:
            return self._application(environ, start_response)
