"""What ECR's scan of an image says, from the answers that AWS documents or that people have reported."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from opsctl.aws.clients import Clients
from opsctl.aws.ecr.registry import Registry
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.image.scan import ImageScan

DIGEST = "sha256:" + "a" * 64
DAY = datetime(2026, 11, 22, 18, 44, tzinfo=UTC)
ASKED = {"repositoryName": "opsctl-m2g", "imageId": {"imageDigest": DIGEST}}


@pytest.fixture(scope="module")
def client() -> Any:
    return Clients(endpoint_url="http://127.0.0.1:1").ecr


@pytest.fixture
def stubber(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def scan(client: Any) -> ImageScan:
    return Registry(client, "123456789012.dkr.ecr.eu-central-1.amazonaws.com/opsctl-m2g").scan(DIGEST)


def answer(status: str, description: str = "", **findings: Any) -> dict[str, Any]:
    return {"imageScanStatus": {"status": status, "description": description}, "imageScanFindings": findings}


ENHANCED = {"enhancedFindings": [{"severity": "HIGH", "status": "ACTIVE"}]}
STATES = [
    # Basic scanning, as https://docs.aws.amazon.com/AmazonECR/latest/userguide/describe-scan-findings.html shows it.
    (
        answer("COMPLETE", findingSeverityCounts={"LOW": 4, "CRITICAL": 1, "MEDIUM": 0}, imageScanCompletedAt=DAY),
        ImageScan(
            status="COMPLETE", findings={"CRITICAL": 1, "LOW": 4}, completed_at=DAY, is_enhanced=False, description=""
        ),
    ),
    # Without a finding, and in a scan's first seconds, the counts are not there: aws/aws-sdk issue 289.
    (answer("COMPLETE", findings=[]), ImageScan(status="COMPLETE", findings={}, is_enhanced=False)),
    # Amazon Inspector's: aws/aws-cli issue 6759.
    (
        answer("ACTIVE", "Continuous scan is selected for image.", findingSeverityCounts={"HIGH": 1}, **ENHANCED),
        ImageScan(
            status="ACTIVE",
            description="Continuous scan is selected for image.",
            findings={"HIGH": 1},
            is_enhanced=True,
        ),
    ),
    (answer("ACTIVE", findings=[]), ImageScan(status="ACTIVE", findings={}, is_enhanced=True)),
    (answer("IN_PROGRESS"), ImageScan(status="IN_PROGRESS", is_enhanced=False)),
    (answer("PENDING"), ImageScan(status="PENDING", is_enhanced=False)),
    (answer("FAILED", "Not enough layers."), ImageScan(status="FAILED", description="Not enough layers.")),
    (answer("UNSUPPORTED_IMAGE"), ImageScan(status="UNSUPPORTED_IMAGE")),
    (answer("IMAGE_SIZE_EXCEEDED"), ImageScan(status="IMAGE_SIZE_EXCEEDED")),
    # A state that a later ECR may have.
    (answer("PONDERING"), ImageScan(status="PONDERING")),
    ({}, ImageScan(status="")),
]


@pytest.mark.parametrize(("reply", "expected"), STATES, ids=[state.status for _, state in STATES])
def test_each_state_is_read(client: Any, stubber: Stubber, reply: dict[str, Any], expected: ImageScan) -> None:
    stubber.add_response("describe_image_scan_findings", reply, ASKED)
    assert scan(client) == expected


def test_the_gravest_come_first(client: Any, stubber: Stubber) -> None:
    counts = {"UNDEFINED": 1, "LOW": 2, "HIGH": 3, "UNTRIAGED": 4, "CRITICAL": 5}
    stubber.add_response("describe_image_scan_findings", answer("COMPLETE", findingSeverityCounts=counts), ASKED)
    assert list(scan(client).findings or ()) == ["CRITICAL", "HIGH", "LOW", "UNTRIAGED", "UNDEFINED"]


@pytest.mark.parametrize("code", ["ScanNotFoundException", "ImageNotFoundException"])
def test_an_image_without_a_scan_is_not_scanned(client: Any, stubber: Stubber, code: str) -> None:
    stubber.add_client_error("describe_image_scan_findings", code)
    assert scan(client) == ImageScan(status="NOT_SCANNED")


def test_a_refusal_is_a_sentence(client: Any, stubber: Stubber) -> None:
    stubber.add_client_error("describe_image_scan_findings", "AccessDeniedException")
    with pytest.raises(Problem) as raised:
        scan(client)
    assert raised.value.code is ErrorCode.AWS_DENIED
