"""The receipt of a teardown."""

from __future__ import annotations

from pathlib import Path

from opsctl.commands.platform.down import Receipt
from opsctl.render.cost import charged_text
from opsctl.render.screen import Screen, counted, size_text


def show_receipt(screen: Screen, receipt: Receipt, *, kept_at: Path | None) -> None:
    """What is gone, what is left, what was kept and where, and what it cost.

    Parameters
    ----------
    kept_at
        The local platform's folder; None on AWS.
    """
    screen.say(f"removed  {counted(receipt.removed, 'resource')}")
    screen.say(f"left     {len(receipt.left)}", style="red" if receipt.left else "green")
    for resource in receipt.left:
        screen.say(f"  {resource}")
    if receipt.data_bucket is not None:
        screen.say(f"kept     s3://{receipt.data_bucket} ({_contents_text(receipt)})")
    if kept_at is None and receipt.repository_url is not None:
        screen.say(f"kept     {receipt.repository_url}")
    if receipt.log_group is not None:
        screen.say(f"kept     the log group {receipt.log_group}: the next `opsctl up` takes it over")
    screen.say(f"cost     {_cost_text(receipt)}")
    if kept_at is not None:
        screen.say(f"on disk  {kept_at}: the next `opsctl up --local` brings it back")


def _contents_text(receipt: Receipt) -> str:
    contents = receipt.contents
    if contents is None or not (contents.is_whole or contents.object_count):
        return "not counted"
    text = f"{counted(contents.object_count, 'object')}, {size_text(contents.size_bytes)}"
    return text if contents.is_whole else f"at least {text}"


def _cost_text(receipt: Receipt) -> str:
    idle = f"idle ${receipt.idle_usd_per_hour:.2f}/h"
    if receipt.spent is None:
        return f"of its runs not known; {idle}"
    if receipt.spent.run_count == 0:
        return f"no run; {idle}"
    money = charged_text(receipt.spent.usd, is_local=receipt.is_local, is_complete=receipt.spent.is_complete)
    return f"{money} for {counted(receipt.spent.run_count, 'run')}; {idle}"
