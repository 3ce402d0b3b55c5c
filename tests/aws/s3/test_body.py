"""A body that breaks off is asked for again."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import IncompleteReadError

from opsctl.aws.s3.body import read


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
