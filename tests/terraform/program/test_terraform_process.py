"""Terraform as a process: found, streamed, checked, tried again. The program is a fake."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from support.fake_terraform import FakeTerraform, error, hook, planned

from opsctl.aws.call_log import CALLS
from opsctl.core.errors import Problem
from opsctl.core.platform.terraform_events import Change, Step
from opsctl.terraform.provider import locked_version, os_arch
from opsctl.terraform.root import Root

WAIT_SECONDS = 60


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
