"""What of Terraform is tried again, and what is brought back first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.fake_terraform import FakeTerraform, error

from opsctl.core.errors import Problem
from opsctl.terraform.root import Root
from opsctl.terraform.second_look import SecondLook

FRAMED = "╷\n│ Error: Invalid provider configuration\n│ \n│ on providers.tf line 2\n╵\n"

RACE = "deleting Batch Compute Environment (x): ClientException: Cannot delete, found existing JobQueue relationship"


def verbs(terraform: FakeTerraform) -> list[str]:
    return [call["argv"][0] for call in terraform.calls]


def test_a_documented_race_is_tried_twice_more_each_time_planned_anew(terraform: FakeTerraform, root: Root) -> None:
    failing = json.dumps(error(RACE))
    terraform.does(f"print({failing!r})\nsys.exit(0 if sys.argv[1] == 'plan' else 1)")
    with pytest.raises(Problem, match="found existing JobQueue relationship"):
        root.apply(lambda step: None)
    assert verbs(terraform) == ["apply", "plan", "apply", "plan", "apply"]
    with pytest.raises(Problem):
        root.destroy(lambda step: None)
    assert verbs(terraform)[5:] == ["destroy"] * 3


def test_each_further_plan_replaces_what_it_is_told_to(terraform: FakeTerraform, root: Root) -> None:
    failing = json.dumps(error(RACE))
    terraform.does(f"print({failing!r})\nsys.exit(0 if sys.argv[1] == 'plan' else 1)")
    invalid = iter([["a.environment"], []])
    with pytest.raises(Problem):
        root.apply(lambda step: None, look_again=lambda is_conflict: SecondLook(replace=next(invalid)))
    plans = [call["argv"] for call in terraform.calls if call["argv"][0] == "plan"]
    assert ["-replace=a.environment" in plan for plan in plans] == [True, False]


LOST = "creating IAM Role (r): operation error IAM: CreateRole, api error EntityAlreadyExists: Role r already exists."


def test_what_a_lost_reply_has_made_is_cleared_and_planned_anew(terraform: FakeTerraform, root: Root) -> None:
    # The role, then the queue, then all is well.
    errors = [json.dumps(error(LOST)), json.dumps(error("creating Batch Job Queue (q): Object already exists"))]
    terraform.does(
        f"applies = sum('\"apply\"' in line for line in open({str(terraform.calls_file)!r}))\n"
        f"if sys.argv[1] == 'apply' and applies < 3:\n    print({errors!r}[applies - 1])\n    sys.exit(1)"
    )
    asked: list[bool] = []

    def look_again(is_conflict: bool) -> SecondLook:
        asked.append(is_conflict)
        return SecondLook(has_cleared=True)

    root.apply(lambda step: None, look_again=look_again)
    assert verbs(terraform) == ["apply", "plan", "apply", "plan", "apply"]
    assert asked == [True, True]


def test_what_belongs_to_somebody_else_is_tried_twice_and_told(terraform: FakeTerraform, root: Root) -> None:
    failing = json.dumps(error(LOST))
    terraform.does(f"print({failing!r})\nsys.exit(0 if sys.argv[1] == 'plan' else 1)")
    with pytest.raises(Problem, match="IAM Role r exists already"):
        root.apply(lambda step: None, look_again=lambda is_conflict: SecondLook())
    assert verbs(terraform) == ["apply", "plan", "apply"]


def test_a_bucket_of_another_account_is_tried_once(terraform: FakeTerraform, root: Root) -> None:
    taken = "creating S3 Bucket (b): operation error S3: CreateBucket, https response error StatusCode: 409, "
    terraform.says(error(f"{taken}RequestID: 1, HostID: 2, BucketAlreadyExists: it is taken"), code=1)
    with pytest.raises(Problem, match="belongs to another AWS account"):
        root.apply(lambda step: None, look_again=lambda is_conflict: SecondLook(has_cleared=True))
    assert verbs(terraform) == ["apply"]


@pytest.mark.parametrize(
    "sentence", [RACE, "creating Batch Job Queue (q): ClientException: no", "api error AccessDenied: x"]
)
def test_how_much_stands_is_said_once(terraform: FakeTerraform, root: Root, tmp_path: Path, sentence: str) -> None:
    (tmp_path / "root/terraform.tfstate").write_text(
        json.dumps({"resources": [{"mode": "managed", "type": "aws_vpc", "name": "this", "instances": [{}]}]})
    )
    terraform.says(error(sentence), code=1)
    for verb in ("apply", "destroy"):
        with pytest.raises(Problem) as caught:
            getattr(root, verb)(lambda step: None)
        assert f"{caught.value.what} {caught.value.hint}".count("1 resources stand and are recorded") == 1


def test_anything_else_is_tried_once(terraform: FakeTerraform, root: Root) -> None:
    terraform.says(error(RACE), error("VpcLimitExceeded"), code=1)
    with pytest.raises(Problem):
        root.apply(lambda step: None)
    with pytest.raises(Problem):
        root.destroy(lambda step: None)
    assert verbs(terraform) == ["apply", "destroy"]


@pytest.mark.parametrize("verb", ["plan", "destroy"])
def test_a_state_that_could_not_be_saved_is_brought_back_first(
    terraform: FakeTerraform, root: Root, tmp_path: Path, verb: str
) -> None:
    rescued = tmp_path / "root/errored.tfstate"
    rescued.write_text("{}")
    terraform.says(errors=FRAMED, code=1)
    with pytest.raises(Problem, match="errored.tfstate holds what the last"):
        root.plan() if verb == "plan" else root.destroy(lambda step: None)
    assert rescued.exists()
    terraform.says()
    root.plan() if verb == "plan" else root.destroy(lambda step: None)
    assert [call["argv"][:2] for call in terraform.calls][-2] == ["state", "push"]
    assert "errored.tfstate" in terraform.calls[-2]["argv"]
    assert not rescued.exists()


def test_a_destroy_sees_what_was_applied_last_not_what_was_only_planned(
    terraform: FakeTerraform, root: Root, tmp_path: Path
) -> None:
    variables = tmp_path / "root/terraform.tfvars.json"
    terraform.says()
    root.set_variables({"csd_max_vcpus": 64})
    root.apply(lambda step: None)
    root.set_variables({"csd_max_vcpus": 1})
    root.set_variables({"csd_max_vcpus": 2})
    assert json.loads(variables.read_text()) == {"csd_max_vcpus": 2}
    root.destroy(lambda step: None)
    assert json.loads(variables.read_text()) == {"csd_max_vcpus": 64}
