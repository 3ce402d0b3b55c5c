"""Which scans `run` looks at, and `check` over all of them."""

from __future__ import annotations

from typing import Any

import pytest

from opsctl.aws.s3.headers import Headers
from opsctl.commands.dataset.check import check, spread
from opsctl.core.dataset.scan import Input, Scan


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


def test_every_scan_gets_its_own_verdict_in_order(s3: Any) -> None:
    for number in range(5):
        s3.put_object(Bucket="data", Key=f"D/{number}_bold.nii", Body=b"no image")
    told: list[None] = []
    scans = [scan(number) for number in range(5)]
    verdicts = check(scans, Headers(s3), root_volume_gib=100, on_scan=lambda: told.append(None))
    assert [(verdict.scan, verdict.level) for verdict in verdicts] == [(scan.name, "wrong") for scan in scans]
    assert len(told) == 5
