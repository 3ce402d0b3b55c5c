"""The local platform's key: a random secret in a file that only its owner can read.

It is the access key that every request to the server must carry, and its secret key too. The file is in the format of
AWS's shared credentials file, so that the AWS CLI and the SDKs can be told to use it (AWS_SHARED_CREDENTIALS_FILE) and
the key need not stand on a command line. It stays the same when the server restarts.
"""

from __future__ import annotations

import configparser
import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from opsctl.core.errors import ErrorCode, Problem
from opsctl.whole_file import write_whole

_PROFILE = "default"
_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_KEY_BYTES = 20
#: The file is some hundred bytes long.
_LONGEST_FILE = 4096


def make_key(file: Path) -> None:
    """Make the file with a new key unless it exists. Of several processes that do so at once, one key wins."""
    if os.path.lexists(file):
        return
    candidate = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    key = secrets.token_hex(_KEY_BYTES)
    write_whole(candidate, "".join([f"[{_PROFILE}]\n", *(f"{name.lower()} = {key}\n" for name in _VARIABLES)]))
    try:
        with suppress(FileExistsError):
            os.link(candidate, file)
    finally:
        candidate.unlink()


def read_key(file: Path) -> dict[str, str]:
    """Read the key, as the environment variables of the AWS SDKs.

    Raises
    ------
    FileNotFoundError
        When there is no key: no server has run in this home.
    Problem
        When the file is not a file of this user's, others can read it, or it holds no key.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise _refused(file, "is a link", f"Remove it: rm '{file}'") from None
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise _refused(file, "is not a file", f"Move it away: mv '{file}' '{file}.old'")
        if facts.st_uid != os.geteuid():
            raise _refused(file, "belongs to another user", "Set OPSCTL_HOME to a folder of yours.")
        if facts.st_mode & 0o077:
            # As ssh does: whoever has read it has the key, and a mended mode would not show that.
            raise _refused(
                file,
                f"can be read or changed by others (its mode is {stat.S_IMODE(facts.st_mode):o})",
                f"If nobody else has read it: chmod 600 '{file}'. Else do so too, then `opsctl down --yes`, remove the"
                " file, and `opsctl up --local` makes another key.",
            )
        text = os.read(descriptor, _LONGEST_FILE).decode(errors="replace")
    finally:
        os.close(descriptor)
    values = configparser.ConfigParser(interpolation=None)
    try:
        values.read_string(text)
        key = {name: values[_PROFILE][name.lower()] for name in _VARIABLES}
    except (configparser.Error, KeyError):
        key = {}
    # An empty key would be everybody's.
    if not key or not all(len(value) >= 2 * _KEY_BYTES for value in key.values()):
        raise _refused(file, "holds no key", f"Remove it: rm '{file}'; `opsctl up --local` makes another.")
    return key


def _refused(file: Path, what: str, hint: str) -> Problem:
    return Problem(f"{file}, the local platform's key, {what}.", hint, code=ErrorCode.FILE_UNREADABLE)
