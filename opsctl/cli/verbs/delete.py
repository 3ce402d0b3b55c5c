"""`delete dataset`, `delete outputs` and `delete run`: remove data for good, with all its versions."""

from __future__ import annotations

import socket
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl import __version__
from opsctl.cli import completion
from opsctl.cli.context import Context
from opsctl.cli.global_options import Verbs
from opsctl.cli.option_groups import OptionGroup, expanded
from opsctl.cli.options import AsJson, Confirm, Dataset, PlatformName, Profile
from opsctl.core.errors import UsageProblem
from opsctl.user_name import user_name

if TYPE_CHECKING:
    from opsctl.core.deletion.target import Target

_DECLINED = 1

delete = typer.Typer(
    cls=Verbs,
    help="Delete a dataset, a subject, outputs or a run for good.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class DeletionOptions(OptionGroup):
    """What the deletions share."""

    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be deleted, and delete nothing.")] = False
    confirm: Confirm = None
    platform: PlatformName = None
    profile: Profile = None
    as_json: AsJson = False


@delete.command("dataset")
@expanded
def dataset(
    dataset: Dataset,
    *,
    participant_label: Annotated[
        list[str] | None,
        typer.Option(
            "--participant-label", metavar="LABEL", help="Delete only the data of this subject. May be repeated."
        ),
    ] = None,
    keep_outputs: Annotated[
        bool, typer.Option("--keep-outputs", help="Delete the raw data only, not its outputs and runs.")
    ] = False,
    options: DeletionOptions,
) -> None:
    """Delete a dataset of the data bucket with its outputs and the records of its runs, or one subject of it.

    Example: opsctl delete dataset HNU1 --participant-label 0025427 --dry-run
    """
    from opsctl.core.deletion.subject import Subject
    from opsctl.core.deletion.target import dataset_target

    if participant_label and len(participant_label) > 1:
        raise UsageProblem(
            "--participant-label can be given once: each subject has a deletion and a receipt of its own."
        )
    subject = Subject.parse(participant_label[0]) if participant_label else None
    context = Context(platform_name=options.platform, profile=options.profile)
    target = dataset_target(
        context.dataset(dataset),
        data_bucket=context.platform.data_bucket,
        subject=subject,
        keeps_outputs=keep_outputs,
    )
    _delete(context, target, options)


@delete.command("outputs")
@expanded
def outputs(
    dataset: Dataset,
    *,
    modif: Annotated[str, typer.Option("--modif", metavar="NAME", help="The derivatives folder.")],
    options: DeletionOptions,
) -> None:
    """Delete one output folder of a dataset. The raw data and the records of its runs stay.

    Example: opsctl delete outputs HNU1 --modif m2g-csa-native --dry-run
    """
    from opsctl.core.deletion.target import outputs_target
    from opsctl.core.location import check_label

    context = Context(platform_name=options.platform, profile=options.profile)
    name = check_label(modif, option="--modif")
    target = outputs_target(context.dataset(dataset), name, data_bucket=context.platform.data_bucket)
    _delete(context, target, options)


@delete.command("run")
@expanded
def run(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="Which run.", autocompletion=completion.runs)],
    *,
    options: DeletionOptions,
) -> None:
    """Delete the records of a run. Its outputs stay.

    Example: opsctl delete run HNU1-20261122-120000-ab12 --dry-run
    """
    from opsctl.core.deletion.target import run_target
    from opsctl.core.runs.names import find_run

    context = Context(platform_name=options.platform, profile=options.profile)
    _delete(context, run_target(find_run(context.records.run_ids(), run_id)), options)


def _delete(context: Context, target: Target, options: DeletionOptions) -> None:
    """Show the plan, ask, delete, and show the receipt.

    Raises
    ------
    Problem
        When something is left, or after Ctrl-C.
    """
    import secrets

    from opsctl.commands.deletion.delete import Deleter, problem_of
    from opsctl.render.delete import show_deletion_plan, show_receipt

    screen, platform = context.screen, context.platform
    deleter = Deleter(
        platform,
        storage=context.storage,
        records=context.records,
        batch=context.batch,
        home=context.home,
        who=f"{user_name()}@{socket.gethostname()}",
        command_line=("opsctl", *sys.argv[1:]),
        version=__version__,
        now=lambda: datetime.now(UTC),
        token=secrets.token_hex(2),
    )
    with screen.waiting("counting what there is"):
        plan = deleter.plan(target)
    if options.as_json and (options.dry_run or plan.is_empty):
        screen.json(plan.as_json())
    if plan.is_empty:
        screen.say(f"There is nothing of {target.title} in s3://{platform.data_bucket}.")
        for key in plan.mentions.others:
            screen.warn(f"{key} names {target.name}.")
        return
    show_deletion_plan(screen, plan, data_bucket=platform.data_bucket, log_group=platform.log_group)
    if options.dry_run:
        screen.say("Nothing was deleted.")
        return
    question = "This cannot be undone."
    if not screen.confirm_name(question, name=target.name, typed=options.confirm):
        screen.say("Nothing was deleted.")
        raise typer.Exit(_DECLINED)
    with screen.counting("deleting", total=plan.amounts.total.versions) as on_deleted:
        receipt = deleter.carry_out(plan, on_deleted=on_deleted)
    problem = problem_of(receipt)
    if options.as_json:
        screen.json(receipt.as_json())
    show_receipt(screen, receipt)
    if problem is not None:
        raise problem
