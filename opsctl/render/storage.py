"""Shows what `down --everything` deletes beside the platform, and its receipt."""

from __future__ import annotations

from opsctl.commands.platform.storage_removal import Storage, StorageReport
from opsctl.render.delete import amount_text, show_amounts
from opsctl.render.screen import Screen, counted


def show_storage(screen: Screen, storage: Storage, *, state: str | None) -> None:
    """Show what goes for good, and what stays.

    Parameters
    ----------
    state
        The address of a shared Terraform state; None where it is on this machine.
    """
    if storage.bucket is not None:
        screen.say(f"To be deleted for good: s3://{storage.bucket}, with every version of every object", style="bold")
        show_amounts(screen, storage.contents)
    if storage.repository is not None:
        images = counted(storage.images, "image")
        screen.say(f"To be deleted for good: the image repository {storage.repository} ({images})", style="bold")
    if storage.own_bucket is not None:
        screen.say(
            f"stays  s3://{storage.own_bucket}: it is your own bucket, and opsctl deletes nothing of it", style="dim"
        )
    if state is not None:
        screen.say(f"stays  Terraform's state at {state}, which is then empty", style="dim")
    screen.say("stays  copies on other machines, backups and replicas of the bucket, CloudTrail's events", style="dim")


def show_storage_report(screen: Screen, report: StorageReport) -> None:
    """Show what was deleted, and what is left."""
    if report.bucket is not None:
        screen.say(f"deleted  {amount_text(report.deleted.total)} of s3://{report.bucket}", style="green")
    for reason, count in report.left.items():
        screen.say(f"left     {counted(count, 'version')}: {reason}", style="red")
    for line in report.kept:
        screen.say(f"left     {line}", style="red")
    if report.bucket is not None and report.is_complete:
        screen.say(f"deleted  the bucket {report.bucket}", style="green")
    if report.repository is not None and report.is_complete:
        screen.say(f"deleted  the repository {report.repository}, {counted(report.images, 'image')}", style="green")
    if report.own_bucket is not None:
        screen.say(f"kept     s3://{report.own_bucket}, your own bucket")
    screen.say(f"by       {report.who}, {report.began_at} to {report.ended_at}")
