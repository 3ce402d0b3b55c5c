"""The journal of AWS calls: what was asked, how long it took, how it ended. No headers, no bodies, no subjects.

Calls go to the logger `opsctl.aws` as they end; the boundary decides who reads it (the log file, `--verbose`).
botocore's own events are listened to: a call costs some microseconds more, in whichever thread it is made.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.client import BaseClient

#: Where the calls go. A record's message is for people; its `request_id` is AWS's name of the call.
CALLS = logging.getLogger("opsctl.aws")
CALLS.propagate = False
CALLS.addHandler(logging.NullHandler())
CALLS.setLevel(logging.INFO)

# What the handlers of one call tell each other goes through botocore's own context of that call.
_CALL = "opsctl_call"

#: Of opsctl's own documents (`opsctl/runs/RUN_ID/scans/…`): these folders carry run and index only.
_OWN, _OWN_DEPTH = "opsctl", 4


@dataclass
class _LoggedCall:
    name: str
    place: str
    began: float = field(default_factory=time.perf_counter)
    tries: int = 0


def log_calls(client: BaseClient) -> None:
    """Let a client's calls be written down as they end.

    Parameters
    ----------
    client
        Of any service; register it after every handler that changes what a reply is taken for.
    """
    events = client.meta.events
    events.register("provide-client-params", _begins)
    events.register("response-received", _is_tried)
    events.register("after-call", _ends)
    events.register("after-call-error", _breaks)


def _begins(params: Mapping[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
    service = model.service_model.service_name
    context[_CALL] = _LoggedCall(f"{service}.{model.name}", redacted_path(params) if service == "s3" else "")


def _is_tried(context: Mapping[str, Any], **_: Any) -> None:
    if _CALL in context:
        context[_CALL].tries += 1


def _ends(parsed: Mapping[str, Any], context: Mapping[str, Any], **_: Any) -> None:
    reply = parsed.get("ResponseMetadata", {})
    status, code = str(reply.get("HTTPStatusCode", "")), str(parsed.get("Error", {}).get("Code", ""))
    # S3's code of a reply without a body is the status itself.
    outcome = f"{status} {code}" if code not in ("", status) else status
    # S3 has a second name of the call; AWS's support asks for both.
    names = (reply.get("RequestId", ""), reply.get("HostId", ""))
    _write(context, outcome, request_id=" ".join(name for name in names if name))


def _breaks(exception: Exception, context: Mapping[str, Any], **_: Any) -> None:
    _write(context, type(exception).__name__, request_id="")


def _write(context: Mapping[str, Any], outcome: str, *, request_id: str) -> None:
    call: _LoggedCall | None = context.get(_CALL)
    if call is None:
        return
    words = [call.name, f"{(time.perf_counter() - call.began) * 1000:.0f} ms", outcome]
    words += [f"{call.tries} tries"] if call.tries > 1 else []
    words += [call.place] if call.place else []
    CALLS.info(" ".join(words), extra={"request_id": request_id})


def redacted_path(params: Mapping[str, Any]) -> str:
    """The bucket and the first folder of an S3 call's key or prefix, `s3://data/HNU1/…`.

    Parameters
    ----------
    params
        The call's parameters.

    Returns
    -------
    str
        Empty where the call is about no bucket; of opsctl's own documents, the folder as far as it names the run.
    """
    bucket = params.get("Bucket")
    if not bucket:
        return ""
    key = str(params.get("Key") or params.get("Prefix") or "")
    folders = key.split("/")[:-1]
    depth = _OWN_DEPTH if folders[:1] == [_OWN] else 1
    kept = []
    for folder in folders[:depth]:
        # A dataset at the bucket's root begins with its subjects.
        if folder.startswith(("sub-", "ses-")):
            break
        kept.append(folder)
    rest = "…" if key and "/".join([*kept, ""]) != key else ""
    return f"s3://{bucket}/" + "".join(f"{folder}/" for folder in kept) + rest
