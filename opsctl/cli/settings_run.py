"""`run --settings`: the same scans with several settings, a run each, and one question about all of them."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import typer

from opsctl.cli.defaults import is_typed
from opsctl.cli.option_groups import M2gFlags
from opsctl.cli.run_wiring import RunWiring
from opsctl.cli.submission_flags import SubmissionFlags
from opsctl.cli.verbs.run import refuse_run_obstacles, settle_earlier_m2g
from opsctl.core.errors import Problem, UsageProblem
from opsctl.core.runs.m2g_options import all_asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.cli.context import Context
    from opsctl.cli.notify.notices import Notices
    from opsctl.cli.run_look import RunLook
    from opsctl.commands.dataset.discovery import DatasetFiles
    from opsctl.commands.runs.request import RunRequest
    from opsctl.commands.runs.run import RunOutcome
    from opsctl.commands.runs.run_plan import RunPlan
    from opsctl.core.comparison.settings import Setting
    from opsctl.core.comparison.settings_price import SettingsPrice
    from opsctl.core.costs.estimate import Estimate

#: The command-line name of an option, where it differs from m2g's.
_PARAMETERS = {"diffusion_model": "model"}


@dataclass(kw_only=True)
class SettingRun:
    """One setting, its plan and its price."""

    setting: Setting
    wiring: RunWiring
    plan: RunPlan
    estimate: Estimate | None = None
    outcome: RunOutcome | None = None

    @property
    def run_id(self) -> str:
        """The run that shows the setting's scans; the latest earlier one where nothing was submitted."""
        if self.outcome is not None:
            return self.outcome.run_id
        return self.plan.earlier[-1].run_id if self.plan.earlier else ""

    def as_json(self) -> dict[str, Any]:
        """The fields of a setting in every document of `run --settings`."""
        return {"setting": self.setting.name, "output": self.plan.output.uri}


def request_of(setting: Setting, request: RunRequest, m2g: M2gFlags) -> RunRequest:
    """The request of one setting.

    Parameters
    ----------
    request
        What was typed besides the settings.
    m2g
        m2g's options as typed, which hold for every setting that does not say otherwise.

    Raises
    ------
    UsageProblem
        If an option was typed on its own as well.
    """
    changes = {_PARAMETERS.get(option, option): value for option, value in setting.options.items()}
    if setting.parcellations:
        changes["parcellation"] = list(setting.parcellations)
    for parameter in changes:
        if is_typed(parameter):
            raise UsageProblem(
                f"--{parameter.replace('_', '-')} is typed, and the setting {setting.name} says it too.",
                "Leave the option out, or take it out of --settings.",
            )
    changed = replace(request, options=M2gFlags(**{**vars(m2g), **changes}).options)
    if request.modif is not None:
        return replace(changed, modif=f"{request.modif}-{setting.label}")
    return replace(changed, modif=f"{changed.output_name}-{setting.suffix}") if setting.suffix else changed


def requests_of(settings: Sequence[Setting], request: RunRequest, m2g: M2gFlags) -> list[RunRequest]:
    """The requests of all settings.

    Raises
    ------
    UsageProblem
        If two of them ask m2g for the same, or would write to the same folder.
    """
    requests = [request_of(setting, request, m2g) for setting in settings]
    for index, (setting, own) in enumerate(zip(settings, requests, strict=True)):
        for other_setting, other in zip(settings[:index], requests[:index], strict=True):
            pair = f"{other_setting.name} and {setting.name}"
            if all_asked(own.options.as_dict()) == all_asked(other.options.as_dict()):
                raise UsageProblem(f"The settings {pair} ask m2g for the same.", "Leave one out.")
            if own.output_name == other.output_name:
                raise UsageProblem(f"The settings {pair} would write to the same folder {own.output_name}.")
    return requests


class SettingsRun:
    """Plans, prices and submits several settings.

    Parameters
    ----------
    requests
        Of the settings, in their order.
    """

    def __init__(
        self,
        context: Context,
        settings: Sequence[Setting],
        requests: Sequence[RunRequest],
        files: DatasetFiles,
        *,
        submission: SubmissionFlags,
        notices: Notices,
    ) -> None:
        self._context = context
        self._submission = submission
        self._notices = notices
        self._runs = [
            SettingRun(setting=setting, wiring=wiring, plan=wiring.plan(files))
            for setting, wiring in (
                (setting, RunWiring(context, request)) for setting, request in zip(settings, requests, strict=True)
            )
        ]
        # Two plans of one second differ in four random digits only.
        for index, setting_run in enumerate(self._runs):
            while setting_run.plan.run_id in {earlier.plan.run_id for earlier in self._runs[:index]}:
                setting_run.plan = setting_run.wiring.plan(files)

    def carry_out(self, look: RunLook) -> None:
        """Show all settings, ask once, submit one after the other, and say how to compare them.

        Parameters
        ----------
        look
            Checks the scans, which are the same for all settings.
        """
        self._show_plans()
        remaining = [setting_run for setting_run in self._runs if setting_run.plan.to_submit()]
        if not remaining:
            self._say_nothing_to_do()
            return
        submission, screen = self._submission, self._context.screen
        for setting_run in remaining:
            refuse_run_obstacles(self._context, setting_run.wiring, is_dry_run=submission.dry_run)
        self._leave_invalid_out(remaining, look)
        remaining = [setting_run for setting_run in remaining if setting_run.plan.to_submit()]
        price = self._price(remaining)
        self._keep_documents(remaining)
        if submission.dry_run:
            self._show_dry_run(remaining, price)
            return
        from opsctl.render.screen import counted

        jobs = f"{counted(price.scan_count, 'job')} with {counted(price.settings, 'setting')}"
        if not screen.confirm(f"Submit {jobs}?", assume_yes=submission.yes):
            screen.say("Nothing was submitted.")
            raise typer.Exit(1)
        for setting_run in remaining:
            self._submit(setting_run)
        self._show_outcome()

    def _show_plans(self) -> None:
        from opsctl.render.pilot import pilot_lines
        from opsctl.render.run import cut_atlases_line, dataset_lines, earlier_snapshots_line, option_lines

        screen, first = self._context.screen, self._runs[0].plan
        for line in (*dataset_lines(first), *pilot_lines(first)):
            screen.say(line)
        for setting_run in self._runs:
            plan = setting_run.plan
            screen.say()
            screen.say(f"setting {setting_run.setting.name}", style="bold")
            for line in option_lines(plan):
                screen.say(line)
            if plan.cut_atlases:
                screen.say_once(f"! {cut_atlases_line(plan)}")
            if plan.earlier_snapshots:
                screen.warn(earlier_snapshots_line(plan))
            setting_run.plan = settle_earlier_m2g(self._context, plan, self._submission)

    def _leave_invalid_out(self, remaining: Sequence[SettingRun], look: RunLook) -> None:
        """Check the scans once, those of the setting that submits most, and leave the same ones out of all."""
        from opsctl.render.pilot import unpaired_line

        submission = self._submission
        most = max(remaining, key=lambda setting_run: len(setting_run.plan.to_submit()))
        most.plan = look.without_invalid_scans(
            most.plan,
            skip_invalid=submission.skip_invalid,
            may_ask=sys.stdin.isatty() and not (submission.yes or submission.dry_run),
        )
        if left_out := most.plan.left_out:
            for setting_run in remaining:
                if setting_run is not most:
                    setting_run.plan = setting_run.plan.without(left_out)
            if line := unpaired_line(most.plan):
                self._context.screen.warn(line)

    def _price(self, remaining: Sequence[SettingRun]) -> SettingsPrice:
        """Show the price of each setting and of all; refuse what `--max-spend` does not cover."""
        from opsctl.core.comparison.settings_price import settings_price
        from opsctl.render.pilot import together_line
        from opsctl.render.run import disposition_lines, nothing_line

        screen, notes = self._context.screen, dict[str, None]()
        screen.say()
        for setting_run in self._runs:
            if setting_run not in remaining:
                screen.say(f"{setting_run.setting.name}: {nothing_line(setting_run.plan)}")
                continue
            setting_run.estimate = setting_run.wiring.estimate(setting_run.plan)
            first, *others = disposition_lines(setting_run.plan, setting_run.estimate)
            for line in (f"{setting_run.setting.name}: {first}", *others):
                screen.say(line)
            notes.update(dict.fromkeys(setting_run.wiring.notes(setting_run.plan)))
        price = settings_price(
            [
                (setting_run.wiring.resources.job_queue, setting_run.estimate)
                for setting_run in remaining
                if setting_run.estimate is not None
            ],
            is_local=self._context.platform.is_local,
        )
        screen.say(together_line(price), style="bold")
        for note in notes:
            screen.warn(note)
        if self._submission.max_spend is not None:
            price.ensure_affordable(
                self._submission.max_spend, spent_usd=sum(self._spent_usd(setting_run) for setting_run in self._runs)
            )
            for setting_run in remaining:
                self._say_guarantee(setting_run)
        return price

    def _say_guarantee(self, setting_run: SettingRun) -> None:
        """Say what `--max-spend` guarantees for a setting; refuse it if not one scan is covered."""
        others = [other for other in self._runs if other is not setting_run]
        guarantee = setting_run.wiring.guarantee(setting_run.plan, other_usd=lambda: sum(map(self._spent_usd, others)))
        for line in guarantee.lines if guarantee else []:
            self._context.screen.say_once(line)

    def _spent_usd(self, setting_run: SettingRun) -> float:
        return setting_run.wiring.spending().usd

    def _keep_documents(self, remaining: Sequence[SettingRun]) -> None:
        if self._submission.jobdir is not None:
            from opsctl.commands.runs.run import keep_documents

            for setting_run in remaining:
                keep_documents(setting_run.plan, self._submission.jobdir)

    def _submit(self, setting_run: SettingRun) -> None:
        """Submit one setting; where it fails, say what became of all of them."""
        from opsctl.render.run import outcome_line

        others = [other for other in self._runs if other is not setting_run]
        try:
            setting_run.outcome = setting_run.wiring.carry_out(
                setting_run.plan, other_usd=lambda: sum(map(self._spent_usd, others))
            )
        except Problem as problem:
            before = [other for other in others if other.outcome is not None]
            submitted = "; ".join(f"{other.setting.name} was submitted as {other.run_id}" for other in before)
            problem.add_sentence(
                f"That was the setting {setting_run.setting.name}"
                + (f"; {submitted}." if submitted else "; no other setting was submitted.")
            )
            raise
        self._context.screen.say(f"{setting_run.setting.name}: {outcome_line(setting_run.outcome)}", style="green")
        if self._notices and self._context.platform.is_local:
            self._notices.keep(setting_run.run_id)

    def _show_outcome(self) -> None:
        commands = self._compare_commands()
        if self._submission.as_json:
            settings = [
                {**setting_run.as_json(), **setting_run.outcome.as_json()}
                if setting_run.outcome is not None
                else {**setting_run.as_json(), "run_id": setting_run.run_id, "submitted": 0}
                for setting_run in self._runs
            ]
            self._context.screen.json({"settings": settings, "compare": list(commands)})
        status = {
            f"opsctl status --run {shlex.quote(setting_run.run_id)}": f"where {setting_run.setting.name} stands"
            for setting_run in self._runs
        }
        self._context.screen.hints({**status, **commands})

    def _say_nothing_to_do(self) -> None:
        from opsctl.render.run import nothing_line

        for setting_run in self._runs:
            self._context.screen.say(f"{setting_run.setting.name}: {nothing_line(setting_run.plan)}", style="green")
        self._show_outcome()

    def _show_dry_run(self, remaining: Sequence[SettingRun], price: SettingsPrice) -> None:
        from opsctl.core.costs.money import estimate_json

        screen = self._context.screen
        if self._submission.as_json:
            settings = [
                {
                    **setting_run.plan.as_json(),
                    **setting_run.as_json(),
                    "obstacles": [obstacle.as_json() for obstacle in setting_run.wiring.obstacles()],
                    "estimate": estimate_json(
                        setting_run.wiring.estimate(setting_run.plan), is_local=self._context.platform.is_local
                    ),
                }
                for setting_run in remaining
            ]
            screen.json({"settings": settings, "together": price.as_json(), "compare": list(self._compare_commands())})
            return
        screen.say("Nothing was submitted. Add --json to see the JSON of each scan and of each SubmitJob request.")

    def _compare_commands(self) -> dict[str, str]:
        from opsctl.core.dataset_argument import typed_dataset
        from opsctl.render.pilot import compare_commands

        data_bucket = self._context.platform.data_bucket
        typed = [
            f"{typed_dataset(plan.request.dataset.uri, data_bucket=data_bucket)}/derivatives/{plan.output.name}"
            for plan in (setting_run.plan for setting_run in self._runs)
        ]
        return compare_commands([shlex.quote(derivatives) for derivatives in typed]) if len(typed) > 1 else {}
