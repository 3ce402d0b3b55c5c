"""The look of `run` at the scans that it would submit: a job that must fail costs as much as one that does not."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.cli.context import Context
    from opsctl.commands.dataset.check import Look
    from opsctl.commands.dataset.discovery import DatasetFiles
    from opsctl.commands.runs.run_plan import RunPlan
    from opsctl.core.dataset.scan import Scan
    from opsctl.core.dataset.scan_validation import Verdict


class RunLook:
    """Checks a plan's scans, warns of what it finds, and leaves out those that m2g cannot process.

    Parameters
    ----------
    files
        The dataset's.
    check_words, run_words
        The arguments of `check` and of `run` about the same scans, as they would be typed.
    """

    def __init__(
        self, context: Context, files: DatasetFiles, *, check_words: Sequence[str], run_words: Sequence[str]
    ) -> None:
        self._context = context
        self._files = files
        self._check_words = check_words
        self._run_words = run_words

    def without_invalid_scans(self, plan: RunPlan, *, skip_invalid: bool, may_ask: bool) -> RunPlan:
        """The plan, without the scans that m2g cannot process where the user wants that.

        Parameters
        ----------
        skip_invalid
            Whether all scans are checked and the invalid ones are left out without a question.
        may_ask
            Whether somebody can answer.

        Raises
        ------
        Problem
            If no scan to submit is left.
        """
        screen = self._context.screen
        look = self._look(plan, is_all=skip_invalid)
        if look is None:
            return plan
        self._show(look)
        if not look.invalid:
            return plan
        count = len(look.invalid)
        these = f"{'this scan' if count == 1 else f'these {count:,} scans'}"
        if not skip_invalid:
            if not may_ask:
                command = shlex.join(["opsctl", "run", *self._run_words, "--skip-invalid"])
                screen.say(f"`{command}` leaves {these} out.")
                return plan
            if not screen.confirm(f"Leave {these} out?", assume_yes=False):
                return plan
        remaining = plan.without(look.invalid)
        if not remaining.to_submit():
            whole = "the only scan" if count == 1 else f"any of the {count:,} scans"
            raise Problem(
                f"Nothing was submitted: m2g cannot process {whole} that would be submitted.",
                "Correct the files that are named above, and upload them again.",
                code=ErrorCode.NO_SCANS,
            )
        screen.say(f"{'1 scan is' if count == 1 else f'{count:,} scans are'} left out.")
        return remaining

    def _show(self, look: Look) -> None:
        from opsctl.render.check import invalid_lines, timing_line, warning_lines

        screen = self._context.screen
        for head, *lines in filter(None, (invalid_lines(look), warning_lines(look))):
            screen.warn(head)
            for line in lines:
                screen.say(line, style="yellow")
        if timing := timing_line(look.verdicts):
            screen.say(timing)
        if len(look.verdicts) < look.scan_count:
            command = shlex.join(["opsctl", "check", *self._check_words])
            screen.say(f"{len(look.verdicts):,} of {look.scan_count:,} scans checked: `{command}` checks all.")

    def _look(self, plan: RunPlan, *, is_all: bool) -> Look | None:
        """Judge the scans as `check` does; None where they cannot be read and nobody asked to leave some out."""
        from opsctl.commands.dataset.check import check, look
        from opsctl.commands.dataset.headers import Headers

        context = self._context
        options, headers = plan.request.options, Headers(self._files.files)

        def judge(scans: Sequence[Scan]) -> list[Verdict]:
            return check(
                scans,
                headers,
                root_volume_gib=context.platform.root_volume_gib,
                on_scan=lambda: None,
                tr=options.tr,
                acquisition=options.acquisition,
            )

        try:
            with context.screen.waiting("checking scans"):
                return look(plan.scans_to_submit, judge, is_all=is_all, clock=time.monotonic)
        except Problem as problem:
            if is_all:
                raise
            # Only a courtesy: the jobs check their own inputs.
            context.screen.warn(f"Some scans could not be checked: {problem}")
            return None
