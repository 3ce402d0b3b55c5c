"""The services that messages are sent to, by apprise: mail, Slack, Teams, ntfy, a webhook and many others."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opsctl.core.errors import UsageProblem
from opsctl.core.notify.address import shown_address
from opsctl.core.notify.message import Message
from opsctl.installation import ensure_extra

if TYPE_CHECKING:
    from apprise import NotifyBase

#: Before each further attempt while the user waits.
SHORT_PAUSES_SECONDS = (2.0, 5.0)

_HTTP_ERROR = re.compile(r"\berror=(\d{3})\b")
_LOGGER = "apprise"
#: apprise's names of webhooks, by the form of their content.
_WEBHOOKS = ("JSON", "XML", "Form")


@dataclass(frozen=True)
class Service:
    """One address.

    Attributes
    ----------
    address
        As it was typed, with its tokens: never shown.
    name
        The service's name for messages, such as Slack.
    """

    address: str = field(repr=False)
    name: str
    plugin: NotifyBase = field(repr=False, compare=False)


@dataclass(frozen=True)
class NotSent:
    """A service that did not take a message."""

    service: Service
    reason: str

    def __str__(self) -> str:
        return f"{self.service.name[0].upper()}{self.service.name[1:]} {self.reason}."


def find_services(addresses: Sequence[str]) -> list[Service]:
    """Read addresses without sending anything.

    Raises
    ------
    Problem
        Without the extra `notify`.
    UsageProblem
        For an address that apprise does not understand. The sentence does not hold it.
    """
    ensure_extra("notify")
    from apprise import Apprise, AppriseAsset

    # Otherwise messages show apprise's name, and pictures that the reader's program would load from its site.
    asset = AppriseAsset(
        app_id="opsctl",
        app_desc="opsctl",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        plugin_paths=[],
    )
    services = []
    with _log_lines():
        for address in addresses:
            plugin = Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
            if plugin is None:
                raise UsageProblem(
                    f"--notify: {shown_address(address)} is not an address of a message.", _advice(address)
                )
            name = str(plugin.service_name)
            services.append(Service(address, "a webhook" if name in _WEBHOOKS else name, plugin))
    return services


def send_once(services: Sequence[Service], message: Message) -> list[NotSent]:
    """Send a message to each service; returns those that did not take it."""
    return [NotSent(service, reason) for service in services if (reason := _refusal(service, message))]


def send(services: Sequence[Service], message: Message, *, sleep: Callable[[float], None]) -> list[NotSent]:
    """Send a message to each service, in three attempts; returns those that did not take it."""
    not_sent = send_once(services, message)
    for pause in SHORT_PAUSES_SECONDS:
        if not not_sent:
            break
        sleep(pause)
        not_sent = send_once([failure.service for failure in not_sent], message)
    return not_sent


def names_text(services: Sequence[Service]) -> str:
    """`ntfy and Slack`."""
    *names, last = dict.fromkeys(service.name for service in services)
    return f"{', '.join(names)} and {last}" if names else last


def _refusal(service: Service, message: Message) -> str:
    """Why a service did not take the message; empty where it did."""
    with _log_lines() as lines:
        try:
            is_sent = service.plugin.notify(body=message.body, title=message.title, notify_type=message.kind)
        except Exception as error:  # whatever a service's plugin raises must not end a command whose work is done
            is_sent = False
            lines.append(type(error).__name__)
    if is_sent:
        return ""
    # Only the number: a line may hold a host, a channel or a token.
    status = next((match[1] for line in lines if (match := _HTTP_ERROR.search(line))), "")
    return f"refused the message (HTTP status {status})" if status else "could not be reached, or refused the message"


@contextmanager
def _log_lines() -> Iterator[list[str]]:
    """Collect apprise's log lines, which would otherwise be printed with hosts and channels in them."""
    lines: list[str] = []

    class _Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger, collector = logging.getLogger(_LOGGER), _Collector(logging.WARNING)
    was_propagated, level = logger.propagate, logger.level
    logger.addHandler(collector)
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    try:
        yield lines
    finally:
        logger.removeHandler(collector)
        logger.propagate = was_propagated
        logger.setLevel(level)


def _advice(address: str) -> str:
    if address.lower().startswith(("http://", "https://")):
        return "A webhook's address begins with json:// (http) or jsons:// (https)."
    return "An address looks like ntfys://TOPIC, slack://TOKEN-A/TOKEN-B/TOKEN-C or mailtos://USER:PASSWORD@HOST."
