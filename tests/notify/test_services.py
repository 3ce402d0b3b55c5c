"""Messages reach real services on this machine, and a service that fails is named without its address."""

from __future__ import annotations

import json
import socket
import sys
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from notify.receivers import Webhook

from opsctl.commands.notify.services import find_services, names_text, send, send_once
from opsctl.core.errors import Problem, UsageProblem
from opsctl.core.notify.message import Message

MESSAGE = Message("HNU1: 2 done, 1 failed", "HNU1 has ended.\nWhy: opsctl why", "failure")


def test_a_webhook_and_ntfy_get_it_whole(hook: Webhook) -> None:
    services = find_services([hook.address(), hook.address("ntfy", "/our-topic")])
    assert send_once(services, MESSAGE) == []
    (path, as_json), (_, as_ntfy) = hook.received
    assert (path, as_json["title"], as_json["message"], as_json["type"]) == (
        "/s3cret-token",
        MESSAGE.title,
        MESSAGE.body,
        "failure",
    )
    assert (as_ntfy["topic"], as_ntfy["title"], as_ntfy["message"]) == ("our-topic", MESSAGE.title, MESSAGE.body)
    # Pictures would be loaded from apprise's own site.
    assert "apprise" not in json.dumps(hook.received).lower()
    assert names_text(services) == "a webhook and ntfy"


def test_a_mail_server_gets_it() -> None:
    received: list[Any] = []

    class Mailbox:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 aiosmtpd's name
            received.append(envelope)
            return "250 OK"

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(Mailbox(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        address = f"mailto://127.0.0.1:{port}?smtp=127.0.0.1&from=opsctl@lab.org&to=someone@lab.org&mode=insecure"
        assert send_once(find_services([address]), MESSAGE) == []
    finally:
        controller.stop()
    (envelope,) = received
    assert envelope.rcpt_tos == ["someone@lab.org"]
    assert b"2 done, 1 failed" in envelope.content


def test_a_service_that_fails_at_first_gets_it_once(hook: Webhook) -> None:
    hook.statuses = [503, 500]
    pauses: list[float] = []
    assert send(find_services([hook.address()]), MESSAGE, sleep=pauses.append) == []
    assert (len(hook.received), pauses) == (3, [2.0, 5.0])


def test_a_service_that_goes_on_failing_is_named_without_its_address(hook: Webhook, caplog: Any) -> None:
    hook.statuses = [500] * 3
    good = hook.address("ntfy", "/our-topic")
    (failure,) = send(find_services([hook.address(), good]), MESSAGE, sleep=lambda _: None)
    assert str(failure) == "A webhook refused the message (HTTP status 500)."
    assert "s3cret" not in f"{failure!r}{caplog.text}"
    # The other service was sent to once.
    assert [path for path, _ in hook.received].count("/s3cret-token") == 3
    assert len(hook.received) == 4


def test_a_service_that_is_not_there(hook: Webhook, capfd: Any) -> None:
    (failure,) = send_once(find_services(["json://127.0.0.1:9/s3cret"]), MESSAGE)
    assert str(failure) == "A webhook could not be reached, or refused the message."
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("address", "shown", "advice"),
    [
        ("slak://T0KEN/B/C", "slak://…", "slack://"),
        ("slack://T0KEN", "slack://…", "slack://"),
        ("https://lab.org/T0KEN", "https://…", "jsons:// (https)"),
        ("T0KEN", "…", "slack://"),
    ],
)
def test_an_address_that_is_none_is_refused_without_being_shown(
    address: str, shown: str, advice: str, capfd: Any
) -> None:
    with pytest.raises(UsageProblem) as refused:
        find_services([address])
    text = str(refused.value)
    assert f"--notify: {shown} is not an address" in text
    assert advice in text
    assert "T0KEN" not in f"{text}{capfd.readouterr()}"


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsctl.installation.find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "apprise", raising=False)
    with pytest.raises(Problem, match='extra "notify", which is not installed'):
        find_services(["ntfys://topic"])
