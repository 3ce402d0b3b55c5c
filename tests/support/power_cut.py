"""Power cuts, replayed: the system calls of a program, and what a disk may hold after a cut at any of them.

A file's bytes are safe once the file is synced, and a name once the folder that holds it is synced. Of the changes
that are not safe yet, a disk may keep all, none or some: bytes without names, names without bytes, half a write.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.repository import ROOT

_CALLS = (
    "mkdir,mkdirat,openat,write,pwrite64,writev,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat"
)
_CALL = re.compile(r"^\d+ +(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")
_DESCRIPTOR = re.compile(r"^(\d+)<([^>]*)>")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_SECTOR_BYTES = 512


@dataclass(frozen=True)
class Call:
    """A successful system call.

    Attributes
    ----------
    path
        The file or folder that it changes or syncs; for a rename the new name.
    data, offset
        The bytes of a write, and where; None: at the end. Of `ftruncate`, the offset is the new length.
    """

    name: str
    path: Path
    data: bytes = b""
    offset: int | None = None
    source: Path | None = None


@dataclass
class File:
    """The bytes of a file on the disk, and the writes that may still be lost, each with its offset."""

    safe: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def contents(self, kept: Sequence[tuple[int, bytes | None]]) -> bytes:
        """The bytes when only these writes have reached the disk."""
        whole = bytearray(self.safe)
        for offset, data in kept:
            if data is None:
                whole[offset:] = b""
                continue
            whole.extend(bytes(max(0, offset - len(whole))))
            whole[offset : offset + len(data)] = data
        return bytes(whole)


class Disk:
    """The files below a folder, as the calls so far have left them, and what is not safe yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        #: None stands for a folder.
        self._current: dict[Path, File | None] = {}
        self._safe: dict[Path, File | None] = {}
        #: Changes of names, in order: what each path is afterwards; an empty tuple: it is gone.
        self._pending: list[dict[Path, tuple[File | None, ...]]] = []

    def carry_out(self, call: Call) -> bool:
        """Note a call; returns whether it concerns this disk."""
        if not call.path.is_relative_to(self.folder):
            return False
        path, file = call.path, self._current.get(call.path)
        match call.name:
            case "mkdir":
                self._rename({path: (None,)})
            case "create":
                if path not in self._current:
                    self._rename({path: (File(),)})
            case "rename":
                assert call.source is not None
                self._rename({call.source: (), path: (self._current[call.source],)})
            case "unlink":
                self._rename({path: ()})
            case "sync" if file is not None:
                file.safe, file.pending = file.contents(file.pending), []
            case "sync":
                self._sync_names(path)
            case "truncate":
                assert file is not None
                file.pending.append((call.offset or 0, None))
            case "write":
                assert file is not None
                end = len(file.contents(file.pending))
                file.pending.append((end if call.offset is None else call.offset, call.data))
        return True

    def _rename(self, change: dict[Path, tuple[File | None, ...]]) -> None:
        self._pending.append(change)
        _apply(self._current, change)

    def _sync_names(self, folder: Path) -> None:
        for change in [change for change in self._pending if next(iter(change)).parent == folder]:
            _apply(self._safe, change)
            self._pending.remove(change)

    def write(self, target: Path, choose: random.Random, *, names: float, data: float) -> None:
        """Write what a cut leaves into a new folder: each unsafe name and write survives with a probability."""
        surviving = dict(self._safe)
        for change in self._pending:
            if choose.random() < names:
                _apply(surviving, change)
        for path, file in sorted(surviving.items(), key=lambda item: len(item[0].parts)):
            copy = target / path.relative_to(self.folder)
            # Without its folder a file is lost, and with the folder it comes back.
            if not copy.parent.is_dir() or path.name.endswith("-shm"):
                continue
            if file is None:
                copy.mkdir()
            else:
                copy.write_bytes(
                    file.contents([half(write, choose) for write in file.pending if choose.random() < data])
                )


def half(write: tuple[int, bytes | None], choose: random.Random) -> tuple[int, bytes | None]:
    """A write, sometimes cut off after a whole sector."""
    offset, data = write
    if data is None or choose.random() < 0.7:
        return write
    return offset, data[: choose.randrange(len(data) // _SECTOR_BYTES + 1) * _SECTOR_BYTES]


#: The probabilities with which unsafe names and bytes survive.
SURVIVALS = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 0.5), (0.8, 0.3))


def _apply(names: dict[Path, File | None], change: dict[Path, tuple[File | None, ...]]) -> None:
    for path, what in change.items():
        if what:
            names[path] = what[0]
        else:
            names.pop(path, None)


def traced_calls(program: str, folder: Path, trace: Path, *arguments: str) -> list[Call]:
    """Run a Python program that works in `folder`, its first argument; what it prints are calls named `print`.

    The test is skipped where system calls cannot be traced.
    """
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("needs strace")
    command = [strace, "-f", "-y", "-xx", "-s", "1000000", "-o", str(trace), "-e", f"trace={_CALLS}"]
    completed = subprocess.run(
        [*command, sys.executable, "-u", "-c", program, str(folder), *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if "ptrace" in completed.stderr:
        pytest.skip(f"strace may not trace here: {completed.stderr.strip()}")
    assert completed.returncode == 0, completed.stderr
    return list(_calls(trace))


def _calls(trace: Path) -> Iterator[Call]:
    with trace.open() as lines:
        for line in lines:
            call = _CALL.match(line)
            if call is None or int(call["result"]) < 0:
                continue
            if (parsed := _parsed(call["name"], call["arguments"], int(call["result"]))) is not None:
                yield parsed


def _parsed(name: str, arguments: str, result: int) -> Call | None:
    strings = [_bytes(text) for text in _STRING.findall(arguments)]
    descriptor = _DESCRIPTOR.match(arguments)
    path = Path(_bytes(descriptor[2]).decode()) if descriptor else Path()
    if name.startswith("mkdir"):
        return Call("mkdir", Path(strings[0].decode()))
    if name == "openat":
        return Call("create", Path(strings[0].decode())) if "O_CREAT" in arguments else None
    if name.startswith("rename"):
        return Call("rename", Path(strings[1].decode()), source=Path(strings[0].decode()))
    if name.startswith("unlink"):
        return Call("unlink", Path(strings[0].decode()))
    if name in ("fsync", "fdatasync"):
        return Call("sync", path)
    if name == "ftruncate":
        return Call("truncate", path, offset=int(arguments.rpartition(",")[2]))
    data = b"".join(strings)[:result]
    if descriptor is not None and descriptor[1] == "1":
        return Call("print", Path(), data)
    return Call("write", path, data, int(arguments.rpartition(",")[2]) if name == "pwrite64" else None)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()
