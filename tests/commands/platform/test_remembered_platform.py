"""The options of earlier `up`s: of an unfinished one, of the record, of the storage."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.run_world import PLATFORM

from opsctl.commands.platform.remembered_platform import previous_options, remember_platform
from opsctl.commands.platform.terraform_workspace import save_pending_up
from opsctl.core.platform.options import PlatformOptions
from opsctl.core.platform.platform import Platform
from opsctl.home import Home

OPTIONS = PlatformOptions(name="m2g", region="us-east-1", account_id="123456789012", version="0.1.0")
ON_AWS = dataclasses.replace(
    PLATFORM,
    name="m2g",
    endpoint_url=None,
    spot=False,
    image=f"{PLATFORM.repository_url}:{PLATFORM.opsctl_version}",
    options={"source_buckets": ["a-bucket"]},
)


def options(home: Home, *, record: Platform | None = None, **outputs: Any) -> dict[str, Any]:
    workspace: Any = SimpleNamespace(storage=SimpleNamespace(outputs=lambda: outputs))
    return previous_options(home, workspace, OPTIONS, record=record)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_without_an_earlier_up_there_are_no_options(home: Home) -> None:
    assert options(home) == {}


def test_the_record_on_aws_counts_before_this_machines(home: Home) -> None:
    home.keep(dataclasses.replace(ON_AWS, options={"source_buckets": ["b-bucket"]}))
    assert options(home) == {"source_buckets": ["b-bucket"]}
    assert options(home, record=ON_AWS) == {"source_buckets": ["a-bucket"]}


def test_an_up_that_was_broken_off_counts_before_both(home: Home) -> None:
    home.keep(ON_AWS)
    save_pending_up(home, OPTIONS.with_options({"source_buckets": ["c-bucket"]}))
    assert options(home, record=ON_AWS) == {"source_buckets": ["c-bucket"]}


def test_the_storages_bucket_outlives_down(home: Home) -> None:
    assert options(home, data_bucket=OPTIONS.bucket) == {}
    assert options(home, data_bucket="mine") == {"data_bucket": "mine"}


def test_the_storages_prefix_key_and_tags_outlive_down(home: Home) -> None:
    url = OPTIONS.repository_url
    assert options(home, data_bucket=OPTIONS.bucket, repository_url=url) == {}
    lab = {"data_bucket": f"lab-{OPTIONS.bucket}", "repository_url": url.replace("/", "/lab-")}
    assert options(home, **lab) == {"name_prefix": "lab-"}
    assert options(home, **{**lab, "data_bucket": "mine"}) == {"name_prefix": "lab-", "data_bucket": "mine"}
    outputs = {"data_bucket": OPTIONS.bucket, "repository_url": url, "kms_key_arn": "arn:k", "tags": {"a": "b"}}
    assert options(home, **outputs) == {"kms_key": "arn:k", "variables": {"tags": {"a": "b"}}}


def test_a_damaged_record_is_no_hindrance(home: Home) -> None:
    home.keep(ON_AWS)
    (home.platform_dir("m2g") / "record.json").write_text("{")
    assert options(home) == {}
    home.keep(ON_AWS)
    home.forget("m2g")
    assert options(home) == {}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff"])
def test_damaged_options_of_an_unfinished_up_are_no_hindrance(home: Home, body: bytes) -> None:
    home.keep(ON_AWS)
    save_pending_up(home, OPTIONS)
    (home.platform_dir("m2g") / "pending-up.json").write_bytes(body)
    assert options(home) == {"source_buckets": ["a-bucket"]}


VARIABLES = {
    "path_style": False,
    "region": "eu-central-1",
    "data_bucket": "mine",
    "repository_url": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/opsctl-m2g",
    "later": 1,
}


def test_terraforms_variables_tell_where_a_platform_was_begun(home: Home) -> None:
    file = home.platform_dir("m2g") / "terraform" / "platform" / "terraform.tfvars.json"
    home.write(file, json.dumps(VARIABLES))
    remembered = remember_platform(home, "m2g")
    assert (remembered.region, remembered.account_id) == ("eu-central-1", "123456789012")
    assert (remembered.data_bucket, remembered.is_local, remembered.platform) == ("mine", False, None)
    for damaged in (b"[]", b"7", b"", json.dumps({**VARIABLES, "repository_url": 7}).encode()):
        file.write_bytes(damaged)
        assert remember_platform(home, "m2g").account_id is None


def test_the_options_travel_with_the_record() -> None:
    assert Platform.from_record(ON_AWS.as_record()) == ON_AWS
