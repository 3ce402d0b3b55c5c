"""The journal of AWS calls: what was asked, how long it took, how it ended. No headers, no bodies, no subjects.

Calls go to the logger `opsctl.aws` as they end; the boundary decides who reads it (the log file, `--verbose`).
botocore's own events are listened to: a call costs some microseconds more, in whichever thread it is made.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opsctl.aws.place import s3_place

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


@dataclass
class _Call:
    name: str
    place: str
    began: float = field(default_factory=time.perf_counter)
    tries: int = 0


def keep_journal(client: BaseClient) -> None:
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
    context[_CALL] = _Call(f"{service}.{model.name}", s3_place(params) if service == "s3" else "")


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
    call: _Call | None = context.get(_CALL)
    if call is None:
        return
    words = [call.name, f"{(time.perf_counter() - call.began) * 1000:.0f} ms", outcome]
    words += [f"{call.tries} tries"] if call.tries > 1 else []
    words += [call.place] if call.place else []
    CALLS.info(" ".join(words), extra={"request_id": request_id})
