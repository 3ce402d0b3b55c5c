"""The real Terraform's errors, on roots of a few lines, as opsctl reports them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from opsctl.assets import terraform_dir
from opsctl.core.errors import Problem, UsageProblem
from opsctl.core.platform.provider_lock import LOCK_FILE, ProviderLock
from opsctl.terraform.binary import find_binary
from opsctl.terraform.provider import find_mirror, is_unpacked, os_arch
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
    assert root.outputs() == {"data_bucket": 2}
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


def archive_of(folder: Path, version: str = "5.100.0") -> tuple[Path, str]:
    """A packed mirror, and the checksum of its archive as HashiCorp signs them."""
    archive = folder / f"registry.terraform.io/hashicorp/aws/terraform-provider-aws_{version}_{os_arch()}.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as packed:
        program = zipfile.ZipInfo(f"terraform-provider-aws_v{version}_x5")
        program.external_attr = 0o755 << 16
        packed.writestr(program, "a provider")
    return folder, f"zh:{hashlib.sha256(archive.read_bytes()).hexdigest()}"


def lock(root: Root, *checksums: str, version: str = "5.100.0") -> None:
    hashes = "".join(f'    "{checksum}",\n' for checksum in checksums)
    provider = f'  version     = "{version}"\n  constraints = "~> 5.100"\n  hashes = [\n{hashes}  ]\n'
    (root.folder / LOCK_FILE).write_text(f'provider "registry.terraform.io/hashicorp/aws" {{\n{provider}}}\n')


def test_each_way_that_a_provider_does_not_install(tmp_path: Path) -> None:
    mirror = mirror_of(tmp_path / "mirror", "5.100.0")
    root = root_of(tmp_path / "root", AWS)
    root.init(mirror=mirror)
    next(mirror.rglob("terraform-provider-aws*")).write_text("another one")
    # `init` has nothing to do again; what works with the provider checks it.
    root.init(mirror=mirror)
    with pytest.raises(Problem, match=r"is not HashiCorp's 5\.100\.0 \(its checksum differs\)"):
        root.plan()
    shutil.rmtree(root.folder / ".terraform")
    with pytest.raises(Problem, match=r"does not have the AWS provider 5\.100\.0, the only one that opsctl works with"):
        root.init(mirror=mirror_of(tmp_path / "later", "5.101.0"))
    (tmp_path / "empty").mkdir()
    fresh = root_of(tmp_path / "fresh", AWS)
    with pytest.raises(Problem, match="has no AWS provider that fits this machine"):
        fresh.init(mirror=tmp_path / "empty")
    with pytest.raises(Problem, match="has no AWS provider that fits this machine"):
        fresh.init(mirror=mirror_of(tmp_path / "old", "5.1.0"))


def test_an_unpacked_provider_without_a_checksum_for_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a Mac, whose `h1:` checksum is in no lock file of opsctl's."""
    root = root_of(tmp_path / "root", AWS)
    lock(root, "h1:edXOJWE4ORX8Fm+dpVpICzMZJat4AX0VRCAy/xkcOc0=", archive_of(tmp_path / "packed")[1])
    monkeypatch.setattr("opsctl.core.platform.provider_errors.PLATFORM_WITH_UNPACKED_CHECKSUM", "plan9_mips")
    with pytest.raises(Problem, match=f"can check an unpacked one only on plan9_mips, not on {os_arch()}") as caught:
        root.init(mirror=mirror_of(tmp_path / "mirror", "5.100.0"))
    assert f"terraform-provider-aws_5.100.0_{os_arch()}.zip" in caught.value.hint


def test_a_packed_provider_needs_only_its_archives_checksum_and_the_second_root_links_to_it(tmp_path: Path) -> None:
    mirror, archive = archive_of(tmp_path / "packed")
    first, second = root_of(tmp_path / "first", AWS), root_of(tmp_path / "second", AWS)
    of_another_machine = "h1:edXOJWE4ORX8Fm+dpVpICzMZJat4AX0VRCAy/xkcOc0="
    for root in (first, second):
        lock(root, of_another_machine, archive)
    first.init(mirror=mirror)
    # Terraform has kept what was there and added this machine's own, which the second root needs for the link.
    locked = ProviderLock.parse((first.folder / LOCK_FILE).read_text())
    assert locked.checksums > {of_another_machine, archive} and len(locked.checksums) == 3
    second.init_like(first)
    program = next(second.folder.glob(".terraform/providers/*/*/*/*/*/terraform-provider-aws*"))
    assert program.resolve() == next(first.folder.rglob("terraform-provider-aws*")).resolve()
    third = root_of(tmp_path / "third", AWS)
    lock(third, of_another_machine, f"zh:{'0' * 64}")
    with pytest.raises(Problem, match="is not HashiCorp's"):
        third.init(mirror=mirror)


def test_the_shipped_lock_stays_as_it_is(tmp_path: Path) -> None:
    mirror = find_mirror(os.environ)
    if mirror is None or not is_unpacked(mirror):
        pytest.skip("this machine has no unpacked provider")
    root = root_of(tmp_path / "root", AWS)
    shipped = (terraform_dir() / "platform" / LOCK_FILE).read_text()
    (root.folder / LOCK_FILE).write_text(shipped)
    root.init(mirror=mirror)
    assert (root.folder / LOCK_FILE).read_text() == shipped


def test_the_registry_that_cannot_be_reached(tmp_path: Path) -> None:
    root = root_of(tmp_path / "root", AWS, HTTPS_PROXY="http://127.0.0.1:1", HOME=str(tmp_path))
    with pytest.raises(Problem, match="the Terraform registry was not reached"):
        root.init(mirror=None)
