"""How old a record is, by the clock of S3 alone: a lease ends by its age, and a laptop may have a wrong clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import pytest

from opsctl.aws.s3.storage import Storage


@pytest.fixture(params=[timedelta(days=-1), timedelta(days=1)], ids=["behind", "ahead"])
def other_clock(s3: Any, request: pytest.FixtureRequest) -> Iterator[None]:
    """An S3 whose clock is a day off this machine's."""

    def shift(parsed: dict[str, Any], **_: Any) -> None:
        headers = parsed["ResponseMetadata"]["HTTPHeaders"]
        headers["date"] = format_datetime(parsedate_to_datetime(headers["date"]) + request.param)
        parsed["LastModified"] += request.param

    s3.meta.events.register_last("after-call.s3.GetObject", shift)
    yield
    s3.meta.events.unregister("after-call.s3.GetObject", shift)


@pytest.mark.usefixtures("other_clock")
def test_a_records_age_is_not_a_difference_of_two_clocks(storage: Storage) -> None:
    storage.put_json("data", "record", {})
    read = storage.get_body_with_age("data", "record")
    assert read is not None
    assert abs(read[1]) < timedelta(hours=1).total_seconds()
