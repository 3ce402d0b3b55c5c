"""Shows what a deletion would remove, and its receipt."""

from __future__ import annotations

from rich.text import Text

from opsctl.commands.deletion.delete import DeletionPlan
from opsctl.core.deletion.amounts import Amount, Amounts
from opsctl.core.deletion.receipt import Receipt
from opsctl.render.page import table
from opsctl.render.screen import Screen, counted, size_text

_SHOWN = 5


def show_deletion_plan(screen: Screen, plan: DeletionPlan, *, data_bucket: str, log_group: str) -> None:
    """Show how much goes, what refers to it, and what stays."""
    target, mentions = plan.target, plan.mentions
    screen.say(f"To be deleted for good from s3://{data_bucket}: {target.title}", style="bold")
    show_amounts(screen, plan.amounts)
    if plan.upload_count:
        screen.say(f"  and {counted(plan.upload_count, 'unfinished upload')}")
    if mentions.tables:
        screen.say(f"Rows of {target.name} go from {', '.join(mentions.tables)}.")
    if mentions.run_ids:
        screen.say(f"Its names go from the records of {_listed(mentions.run_ids)}.")
    if plan.scope.runs and target.kind != "run":
        screen.say(f"Used by {_listed([run.run_id for run in plan.scope.runs])}.")
    if plan.scope.outputs and target.kind == "run":
        screen.say(f"Its outputs stay in {plan.scope.outputs[0].uri}.")
    if mentions.others:
        screen.warn(f"These texts name {target.name}, and opsctl does not change them: {', '.join(mentions.others)}.")
    for line in _what_stays(plan, log_group=log_group):
        screen.say(f"stays  {line}", style="dim")


def show_receipt(screen: Screen, receipt: Receipt) -> None:
    """Show what was deleted, and where the receipt lies."""
    screen.say(f"deleted  {amount_text(receipt.deleted.total)}", style="green")
    if receipt.rewritten:
        screen.say(f"written again without it  {counted(receipt.rewritten, 'document')}")
    if receipt.aborted_uploads:
        screen.say(f"aborted  {counted(receipt.aborted_uploads, 'unfinished upload')}")
    for reason, count in receipt.left.items():
        screen.say(f"left     {counted(count, 'version')}: {reason}", style="red")
    if receipt.mentioned_in:
        screen.warn(f"Look at what still names it: {', '.join(receipt.mentioned_in)}.")
    screen.say(f"receipt  {receipt.uri}")


def show_amounts(screen: Screen, amounts: Amounts) -> None:
    """Show the amounts by folder, and together."""
    rows: list[list[Text | str]] = [[f"  {folder}", amount_text(amount)] for folder, amount in amounts.folders.items()]
    if len(rows) > 1:
        rows.append(["  together", amount_text(amounts.total)])
    for row in table(rows, room=screen.words.room):
        screen.words.print(row)


def amount_text(amount: Amount) -> str:
    """`3 objects, 5 versions, 1.2 MB`."""
    return f"{counted(amount.objects, 'object')}, {counted(amount.versions, 'version')}, {size_text(amount.size_bytes)}"


def _what_stays(plan: DeletionPlan, *, log_group: str) -> list[str]:
    lines = [
        f"the jobs' log lines in {log_group}, until their retention ends",
        "copies that `opsctl results` and others brought to their machines; backups and replicas of the bucket",
    ]
    dataset, folder = plan.target.dataset, plan.target.folder
    if plan.target.kind in ("subject", "dataset") and dataset is not None and folder is not None:
        if dataset.bucket != folder.bucket:
            lines.insert(0, f"the raw data in {dataset.uri}: opsctl deletes nothing of other buckets")
        if plan.target.keeps_outputs:
            lines.insert(0, "its outputs, and the records of its runs, which name the subjects")
    if plan.target.kind == "outputs":
        lines.insert(0, "the raw data, and the records of the runs")
    return lines


def _listed(run_ids: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(run_ids) - _SHOWN} more" if len(run_ids) > _SHOWN else ""
    return f"{counted(len(run_ids), 'run')}: {', '.join(run_ids[-_SHOWN:])}{more}"
