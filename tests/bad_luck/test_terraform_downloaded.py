"""A machine without Terraform: `up` downloads it from a server of releases, and needs no network for it afterwards."""

from __future__ import annotations

import shutil
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from terraform_home import TerraformHome

from opsctl.core.platform.terraform_release import VERSION
from opsctl.program import find_program
from opsctl.terraform.binary import find_binary
from opsctl.terraform.provider import os_arch


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def releases(tmp_path: Path) -> ThreadingHTTPServer:
    program = shutil.which("terraform")
    if program is None or find_binary({"PATH": str(Path(program).parent)}).version != VERSION:
        pytest.skip(f"Terraform {VERSION} is not installed")
    folder = tmp_path / "releases"
    archive = folder / f"terraform/{VERSION}/terraform_{VERSION}_{os_arch()}.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.write(program, "terraform")
    return ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))


def test_up_downloads_terraform_once(releases: ThreadingHTTPServer, tmp_path: Path) -> None:
    home = TerraformHome(tmp_path / "home")
    # The programs that a shell has, but no Terraform.
    folder = tmp_path / "bin"
    folder.mkdir()
    home.environment["PATH"] = str(folder)
    assert find_program("terraform", home.environment) is None
    home.environment["OPSCTL_TERRAFORM_RELEASES"] = f"http://127.0.0.1:{releases.server_port}"
    assert f"Not installed: `opsctl up` downloads version {VERSION}." in home.run("doctor").text
    thread = threading.Thread(target=releases.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        first = home.run("up", "--local", "--plan")
    finally:
        releases.shutdown()
        thread.join()
        releases.server_close()
    said = f"Terraform is not installed: downloading version {VERSION} from 127.0.0.1 to"
    assert (first.code, first.text.count(said)) == (2, 1), first.text
    assert "to create" in first.text
    # Whatever needs Terraform looks for it as `doctor` does, and finds it where the download was put.
    assert f"{VERSION} ({home.path}/terraform/{VERSION}/terraform)" in home.run("doctor").text.replace("\n", " ")


def test_without_a_network_it_is_one_sentence(releases: ThreadingHTTPServer, tmp_path: Path) -> None:
    releases.server_close()
    home = TerraformHome(tmp_path / "home")
    home.environment |= {"PATH": str(tmp_path), "OPSCTL_TERRAFORM_RELEASES": f"http://127.0.0.1:{releases.server_port}"}
    ended = home.run("up", "--local", "--plan")
    assert (ended.code, "connection refused. Nothing was installed." in ended.text) == (1, True), ended.text
    assert not (home.path / "terraform" / VERSION / "terraform").exists()
