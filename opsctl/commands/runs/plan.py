"""`run` before the confirmation: finds the scans, reads the earlier runs and plans what to submit. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from opsctl.commands.dataset.discovery import DatasetFiles, ensure_runnable, find
from opsctl.commands.runs.prior_runs import PriorRuns
from opsctl.commands.runs.registrations import RegistrationFinder
from opsctl.commands.runs.request import RunRequest
from opsctl.commands.runs.run_plan import RunPlan
from opsctl.core.atlases.atlas_table import AtlasTable
from opsctl.core.dataset.entities import EntityPatterns
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location, derivatives
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.m2g_options import asked
from opsctl.core.runs.manifest import make_run_id, mixing_run
from opsctl.core.runs.registration import Registration
from opsctl.core.runs.scan_history import ScanDisposition
from opsctl.core.runs.scan_key import ScanKeys


def plan(
    request: RunRequest,
    platform: Platform,
    source: DatasetFiles,
    prior_runs: PriorRuns,
    *,
    patterns: EntityPatterns,
    table: AtlasTable,
    moment: datetime,
    token: str,
    image_digest: str | None = None,
    finder: RegistrationFinder | None = None,
) -> RunPlan:
    """Plan what a request submits.

    Parameters
    ----------
    source
        The dataset's files.
    table
        All of neuroparc's atlases.
    finder
        Looks for the registrations to reuse; without it none is reused.

    Raises
    ------
    UsageProblem
        When no job of the platform has the memory that was typed, or the jobs have too little for an atlas.
    Problem
        When the dataset does not exist or has no scan to run, when no scan has a registration to reuse, when its output
        location holds a run with other options or files that opsctl did not write, or when jobs with other inputs would
        write there.
    """
    request.resources(platform)
    request.ensure_atlases_fit(platform, table)
    scans = find(request.query, source, patterns=patterns)
    ensure_runnable(scans, request.query)
    registrations: Mapping[str, Registration] = {}
    if request.options.reuse_registration and finder is not None:
        scans, registrations = finder.with_registrations(scans, request.options)
    earlier = prior_runs.runs()
    run_id = make_run_id(request.dataset.name, moment=moment, token=token)
    options = request.options.as_dict()
    keys_of = {
        pipeline: ScanKeys(asked(options, pipeline), platform.m2g_image)
        for pipeline in {scan.pipeline for scan in scans.chosen}
    }
    scan_keys = [
        (scan.name, keys_of[scan.pipeline].key(scan.inputs, registrations.get(scan.name))) for scan in scans.chosen
    ]
    plan = RunPlan(
        request=request,
        platform=platform,
        table=table,
        discovery=scans.discovery,
        chosen=scans.chosen,
        output=output_of(request, platform),
        dispositions=tuple(prior_runs.dispositions(scan_keys, earlier)),
        earlier=tuple(earlier),
        run_id=run_id,
        moment=moment,
        image_digest=image_digest,
        registrations=registrations,
    )
    _refuse_other_options(plan, prior_runs)
    ensure_not_blocked(plan.dispositions)
    _refuse_foreign_files(plan, prior_runs)
    return plan


def output_of(request: RunRequest, platform: Platform) -> Location:
    """The derivatives folder that a request writes to."""
    return derivatives(request.dataset, request.output_name, data_bucket=platform.data_bucket)


def ensure_not_blocked(dispositions: Sequence[ScanDisposition]) -> None:
    """Ensure that no active job of other work would write to the same place as a new one.

    Raises
    ------
    Problem
        With the scans whose active jobs have other inputs.
    """
    blocked = [scan for scan in dispositions if scan.disposition == "blocked_by_active_job"]
    if blocked:
        names = ", ".join(scan.name for scan in blocked[:3]) + (" …" if len(blocked) > 3 else "")
        run_id = blocked[0].origin.run_id if blocked[0].origin else ""
        raise Problem(
            f"Jobs of {run_id} with other inputs are still on their way to the same place ({names}).",
            f"Wait for their end, or end them: `opsctl cancel --run {run_id}`.",
            code=ErrorCode.JOBS_ACTIVE,
        )


def _refuse_other_options(plan: RunPlan, prior_runs: PriorRuns) -> None:
    other = mixing_run(
        plan.request.dataset.uri,
        plan.request.options.as_dict(),
        [run for run in plan.earlier if prior_runs.has_submitted(run)],
    )
    if other is not None:
        raise Problem(
            f"{plan.output.uri} holds the outputs of {other.run_id}, which ran with other options: they are never"
            " mixed.",
            "Name another output with --modif.",
            code=ErrorCode.OUTPUT_IN_USE,
        )


def _refuse_foreign_files(plan: RunPlan, prior_runs: PriorRuns) -> None:
    new = {scan.name for scan in plan.dispositions if scan.disposition == "new"}
    foreign = prior_runs.foreign(new, plan.earlier)
    if foreign and prior_runs.has_unreadable_runs():
        raise Problem(
            f"The output place holds files of no run that can be read ({len(foreign)}, e.g. {foreign[0]}): they are"
            " never written over.",
            "Restore the run.json that cannot be read, or name another output with --modif.",
            code=ErrorCode.OUTPUT_IN_USE,
        )
    if foreign:
        raise Problem(
            f"The output place holds files that opsctl did not write ({len(foreign)}, e.g. {foreign[0]}): they are"
            " never written over.",
            "Name another output with --modif.",
            code=ErrorCode.OUTPUT_IN_USE,
        )
