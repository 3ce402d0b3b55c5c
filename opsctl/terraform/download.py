"""Download Terraform, check it against the checksums in the code, and install it whole or not at all."""

from __future__ import annotations

import hashlib
import http.client
import os
import platform
import socket
import ssl
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from opsctl.core.errors import ErrorCode, Problem, write_error_code
from opsctl.core.harmless import harmless
from opsctl.core.platform.terraform_release import ADDRESS, VERSION, TerraformRelease, release_for
from opsctl.whole_file import sync_folder

#: Names another address than HashiCorp's, with the same folders below it.
RELEASES_VARIABLE = "OPSCTL_TERRAFORM_RELEASES"

_CHUNK_BYTES = 1 << 18
#: The zip has 28 MB and the program 92 MB: a server that sends more has something else.
_MOST_ZIP_BYTES, _MOST_PROGRAM_BYTES = 100_000_000, 250_000_000
_SILENCE_SECONDS = 30.0
#: At less than 50 kB a second it is quicker to install Terraform in another way.
_MOST_SECONDS = 600.0
_INSTALL = "Or install Terraform 1.5 or later from https://developer.hashicorp.com/terraform/install."


class TerraformDownload:
    """The download of one release into a folder.

    Parameters
    ----------
    release
        What is downloaded.
    folder
        Exists, and only this user may write to it. The program will be `terraform` in it.
    address
        HashiCorp's, or a mirror's; `http`, `https`.
    silence_seconds, most_seconds
        How long the server may send nothing, and how long the download may take.

    Attributes
    ----------
    host
        The server's name.

    Raises
    ------
    Problem
        When the address is none.
    """

    def __init__(
        self,
        release: TerraformRelease,
        folder: Path,
        *,
        address: str = ADDRESS,
        silence_seconds: float = _SILENCE_SECONDS,
        most_seconds: float = _MOST_SECONDS,
    ) -> None:
        self._release = release
        self._folder = folder
        self._url = release.url(address)
        self._silence_seconds = silence_seconds
        self._most_seconds = most_seconds
        parts = urlsplit(self._url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Problem(
                f"{RELEASES_VARIABLE} is no address: {harmless(address)!r}.",
                f"It is like {ADDRESS}, and has the same folders below it.",
                code=ErrorCode.CONFIGURATION_INVALID,
            )
        self.host = parts.hostname

    @classmethod
    def for_this_machine(cls, folder: Path, environment: Mapping[str, str]) -> TerraformDownload | None:
        """The download for this computer, from the address that `OPSCTL_TERRAFORM_RELEASES` names if it is set.

        None where HashiCorp has no release for it that opsctl knows.
        """
        release = release_for(platform.system(), platform.machine())
        return cls(release, folder, address=environment.get(RELEASES_VARIABLE) or ADDRESS) if release else None

    @contextmanager
    def opened(self) -> Iterator[tuple[int, Callable[[Callable[[int], None]], Path]]]:
        """Connect; yield the size of the zip in bytes, and the function that downloads and installs it.

        That function takes a function, which is called with the number of bytes of each piece, and returns the
        program's path.

        Raises
        ------
        Problem
            When the server cannot be reached, refuses, stops, is too slow or sends another file, and when the folder
            cannot be written. Nothing is installed then, and an earlier program stays.
        """
        with self._translated(), self._response() as response:
            size_bytes = int(response.headers.get("Content-Length") or 0)

            def install(advance: Callable[[int], None]) -> Path:
                # Beside its place, so that it can be renamed; several processes may do the same at once.
                with tempfile.TemporaryDirectory(dir=self._folder, prefix=".download-") as scratch:
                    archive = Path(scratch, "terraform.zip")
                    digest = self._receive(response, archive, size_bytes, advance)
                    program = self._unpack(archive, Path(scratch, "terraform"), is_original=digest)
                    target = self._folder / "terraform"
                    program.replace(target)
                sync_folder(self._folder)
                return target

            yield size_bytes, install

    def _response(self) -> http.client.HTTPResponse:
        # The scheme of the address is checked when the download is made.
        request = urllib.request.Request(self._url, headers={"User-Agent": "opsctl"})  # noqa: S310
        opener = urllib.request.build_opener(_SameSecurity)
        response: http.client.HTTPResponse = opener.open(request, timeout=self._silence_seconds)
        return response

    def _receive(
        self, response: http.client.HTTPResponse, archive: Path, size_bytes: int, advance: Callable[[int], None]
    ) -> bool:
        """Write the zip; whether it is the one that HashiCorp published."""
        began, received, digest = time.monotonic(), 0, hashlib.sha256()
        with archive.open("wb") as file:
            while chunk := self._piece(response):
                file.write(chunk)
                digest.update(chunk)
                received += len(chunk)
                advance(len(chunk))
                if received > _MOST_ZIP_BYTES:
                    raise self._wrong("it is larger than Terraform")
                if time.monotonic() - began > self._most_seconds:
                    raise self._failed(f"it is too slow: {received:,} bytes in {self._most_seconds:g} s")
        if received < size_bytes:
            raise self._failed(f"the connection ended after {received:,} of {size_bytes:,} bytes")
        return digest.hexdigest() == self._release.zip_sha256

    def _piece(self, response: http.client.HTTPResponse) -> bytes:
        try:
            return response.read1(_CHUNK_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise self._failed(_reason(error)) from error

    def _unpack(self, archive: Path, program: Path, *, is_original: bool) -> Path:
        if not is_original and not self._release.program_sha256:
            raise self._wrong("its SHA-256 is another")
        digest, size_bytes = hashlib.sha256(), 0
        try:
            with (
                zipfile.ZipFile(archive) as zipped,
                zipped.open("terraform") as source,
                open(program, "wb", opener=_executable) as target,
            ):
                while chunk := source.read(_CHUNK_BYTES):
                    size_bytes += len(chunk)
                    if size_bytes > _MOST_PROGRAM_BYTES:
                        raise self._wrong("the program in it is larger than Terraform")
                    digest.update(chunk)
                    target.write(chunk)
                _sync(target)
        except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError) as error:
            raise self._wrong("it is no zip of Terraform") from error
        # A mirror may have packed the program again: its zip differs, the program does not.
        if not is_original and digest.hexdigest() != self._release.program_sha256:
            raise self._wrong("the SHA-256 of the program in it is another")
        return program

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except Problem:
            raise
        except urllib.error.HTTPError as error:
            error.close()
            raise self._failed(f"{self.host} answers {error.code}: {harmless(str(error.reason))}") from error
        except urllib.error.URLError as error:
            raise self._failed(_reason(error.reason)) from error
        except (TimeoutError, http.client.HTTPException, ConnectionError) as error:
            raise self._failed(_reason(error)) from error
        except OSError as error:
            raise Problem(
                f"Terraform cannot be stored in {self._folder} ({error.strerror or error}).",
                "Make room, or set OPSCTL_HOME to a folder that you may write to.",
                code=write_error_code(error),
            ) from error

    def _failed(self, why: str) -> Problem:
        return Problem(
            f"Terraform {VERSION} could not be downloaded from {harmless(self._url)}: {why}. Nothing was installed.",
            f"Connect to the internet and type the same command again, or set {RELEASES_VARIABLE} to a mirror."
            f" {_INSTALL}",
            code=ErrorCode.TERRAFORM_MISSING,
        )

    def _wrong(self, why: str) -> Problem:
        return Problem(
            f"What {self.host} sent is not Terraform {VERSION} as HashiCorp published it: {why}."
            " Nothing was installed.",
            f"Check {RELEASES_VARIABLE} and the proxy. {_INSTALL}",
            code=ErrorCode.TERRAFORM_MISSING,
        )


class _SameSecurity(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but none from https to http."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def] # urllib's names
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError(f"it redirects to {harmless(newurl)}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _reason(error: object) -> str:
    if isinstance(error, TimeoutError):
        return "the server does not answer"
    if isinstance(error, socket.gaierror):
        return "its address is not known to this machine's DNS"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not trusted ({error.verify_message})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return harmless(str(error)) or type(error).__name__


def _executable(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_EXCL, 0o700)


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
