"""Files that `results` could not write: each fails alone, and each kind of failure is told once."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from pathlib import Path

from opsctl.core.errors import ErrorCode, Problem, write_error_code
from opsctl.open_folder import InTheWay

#: A disk that refuses one file for these will refuse the next one, too.
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE}
_OF_THE_NAME = {errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ}
#: What the same command meets again: advice to repeat it would lead in a circle.
_LASTING = {
    ErrorCode.OUTPUT_IN_USE,
    ErrorCode.FILE_UNWRITABLE,
    ErrorCode.FILE_UNREADABLE,
    ErrorCode.RECORD_UNREADABLE,
}
_MOST_KINDS = 3


class UnwrittenFile(Problem):
    """A file that this machine refuses.

    Parameters
    ----------
    path
        Where the error names no file.
    """

    def __init__(self, error: OSError, path: Path) -> None:
        self.is_of_the_disk = error.errno in _OF_THE_DISK
        hint, code = "Name another folder.", write_error_code(error)
        if isinstance(error, InTheWay):
            hint, code = "Move it away, or name another folder.", ErrorCode.OUTPUT_IN_USE
        elif error.errno in _OF_THE_NAME:
            hint = "This disk takes no file of that name: name a folder on another disk."
        elif code is ErrorCode.DISK_FULL:
            hint = "Make room, or name another folder."
        super().__init__(f"{error.filename or path} cannot be written ({error.strerror}).", hint, code=code)


class Faults:
    """Why files are missing.

    Parameters
    ----------
    command
        The command that asks for the same again.
    problems
        Those that are known already.

    Attributes
    ----------
    again
        Advice to repeat the command.
    """

    def __init__(self, command: str, problems: Iterable[Problem] = ()) -> None:
        self.again = f"`{command}` goes on where this stopped."
        self._problems = list(problems)

    def __len__(self) -> int:
        return len(self._problems)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._problems)

    def add(self, problem: Problem) -> None:
        """Add the failure of one file."""
        self._problems.append(problem)

    def summary(self, *, missing: int | None = None) -> Problem:
        """One failure for all of them: the count, the first of each kind, and what to do.

        Parameters
        ----------
        missing
            The number of files that are missing, where others were not tried.
        """
        kinds: dict[tuple[ErrorCode, str], Problem] = {}
        for problem in self._problems:
            kinds.setdefault((problem.code, problem.hint), problem)
        shown = list(kinds.values())[:_MOST_KINDS]
        # Of several kinds each has its advice beside it.
        sentences = [shown[0].what] if len(shown) == 1 else [str(problem) for problem in shown]
        hints = [shown[0].hint] if len(shown) == 1 else []
        if any(problem.code not in _LASTING for problem in shown):
            hints.append(self.again)
        what = f"{files_text(missing or len(self))} did not come: {' '.join(sentences)}"
        return Problem(what, " ".join(hints).strip(), code=shown[0].code)


def files_text(count: int) -> str:
    """`1 file`, `2 files`."""
    return f"{count:,} file{'' if count == 1 else 's'}"
