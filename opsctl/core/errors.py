"""Failures that the user can fix. `opsctl.__main__` turns them into messages and exit codes."""

from __future__ import annotations


class Problem(Exception):
    """A failure with a hint: exit code 1.

    Parameters
    ----------
    what
        One sentence: what happened.
    hint
        What to do about it; empty where the sentence says so already.
    """

    exit_code = 1

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what} {hint}".strip())
        self.what = what
        self.hint = hint


class UsageProblem(Problem):
    """Options or arguments that can never be right: exit code 2."""

    exit_code = 2


class PlatformBusy(Problem):
    """Another process is changing the same platform; nothing was changed."""


class Interrupted(Problem):
    """Ctrl-C, with a message on what it left behind: exit code 130."""

    exit_code = 130


class StillRunning(Interrupted):
    """A second Ctrl-C: something still runs until its own end, and the next command must wait for it."""
