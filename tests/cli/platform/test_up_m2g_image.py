"""`up` looks m2g's own image up for the platform's record."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.stub import Stubber

from opsctl.aws.clients import Clients
from opsctl.cli.platform.up_options import with_m2g_image
from opsctl.core.platform.options import PlatformOptions
from opsctl.render.screen import Screen

DIGEST = "sha256:" + "a" * 64
OPTIONS = PlatformOptions(name="m2g", region="us-east-1", account_id="123456789012", version="0.1.0")
CONTEXT: Any = SimpleNamespace(screen=Screen())


@pytest.fixture
def clients() -> Clients:
    return Clients(endpoint_url="http://127.0.0.1:1")


def test_it_is_looked_up_in_the_image_that_the_jobs_will_run(clients: Clients) -> None:
    image = {"imageId": {"imageDigest": DIGEST}, "imageManifest": json.dumps({"manifests": []})}
    with Stubber(clients.ecr) as stubber:
        stubber.add_response("batch_get_image", {"images": [image]})
        assert with_m2g_image(CONTEXT, clients, OPTIONS).m2g_image == DIGEST
        stubber.assert_no_pending_responses()


def test_before_the_first_push_the_images_name_stands_for_it(
    clients: Clients, capsys: pytest.CaptureFixture[str]
) -> None:
    with Stubber(clients.ecr) as stubber:
        stubber.add_client_error("batch_get_image", "RepositoryNotFoundException")
        assert with_m2g_image(CONTEXT, clients, OPTIONS).m2g_image == OPTIONS.job_image
    assert capsys.readouterr().err == ""


def test_up_goes_on_without_and_says_what_follows(clients: Clients, capsys: pytest.CaptureFixture[str]) -> None:
    options = OPTIONS.with_options({"image": f"{OPTIONS.repository_url}@{DIGEST}"})
    context: Any = SimpleNamespace(screen=Screen())
    with Stubber(clients.ecr) as stubber:
        stubber.add_client_error("batch_get_image", "AccessDeniedException")
        assert with_m2g_image(context, clients, options).m2g_image == DIGEST
    message = " ".join(capsys.readouterr().err.split())
    assert "could not be looked up" in message and "will take it for another m2g" in message


def test_the_local_platform_asks_nobody(clients: Clients) -> None:
    local = PlatformOptions(name="local", region="us-east-1", account_id="1", is_local=True, version="0.1.0")
    with Stubber(clients.ecr):
        assert with_m2g_image(CONTEXT, clients, local) == local
