"""What of a program's files would survive a power cut, from the system calls that the program really made."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.repository import ROOT

_CALLS = (
    "mkdir,mkdirat,openat,write,pwrite64,writev,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat"
)
_CALL = re.compile(r"^\d+ +(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")
_DESCRIPTOR = re.compile(r"^\d+<([^>]*)>")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass
class Disk:
    """The files below a folder: what was changed and not yet synced.

    A file's bytes are safe once the file is synced, its name once the folder that holds it is synced.

    Attributes
    ----------
    unsafe_bytes, unsafe_names
        Files with bytes, and files and folders with names, that a power cut may lose.
    renamed_unsafe
        Files that were given a name while their bytes were unsafe.
    """

    folder: Path
    names: set[Path] = field(default_factory=set)
    unsafe_bytes: set[Path] = field(default_factory=set)
    unsafe_names: set[Path] = field(default_factory=set)
    renamed_unsafe: set[Path] = field(default_factory=set)

    def _create(self, path: Path) -> None:
        if path.is_relative_to(self.folder) and path not in self.names:
            self.names.add(path)
            self.unsafe_names.add(path)

    def _remove(self, path: Path) -> None:
        for paths in (self.names, self.unsafe_bytes, self.unsafe_names):
            paths.discard(path)

    def carry_out(self, name: str, arguments: str) -> None:
        """Note one successful system call."""
        strings = [Path(text) for text in _STRING.findall(arguments)]
        descriptor = _DESCRIPTOR.match(arguments)
        path = Path(descriptor[1]) if descriptor else None
        if name in ("mkdir", "mkdirat") or (name == "openat" and "O_CREAT" in arguments):
            self._create(strings[0])
        elif name.startswith("rename"):
            source, target = strings[:2]
            has_unsafe_bytes = source in self.unsafe_bytes
            self._remove(source)
            self._remove(target)
            self._create(target)
            if has_unsafe_bytes:
                self.unsafe_bytes.add(target)
                self.renamed_unsafe.add(target)
        elif name.startswith("unlink"):
            self._remove(strings[0])
        elif path is not None and path.is_relative_to(self.folder):
            if name in ("fsync", "fdatasync"):
                self.unsafe_bytes.discard(path)
                self.unsafe_names = {unsafe for unsafe in self.unsafe_names if unsafe.parent != path}
            else:
                self.unsafe_bytes.add(path)


def disk_after(program: str, folder: Path, trace: Path) -> Disk:
    """Run a Python program that works in `folder`, its first argument; return the disk at the moment it prints "done".

    The test is skipped where system calls cannot be traced.
    """
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("needs strace")
    command = [strace, "-f", "-y", "-s", "4096", "-o", str(trace), "-e", f"trace={_CALLS}"]
    completed = subprocess.run(
        [*command, sys.executable, "-c", program, str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if "ptrace" in completed.stderr:
        pytest.skip(f"strace may not trace here: {completed.stderr.strip()}")
    assert completed.returncode == 0, completed.stderr
    disk = Disk(folder)
    for line in trace.read_text(errors="replace").splitlines():
        call = _CALL.match(line)
        if call is None or int(call["result"]) < 0:
            continue
        if call["name"] == "write" and '"done' in call["arguments"]:
            return disk
        disk.carry_out(call["name"], call["arguments"])
    pytest.fail("the program did not print `done`")
