"""Terraform as a process: found, streamed, checked, tried again. The program is a fake."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from support.fake_terraform import FakeTerraform, error, hook, planned
from support.local_servers import alive
from support.waiting import until

from opsctl.aws.call_log import CALLS
from opsctl.core.errors import Problem
from opsctl.core.platform.terraform_events import Change, Step
from opsctl.terraform.binary import Binary, find_binary
from opsctl.terraform.provider import locked_version, os_arch
from opsctl.terraform.root import Root
from opsctl.terraform.second_look import SecondLook

WAIT_SECONDS = 60


@pytest.fixture
def terraform(tmp_path: Path) -> FakeTerraform:
    return FakeTerraform(tmp_path)


@pytest.fixture
def root(terraform: FakeTerraform, tmp_path: Path) -> Root:
    (tmp_path / "root").mkdir()
    binary = Binary(str(terraform.path), "1.11.4")
    return Root("platform", folder=tmp_path / "root", binary=binary, environment=terraform.environment)


# Which Terraform.


@pytest.mark.parametrize("version", ["1.5.0", "1.11.4", "1.12.0-beta1", "2.0.0"])
def test_a_terraform_that_is_new_enough(terraform: FakeTerraform, version: str) -> None:
    terraform.says("│ Warning: Unable to open CLI configuration file", f"Terraform v{version}", "on linux_amd64")
    assert find_binary(terraform.environment) == Binary(str(terraform.path), version)
    assert terraform.calls[0]["argv"] == ["version"]
    assert terraform.calls[0]["env"]["MINE"] == "1"


@pytest.mark.parametrize("version", ["1.4.6", "0.15.5", "1.4"])
def test_one_that_is_too_old(terraform: FakeTerraform, version: str) -> None:
    terraform.says(f"Terraform v{version}")
    with pytest.raises(Problem, match=f"Terraform {version} .* is too old: version 1.5 or later is needed") as caught:
        find_binary(terraform.environment)
    assert "https://" in caught.value.hint


def test_opentofu_by_terraforms_name(terraform: FakeTerraform) -> None:
    terraform.says("OpenTofu v1.8.0", "on linux_amd64")
    with pytest.raises(Problem, match=r"is OpenTofu 1\.8\.0, which opsctl does not work with"):
        find_binary(terraform.environment)


def test_none_at_all(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"Terraform is not on the PATH \(version 1\.5 or later is needed\)\. Install"):
        find_binary({"PATH": str(tmp_path)})


@pytest.mark.parametrize("output", [(), ("terraform v1.11.4",), ("{",), ("Terraform v1",), ({"other": 1},)])
def test_one_that_does_not_tell_its_version(terraform: FakeTerraform, output: tuple[object, ...]) -> None:
    terraform.says(*output)
    with pytest.raises(Problem, match="does not tell its version"):
        find_binary(terraform.environment)


def test_what_it_says_instead_is_quoted_in_short_and_without_control_characters(terraform: FakeTerraform) -> None:
    terraform.says("\x1b[31mlost\x07 " + "x" * 500, code=1)
    with pytest.raises(Problem, match="it says 'lost x{95}'") as caught:
        find_binary(terraform.environment)
    assert len(caught.value.what) < 300


def test_one_that_fails(terraform: FakeTerraform) -> None:
    terraform.says("Terraform v1.11.4", errors="no such flag", code=1)
    with pytest.raises(Problem, match="it says 'no such flag'"):
        find_binary(terraform.environment)


def test_one_that_is_no_program(terraform: FakeTerraform) -> None:
    terraform.path.write_bytes(b"\x00\x01")
    terraform.path.chmod(0o755)
    with pytest.raises(Problem, match="cannot be run"):
        find_binary(terraform.environment)


def test_one_that_hangs_ends_with_what_it_has_started(terraform: FakeTerraform, tmp_path: Path) -> None:
    script = f"#!/bin/sh\n/bin/sleep 600 &\necho $! > {tmp_path}/child\nwait\n"
    terraform.path.write_text(script)
    terraform.path.chmod(0o755)
    with pytest.raises(Problem, match=r"has not told its version within 1 s\."):
        find_binary(terraform.environment, timeout_seconds=1)
    until(lambda: not alive(int((tmp_path / "child").read_text())))


def test_one_that_prints_without_end_fills_no_memory(terraform: FakeTerraform) -> None:
    terraform.does("while True: print('y' * 1000)")
    with pytest.raises(Problem, match="does not tell its version"):
        find_binary(terraform.environment)


def test_terraforms_own_variables_do_not_reach_it(terraform: FakeTerraform) -> None:
    terraform.says("Terraform v1.11.4")
    find_binary({**terraform.environment, "TF_LOG": "TRACE", "TF_CLI_ARGS_version": "-x"})
    assert {name for name in terraform.calls[0]["env"] if name.startswith("TF_")} == {"TF_IN_AUTOMATION", "TF_INPUT"}


def test_one_in_the_working_folder_is_not_run(
    terraform: FakeTerraform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    terraform.says("Terraform v1.11.4")
    monkeypatch.chdir(terraform.folder)
    for path in (".", "", f"{tmp_path}/nowhere:", "./"):
        with pytest.raises(Problem, match="The one in the working folder is not used"):
            find_binary({"PATH": path})
    assert terraform.calls == []


def test_one_that_cannot_be_run_is_told(tmp_path: Path) -> None:
    path = tmp_path / "terraform"
    path.mkdir()
    with pytest.raises(Problem, match="terraform is a folder"):
        find_binary({"PATH": str(tmp_path)})
    path.rmdir()
    path.symlink_to("nowhere")
    with pytest.raises(Problem, match="is a link that leads nowhere"):
        find_binary({"PATH": str(tmp_path)})
    path.unlink()
    path.write_text("")
    with pytest.raises(Problem, match="is not executable"):
        find_binary({"PATH": str(tmp_path)})


def test_one_that_everybody_may_replace_is_told(terraform: FakeTerraform) -> None:
    terraform.says("Terraform v1.11.4")
    terraform.folder.chmod(0o777)
    warning = find_binary(terraform.environment).warning
    assert warning.endswith(f"all may write to {terraform.folder}.")
    # As in /tmp, nobody but its owner replaces a file there.
    terraform.folder.chmod(0o1777)
    assert find_binary(terraform.environment).warning == ""


# How it is called.


def test_its_environment_is_what_was_given_and_nothing_of_the_parents(
    terraform: FakeTerraform, root: Root, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "the-parents")
    terraform.says()
    root.plan()
    (call,) = terraform.calls
    own = {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1", "GOGC": "400"}
    # Python itself may set LC_CTYPE for its children.
    call["env"].pop("LC_CTYPE", None)
    assert call["env"] == {**terraform.environment, **own}
    assert Path(call["cwd"]) == (tmp_path / "root").resolve()
    # A session of its own: a Ctrl-C in the terminal reaches opsctl alone.
    assert call["session"] == call["pid"] != os.getsid(0)


def test_the_exact_commands(terraform: FakeTerraform, root: Root, tmp_path: Path) -> None:
    terraform.says()
    root.init(mirror=None)
    root.init(mirror=tmp_path / "mirror")
    root.plan()
    root.apply(lambda step: None)
    root.destroy(lambda step: None)
    init, mirrored, plan, apply, destroy = (set(call["argv"]) for call in terraform.calls)
    assert {"init", "-no-color", "-input=false"} <= init
    assert not [word for word in init if "plugin-dir" in word]
    assert f"-plugin-dir={tmp_path}/mirror" in mirrored
    assert {"plan", "-json", "-out=opsctl.tfplan", "-input=false"} <= plan
    assert {"apply", "-json", "opsctl.tfplan", "-input=false"} <= apply
    assert {"destroy", "-json", "-auto-approve", "-input=false"} <= destroy
    # Refused by Terraform since 0.15, and python-terraform's default.
    assert "-force" not in destroy
    assert not [word for call in (plan, apply, destroy) for word in call if word.startswith("-var")]


def test_variables_lie_where_every_later_command_reads_them(root: Root, tmp_path: Path) -> None:
    root.set_variables({"name": "m2g", "data_bucket": None, "spot": False})
    written = json.loads((tmp_path / "root/terraform.tfvars.json").read_text())
    assert written == {"name": "m2g", "data_bucket": None, "spot": False}


# What it says.


def test_a_plan_is_read_from_the_stream(terraform: FakeTerraform, root: Root) -> None:
    lines = [
        "a warning that is no JSON",
        planned("aws_vpc.main"),
        planned("module.iam.aws_iam_role.job", "delete", "module.iam"),
    ]
    for code in (0, 2):
        terraform.says(*lines, code=code)
        assert root.plan().changes == (
            Change("aws_vpc.main", "aws_vpc", "platform", "create"),
            Change("module.iam.aws_iam_role.job", "aws_iam_role", "iam", "delete"),
        )


def test_steps_are_told_while_it_runs(terraform: FakeTerraform, root: Root, tmp_path: Path) -> None:
    """The program goes on only after its first line was reported: lines are not held back until the end."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    first, last = json.dumps(hook("apply_start", "a.b")), json.dumps(hook("apply_complete", "a.b", elapsed_seconds=3))
    terraform.does(f"print({first!r}, flush=True)\nopen({str(fifo)!r}).read()\nprint({last!r}, flush=True)")
    steps: list[Step] = []

    def on_step(step: Step) -> None:
        steps.append(step)
        if step.state == "begin":
            fifo.write_text("go on")

    root.apply(on_step)
    assert steps == [Step("a.b", "begin", "create"), Step("a.b", "done", "create", 3)]


def test_much_output_on_both_ends_does_not_block(terraform: FakeTerraform, root: Root) -> None:
    terraform.does(
        "for number in range(3000):\n"
        "    print('x' * 100)\n"
        "    print('y' * 100, file=sys.stderr)\n"
        f"print({json.dumps(planned('aws_vpc.main'))!r})"
    )
    assert len(root.plan().changes) == 1


def test_a_destroy_counts_what_went(terraform: FakeTerraform, root: Root) -> None:
    terraform.says(*(hook("apply_complete", f"a.b{number}", "delete") for number in range(3)))
    assert root.destroy(lambda step: None) == 3


def test_errors_are_told_in_terraforms_own_words(terraform: FakeTerraform, root: Root) -> None:
    terraform.says(error("creating IAM Role", "AccessDenied: not you\nmore"), error("another"), code=1)
    with pytest.raises(Problem) as caught:
        root.apply(lambda step: None)
    sentence = "creating IAM Role AccessDenied: not you (and 1 more)"
    assert caught.value.what == f"Terraform could not apply the platform: {sentence}"
    assert "Nothing that was made is lost." in caught.value.hint


FRAMED = "╷\n│ Error: Invalid provider configuration\n│ \n│ on providers.tf line 2\n╵\n"


@pytest.mark.parametrize(
    ("errors", "sentence"),
    [(FRAMED, "Invalid provider configuration"), ("odd words\n", "odd words"), ("", "it said nothing")],
)
@pytest.mark.parametrize("verb", ["plan", "apply", "destroy"])
def test_errors_beside_the_stream_are_told_too(
    terraform: FakeTerraform, root: Root, verb: str, errors: str, sentence: str
) -> None:
    terraform.says(errors=errors, code=1)
    with pytest.raises(Problem, match=f"Terraform could not {verb} the platform: {sentence}"):
        root.plan() if verb == "plan" else getattr(root, verb)(lambda step: None)


# Terraform 1.11.4's own words, without a mirror and without a network.
UNREACHABLE = """╷
│ Error: Failed to query available provider packages
│
│ Could not retrieve the list of available versions for provider
│ hashicorp/aws: could not connect to registry.terraform.io: failed to
│ request discovery document: Get
│ "https://registry.terraform.io/.well-known/terraform.json": dial tcp: lookup registry.terraform.io: no such host
╵
"""


def test_a_registry_that_cannot_be_reached_is_told_with_the_way_out(
    terraform: FakeTerraform, root: Root, tmp_path: Path
) -> None:
    terraform.says(errors=UNREACHABLE, code=1)
    with pytest.raises(Problem, match="provider cannot be had: the Terraform registry was not reached") as caught:
        root.init(mirror=None)
    assert "/usr/share/terraform/plugins" in caught.value.what
    assert "OPSCTL_PROVIDER_MIRROR" in caught.value.hint
    with pytest.raises(Problem, match="Terraform could not be set up: Failed to query available provider packages"):
        root.init(mirror=tmp_path)


def test_broken_code_is_not_taken_for_a_missing_network(terraform: FakeTerraform, root: Root) -> None:
    terraform.says(errors="╷\n│ Error: Unsupported argument\n╵\n", code=1)
    with pytest.raises(Problem, match="Terraform could not be set up: Unsupported argument"):
        root.init(mirror=None)


def test_the_kept_plan_is_carried_out_once(terraform: FakeTerraform, root: Root, tmp_path: Path) -> None:
    plan = tmp_path / "root/opsctl.tfplan"
    for code in (0, 1):
        plan.write_text("")
        terraform.says(code=code)
        if code:
            with pytest.raises(Problem):
                root.apply(lambda step: None)
        else:
            root.apply(lambda step: None)
        assert not plan.exists()


def test_outputs_of_a_state_on_this_machine_need_no_terraform(
    terraform: FakeTerraform, root: Root, tmp_path: Path
) -> None:
    record = {"record": {"value": {"name": "m2g"}, "type": "x", "sensitive": False}}
    (tmp_path / "root/terraform.tfstate").write_text(json.dumps({"outputs": record, "resources": []}))
    assert root.outputs() == {"record": {"name": "m2g"}}
    assert root.state()["resources"] == []
    assert terraform.calls == []


# What `init` has installed.

#: Lays out what Terraform's `init` does.
INSTALLS = """
if "init" in sys.argv:
    os.makedirs({provider!r}, exist_ok=True)
    open({provider!r} + "/terraform-provider-aws", "w").close()
elif not os.path.exists({provider!r}):
    sys.stderr.write('Error: Required plugins are not installed; run "terraform init".')
    sys.exit(1)
"""


@pytest.fixture
def installing(terraform: FakeTerraform, root: Root, tmp_path: Path) -> Path:
    (tmp_path / "root" / ".terraform.lock.hcl").write_text("lock")
    (tmp_path / "root" / "main.tf").write_text("code")
    provider = tmp_path / "root/.terraform/providers/registry.terraform.io/hashicorp/aws" / locked_version() / os_arch()
    terraform.does(INSTALLS.format(provider=str(provider)))
    root.init(mirror=None)
    return provider


def verbs_of(terraform: FakeTerraform) -> list[str]:
    return [call["argv"][0] for call in terraform.calls]


def test_what_is_installed_is_not_installed_again(terraform: FakeTerraform, root: Root, installing: Path) -> None:
    root.init(mirror=None)
    root.plan()
    assert verbs_of(terraform) == ["init", "plan"]


@pytest.mark.parametrize(
    "change",
    ["main.tf", ".terraform.lock.hcl", "new.tf", "backend.tf.json", "../modules/vpc/main.tf", "mirror", "provider"],
)
def test_another_code_lock_mirror_or_a_lost_provider_is_installed_anew(
    terraform: FakeTerraform, root: Root, installing: Path, tmp_path: Path, change: str
) -> None:
    if change == "provider":
        shutil.rmtree(installing)
    elif change != "mirror":
        path = tmp_path / "root" / change
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("other")
    root.init(mirror=tmp_path if change == "mirror" else None)
    assert verbs_of(terraform) == ["init", "init"]


def test_an_init_that_failed_is_repeated(
    terraform: FakeTerraform, root: Root, installing: Path, tmp_path: Path
) -> None:
    (tmp_path / "root" / "main.tf").write_text("other")
    terraform.says(errors="Error: no", code=1)
    for _ in range(2):
        with pytest.raises(Problem, match="could not be set up"):
            root.init(mirror=None)


def test_a_plan_that_misses_the_installation_makes_it_anew(
    terraform: FakeTerraform, root: Root, installing: Path
) -> None:
    root.init(mirror=None)
    shutil.rmtree(installing)
    assert root.plan().changes == ()
    assert verbs_of(terraform) == ["init", "plan", "init", "plan"]


def test_the_state_is_counted(root: Root, tmp_path: Path) -> None:
    assert (root.has_state, root.resource_count()) == (False, 0)
    resources = [
        {"mode": "managed", "type": "aws_subnet", "name": "public", "instances": [{}, {}]},
        {"mode": "data", "type": "aws_region", "name": "current", "instances": [{}]},
        {"mode": "managed", "type": "aws_vpc", "name": "this", "instances": [{}]},
    ]
    (tmp_path / "root/terraform.tfstate").write_text(json.dumps({"resources": resources}))
    assert (root.has_state, root.resource_count()) == (True, 3)


# What is tried again, and what is brought back.

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


def test_an_empty_state_is_none(root: Root, tmp_path: Path) -> None:
    (tmp_path / "root/terraform.tfstate").write_text("")
    assert (root.has_state, root.resource_count(), root.outputs()) == (False, 0, {})


def test_one_that_is_killed_from_outside_is_told(terraform: FakeTerraform, root: Root) -> None:
    terraform.does("os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(Problem, match=r"Terraform was ended from outside \(signal 9\)") as caught:
        root.apply(lambda step: None)
    assert "Type the same command" in caught.value.hint


def test_a_disk_that_runs_full_stops_it_while_it_can_still_save(
    terraform: FakeTerraform, root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = tmp_path / "root/reserve"
    sizes: list[int] = []

    def usage(_: object) -> object:
        if reserve.exists():
            sizes.append(reserve.stat().st_size)
        has_begun = "apply_start" in (tmp_path / "root/log/apply.out").read_text()
        return type("Usage", (), {"free": 1000 if has_begun else 1_000_000_000})

    monkeypatch.setattr("shutil.disk_usage", usage)
    begin = json.dumps(hook("apply_start", "a.b"))
    # It can go on only when there is room again.
    terraform.does(
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})\n"
        f"print({begin!r}, flush=True)\n"
        f"got = signal.sigtimedwait({{signal.SIGINT}}, {WAIT_SECONDS})\n"
        f"sys.exit(1 if got and not os.path.exists({str(reserve)!r}) else 0)"
    )
    with pytest.raises(Problem, match="The disk that holds .* is full: Terraform was stopped"):
        root.apply(lambda step: None)
    assert sizes and min(sizes) > 1_000_000
    assert not reserve.exists()


def test_where_its_words_lie_is_told_to_who_asks(
    terraform: FakeTerraform, root: Root, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    terraform.says("its words")
    CALLS.addHandler(caplog.handler)
    try:
        root.plan()
    finally:
        CALLS.removeHandler(caplog.handler)
    log = tmp_path / "root/log/plan.out"
    assert str(log) in caplog.text
    assert log.read_text() == "its words\n"
    assert log.stat().st_mode & 0o777 == 0o600
