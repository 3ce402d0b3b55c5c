"""An output that goes up in parts never replaces the object of a job that has taken the claim over."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from m2g_job import causes, outputs
from m2g_job.faults import TransientFault
from m2g_job.s3 import S3, make_client
from support.job_s3 import LocalS3, Request
from support.job_world import BUCKET, OUTPUT, World

KEY = f"{OUTPUT}/dwi/large.nii.gz"
PART_BYTES = 32 * 1024 * 1024


def part(request: Request) -> bool:
    return request.method == "PUT" and "partNumber=2" in request.query


def completion(request: Request) -> bool:
    return request.method == "POST" and "uploadId=" in request.query


@pytest.mark.parametrize(
    ("last", "refusal"),
    [
        pytest.param(part, None, id="suspended after the last part"),
        pytest.param(part, (503, "SlowDown"), id="suspended in a part that S3 throttles"),
        pytest.param(completion, (503, "SlowDown"), id="suspended in a completion that S3 throttles"),
    ],
)
def test_a_job_past_its_lease_completes_no_upload(
    world: World, s3: LocalS3, last: Callable[[Request], bool], refusal: tuple[int, str] | None
) -> None:
    path = world.folder / "large.nii.gz"
    path.write_bytes(bytes(PART_BYTES + 1))
    sent: list[Request] = []
    lost: list[Request] = []

    def lose_the_claim(request: Request) -> tuple[int, str] | None:
        if lost and request.key == KEY:
            sent.append(request)
        if not last(request) or lost:
            return None
        lost.append(request)
        # Meanwhile another job has taken the claim over, and has written the file.
        return refusal

    def guard() -> None:
        if lost:
            raise TransientFault("the claim on this scan could not be renewed", causes.S3_UNAVAILABLE)

    world.put(KEY, b"the next holder's")
    s3.rules.append(lose_the_claim)
    with pytest.raises(TransientFault, match="could not be renewed"):
        outputs.push(
            S3(make_client()), [outputs.Output(str(path), "dwi/large.nii.gz")], f"s3://{BUCKET}/{OUTPUT}", guard=guard
        )
    assert world.get(KEY) == b"the next holder's"
    # What was sent is removed again. The first part may still have been under way.
    assert not [request for request in sent if completion(request)]
    assert "DELETE" in [request.method for request in sent]


def test_the_guard_is_asked_before_each_request_of_an_upload(world: World, s3: LocalS3) -> None:
    path = world.folder / "large.nii.gz"
    path.write_bytes(bytes(PART_BYTES + 1))
    asked: list[int] = []
    s3.requests.clear()
    outputs.push(
        S3(make_client()),
        [outputs.Output(str(path), "dwi/large.nii.gz")],
        f"s3://{BUCKET}/{OUTPUT}",
        guard=lambda: asked.append(1),
    )
    # Create, two parts, complete.
    assert len([request for request in s3.requests if request.key == KEY]) == 4
    assert len(asked) >= 4
    assert world.client.head_object(Bucket=BUCKET, Key=KEY)["ContentLength"] == PART_BYTES + 1
