"""S3 addresses and locations in the data bucket."""

from __future__ import annotations

import pytest

from opsctl.core.dataset_argument import dataset_location
from opsctl.core.errors import UsageProblem
from opsctl.core.location import Location, check_label, derivatives, parse_uri, run_location


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("s3://data", Location("data", "")),
        ("s3://data/", Location("data", "")),
        ("s3://data/HNU1/", Location("data", "HNU1")),
        ("s3://my.data-1/a b/HNU1+é", Location("my.data-1", "a b/HNU1+é")),
    ],
)
def test_addresses(uri: str, location: Location) -> None:
    assert parse_uri(uri) == location
    assert location.uri == uri.rstrip("/")


@pytest.mark.parametrize(
    "uri", ["data/HNU1", "http://data/x", "s3:/data", "s3://", "s3:///x", "s3://Data/x", "s3://a/x", "s3://d;x/y", ""]
)
def test_what_is_no_address_is_a_usage_error(uri: str) -> None:
    with pytest.raises(UsageProblem, match="not an S3 address"):
        parse_uri(uri)


def test_a_slash_keeps_hnu10_out_of_hnu1() -> None:
    assert Location("data", "HNU1").key_prefix == "HNU1/"
    assert not "HNU10/sub-01/x".startswith(Location("data", "HNU1").key_prefix)
    assert Location("data", "").key_prefix == ""


@pytest.mark.parametrize(
    ("dataset", "bucket", "location"),
    [
        ("HNU1", None, Location("data", "HNU1")),
        ("HNU1/", None, Location("data", "HNU1")),
        ("studies/HNU1", None, Location("data", "studies/HNU1")),
        ("HNU1", "open", Location("open", "HNU1")),
        ("s3://open/HNU1", None, Location("open", "HNU1")),
        ("s3://open/HNU1", "open", Location("open", "HNU1")),
        ("s3://open", None, Location("open", "")),
    ],
)
def test_where_a_dataset_lies(dataset: str, bucket: str | None, location: Location) -> None:
    assert dataset_location(dataset, data_bucket="data", bucket=bucket) == location


@pytest.mark.parametrize(("dataset", "bucket"), [("", None), ("/", None), ("s3://open/HNU1", "data")])
def test_datasets_that_contradict_themselves(dataset: str, bucket: str | None) -> None:
    with pytest.raises(UsageProblem) as problem:
        dataset_location(dataset, data_bucket="data", bucket=bucket)
    assert bucket is None or (bucket in problem.value.what and dataset in problem.value.what)


@pytest.mark.parametrize(
    ("dataset", "uri"),
    [
        (Location("data", "HNU1"), "s3://data/HNU1/derivatives/m"),
        (Location("data", "studies/HNU1"), "s3://data/studies/HNU1/derivatives/m"),
        (Location("open", "studies/HNU1"), "s3://data/HNU1/derivatives/m"),
        (Location("open", ""), "s3://data/open/derivatives/m"),
    ],
)
def test_outputs_lie_in_the_data_bucket(dataset: Location, uri: str) -> None:
    assert derivatives(dataset, "m", data_bucket="data").uri == uri


def test_a_runs_records() -> None:
    assert run_location("R", data_bucket="data").uri == "s3://data/opsctl/runs/R"


@pytest.mark.parametrize("value", ["m2g-csa-native", "quick", "v1.0_b", "0"])
def test_names_of_one_folder(value: str) -> None:
    assert check_label(value, option="--modif") == value


@pytest.mark.parametrize("value", ["", ".", "..", "a/b", "/", " ", "a b", "-x", "é", "a\n", "$(x)"])
def test_other_names_are_refused_with_the_option(value: str) -> None:
    with pytest.raises(UsageProblem, match="--modif"):
        check_label(value, option="--modif")
