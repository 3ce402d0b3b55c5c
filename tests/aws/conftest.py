"""A server of canned answers, and S3 as moto has it, for the tests of the adapters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from support.aws_answers import KEYS, Answers

from opsctl.aws.s3.storage import Storage


@pytest.fixture
def server() -> Iterator[Answers]:
    with Answers() as made:
        yield made


@pytest.fixture(scope="module")
def s3_client() -> Any:
    """A client takes a tenth of a second to make; moto answers it whenever `mock_aws` is on."""
    return boto3.client("s3", **KEYS)


@pytest.fixture
def s3(s3_client: Any) -> Iterator[Any]:
    """S3 as moto has it, in this process, with a bucket `data` and nothing in it."""
    with mock_aws():
        s3_client.create_bucket(Bucket="data")
        yield s3_client


@pytest.fixture(scope="module")
def whole_storage(s3_client: Any) -> Storage:
    """One for each client, as opsctl itself has it."""
    return Storage(s3_client)


@pytest.fixture
def storage(s3: Any, whole_storage: Storage) -> Storage:
    """S3 through our adapter."""
    return whole_storage
