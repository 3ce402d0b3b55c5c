"""Objects on a server that refuses a body with another checksum, as S3 does, and fails as the test says."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from threading import Lock

from support.scripted_http import Reply, Request, ScriptedServer


class KeptObjects(ScriptedServer):
    """Attributes: `objects` (bodies by the path of their request), `faults` (one a request, in order).

    A fault is a status and S3's code, `gone` (the connection ends without a reply), `cut` (it ends within the body),
    `other bytes`, `no length`, a function that is called before the request is answered, or None for none.
    """

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.objects: dict[str, bytes] = {}
        self.faults: list[tuple[int, str] | str | Callable[[], None] | None] = []
        self._lock = Lock()

    def _answer(self, request: Request) -> Reply | None:
        with self._lock:
            fault = self.faults.pop(0) if self.faults else None
        if callable(fault):
            fault()
        if fault == "gone":
            return None
        if isinstance(fault, tuple):
            return refusal(*fault)
        path = request.path.partition("?")[0]
        if request.method == "PUT":
            digest = hashlib.sha256(request.body)
            sums = (request.headers.get("x-amz-checksum-sha256"), request.headers.get("x-amz-content-sha256", ""))
            if sums[0] not in (None, base64.b64encode(digest.digest()).decode()):
                return refusal(400, "BadDigest")
            if sums[1] not in ("UNSIGNED-PAYLOAD", digest.hexdigest()) and not sums[1].startswith("STREAMING"):
                return refusal(400, "XAmzContentSHA256Mismatch")
            self.objects[path] = request.body
            return Reply(headers={"ETag": f'"{hashlib.md5(request.body).hexdigest()}"', "x-amz-request-id": "ID1"})
        if path not in self.objects:
            return refusal(404, "NoSuchKey")
        body = self.objects[path]
        headers = {
            "ETag": f'"{hashlib.md5(body).hexdigest()}"',
            "x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(body).digest()).decode(),
            "Date": "Sun, 29 Nov 2026 00:00:00 GMT",
        }
        if fault == "cut":
            return Reply(headers={**headers, "Content-Length": str(len(body))}, body=[body[:-1]])
        if fault == "other bytes":
            body = bytes(len(body))
        if fault == "no length":
            chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
            return Reply(headers={**headers, "Transfer-Encoding": "chunked", "Content-Length": "1000000"}, body=[chunk])
        return Reply(headers=headers, body=body)


def refusal(status: int, code: str) -> Reply:
    """S3's words for an error."""
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    return Reply(status, {"Content-Type": "application/xml"}, body)
