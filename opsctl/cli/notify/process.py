"""The process that sends the messages of one run: `python -m opsctl.cli.notify.process RUN_ID [--last]`.

The local platform's server starts it when the run's last job has ended. Its lines go into the server's log; no address
is in them, and none on its command line.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from opsctl.aws.transient import is_transient
from opsctl.core.errors import Problem
from opsctl.home import Home
from opsctl.local.notices.notifier import NOT_OVER, NOT_SENT, SETTLED
from opsctl.local.notices.pending import PendingNotice, PendingNotices
from opsctl.log_format import EntryFormatter

if TYPE_CHECKING:
    from opsctl.core.runs.status import RunStatus

_LOG = logging.getLogger("opsctl.notify")


def main(arguments: Sequence[str]) -> int:
    """Send the messages of a run if it has ended; returns the exit code.

    Parameters
    ----------
    arguments
        The run's id, and `--last` for the last attempt.
    """
    run_id, is_last = arguments[0], "--last" in arguments[1:]
    pending = PendingNotices(Home.of(os.environ).path)
    notice = pending.find(run_id)
    if notice is None:
        return SETTLED
    try:
        return _send(pending, notice, is_last=is_last)
    except Problem as problem:
        _log(run_id, f"no message could be sent: {problem.what}")
        # A run that was deleted, or a record that cannot be read, is the same at the next attempt.
        return NOT_SENT if is_transient(problem) and not is_last else SETTLED


def _send(pending: PendingNotices, notice: PendingNotice, *, is_last: bool) -> int:
    from opsctl.commands.notify.services import find_services, send_once
    from opsctl.render.notice import run_message

    status = _status(notice)
    if not status.is_over:
        return NOT_OVER
    services = find_services(notice.addresses)
    not_sent = send_once(services, run_message(status, platform_name=notice.platform))
    failed = [failure.service for failure in not_sent]
    for service in services:
        if service not in failed:
            _log(notice.run_id, f"the message was sent to {service.name}")
    for failure in not_sent:
        _log(notice.run_id, f"{failure} {'It was the last attempt.' if is_last else 'It is tried again later.'}")
    pending.replace(notice, [service.address for service in failed])
    return SETTLED if is_last or not failed else NOT_SENT


def _status(notice: PendingNotice) -> RunStatus:
    from opsctl.cli.context import Context

    context = Context(platform_name=notice.platform)
    reader = context.snapshots(notice.run_id)
    return reader.progress(wait_reason=False).with_costs(context.pricing(reader.run))


def _log(run_id: str, text: str) -> None:
    _LOG.info("%s: %s", run_id, text)


if __name__ == "__main__":
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(EntryFormatter("%(asctime)s opsctl.notify %(message)s"))
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.INFO)
    sys.exit(main(sys.argv[1:]))
