"""The location of a state, and what a move does with the states at both locations."""

from __future__ import annotations

import json

import pytest

from opsctl.core.errors import Problem, UsageProblem
from opsctl.core.platform.state_location import (
    StateLocation,
    StateSnapshot,
    choose_action,
    ensure_s3_locking,
    location_of_backend,
    parse_state_option,
)

LOCATION = StateLocation("lab-states", "opsctl/neuro", "eu-central-1")


def state(lineage: str = "one", serial: int = 3, resources: int = 2) -> StateSnapshot:
    managed = {"mode": "managed", "type": "aws_vpc", "instances": [{}] * resources}
    resources_with_data = [managed, {"mode": "data", "instances": [{}]}]
    snapshot = StateSnapshot.parse(
        json.dumps({"lineage": lineage, "serial": serial, "resources": resources_with_data}), where="here"
    )
    assert snapshot is not None
    return snapshot


@pytest.mark.parametrize(
    ("value", "location"),
    [
        ("s3://lab-states/opsctl/neuro", LOCATION),
        ("s3://lab-states/opsctl/neuro/", LOCATION),
        ("s3://lab-states", StateLocation("lab-states", "", "eu-central-1")),
        ("local", None),
    ],
)
def test_a_state_option(value: str, location: StateLocation | None) -> None:
    assert parse_state_option(value, region="eu-central-1") == location


@pytest.mark.parametrize(
    "value", ["", "lab-states", "Local", "s3://", "s3://A/b", "gs://b/k", "s3://b//k", "s3://bkt/a//b"]
)
def test_what_is_no_state_option(value: str) -> None:
    with pytest.raises(UsageProblem):
        parse_state_option(value, region="eu-central-1")


@pytest.mark.parametrize("location", [LOCATION, StateLocation("lab-states", "", "us-east-1")])
@pytest.mark.parametrize("root", ["storage", "platform"])
def test_the_backend_block_is_read_back_as_the_location_that_it_was_made_from(
    location: StateLocation, root: str
) -> None:
    block = location.backend("m2g", root, path_style=False)
    assert location_of_backend(json.loads(json.dumps(block)), name="m2g", root=root) == location


def test_the_backend_locks_encrypts_and_names_no_credentials() -> None:
    block = LOCATION.backend("m2g", "platform", path_style=False)
    assert block == {
        "terraform": {
            "backend": {
                "s3": {
                    "bucket": "lab-states",
                    "key": "opsctl/neuro/m2g/platform.tfstate",
                    "region": "eu-central-1",
                    "use_lockfile": True,
                    "encrypt": True,
                }
            }
        }
    }
    assert LOCATION.backend("m2g", "platform", path_style=True)["terraform"]["backend"]["s3"]["use_path_style"] is True


def test_no_two_states_of_a_location_share_an_object() -> None:
    names = ("m2g", "m2g-b", "platform", "storage")
    keys = [
        key
        for name in names
        for root in ("storage", "platform")
        for key in (LOCATION.key(name, root), f"{LOCATION.key(name, root)}.tflock")
    ] + [LOCATION.note_key(name) for name in names]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("version", ["1.10.0", "1.11.4", "1.14.0-beta1", "2.0.0"])
def test_a_terraform_that_locks_on_s3(version: str) -> None:
    ensure_s3_locking(version)


@pytest.mark.parametrize("version", ["1.5.0", "1.9.8", "1.9.8-rc1"])
def test_one_that_does_not(version: str) -> None:
    with pytest.raises(Problem, match=rf"Terraform {version} cannot lock .* 1\.10 or later") as caught:
        ensure_s3_locking(version)
    assert caught.value.exit_code == 1


def test_a_state_is_read() -> None:
    snapshot = state("abc", 7, resources=3)
    assert (snapshot.lineage, snapshot.serial, snapshot.resource_count) == ("abc", 7, 3)
    assert StateSnapshot.parse(" \n", where="here") is None


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"lineage": "a", "serial": "x", "resources": []}', "null"])
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="s3://b/k is no Terraform state"):
        StateSnapshot.parse(text, where="s3://b/k")


@pytest.mark.parametrize(
    ("source_state", "target_state", "action"),
    [
        (None, None, "begin"),
        (None, state(), "join"),
        (state(), None, "move"),
        (state(serial=4), state(serial=3), "move"),
        (state(serial=3), state(serial=3), "join"),
        (state(serial=2), state(serial=3), "join"),
        # An `up` that made nothing, or a `down`: nothing would be lost.
        (state("mine", resources=0), state("theirs"), "join"),
    ],
)
def test_what_a_move_does(source_state: StateSnapshot | None, target_state: StateSnapshot | None, action: str) -> None:
    assert choose_action(source_state, target_state, source="here", target="there") == action


def test_two_states_never_become_one() -> None:
    with pytest.raises(Problem, match=r"there holds the state of another platform \(2 resources\).* here has 5 "):
        choose_action(state("mine", resources=5), state("theirs"), source="here", target="there")
