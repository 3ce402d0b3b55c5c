"""The receipt of a teardown."""

from __future__ import annotations

from pathlib import Path

from opsctl.commands.down import Receipt
from opsctl.render.screen import Screen, counted, size_text


def show_receipt(screen: Screen, receipt: Receipt, *, kept_at: Path | None) -> None:
    """What is gone, what is left, what was kept and where."""
    screen.say(f"removed  {counted(receipt.removed, 'resource')}")
    screen.say(f"left     {len(receipt.left)}", style="red" if receipt.left else "green")
    for resource in receipt.left:
        screen.say(f"  {resource}")
    kept = f"{counted(receipt.object_count, 'object')}, {size_text(receipt.size_bytes)}"
    screen.say(f"kept     s3://{receipt.data_bucket} ({kept})")
    if kept_at is None:
        screen.say(f"kept     {receipt.repository_url}")
    else:
        screen.say(f"on disk  {kept_at}: the next `opsctl up --local` brings it back")
