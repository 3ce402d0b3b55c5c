"""The real Terraform's errors, on roots of a few lines, as opsctl reports them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from opsctl.core.errors import Problem, UsageProblem
from opsctl.terraform.binary import find_binary
from opsctl.terraform.provider import os_arch
from opsctl.terraform.root import Root

DATA = 'resource "terraform_data" "one" { input = var.size }\n'
VARIABLE = """
variable "size" {
  type = number
  validation {
    condition     = var.size >= 2
    error_message = "size must be at least 2."
  }
}
output "data_bucket" { value = terraform_data.one.output }
"""
AWS = """
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
"""


def root_of(folder: Path, code: str, **variables: str) -> Root:
    folder.mkdir()
    (folder / "main.tf").write_text(code)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TF_"))}
    return Root("platform", folder=folder, binary=find_binary(os.environ), environment={**inherited, **variables})


@pytest.fixture
def root(tmp_path: Path) -> Root:
    root = root_of(tmp_path / "root", DATA + VARIABLE)
    root.set_variables({"size": 2})
    root.init(mirror=None)
    return root


def test_a_state_that_somebody_holds(root: Root) -> None:
    root.plan()
    root.apply(lambda step: None)
    info = {
        "ID": "0b8a5f0c-bd3f-2a2a-74a7-6d0b9b1c7b7e",
        "Operation": "OperationTypeApply",
        "Who": "ada@lab-7",
        "Version": "1.11.4",
        "Created": "2026-11-22T18:40:14.562594693Z",
        "Path": "terraform.tfstate",
    }
    (root.folder / ".terraform.tfstate.lock.info").write_text(json.dumps(info))
    # Another process: whoever closes a file gives all of its own locks on it up.
    lock = "f = open(sys.argv[1], 'r+'); fcntl.lockf(f, fcntl.LOCK_EX)"
    hold = f"import fcntl, sys; {lock}; print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", hold, root.folder / "terraform.tfstate"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline()
        with pytest.raises(Problem) as caught:
            root.plan()
    assert caught.value.what == "Terraform's state lock is held by ada@lab-7 since 2026-11-22 18:40 UTC (apply)."
    assert f"-chdir={root.folder} force-unlock {info['ID']}`" in caught.value.hint
    # What a dead one leaves (the information, without the lock) holds nobody up.
    (root.folder / ".terraform.tfstate.lock.info").write_text(json.dumps(info))
    assert root.plan().changes == ()


def test_a_variable_that_its_validation_refuses(root: Root) -> None:
    root.set_variables({"size": 1})
    with pytest.raises(UsageProblem, match=r"^--set: size must be at least 2\.$"):
        root.plan()
    root.set_variables({"size": "many"})
    with pytest.raises(UsageProblem, match="a number is required"):
        root.plan()


def test_a_state_that_could_not_be_saved_is_pushed_back(root: Root) -> None:
    root.plan()
    root.apply(lambda step: None)
    saved, rescued = root.folder / "terraform.tfstate", root.folder / "errored.tfstate"
    state = json.loads(saved.read_text())
    rescued.write_text(json.dumps({**state, "serial": state["serial"] + 1}))
    saved.write_text(json.dumps({**state, "resources": [], "outputs": {}}))
    assert root.plan().changes == ()
    assert not rescued.exists()
    assert root.recorded_outputs() == {"data_bucket": 2}
    # An older one is not believed, and not thrown away.
    rescued.write_text(json.dumps({**state, "serial": 0}))
    with pytest.raises(Problem, match="Terraform does not take it back"):
        root.plan()
    assert rescued.exists()


def test_an_empty_state_of_a_killed_terraform_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    root_of(folder, DATA + VARIABLE)
    (folder / "terraform.tfstate").touch()
    other = Root("platform", folder=folder, binary=find_binary(os.environ), environment=dict(os.environ))
    other.set_variables({"size": 2})
    other.init(mirror=None)
    assert (other.has_state, other.state()) == (False, {})
    assert other.plan().counts() == {"create": 1}


def test_what_was_broken_off_is_gone_on_with_and_not_made_twice(tmp_path: Path) -> None:
    code = 'resource "terraform_data" "many" {\n  for_each = toset(["a", "b"])\n  input = each.key\n}\n'
    root = root_of(tmp_path / "many", code)
    root.init(mirror=None)
    root.plan()
    root.apply(lambda step: None)
    path = root.folder / "terraform.tfstate"
    state = json.loads(path.read_text())
    before = [instance["attributes"]["id"] for instance in state["resources"][0]["instances"]]
    # As a stopped Terraform leaves what AWS had already made.
    state["resources"][0]["instances"][1]["status"] = "tainted"
    path.write_text(json.dumps(state))
    assert root.plan().changes == ()
    after = json.loads(path.read_text())["resources"][0]["instances"]
    assert [instance["attributes"]["id"] for instance in after] == before
    assert [instance.get("status") for instance in after] == [None, None]


def mirror_of(folder: Path, version: str, content: str = "a provider") -> Path:
    unpacked = folder / "registry.terraform.io/hashicorp/aws" / version / os_arch()
    unpacked.mkdir(parents=True)
    program = unpacked / f"terraform-provider-aws_v{version}_x5"
    program.write_text(content)
    program.chmod(0o755)
    return folder


def test_each_way_that_a_provider_does_not_install(tmp_path: Path) -> None:
    mirror = mirror_of(tmp_path / "mirror", "5.100.0")
    root = root_of(tmp_path / "root", AWS)
    root.init(mirror=mirror)
    next(mirror.rglob("terraform-provider-aws*")).write_text("another one")
    with pytest.raises(Problem, match="is not the one that this platform was made with .its checksum") as caught:
        root.init(mirror=mirror)
    assert f"remove {root.folder}/.terraform.lock.hcl" in caught.value.hint
    shutil.rmtree(root.folder / ".terraform")
    with pytest.raises(Problem, match="no longer has the version of the AWS provider"):
        root.init(mirror=mirror_of(tmp_path / "later", "5.101.0"))
    (tmp_path / "empty").mkdir()
    fresh = root_of(tmp_path / "fresh", AWS)
    with pytest.raises(Problem, match="has no AWS provider that fits this machine"):
        fresh.init(mirror=tmp_path / "empty")
    with pytest.raises(Problem, match="has no AWS provider that fits this machine"):
        fresh.init(mirror=mirror_of(tmp_path / "old", "5.1.0"))


def test_the_registry_that_cannot_be_reached(tmp_path: Path) -> None:
    root = root_of(tmp_path / "root", AWS, HTTPS_PROXY="http://127.0.0.1:1", HOME=str(tmp_path))
    with pytest.raises(Problem, match="the Terraform registry was not reached"):
        root.init(mirror=None)


def test_the_second_root_links_to_the_firsts_provider(tmp_path: Path) -> None:
    first, second = root_of(tmp_path / "first", AWS), root_of(tmp_path / "second", AWS)
    first.init(mirror=mirror_of(tmp_path / "mirror", "5.100.0"))
    second.init(mirror=first.providers)
    program = next(second.providers.rglob("terraform-provider-aws*"), None) or next(
        second.providers.glob("*/*/*/*/*/terraform-provider-aws*")
    )
    assert program.resolve() == next((tmp_path / "mirror").rglob("terraform-provider-aws*")).resolve()
