"""The calls of the AWS API that pass a server, a line of JSON each: who made which call with which parameters.

Object keys name subjects, so record calls with made-up data only.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from opsctl.local.rights.api_call import call_of
from opsctl.local.rights.signature import signature_of


class CallRecorder:
    """A WSGI application that appends each call to the file `path`, and passes it on to `application`."""

    def __init__(self, application: Callable[..., Iterable[bytes]], path: Path) -> None:
        self._application = application
        self._path = path
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        call = call_of(environ, signature_of(environ)) | {"user_agent": environ.get("HTTP_USER_AGENT", "")}
        line = json.dumps(call)
        with self._lock, self._path.open("a") as file:
            file.write(f"{line}\n")
        return self._application(environ, start_response)
