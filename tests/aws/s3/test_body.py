"""A body that breaks off is asked for again."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import IncompleteReadError

from opsctl.aws.s3.body import read
from opsctl.core.record import UnreadableRecord


class Breaking:
    """A client whose bodies break off so often."""

    def __init__(self, breaks: int) -> None:
        self.breaks = breaks
        self.asked: list[dict[str, Any]] = []
        self.pieces = 0

    def get_object(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        return {"Body": self, "ETag": "e"}

    def read(self, size: int) -> bytes:
        if len(self.asked) <= self.breaks:
            raise IncompleteReadError(actual_bytes=1, expected_bytes=5)
        self.pieces += 1
        return b"whole" if self.pieces == 1 else b""


def test_it_is_read_again_from_the_beginning() -> None:
    client: Any = Breaking(3)
    body, reply = read(client, at_most=5, Bucket="data", Key="k", Range="bytes=0-9")
    assert (body, reply["ETag"]) == (b"whole", "e")
    assert client.asked == [{"Bucket": "data", "Key": "k", "Range": "bytes=0-9"}] * 4


def test_not_for_ever() -> None:
    client: Any = Breaking(99)
    with pytest.raises(IncompleteReadError):
        read(client, at_most=5, Bucket="data", Key="k")
    assert len(client.asked) == 5


class Endless:
    """A client whose body has no end, whatever length it announces."""

    def __init__(self, announced: int) -> None:
        self._announced = announced
        self.sent = 0
        self.is_closed = False

    def get_object(self, **_: Any) -> dict[str, Any]:
        return {"Body": self, "ContentLength": self._announced}

    def read(self, size: int) -> bytes:
        self.sent += size
        return bytes(size)

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize("announced", [0, 5, 10**15])
def test_a_body_without_an_end_is_left(announced: int) -> None:
    client: Any = Endless(announced)
    sentence = r"^s3://data/k has [\d,]+ bytes, more than the 1,000,000 that it may have"
    with pytest.raises(UnreadableRecord, match=sentence):
        read(client, at_most=1_000_000, Bucket="data", Key="k")
    assert client.sent < 1_300_000
    assert client.is_closed
