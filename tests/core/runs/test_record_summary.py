"""Summaries: what the listing does not prove is not there, whoever wrote it."""

from __future__ import annotations

import gzip
import hashlib
import random

import pytest

from opsctl.core.dataset.scan import S3Object
from opsctl.core.record import UnreadableRecord
from opsctl.core.runs import record_summary
from opsctl.core.runs.record_summary import proved_bodies, summary_number, summary_of

BODIES = {f"{index:05d}.json": b'{"index": %d}' % index for index in range(20)}


def listed(bodies: dict[str, bytes] = BODIES) -> list[S3Object]:
    return [
        S3Object(key=f"r/{name}", size_bytes=len(body), etag=hashlib.md5(body).hexdigest())
        for name, body in bodies.items()
    ]


def proved(data: bytes, objects: list[S3Object]) -> dict[str, bytes]:
    return {obj.key.removeprefix("r/"): body for obj, body in proved_bodies(data, "s3://data/s", objects)}


def test_every_body_comes_back() -> None:
    assert proved(summary_of(BODIES), listed()) == BODIES
    assert proved(summary_of({}), listed()) == {}


def test_only_what_the_listing_shows_counts() -> None:
    written_again = {**BODIES, "00003.json": b'{"index": 9}'}
    gone = {name: body for name, body in BODIES.items() if name != "00004.json"}
    assert proved(summary_of(BODIES), listed(written_again)).keys() == BODIES.keys() - {"00003.json"}
    assert proved(summary_of(BODIES), listed(gone)) == gone
    forged = {name: body.replace(b"1", b"2") for name, body in BODIES.items()}
    assert proved(summary_of(forged), listed()) == {name: body for name, body in BODIES.items() if b"1" not in body}


def test_under_a_kms_key_nothing_is_proved() -> None:
    objects = [S3Object(key=obj.key, size_bytes=obj.size_bytes, etag="5e" * 16) for obj in listed()]
    assert proved(summary_of(BODIES), objects) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x" * 3_000_000,
        b'{"schema_version": 7, "names": [], "sizes": []}\n',
        b'{"schema_version": 1, "names": ["00001.json"], "sizes": []}\n',
        b'{"schema_version": 1, "names": ["00001.json"], "sizes": [2000000]}\n',
        b'{"schema_version": 1, "names": ["00001.json"], "sizes": [-5]}\n',
        b'{"schema_version": 1, "names": ["00001.json"], "sizes": [5]}\n',
    ],
)
def test_what_is_no_summary_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableRecord):
        proved(gzip.compress(content), listed())


def test_a_gzip_stream_that_grows_without_end_is_read_as_far_as_its_header() -> None:
    with pytest.raises(UnreadableRecord):
        proved(gzip.compress(b" " * 500_000_000, 9), listed())


def test_no_byte_of_a_damaged_summary_changes_what_is_read() -> None:
    whole, source = summary_of(BODIES), random.Random(17)
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(source.randint(1, 4)):
            damaged[source.randrange(len(damaged))] = source.randrange(256)
        taken = {}
        try:
            for obj, body in proved_bodies(bytes(damaged[: source.randint(0, len(damaged))]), "s3://s", listed()):
                taken[obj.key.removeprefix("r/")] = body
        except UnreadableRecord:
            pass
        assert taken.items() <= BODIES.items()


def test_a_summary_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_summary, "MOST_BYTES", 60)
    assert list(proved(summary_of(BODIES), listed())) == list(BODIES)[:5]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("00000.json", 0),
        ("01999.2.ab.json", 1),
        ("123456.json", 123),
        ("1.json", None),
        ("x.json", None),
        ("00001", None),
    ],
)
def test_which_summary_a_document_is_in(name: str, number: int | None) -> None:
    assert summary_number(name) == number
