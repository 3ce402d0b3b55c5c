"""Failures that the user can fix. `opsctl.boundary` turns them into messages and exit codes."""

from __future__ import annotations

from enum import StrEnum
from errno import EDQUOT, ENOSPC
from typing import Any

#: Version of an error with `--json`; docs/errors.schema.json describes it.
SCHEMA_VERSION = 1


class ErrorCode(StrEnum):
    """What kind of failure it is, for scripts: stable, while sentences may change. docs/errors.md describes each."""

    USAGE = "usage"
    INTERRUPTED = "interrupted"
    BUG = "bug"

    PLATFORM_NOT_FOUND = "platform_not_found"
    PLATFORM_NOT_RUNNING = "platform_not_running"
    PLATFORM_ELSEWHERE = "platform_elsewhere"
    PLATFORM_EXISTS = "platform_exists"
    PLATFORM_BUSY = "platform_busy"
    JOBS_ACTIVE = "jobs_active"
    REMOVAL_INCOMPLETE = "removal_incomplete"
    STATE_UNUSABLE = "state_unusable"
    TERRAFORM_MISSING = "terraform_missing"
    TERRAFORM_FAILED = "terraform_failed"
    ENGINE_MISSING = "engine_missing"
    ENGINE_FAILED = "engine_failed"
    IMAGE_NOT_FOUND = "image_not_found"
    IMAGE_EXISTS = "image_exists"
    IMAGE_UNFIT = "image_unfit"
    IMAGE_BASE_CHANGED = "image_base_changed"
    CONCURRENT_CHANGE = "concurrent_change"
    SELFTEST_FAILED = "selftest_failed"
    NETWORK_UNUSABLE = "network_unusable"
    KEY_UNUSABLE = "key_unusable"

    DATASET_NOT_FOUND = "dataset_not_found"
    BUCKET_NOT_FOUND = "bucket_not_found"
    BUCKET_UNUSABLE = "bucket_unusable"
    NO_SCANS = "no_scans"
    INPUT_INVALID = "input_invalid"
    RUN_NOT_FOUND = "run_not_found"
    SCAN_NOT_FOUND = "scan_not_found"
    NO_RESULTS = "no_results"
    RECORD_UNREADABLE = "record_unreadable"
    OUTPUT_IN_USE = "output_in_use"
    OUTPUT_CHANGED = "output_changed"
    BUDGET_REACHED = "budget_reached"
    DATA_IN_USE = "data_in_use"
    DELETION_INCOMPLETE = "deletion_incomplete"

    CREDENTIALS_MISSING = "credentials_missing"
    CREDENTIALS_EXPIRED = "credentials_expired"
    CREDENTIALS_INVALID = "credentials_invalid"
    CLOCK_WRONG = "clock_wrong"
    AWS_DENIED = "aws_denied"
    AWS_REFUSED = "aws_refused"
    AWS_NOT_FOUND = "aws_not_found"
    AWS_QUOTA_REACHED = "aws_quota_reached"
    AWS_THROTTLED = "aws_throttled"
    AWS_UNREACHABLE = "aws_unreachable"
    ACCOUNT_RESTRICTED = "account_restricted"

    CONFIGURATION_INVALID = "configuration_invalid"
    INSTALLATION_INCOMPLETE = "installation_incomplete"
    FILE_UNREADABLE = "file_unreadable"
    FILE_UNWRITABLE = "file_unwritable"
    DISK_FULL = "disk_full"

    @property
    def exit_code(self) -> int:
        """The exit code of opsctl: 1 for what the user can fix."""
        return {ErrorCode.USAGE: 2, ErrorCode.BUG: 3, ErrorCode.INTERRUPTED: 130}.get(self, 1)


def write_error_code(error: OSError) -> ErrorCode:
    """The code of a file or folder that cannot be written."""
    return ErrorCode.DISK_FULL if error.errno in (ENOSPC, EDQUOT) else ErrorCode.FILE_UNWRITABLE


class Problem(Exception):
    """A failure with a code and a hint.

    Parameters
    ----------
    what
        One sentence: what happened.
    hint
        What to do about it; empty where the sentence says so already.
    code
        For scripts.
    """

    def __init__(self, what: str, hint: str = "", *, code: ErrorCode) -> None:
        super().__init__(what, hint)
        self.what = what
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        return f"{self.what} {self.hint}".strip()

    @property
    def exit_code(self) -> int:
        """The exit code of opsctl."""
        return self.code.exit_code

    def add_sentence(self, sentence: str) -> None:
        """Add to what happened; the class, the code and the hint stay."""
        self.what = f"{self.what} {sentence}"

    def as_json(self) -> dict[str, Any]:
        """The error as `--json` shows it."""
        error = {"code": self.code, "message": self.what, "hint": self.hint, "exit_code": self.exit_code}
        return {"schema_version": SCHEMA_VERSION, "error": error}


class UsageProblem(Problem):
    """Options or arguments that can never be right."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint, code=ErrorCode.USAGE)


class PlatformBusy(Problem):
    """Another process is changing the same platform; nothing was changed."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint, code=ErrorCode.PLATFORM_BUSY)


class Interrupted(Problem):
    """Ctrl-C, with a message on what it left behind."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint, code=ErrorCode.INTERRUPTED)


class StillRunning(Interrupted):
    """A second Ctrl-C: something still runs until its own end, and the next command must wait for it."""
