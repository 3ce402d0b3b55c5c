"""No test of the adapters may see the developer's own AWS configuration, or reach AWS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from aws_answers import KEYS, Answers
from moto import mock_aws

from opsctl.aws.s3.storage import Storage


@pytest.fixture(autouse=True, scope="module")
def no_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("no-aws")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


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
