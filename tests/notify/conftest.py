"""Services that take messages."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from notify.receivers import Webhook, webhook


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with webhook() as receiver:
        yield receiver
