"""`selftest`: prove that a platform works, by a small job for each model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl import __version__
from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile
from opsctl.cli.platform.account_checks import refuse_what_aws_refuses
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.runs.m2g_options import DiffusionModel

if TYPE_CHECKING:
    from opsctl.core.selftest.report import SelftestReport

#: Between two polls. The account shares AWS's API limits.
_LOCAL_POLL_SECONDS = 0.5
_AWS_POLL_SECONDS = 5.0
_TIMEOUT_MINUTES = 20
_ATLAS_VOXEL_SIZE = "2mm"


def selftest(
    *,
    model: Annotated[
        DiffusionModel | None,
        typer.Option("--model", help="Test only the queue and job definition of this model. Default: of both."),
    ] = None,
    timeout: Annotated[
        int, typer.Option("--timeout", min=1, metavar="MINUTES", help="End jobs that have not finished by then.")
    ] = _TIMEOUT_MINUTES,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Run a small job for each model, and show what works.

    It checks roles, storage, image, instances and logs. It takes about ten minutes and costs a few cents. Everything
    that it writes is removed at the end. Exit code 1 means that a check failed.

    Example: opsctl selftest
    """
    context = Context(platform_name=platform, profile=profile)
    run_selftest(context, models=(model,) if model else ("csd", "csa"), timeout_minutes=timeout, as_json=as_json)


def run_selftest(
    context: Context,
    *,
    models: Sequence[str] = ("csd", "csa"),
    timeout_minutes: int = _TIMEOUT_MINUTES,
    as_json: bool = False,
) -> None:
    """Test a platform and show the report.

    Raises
    ------
    Problem
        With the code `selftest_failed` where a check failed; everything was shown before. As `run` where no job could
        start.
    """
    from opsctl.render.selftest import show_report

    refuse_what_aws_refuses(context, models)
    report = _report(context, models=models, timeout_minutes=timeout_minutes)
    if as_json:
        context.screen.json(report.as_json())
    else:
        show_report(context.screen, report)
    failed = report.count("failed")
    if failed:
        raise Problem(
            f"The self-test failed: {failed} of {sum(len(model.rows) for model in report.models)} checks.",
            "Each failed check says what to do; then `opsctl selftest` again.",
            code=ErrorCode.SELFTEST_FAILED,
        )


def _report(context: Context, *, models: Sequence[str], timeout_minutes: int) -> SelftestReport:
    import secrets

    from opsctl.assets import atlas_table
    from opsctl.aws.batch.job_definition import read_registration
    from opsctl.aws.batch.queue_snapshot import take_snapshot
    from opsctl.aws.pricing import rates
    from opsctl.aws.s3.versions import Versions
    from opsctl.commands.selftest.jobs import Watching
    from opsctl.commands.selftest.selftest import Request, Selftest
    from opsctl.core.selftest.submission import JobRequirements
    from opsctl.render.selftest import watching

    platform, clients = context.platform, context.clients
    with watching(context.screen) as show:
        return Selftest(
            Request(
                models=models,
                timeout_seconds=60.0 * timeout_minutes,
                atlas_files=[f"{atlas.folder(_ATLAS_VOXEL_SIZE)}.nii.gz" for atlas in atlas_table()],
                token=secrets.token_hex(2),
                version=__version__,
            ),
            platform,
            batch=context.batch,
            storage=context.storage,
            versions=Versions(clients.s3, platform.data_bucket),
            logs=context.logs,
            registration=lambda model: read_registration(clients.batch, platform.models[model].job_definition),
            rates=lambda model: rates(clients, platform, platform.models[model], home=context.home),
            watching=Watching(
                poll_seconds=_LOCAL_POLL_SECONDS if platform.is_local else _AWS_POLL_SECONDS,
                look=lambda model: take_snapshot(clients, platform, JobRequirements(model, platform.image)),
                on_poll=show,
                sleep=time.sleep,
                clock=time.monotonic,
                now=lambda: datetime.now(UTC),
            ),
        ).run()
