"""Which Terraform opsctl uses: found, asked for its version, refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fake_terraform import FakeTerraform
from support.local_servers import alive
from support.waiting import until

from opsctl.core.errors import Problem
from opsctl.terraform.binary import Binary, find_binary


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
