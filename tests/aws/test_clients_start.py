"""What making a client costs: botocore's own handlers are registered without a look at their signatures."""

from __future__ import annotations

from typing import Any

import pytest

from opsctl.aws.clients import Clients


def test_no_handlers_signature_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(function: Any) -> bool:
        raise AssertionError(f"the signature of {function} is read")

    monkeypatch.setattr("botocore.hooks.accepts_kwargs", fail)
    for clients in (Clients(region="us-east-1"), Clients(endpoint_url="http://127.0.0.1:9")):
        assert clients.s3.meta.region_name == "us-east-1"
