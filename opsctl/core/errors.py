"""The errors that a user can fix. One boundary (`opsctl.__main__`) turns them into exit codes."""

from __future__ import annotations


class Problem(Exception):
    """A failure with its mend: exit code 1.

    Parameters
    ----------
    what
        One sentence: what happened.
    mend
        What to do about it, or empty where the sentence says it already.
    """

    exit_code = 1

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what} {hint}".strip())
        self.what = what
        self.hint = hint


class UsageProblem(Problem):
    """Options or arguments that no state of the world would make right: exit code 2."""

    exit_code = 2


class PlatformBusy(Problem):
    """Somebody else is at work on what was to be changed: nothing was touched."""


class Interrupted(Problem):
    """Ctrl-C, with what it left behind in words: exit code 130."""

    exit_code = 130


class StillRunning(Interrupted):
    """Ctrl-C again: something comes to its end by itself, and whoever comes next must wait for it."""
