"""Whether ECR holds an image: it says so, it is not asked, or it does not tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from opsctl.aws.clients import Clients
from opsctl.aws.ecr.image import find_image
from opsctl.aws.refusals import DENIED
from opsctl.core.diagnosis.queue_snapshot import Image, NotVisible

DIGEST = "sha256:" + "a" * 64
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/opsctl-m2g:0.1.0"
PINNED = ECR.replace(":0.1.0", f"@{DIGEST}")
ASKED = {"registryId": "123456789012", "repositoryName": "opsctl-m2g", "imageIds": [{"imageTag": "0.1.0"}]}


@pytest.fixture
def stubbed() -> Iterator[tuple[Any, Stubber]]:
    client = Clients(endpoint_url="http://127.0.0.1:1", region="eu-central-1").ecr
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def test_ecr_is_asked(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    stubber.add_response("describe_images", {"imageDetails": [{"imageDigest": DIGEST}]}, ASKED)
    assert find_image(client, ECR) == Image(ECR, True, digest=DIGEST)


def test_a_pinned_image_is_asked_for_by_its_digest(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    asked = {**ASKED, "imageIds": [{"imageDigest": DIGEST}]}
    stubber.add_client_error("describe_images", "ImageNotFoundException", expected_params=asked)
    assert find_image(client, PINNED) == Image(PINNED, False, digest=DIGEST)


@pytest.mark.parametrize("code", ["ImageNotFoundException", "RepositoryNotFoundException"])
def test_only_ecrs_own_word_makes_an_image_missing(stubbed: tuple[Any, Stubber], code: str) -> None:
    client, stubber = stubbed
    stubber.add_client_error("describe_images", code, expected_params=ASKED)
    assert find_image(client, ECR) == Image(ECR, False, has_repository=code == "ImageNotFoundException")


@pytest.mark.parametrize("code", sorted(DENIED))
def test_who_may_not_look_does_not_know(stubbed: tuple[Any, Stubber], code: str) -> None:
    client, stubber = stubbed
    stubber.add_client_error("describe_images", code, expected_params=ASKED)
    assert find_image(client, ECR) == NotVisible("ecr:DescribeImages", "is not permitted")


@pytest.mark.parametrize(
    ("image", "digest"),
    [
        (f"neurodata/m2g@{DIGEST}", DIGEST),
        ("neurodata/m2g:latest", None),
        ("opsctl-preview:0.1.0", None),
        (ECR.replace("eu-central-1", "us-east-1"), None),
    ],
)
def test_nobody_is_asked_about_an_image_outside_this_regions_ecr(
    stubbed: tuple[Any, Stubber], image: str, digest: str | None
) -> None:
    assert find_image(stubbed[0], image) == Image(image, None, digest=digest)
