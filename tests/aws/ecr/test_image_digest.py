"""An image's digest: pinned, asked for, or not known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from opsctl.aws.clients import Clients
from opsctl.aws.ecr.image import digest_of

DIGEST = "sha256:" + "a" * 64
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/opsctl-m2g:0.1.0"
ASKED = {"registryId": "123456789012", "repositoryName": "opsctl-m2g", "imageIds": [{"imageTag": "0.1.0"}]}


@pytest.fixture
def stubbed() -> Iterator[tuple[Any, Stubber]]:
    client = Clients(endpoint_url="http://127.0.0.1:1").ecr
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def test_ecr_is_asked(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    stubber.add_response("describe_images", {"imageDetails": [{"imageDigest": DIGEST}]}, ASKED)
    assert digest_of(client, ECR) == DIGEST


@pytest.mark.parametrize("code", ["ImageNotFoundException", "AccessDeniedException"])
def test_who_cannot_tell_does_not_stop_a_run(stubbed: tuple[Any, Stubber], code: str) -> None:
    client, stubber = stubbed
    stubber.add_client_error("describe_images", code, expected_params=ASKED)
    assert digest_of(client, ECR) is None


@pytest.mark.parametrize(
    ("image", "digest"),
    [(f"neurodata/m2g@{DIGEST}", DIGEST), ("neurodata/m2g:latest", None), ("opsctl-preview:0.1.0", None)],
)
def test_nobody_is_asked_where_the_name_says_it_or_no_one_knows(
    stubbed: tuple[Any, Stubber], image: str, digest: str | None
) -> None:
    assert digest_of(stubbed[0], image) == digest
