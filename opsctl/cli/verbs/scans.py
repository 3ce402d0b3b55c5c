"""`scans`: list the scans of a dataset, and what is excluded and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.cli.context import Context
from opsctl.cli.dataset_search import find_scans
from opsctl.cli.options import (
    Acq,
    AsJson,
    Bucket,
    Dataset,
    Exclude,
    First,
    NoSignRequest,
    ParticipantLabel,
    PlatformName,
    Profile,
    RunLabel,
    ScanName,
    SessionLabel,
    T1w,
    Task,
    WhichPipeline,
    selection,
)

if TYPE_CHECKING:
    pass

_SOME_WRONG = 1


def scans(
    dataset: Dataset,
    *,
    pipeline: WhichPipeline = "dwi",
    participant_label: ParticipantLabel = None,
    session_label: SessionLabel = None,
    task: Task = None,
    acq: Acq = None,
    run_label: RunLabel = None,
    scan: ScanName = None,
    exclude: Exclude = None,
    first: First = None,
    t1w: T1w = None,
    bucket: Bucket = None,
    no_sign_request: NoSignRequest = False,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Show a dataset's scans, and what is left out and why.

    Example: opsctl scans HNU1
    """
    from opsctl.render.scans import show_scans

    context = Context(platform_name=platform, profile=profile)
    chosen = selection(
        participant_label=participant_label,
        session_label=session_label,
        task=task,
        acq=acq,
        run_label=run_label,
        scan=scan,
        exclude=exclude,
        first=first,
    )
    found, _ = find_scans(
        context, dataset, chosen, pipeline=pipeline, t1w=t1w, bucket=bucket, is_public=no_sign_request
    )
    if as_json:
        context.screen.json(found.as_json())
    else:
        show_scans(context.screen, found)
