"""Terraform is downloaded whole and checked, or not at all. The server is real, and serves the installed Terraform."""

from __future__ import annotations

import hashlib
import io
import platform
import shutil
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from opsctl.core.errors import Problem
from opsctl.core.platform.terraform_release import ADDRESS, VERSION, TerraformRelease, release_for
from opsctl.terraform.binary import NoTerraform, find_binary
from opsctl.terraform.download import TerraformDownload

PROGRAM = f"#!/bin/sh\necho Terraform v{VERSION}\n".encode()
PATH = f"/terraform/{VERSION}/terraform_{VERSION}_linux_amd64.zip"

Reply = Callable[[BaseHTTPRequestHandler], None]


def zipped(program: bytes = PROGRAM, *, name: str = "terraform") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        # With a time of their own, so that each call gives the same bytes.
        for entry, data in (("LICENSE.txt", b"terms"), (name, program)):
            archive.writestr(zipfile.ZipInfo(entry), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


RELEASE = TerraformRelease("linux_amd64", zip_sha256=sha256(zipped()), program_sha256=sha256(PROGRAM))


@contextmanager
def serving(reply: Reply) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def sending(body: bytes, *, announced: int | None = None) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200 if handler.path == PATH else 404)
        handler.send_header("Content-Length", str(len(body) if announced is None else announced))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def download(address: str, folder: Path, *, release: TerraformRelease = RELEASE, seconds: float = 30.0) -> list[int]:
    pieces: list[int] = []
    item = TerraformDownload(release, folder, address=address, silence_seconds=seconds, most_seconds=seconds)
    with item.opened() as (size_bytes, install):
        assert install(pieces.append) == folder / "terraform"
        assert sum(pieces) == size_bytes
    return pieces


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("end", ["", "/"])
def test_the_program_is_installed_and_works(tmp_path: Path, end: str) -> None:
    with serving(sending(zipped())) as address:
        download(f"{address}{end}", tmp_path)
    assert files(tmp_path) == ["terraform"]
    assert stat.S_IMODE((tmp_path / "terraform").stat().st_mode) == 0o700
    assert find_binary({"PATH": ""}, own=tmp_path / "terraform").version == VERSION


def test_a_mirror_may_pack_the_program_again(tmp_path: Path) -> None:
    with serving(sending(zipped() + b"a comment of the mirror's")) as address:
        download(address, tmp_path)
    assert (tmp_path / "terraform").read_bytes() == PROGRAM


def test_without_the_programs_checksum_a_mirror_must_have_the_same_zip(tmp_path: Path) -> None:
    release = replace(RELEASE, program_sha256="")
    with serving(sending(zipped())) as address:
        download(address, tmp_path, release=release)
    with (
        serving(sending(zipped() + b"another")) as address,
        pytest.raises(Problem, match=r"is not Terraform 1\.11\.4 as HashiCorp published it: its SHA-256 is another"),
    ):
        download(address, tmp_path, release=release)
    assert files(tmp_path) == ["terraform"]


def redirecting(handler: BaseHTTPRequestHandler) -> None:
    if handler.path == PATH:
        handler.send_response(302)
        handler.send_header("Location", "/elsewhere.zip")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    handler.path = PATH
    sending(zipped())(handler)


def test_a_redirect_is_followed(tmp_path: Path) -> None:
    with serving(redirecting) as address:
        download(address, tmp_path)
    assert files(tmp_path) == ["terraform"]


def without_end(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"\0" * 1_000_000)
    except OSError:
        pass


def silent(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"PK")
    handler.wfile.flush()
    # Until the client hangs up.
    handler.rfile.read(1)


def looping(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (sending(zipped(b"#!/bin/sh\nrm -rf ~\n")), "the SHA-256 of the program in it is another"),
        (sending(zipped(name="other")), "it is no zip of Terraform"),
        (sending(b"<html>Log in first</html>"), "it is no zip of Terraform"),
        (sending(b""), "it is no zip of Terraform"),
        (sending(zipped()[:-30], announced=len(zipped())), r"the connection ended after [\d,]+ of [\d,]+ bytes"),
        (sending(zipped()[:-30]), "it is no zip of Terraform"),
        (lambda handler: handler.send_error(403, "Forbidden"), "127.0.0.1 answers 403: Forbidden"),
        (lambda handler: handler.send_error(503), "127.0.0.1 answers 503"),
        (lambda handler: handler.connection.close(), "."),
        (looping, "127.0.0.1 answers 302"),
        (without_end, "it is larger than Terraform"),
        (silent, "the server does not answer"),
    ],
    ids=[
        *("another program", "another name", "a web page", "nothing", "cut", "cut and not announced", "forbidden"),
        *("unavailable", "hung up", "redirected in a circle", "without end", "silent"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_leaves_nothing(tmp_path: Path, reply: Reply, sentence: str) -> None:
    (tmp_path / "terraform").write_text("an earlier one")
    with serving(reply) as address, pytest.raises(Problem, match=sentence) as caught:
        download(address, tmp_path, seconds=2.0 if reply is silent else 30.0)
    assert caught.value.what.endswith("Nothing was installed.")
    assert "https://developer.hashicorp.com/terraform/install" in caught.value.hint
    assert (files(tmp_path), (tmp_path / "terraform").read_text()) == (["terraform"], "an earlier one")


def test_nobody_listens(tmp_path: Path) -> None:
    with serving(sending(b"")) as address:
        pass
    with pytest.raises(Problem, match=r"could not be downloaded from http://127.0.0.1:\d+/.*: connection refused"):
        download(address, tmp_path)


@pytest.mark.parametrize("address", ["releases.lab.org", "file:///tmp", "ftp://x/y", "http://"])
def test_an_address_that_is_none(tmp_path: Path, address: str) -> None:
    with pytest.raises(Problem, match="OPSCTL_TERRAFORM_RELEASES is no address"):
        TerraformDownload(RELEASE, tmp_path, address=address)


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with (
        serving(sending(zipped())) as address,
        pytest.raises(KeyboardInterrupt),
        TerraformDownload(RELEASE, tmp_path, address=address).opened() as (_, install),
    ):
        install(stop)
    assert files(tmp_path) == []


# Which one is used.


def test_opsctls_own_counts_only_without_another(tmp_path: Path) -> None:
    own, on_path, named = tmp_path / "own/terraform", tmp_path / "bin/terraform", tmp_path / "named/tf"
    with pytest.raises(NoTerraform):
        find_binary({"PATH": str(tmp_path / "bin")}, own=own)
    environment = {"PATH": str(tmp_path / "bin")}
    for program in (own, on_path, named):
        program.parent.mkdir()
        program.write_bytes(PROGRAM)
        program.chmod(0o755)
        if program is named:
            environment["OPSCTL_TERRAFORM"] = str(named)
        assert find_binary(environment, own=own).path == str(program)


def test_an_own_one_that_is_damaged_is_downloaded_again(tmp_path: Path) -> None:
    own = tmp_path / "terraform"
    own.write_bytes(b"\x7fELF")
    own.chmod(0o700)
    with pytest.raises(NoTerraform):
        find_binary({"PATH": ""}, own=own)


@pytest.mark.parametrize("named", ["terraform", "./terraform", "/nowhere/terraform", "/"])
def test_a_named_one_must_be_there(named: str) -> None:
    with pytest.raises(Problem, match="OPSCTL_TERRAFORM is .*, which is no absolute path of a program") as caught:
        find_binary({"PATH": "", "OPSCTL_TERRAFORM": named})
    assert not isinstance(caught.value, NoTerraform)


# The release in the code.


def test_the_programs_checksum_is_the_installed_terraforms() -> None:
    program = shutil.which("terraform")
    release = release_for(platform.system(), platform.machine())
    if program is None or release is None or find_binary({"PATH": str(Path(program).parent)}).version != VERSION:
        pytest.skip(f"Terraform {VERSION} is not installed")
    assert sha256(Path(program).resolve().read_bytes()) == release.program_sha256


def test_systems() -> None:
    names = {
        (system, machine): release_for(system, machine)
        for system in ("Linux", "Darwin")
        for machine in ("x86_64", "arm64", "aarch64")
    }
    assert {release.platform for release in names.values() if release} == {
        *("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64")
    }
    assert [release_for("Windows", "AMD64"), release_for("Linux", "riscv64")] == [None, None]
    release = release_for("Darwin", "arm64")
    assert release is not None
    assert (
        release.url(ADDRESS)
        == f"https://releases.hashicorp.com/terraform/{VERSION}/terraform_{VERSION}_darwin_arm64.zip"
    )
