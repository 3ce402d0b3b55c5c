"""A folder that is held open: the files directly in it, without following a link."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

# O_NONBLOCK: a named pipe must not wait for a writer.
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
#: How a file is opened for reading that is no link.
READ = os.O_RDONLY | _FILE
#: File systems without hard links, as exFAT, some network file systems, and macOS for some of them.
_NO_HARD_LINKS = (errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL)
#: A name that comes and goes so often at the same moment is somebody's doing.
_TRIES = 20

#: Whether an existing regular file, open for reading, may be replaced.
MayReplace = Callable[[BinaryIO], bool]


def nothing_replaced(_: BinaryIO) -> bool:
    """For files that are written only where there is none."""
    return False


class InTheWay(OSError):
    """Something that opsctl did not write, or that is no regular file or folder, in the place of one."""


class Taken(InTheWay):
    """A file in the place of another one, which may not be replaced."""

    def __init__(self) -> None:
        super().__init__(errno.EEXIST, "it is there already, and not as opsctl wrote it")


class OpenFolder:
    """A folder below a `SafeFolder`, held open.

    Parameters
    ----------
    above
        The path of the `SafeFolder`.
    place
        The folder's path below it, with `/`; empty for the `SafeFolder` itself.

    Attributes
    ----------
    descriptor
        Stays valid until the end of `SafeFolder.folder`.
    """

    def __init__(self, above: Path, place: str, descriptor: int) -> None:
        self._above = above
        self._place = place
        self.descriptor = descriptor

    @property
    def path(self) -> Path:
        """For messages; made when asked for, because of 13,500 folders it takes a second."""
        return self._above / self._place

    def read(self, name: str, *, follow_link: bool = False, is_buffered: bool = True) -> BinaryIO | None:
        """Open a regular file for reading; None if there is none.

        Parameters
        ----------
        follow_link
            Read a link's target, for those who only compare.
        is_buffered
            False: for those who read the whole file. One read may give less than it asks for.

        Raises
        ------
        InTheWay
            If it is a folder, a named pipe, a socket, a device, or a link (with `follow_link`: without a target).
        """
        flags = READ & ~os.O_NOFOLLOW if follow_link else READ
        try:
            return self._read(name, flags, follow_link=follow_link, buffering=-1 if is_buffered else 0)
        except OSError as error:
            self._name(error, name)
            raise

    def _read(self, name: str, flags: int, *, follow_link: bool, buffering: int) -> BinaryIO | None:
        try:
            status = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
            is_link = stat.S_ISLNK(_check(status, is_link_allowed=follow_link))
        except FileNotFoundError:
            return None
        try:
            descriptor = os.open(name, flags, dir_fd=self.descriptor)
        except FileNotFoundError:
            if is_link:
                raise InTheWay(errno.EEXIST, "it is a link to nothing") from None
            return None
        file = os.fdopen(descriptor, "rb", buffering=buffering)
        try:
            _check(os.fstat(descriptor))
        except BaseException:
            file.close()
            raise
        return file

    def create(self, name: str, *, mode: int) -> BinaryIO:
        """Create a file for reading and writing.

        Parameters
        ----------
        mode
            Its permissions, less the umask.

        Raises
        ------
        FileExistsError
            If there is anything of that name.
        """
        with self.naming(name):
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FILE, mode, dir_fd=self.descriptor)
        return os.fdopen(descriptor, "r+b", buffering=0)

    def open_own(self, name: str, *, mode: int) -> BinaryIO | None:
        """Create a file, or open one that this user owns and that has no other name, for reading and writing.

        None if what is there is anything else: somebody else could go on writing into it, or would find it changed.
        """
        try:
            return self.create(name, mode=mode)
        except FileExistsError:
            pass
        try:
            if not stat.S_ISREG(os.stat(name, dir_fd=self.descriptor, follow_symlinks=False).st_mode):
                return None
            descriptor = os.open(name, os.O_RDWR | _FILE, dir_fd=self.descriptor)
        except OSError:
            return None
        file = os.fdopen(descriptor, "r+b", buffering=0)
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_uid == os.geteuid():
            return file
        file.close()
        return None

    def append(self, name: str, data: bytes, *, mode: int) -> None:
        """Add bytes to a file, which is made if there is none; they reach the disk.

        Raises
        ------
        InTheWay
            If it is no regular file, or has another name, under which it is perhaps another user's.
        """
        with self.naming(name):
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _FILE
            descriptor = os.open(name, flags, mode, dir_fd=self.descriptor)
            try:
                status = os.fstat(descriptor)
                _check(status)
                if status.st_nlink > 1:
                    raise InTheWay(errno.EEXIST, "it has a second name")
                write_all(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def size_bytes(self, name: str) -> int:
        """The size of a regular file; 0 if there is none."""
        with suppress(OSError):
            status = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
            return status.st_size if stat.S_ISREG(status.st_mode) else 0
        return 0

    def is_same(self, name: str, file: BinaryIO) -> bool:
        """Whether an open file has this name."""
        try:
            status = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(status, os.fstat(file.fileno()))

    def remove(self, name: str) -> None:
        """Remove a file's name; nothing happens where there is none."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.descriptor)

    def rename(self, part: str, name: str, *, may_replace: MayReplace) -> None:
        """Give a finished file its name.

        Raises
        ------
        InTheWay
            If something has that name that may not be replaced; it stays as it is.
        """
        with self.naming(name):
            for _ in range(_TRIES):
                existing = self.read(name)
                if existing is not None:
                    with existing:
                        if not may_replace(existing):
                            break
                    os.rename(part, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
                    return
                if self._named_first(part, name):
                    return
            raise Taken

    def _named_first(self, part: str, name: str) -> bool:
        """Rename a file to a free name; False if the name is not free any more."""
        places = {"src_dir_fd": self.descriptor, "dst_dir_fd": self.descriptor}
        try:
            # Unlike a rename, a link never replaces what somebody has written in the meantime.
            os.link(part, name, follow_symlinks=False, **places)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            os.rename(part, name, **places)  # noqa: PTH104 (below a descriptor)
            return True
        os.unlink(part, dir_fd=self.descriptor)
        return True

    @contextmanager
    def naming(self, name: str) -> Iterator[None]:
        """Errors of the block name the file by its whole path."""
        try:
            yield
        except OSError as error:
            self._name(error, name)
            raise

    def _name(self, error: OSError, name: str) -> None:
        error.filename, error.filename2 = str(self.path / name), None


def write_all(descriptor: int, data: bytes | bytearray) -> None:
    """Write all bytes; the system may take fewer at once."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _check(status: os.stat_result, *, is_link_allowed: bool = False) -> int:
    """Refuse what is no regular file; returns its mode."""
    mode = status.st_mode
    if stat.S_ISREG(mode) or (is_link_allowed and stat.S_ISLNK(mode)):
        return mode
    kind = "a link" if stat.S_ISLNK(mode) else "a folder" if stat.S_ISDIR(mode) else "no file"
    raise InTheWay(errno.EEXIST, f"it is {kind}")
