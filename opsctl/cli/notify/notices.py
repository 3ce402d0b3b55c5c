"""`--notify` of `run` and `status`: checks the addresses first, and sends or keeps the message."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from opsctl.core.notify.address import split_addresses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.cli.context import Context
    from opsctl.commands.notify.services import Service
    from opsctl.core.runs.status import RunStatus


class Notices:
    """The services that are told when a run has ended.

    Parameters
    ----------
    typed
        `--notify`, or the setting `notify`.

    Raises
    ------
    Problem
        If an address is wrong, or the extra is missing.
    """

    def __init__(self, context: Context, typed: Sequence[str] | None) -> None:
        self._context = context
        self._services: list[Service] = []
        if addresses := split_addresses(typed or ()):
            from opsctl.commands.notify.services import find_services

            self._services = find_services(addresses)

    def __bool__(self) -> bool:
        return bool(self._services)

    def keep(self, run_id: str) -> None:
        """Have the local platform send the message when the run has ended.

        Raises
        ------
        Problem
            If it cannot be kept.
        """
        from opsctl.commands.notify.services import names_text
        from opsctl.local.notices.pending import PendingNotice, PendingNotices

        addresses = tuple(service.address for service in self._services)
        notice = PendingNotice(run_id, self._context.platform.name, addresses)
        PendingNotices(self._context.home.path).add(notice)
        self._context.screen.say(
            f"The local platform will send a message by {names_text(self._services)} when the run has ended."
        )

    def leave_out_kept(self, run_id: str) -> None:
        """Leave out the addresses that the local platform sends this run's message to."""
        from opsctl.local.notices.pending import PendingNotices

        kept = PendingNotices(self._context.home.path).find(run_id) if self._context.platform.is_local else None
        if kept is not None:
            self._services = [service for service in self._services if service.address not in kept.addresses]

    def send(self, status: RunStatus) -> None:
        """Send the message now; a service that does not take it is a warning, and changes no exit code."""
        if not self._services or not status.is_over:
            return
        from opsctl.commands.notify.services import names_text, send
        from opsctl.render.notice import run_message

        message = run_message(status, platform_name=self._context.platform.name)
        screen = self._context.screen
        with screen.waiting("sending the message"):
            not_sent = send(self._services, message, sleep=time.sleep)
        failed = [failure.service for failure in not_sent]
        if sent := [service for service in self._services if service not in failed]:
            screen.say(f"A message was sent by {names_text(sent)}.")
        for failure in not_sent:
            screen.warn(f"No message was sent: {failure}")
