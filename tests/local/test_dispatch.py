"""moto's dispatch with a memory: the same services, asked for once."""

from __future__ import annotations

import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from opsctl.local.dispatch import Dispatcher

HOSTS = [None, "moto_api", "nowhere", *(f"{name}.us-east-1.amazonaws.com" for name in ("s3", "batch", "iam", "ec2"))]


def test_each_host_has_the_service_that_moto_gives_it() -> None:
    dispatcher, plain = Dispatcher(), DomainDispatcherApplication(create_backend_app)
    expected = [plain.get_backend_for_host(host) for host in HOSTS]

    assert [dispatcher.get_backend_for_host(host) for host in HOSTS * 2] == expected * 2
    assert expected[-4:] == ["s3", "batch", "iam", "ec2"]


def test_a_host_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []
    monkeypatch.setattr(DomainDispatcherApplication, "get_backend_for_host", lambda _, host: asked.append(host))
    dispatcher = Dispatcher()
    for _ in range(3):
        dispatcher.get_backend_for_host("s3.us-east-1.amazonaws.com")

    assert asked == ["s3.us-east-1.amazonaws.com"]
