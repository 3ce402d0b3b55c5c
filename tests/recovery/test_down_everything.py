"""`down --everything` with the real Terraform: bucket, repository and state are empty, and `up` begins anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from recovery_program import Program

from opsctl.core.platform.inventory import managed_addresses
from opsctl.local import control

# Terraform makes and removes a platform twice.
pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1800)]

NAME = "study"
BUCKET = f"opsctl-{NAME}-123456789012-us-east-1"
STATE = "s3://lab-states/opsctl"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    home = tmp_path_factory.mktemp("home")
    program = Program(home, tmp_path_factory.mktemp("elsewhere"), control.start(home).endpoint_url)
    # The server of a home stays as long as another platform's bucket or log group is there.
    program.client("logs").create_log_group(logGroupName="/opsctl/anchor")
    program.client("s3").create_bucket(Bucket="neighbour")
    program.client("s3").put_object(Bucket="neighbour", Key="stays", Body=b"x")
    yield program
    control.stop(home)


def everything(program: Program, *words: str) -> Any:
    ended = program.down(NAME, "--everything", "--confirm", BUCKET, "--json", *words)
    assert ended.code == 0, ended
    return json.loads(ended.out)


def fill(program: Program) -> None:
    for body in (b"1", b"22"):
        program.client("s3").put_object(Bucket=BUCKET, Key="HNU1/sub-01/a", Body=body)
    program.client("s3").delete_object(Bucket=BUCKET, Key="HNU1/sub-01/a")


def buckets(program: Program) -> set[str]:
    return {bucket["Name"] for bucket in program.client("s3").list_buckets()["Buckets"]}


def test_everything_goes_and_up_begins_anew(program: Program) -> None:
    assert program.up(NAME).code == 0
    fill(program)
    assert program.down(NAME).code == 0
    assert BUCKET in buckets(program)
    wrong = program.down(NAME, "--everything", "--confirm", "another")
    assert wrong.code == 2, wrong
    unasked = program.down(NAME, "--everything")
    assert unasked.code == 2, unasked
    assert f"--confirm {BUCKET}" in unasked.err
    assert BUCKET in buckets(program)

    # `down` has kept the storage: now only that goes.
    report = everything(program)
    assert report["everything"]["deleted"]["versions"] == 3
    assert report["everything"]["forgotten"] > 2
    assert buckets(program) == {"neighbour"}
    assert program.client("ecr").describe_repositories()["repositories"] == []
    state = program.home / "platforms" / NAME / "terraform" / "storage" / "terraform.tfstate"
    assert managed_addresses(json.loads(state.read_text())) == []
    again = program.down(NAME, "--everything", "--confirm", BUCKET)
    assert again.code == 0
    assert "nothing to remove" in again.err

    # With the state on S3, and the platform up.
    assert program.up(NAME, "--state", STATE).code == 0
    fill(program)
    report = everything(program)
    assert report["left"] == []
    assert report["everything"]["forgotten"] > 2
    assert buckets(program) == {"neighbour", "lab-states"}
    assert program.client("s3").get_object(Bucket="neighbour", Key="stays")["Body"].read() == b"x"
