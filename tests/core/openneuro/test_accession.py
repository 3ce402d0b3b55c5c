"""OpenNeuro's accessions as people type them."""

from __future__ import annotations

import pytest

from opsctl.core.dataset_argument import accession_of, dataset_location, named_location, parse_dataset, typed_dataset
from opsctl.core.errors import UsageProblem
from opsctl.core.location import Location, derivatives
from opsctl.core.openneuro.accession import Accession, near_accessions, neighbours_prefix

OWN = Location("openneuro.org", "ds000114")


@pytest.mark.parametrize(
    ("typed", "accession"),
    [
        ("openneuro:ds000114", Accession("ds000114")),
        ("OpenNeuro:ds000114", Accession("ds000114")),
        ("openneuro:ds000114@1.0.2", Accession("ds000114", "1.0.2")),
        ("openneuro:ds000114@00002", Accession("ds000114", "00002")),
        ("openneuro:ds000114@v1.0.2", Accession("ds000114", "v1.0.2")),
    ],
)
def test_an_accession_names_a_folder_of_the_public_bucket(typed: str, accession: Accession) -> None:
    assert parse_dataset(typed) == accession
    assert dataset_location(typed, data_bucket="data") == OWN
    assert accession_of(typed, OWN) == accession
    assert dataset_location(typed, data_bucket="data", bucket="openneuro.org") == OWN


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("openneuro:ds114", "openneuro:ds000114"),
        ("openneuro:DS000114", "openneuro:ds000114"),
        ("openneuro:114", "openneuro:ds000114"),
        ("openneuro:ds-000114@1.0.2", "openneuro:ds000114@1.0.2"),
        ("openneuro:ds000114/", "openneuro:ds000114"),
        ("openneuro:https://openneuro.org/datasets/ds000114", "openneuro:ds000114"),
        ("https://openneuro.org/datasets/ds000114/versions/1.0.2", "openneuro:ds000114@1.0.2"),
        ("https://openneuro.org/datasets/ds000114?a=1", "openneuro:ds000114"),
        ("doi:10.18112/openneuro.ds000114.v1.0.2", "openneuro:ds000114@1.0.2"),
        ("https://doi.org/10.18112/openneuro.ds000114.v1.0.2", "openneuro:ds000114@1.0.2"),
    ],
)
def test_what_is_almost_an_accession_is_answered_with_it(typed: str, meant: str) -> None:
    with pytest.raises(UsageProblem) as problem:
        parse_dataset(typed)
    assert meant in problem.value.hint
    assert isinstance(parse_dataset(meant), Accession)


@pytest.mark.parametrize(
    "typed",
    [
        *("openneuro:", "openneuro:HNU1", "openneuro:ds0001145", "openneuro:ds000000x", "openneuro:ds000114@"),
        *("openneuro:ds000114@../x", "openneuro:ds000114 1.0.2", "openneuro:../ds000114", "openneuro:ds000114/sub-01"),
    ],
)
def test_what_is_no_accession_is_a_usage_error_with_an_example(typed: str) -> None:
    with pytest.raises(UsageProblem) as problem:
        parse_dataset(typed)
    assert "openneuro:ds000114" in problem.value.hint


def test_another_bucket_contradicts_an_accession() -> None:
    with pytest.raises(UsageProblem, match="--bucket lab contradicts"):
        dataset_location("openneuro:ds000114", data_bucket="data", bucket="lab")


@pytest.mark.parametrize(
    ("uri", "typed"),
    [
        ("s3://openneuro.org/ds000114", "openneuro:ds000114"),
        ("s3://openneuro.org/ds000114/derivatives/x", "s3://openneuro.org/ds000114/derivatives/x"),
        ("s3://openneuro.org", "s3://openneuro.org"),
        ("s3://data/HNU1", "HNU1"),
        ("s3://lab/HNU1", "s3://lab/HNU1"),
    ],
)
def test_a_dataset_is_written_as_it_is_typed(uri: str, typed: str) -> None:
    assert typed_dataset(uri, data_bucket="data") == typed
    assert dataset_location(typed, data_bucket="data").uri == uri


def test_an_address_in_the_bucket_is_the_same_dataset() -> None:
    assert accession_of("s3://openneuro.org/ds000114", OWN) == Accession("ds000114")
    assert accession_of("s3://openneuro.org/ds000114/derivatives", Location("openneuro.org", "ds000114/x")) is None
    assert accession_of("HNU1", Location("data", "HNU1")) is None


def test_a_configuration_may_name_a_dataset_by_its_accession() -> None:
    assert named_location("openneuro:ds000114") == OWN == named_location("s3://openneuro.org/ds000114")


def test_outputs_are_below_the_accession_in_the_own_bucket() -> None:
    assert derivatives(OWN, "m2g-csa-native", data_bucket="data").uri == "s3://data/ds000114/derivatives/m2g-csa-native"


def test_near_accessions_are_those_with_the_most_digits_in_common() -> None:
    listed = ["ds000101", "ds000113", "ds000115", "ds000117", "ds000140", "ds000199", "other"]
    near = near_accessions(Accession("ds000114"), listed)
    assert set(near[:3]) == {"ds000113", "ds000115", "ds000117"}
    assert len(near) == 5
    assert all(name.startswith(neighbours_prefix(Accession("ds000114"))) for name in near)
