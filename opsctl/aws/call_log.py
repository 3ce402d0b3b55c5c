"""Logs each AWS call: operation, duration and outcome. No headers, no bodies, no subjects' names.

Calls go to the logger `opsctl.aws` when they end; its handlers are the log file and `--verbose`. The calls are
observed through botocore's events, which cost some microseconds per call, in any thread.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.client import BaseClient

#: The logger of the calls. A record's `request_id` is AWS's id of the call.
CALLS = logging.getLogger("opsctl.aws")
CALLS.propagate = False
CALLS.addHandler(logging.NullHandler())
CALLS.setLevel(logging.INFO)

# The key under which the handlers of one call share data in botocore's context of that call.
_CALL = "opsctl_call"

#: Opsctl's own records (`opsctl/runs/RUN_ID/scans/…`): these folders name the run and an index only.
_OWN_FOLDER, _OWN_DEPTH = "opsctl", 4


class _LoggedCall:
    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.path = path
        self.started = time.perf_counter()
        self.tries = 0


def log_calls(client: BaseClient) -> None:
    """Log a client's calls.

    Parameters
    ----------
    client
        Of any service. Call this after registering handlers that change a reply.
    """
    events = client.meta.events
    events.register("provide-client-params", _on_start)
    events.register("response-received", _on_attempt)
    events.register("after-call", _on_end)
    events.register("after-call-error", _on_error)


def _on_start(params: Mapping[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
    service = model.service_model.service_name
    context[_CALL] = _LoggedCall(f"{service}.{model.name}", redacted_path(params) if service == "s3" else "")


def _on_attempt(context: Mapping[str, Any], **_: Any) -> None:
    if _CALL in context:
        context[_CALL].tries += 1


def _on_end(parsed: Mapping[str, Any], context: Mapping[str, Any], **_: Any) -> None:
    reply = parsed.get("ResponseMetadata", {})
    status, code = str(reply.get("HTTPStatusCode", "")), str(parsed.get("Error", {}).get("Code", ""))
    # S3 replies without a body have the status as their code.
    outcome = f"{status} {code}" if code not in ("", status) else status
    # S3 has a second id of the call; AWS Support asks for both.
    ids = (reply.get("RequestId", ""), reply.get("HostId", ""))
    _log(context, outcome, request_id=" ".join(filter(None, ids)))


def _on_error(exception: Exception, context: Mapping[str, Any], **_: Any) -> None:
    _log(context, type(exception).__name__, request_id="")


def _log(context: Mapping[str, Any], outcome: str, *, request_id: str) -> None:
    call: _LoggedCall | None = context.get(_CALL)
    if call is not None:
        outcome += f" {call.tries} tries" if call.tries > 1 else ""
        _write(call.name, call.path, time.perf_counter() - call.started, outcome, request_id)


def log_call(name: str, params: Mapping[str, Any], *, seconds: float, outcome: str, request_id: str) -> None:
    """Log a call of S3 that botocore does not make.

    Parameters
    ----------
    name
        As `s3.PutObject`.
    params
        Its `Bucket` and `Key`.
    outcome
        The HTTP status, or the name of an error.
    request_id
        AWS's ids of the call; empty where there was no reply.
    """
    if CALLS.isEnabledFor(logging.INFO):
        _write(name, redacted_path(params), seconds, outcome, request_id)


def _write(name: str, path: str, seconds: float, outcome: str, request_id: str) -> None:
    parts = [name, f"{seconds * 1000:.0f} ms", outcome, path]
    CALLS.info(" ".join(filter(None, parts)), extra={"request_id": request_id})


def redacted_path(params: Mapping[str, Any]) -> str:
    """The bucket and the first folder of an S3 call's key or prefix, `s3://data/HNU1/…`.

    Parameters
    ----------
    params
        The call's parameters.

    Returns
    -------
    str
        Empty for a call without a bucket. For opsctl's own records, the folders that name the run.
    """
    bucket = params.get("Bucket")
    if not bucket:
        return ""
    key = str(params.get("Key") or params.get("Prefix") or "")
    folders = key.split("/")[:-1]
    depth = _OWN_DEPTH if folders[:1] == [_OWN_FOLDER] else 1
    shown = []
    for folder in folders[:depth]:
        # In a dataset at the bucket's root the first folder is a subject.
        if folder.startswith(("sub-", "ses-")):
            break
        shown.append(folder)
    rest = "…" if key and "/".join([*shown, ""]) != key else ""
    return f"s3://{bucket}/" + "".join(f"{folder}/" for folder in shown) + rest
