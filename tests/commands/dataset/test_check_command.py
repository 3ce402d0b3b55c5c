"""Which scans `run` looks at, and `check` over all of them."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import traceback
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, IncompleteReadError
from support.input_cases import CASES

from opsctl.aws.s3.scan_objects import ScanObjects
from opsctl.commands.dataset.check import check, look, spread
from opsctl.commands.dataset.headers import Headers
from opsctl.core.dataset.scan import Input, Scan
from opsctl.core.dataset.scan_validation import Verdict
from opsctl.core.errors import Problem


def scan(number: int) -> Scan:
    image = Input(uri=f"s3://data/D/{number}_bold.nii", role="bold", size_bytes=1, etag="e")
    return Scan(
        name=f"sub-{number:02d}", subject=str(number), session=None, entities={}, pipeline="func", inputs=(image,)
    )


@pytest.mark.parametrize("count", [1, 15, 16, 17, 300, 10_000])
def test_a_few_scans_from_all_over(count: int) -> None:
    scans = [scan(number) for number in range(count)]
    chosen = spread(scans)
    assert len(chosen) <= 16
    assert chosen[0] is scans[0]
    assert len(chosen) == count if count <= 16 else len(chosen) >= 8
    assert scans.index(chosen[-1]) >= count - 1 - count // 8


@pytest.mark.parametrize(
    ("count", "seconds", "is_all", "looked_at"),
    [
        (10, 60.0, False, 10),
        (300, 0.5, False, 300),  # 300 scans take about 10 s
        (340, 0.5, False, 16),
        (340, 0.5, True, 340),
        (0, 0.0, False, 0),
    ],
)
def test_all_scans_are_looked_at_where_that_takes_ten_seconds(
    count: int, seconds: float, is_all: bool, looked_at: int
) -> None:
    """`seconds` is what the look at the first scans takes."""
    times = iter([0.0, seconds])
    scans = [scan(number) for number in range(count)]

    def judge(some: Any) -> list[Verdict]:
        return [Verdict(scan=one.name, level="wrong" if one is scans[0] else "fine") for one in some]

    seen = look(scans, judge, is_all=is_all, clock=lambda: next(times))
    names = [verdict.scan for verdict in seen.verdicts]
    assert (seen.scan_count, len(set(names))) == (count, looked_at)
    assert names == sorted(names, key=[one.name for one in scans].index)
    assert [verdict.scan for verdict in seen.invalid] == [one.name for one in scans[:1]]


def test_every_scan_gets_its_own_verdict_in_order(s3: Any) -> None:
    for number in range(5):
        s3.put_object(Bucket="data", Key=f"D/{number}_bold.nii", Body=b"no image")
    told: list[None] = []
    scans = [scan(number) for number in range(5)]
    verdicts = check(scans, Headers(ScanObjects(s3)), root_volume_gib=100, on_scan=lambda: told.append(None))
    assert [(verdict.scan, verdict.level) for verdict in verdicts] == [(scan.name, "wrong") for scan in scans]
    assert len(told) == 5


_NAMES = {"dwi": "_dwi.nii.gz", "bval": "_dwi.bval", "bvec": "_dwi.bvec", "T1w": "_T1w.nii.gz"}


class RefusingS3:
    """Whole scans `sub-0` to `sub-2`; the objects in `answers` are answered with an error instead."""

    def __init__(self, answers: dict[str, Exception]) -> None:
        self._answers = answers
        self._content = CASES["sound"].inputs().files()

    def get_object(self, *, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:
        if Key in self._answers:
            raise self._answers[Key]
        role = next(role for role, ending in _NAMES.items() if Key.endswith(ending))
        return {"Body": io.BytesIO(self._content[role])}

    def scans(self) -> list[Scan]:
        return [
            Scan(
                name=f"sub-{number}",
                subject=str(number),
                session=None,
                entities={},
                pipeline="dwi",
                inputs=tuple(
                    Input(uri=f"s3://data/D/sub-{number}{_NAMES[role]}", role=role, size_bytes=10**6, etag="e")
                    for role in self._content
                ),
            )
            for number in range(3)
        ]


def refused(code: str, status: int, message: str = "", **more: Any) -> ClientError:
    reply: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
    return ClientError(reply, "GetObject")


#: What S3 says of one object, and what the verdict says of it.
OF_ONE_OBJECT = {
    "denied": (refused("AccessDenied", 403, "Access Denied"), "S3 answered AccessDenied (Access Denied)"),
    "gone since the listing": (refused("NoSuchKey", 404), "S3 answered NoSuchKey"),
    "the key is disabled": (
        refused("KMS.DisabledException", 400, "x is disabled."),
        "S3 answered KMS.DisabledException (x is disabled)",
    ),
    "the key may not be used": (refused("KMS.AccessDeniedException", 400), "S3 answered KMS.AccessDeniedException"),
    "S3 fails": (refused("InternalError", 500), "S3 answered InternalError"),
    "archived": (
        refused("InvalidObjectState", 403, StorageClass="GLACIER"),
        "it is archived; `aws s3api restore-object --bucket data --key {key} --restore-request Days=7`",
    ),
    "in an archive of Intelligent-Tiering": (
        refused("InvalidObjectState", 403, StorageClass="INTELLIGENT_TIERING", AccessTier="ARCHIVE_ACCESS"),
        "it is archived; `aws s3api restore-object --bucket data --key {key} --restore-request '{{}}'`",
    ),
    "broken off": (IncompleteReadError(actual_bytes=1, expected_bytes=2), "its content broke off in each attempt"),
}


@pytest.mark.parametrize("role", ["dwi", "bval", "bvec", "T1w"])
@pytest.mark.parametrize("kind", OF_ONE_OBJECT)
def test_a_refused_object_is_named_and_every_scan_has_a_verdict(role: str, kind: str) -> None:
    error, said = OF_ONE_OBJECT[kind]
    client: Any = RefusingS3({f"D/sub-1{_NAMES[role]}": error})
    verdicts = check(client.scans(), Headers(ScanObjects(client)), root_volume_gib=100, on_scan=lambda: None)
    assert [(verdict.scan, verdict.level) for verdict in verdicts] == [
        ("sub-0", "fine"), ("sub-1", "wrong"), ("sub-2", "fine"),
    ]  # fmt: skip
    (finding,) = verdicts[1].findings
    assert finding.startswith(f"sub-1{_NAMES[role]} cannot be read: ")
    assert said.format(key=f"D/sub-1{_NAMES[role]}") in finding


@pytest.mark.parametrize(
    "error",
    [
        refused("ExpiredToken", 400),
        refused("InvalidAccessKeyId", 403),
        refused("NoSuchBucket", 404),
        EndpointConnectionError(endpoint_url="https://s3.amazonaws.com"),
    ],
)
def test_an_error_of_every_object_ends_the_pass(error: Exception) -> None:
    client: Any = RefusingS3({"D/sub-1_dwi.bval": error})
    with pytest.raises(Problem):
        check(client.scans(), Headers(ScanObjects(client)), root_volume_gib=100, on_scan=lambda: None)


def _main_thread_functions() -> set[str]:
    frame = sys._current_frames()[threading.main_thread().ident or 0]
    return {called.f_code.co_name for called, _ in traceback.walk_stack(frame)}


def test_ctrl_c_does_not_wait_for_images_that_are_being_read() -> None:
    release, ended = threading.Event(), threading.Event()

    class SlowHeaders:
        """S3 that sends a large image slowly; the user presses Ctrl-C meanwhile."""

        def facts(self, one: Scan, *, is_whole: bool) -> None:
            # Before, the main thread may still be starting this one.
            while not _main_thread_functions() & {"join", "result"} or "start" in _main_thread_functions():
                release.wait(0.01)
            os.kill(os.getpid(), signal.SIGINT)
            release.wait(10)
            ended.set()

    slow: Any = SlowHeaders()
    with pytest.raises(KeyboardInterrupt):
        check([scan(1)], slow, root_volume_gib=100, on_scan=lambda: None, is_whole=True)
    assert not ended.is_set()
    release.set()
