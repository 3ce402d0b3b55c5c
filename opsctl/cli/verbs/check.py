"""`check`: read every scan's gradients and header, and report what m2g cannot process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

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
    from opsctl.commands.dataset.discovery import ChosenScans

_SOME_WRONG = 1


def check(
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
    """Read every scan's bval, bvec and header, and say which m2g could not process. Exit 1 when there is one.

    Example: opsctl check HNU1
    """
    from opsctl.aws.s3.headers import Headers
    from opsctl.commands.dataset.check import check as command
    from opsctl.render.scans import show_verdicts

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
    found, storage = find_scans(
        context, dataset, chosen, pipeline=pipeline, t1w=t1w, bucket=bucket, is_public=no_sign_request
    )
    with context.screen.counting("reading headers", total=len(found.chosen)) as advance:
        verdicts = command(
            found.chosen,
            Headers(storage.client),
            root_volume_gib=context.platform.root_volume_gib,
            on_scan=lambda: advance(1),
        )
    if as_json:
        context.screen.json({"scans": [verdict.as_json() for verdict in verdicts], **_left_out(found)})
    else:
        show_verdicts(context.screen, found, verdicts)
    if any(verdict.level == "wrong" for verdict in verdicts):
        raise typer.Exit(_SOME_WRONG)


def _left_out(found: ChosenScans) -> dict[str, object]:
    return {"excluded": found.as_json()["excluded"], "warnings": list(found.discovery.warnings)}
