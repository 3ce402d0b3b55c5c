"""S3 by moto, in this process: the fixtures that the tests of several folders share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import formatdate
from typing import Any

import boto3
import dateutil.parser
import pytest
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import S3Backend, s3_backends

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.records import Records

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


@pytest.fixture(scope="module")
def s3_client() -> Iterator[Any]:
    client = boto3.client("s3", **KEYS)
    client.meta.events.register("after-call.s3.GetObject", _dated)
    with pytest.MonkeyPatch.context() as patch:
        # Only for speed: moto loads its module of paths again for each request, in case the environment changed.
        patch.setattr(S3Backend, "urls", s3_backends[DEFAULT_ACCOUNT_ID]["aws"].urls)
        # And moto and botocore parse the same few dates again and again.
        patch.setattr(dateutil.parser, "parse", _parsed_once(dateutil.parser.parse))
        yield client


def _parsed_once(parse: Callable[..., datetime]) -> Callable[..., datetime]:
    known: dict[tuple[str, str], datetime] = {}

    def parsed(text: str, **options: Any) -> datetime:
        key = text, repr(options)
        if key not in known:
            known[key] = parse(text, **options)
        return known[key]

    return parsed


def _dated(parsed: dict[str, Any], **_: Any) -> None:
    """Add the Date header that S3 sends and moto leaves out."""
    parsed["ResponseMetadata"]["HTTPHeaders"].setdefault("date", formatdate(usegmt=True))


@pytest.fixture
def s3(s3_client: Any) -> Iterator[Any]:
    """An S3 client and an empty bucket `data`."""
    with mock_aws():
        s3_client.create_bucket(Bucket="data")
        yield s3_client


@pytest.fixture(scope="module")
def whole_storage(s3_client: Any) -> Storage:
    """One adapter for each client, as in opsctl itself."""
    return Storage(s3_client)


@pytest.fixture
def storage(s3: Any, whole_storage: Storage) -> Storage:
    """The S3 adapter on the empty bucket."""
    return whole_storage


@pytest.fixture
def records(storage: Storage) -> Records:
    return Records(storage, data_bucket="data")


@pytest.fixture
def s3_writes(s3: Any) -> Iterator[list[str]]:
    """The keys of the S3 writes, in order; a test may add other calls."""
    asked: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        asked.append(params["Key"])

    s3.meta.events.register("provide-client-params.s3.PutObject", note, unique_id="s3_writes")
    yield asked
    s3.meta.events.unregister("provide-client-params.s3.PutObject", unique_id="s3_writes")
