"""A server of canned answers, and S3 as moto has it, for the tests of the adapters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.aws_answers import Answers
from support.moto_s3 import s3, s3_client, storage, whole_storage  # noqa: F401 fixtures


@pytest.fixture
def server() -> Iterator[Answers]:
    with Answers() as made:
        yield made
