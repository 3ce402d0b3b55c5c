"""Where a state lies, and what brings one to another place."""

from __future__ import annotations

import json

import pytest

from opsctl.core.errors import Problem, UsageProblem
from opsctl.core.platform.state_location import (
    Snapshot,
    StatePlace,
    ensure_locks,
    parse_place,
    place_of_backend,
    step_of,
)

PLACE = StatePlace("lab-states", "opsctl/neuro", "eu-central-1")


def state(lineage: str = "one", serial: int = 3, resources: int = 2) -> Snapshot:
    managed = {"mode": "managed", "type": "aws_vpc", "instances": [{}] * resources}
    known = [managed, {"mode": "data", "instances": [{}]}]
    found = Snapshot.of(json.dumps({"lineage": lineage, "serial": serial, "resources": known}), where="here")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ("s3://lab-states/opsctl/neuro", PLACE),
        ("s3://lab-states/opsctl/neuro/", PLACE),
        ("s3://lab-states", StatePlace("lab-states", "", "eu-central-1")),
        ("local", None),
    ],
)
def test_what_is_typed(typed: str, place: StatePlace | None) -> None:
    assert parse_place(typed, region="eu-central-1") == place


@pytest.mark.parametrize(
    "typed", ["", "lab-states", "Local", "s3://", "s3://A/b", "gs://b/k", "s3://b//k", "s3://bkt/a//b"]
)
def test_what_is_no_place(typed: str) -> None:
    with pytest.raises(UsageProblem):
        parse_place(typed, region="eu-central-1")


@pytest.mark.parametrize("place", [PLACE, StatePlace("lab-states", "", "us-east-1")])
@pytest.mark.parametrize("root", ["storage", "platform"])
def test_the_backend_block_is_read_back_as_the_place_that_it_was_made_from(place: StatePlace, root: str) -> None:
    block = place.backend("m2g", root, path_style=False)
    assert place_of_backend(json.loads(json.dumps(block)), name="m2g", root=root) == place


def test_the_backend_locks_encrypts_and_names_no_credentials() -> None:
    block = PLACE.backend("m2g", "platform", path_style=False)
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
    assert PLACE.backend("m2g", "platform", path_style=True)["terraform"]["backend"]["s3"]["use_path_style"] is True


def test_no_two_states_of_a_place_share_an_object() -> None:
    names = ("m2g", "m2g-b", "platform", "storage")
    keys = [
        key
        for name in names
        for root in ("storage", "platform")
        for key in (PLACE.key(name, root), PLACE.lock_key(name, root))
    ] + [PLACE.note_key(name) for name in names]
    assert len(set(keys)) == len(keys)
    # Terraform's own name for the lock.
    assert PLACE.lock_key("m2g", "platform") == PLACE.key("m2g", "platform") + ".tflock"


@pytest.mark.parametrize("version", ["1.10.0", "1.11.4", "1.14.0-beta1", "2.0.0"])
def test_a_terraform_that_locks_on_s3(version: str) -> None:
    ensure_locks(version)


@pytest.mark.parametrize("version", ["1.5.0", "1.9.8", "1.9.8-rc1"])
def test_one_that_does_not(version: str) -> None:
    with pytest.raises(Problem, match=rf"Terraform {version} cannot lock .* 1\.10 or later") as caught:
        ensure_locks(version)
    assert caught.value.exit_code == 1


def test_a_state_is_read() -> None:
    found = state("abc", 7, resources=3)
    assert (found.lineage, found.serial, found.resource_count) == ("abc", 7, 3)
    assert Snapshot.of(" \n", where="here") is None


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"lineage": "a", "serial": "x", "resources": []}', "null"])
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="s3://b/k is no Terraform state"):
        Snapshot.of(text, where="s3://b/k")


@pytest.mark.parametrize(
    ("mine", "theirs", "step"),
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
def test_what_brings_a_state_there(mine: Snapshot | None, theirs: Snapshot | None, step: str) -> None:
    assert step_of(mine, theirs, source="here", target="there") == step


def test_two_states_never_become_one() -> None:
    with pytest.raises(Problem, match=r"there holds the state of another platform \(2 resources\).* here has 5 "):
        step_of(state("mine", resources=5), state("theirs"), source="here", target="there")
