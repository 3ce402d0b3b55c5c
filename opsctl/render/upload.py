"""Shows what an upload sends, leaves out and cannot send."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.text import Text

from opsctl.commands.dataset.local_files import FileFault
from opsctl.commands.dataset.upload import Sending, Upload
from opsctl.core.dataset.transfer_rate import TransferRate
from opsctl.core.dataset.upload_selection import EXCLUDED, HIDDEN
from opsctl.render.live import drawn
from opsctl.render.page import table
from opsctl.render.screen import Screen, counted, duration_text, size_text

_FILES_SHOWN = 20
#: The rate of less is that of the requests, not of the line.
_LEAST_BYTES = 1_000_000
_FULL, _PLAIN = "━", "#"
_BAR = 20


@contextmanager
def sending_bar(screen: Screen, upload: Upload, sending: Sending) -> Iterator[None]:
    """Show the bytes that were sent, the rate and the time left while the block runs."""
    page, total = screen.words, upload.size_bytes
    mark = _FULL if page.knows_unicode else _PLAIN
    width = min(_BAR, page.width // 5)
    rate = TransferRate(now=time.monotonic())

    def picture() -> Text:
        rate.sample(sending.size_bytes, now=time.monotonic())
        filled = round(width * min(1.0, sending.size_bytes / total)) if total else width
        rest = (mark if page.knows_unicode else ".") * (width - filled)
        text = f" {progress_text(sending.size_bytes, total, rate)}  to {upload.location.uri}"
        return Text.assemble((mark * filled, "cyan"), (rest, "dim"), text)

    with drawn(page, picture):
        yield


def progress_text(sent_bytes: int, total_bytes: int, rate: TransferRate) -> str:
    """`12.0 MB of 150.2 MB, 2.1 MB/s, 1 min 05 s left`."""
    parts = [f"{size_text(sent_bytes)} of {size_text(total_bytes)}"]
    bytes_per_second, seconds_left = rate.bytes_per_second, rate.seconds_left(total_bytes)
    if bytes_per_second is not None and seconds_left is not None:
        parts += [f"{size_text(bytes_per_second)}/s", f"{duration_text(seconds_left)} left"]
    return ", ".join(parts)


def show_plan(screen: Screen, upload: Upload) -> None:
    """Show the files that an upload would send, of many the first."""
    start = len(upload.location.key_prefix)
    shown: list[list[Text | str]] = [
        [key[start:], size_text(size)] for key, size in list(upload.sizes.items())[:_FILES_SHOWN]
    ]
    for row in table(shown, room=screen.data.room, right=(1,)):
        screen.data.print(row)
    if len(upload.sizes) > _FILES_SHOWN:
        screen.data.print(f"and {counted(len(upload.sizes) - _FILES_SHOWN, 'more file')} (--json lists all)")
    screen.say(
        f"{upload.location.uri}: would send {counted(len(upload.files), 'file')} ({size_text(upload.size_bytes)}), "
        f"{upload.unchanged:,} there already. Nothing was sent."
    )


def show_sent(screen: Screen, upload: Upload, sending: Sending) -> None:
    """Show what was sent."""
    size = sum(sending.sent.values())
    speed = ""
    if size >= _LEAST_BYTES and sending.seconds >= 1:
        speed = f" in {duration_text(sending.seconds)}, {size_text(size / sending.seconds)}/s"
    sent = f"{counted(len(sending.sent), 'file')} sent ({size_text(size)}{speed})"
    screen.say(f"{upload.location.uri}: {sent}, {upload.unchanged:,} there already")


def show_left_out(screen: Screen, left_out: Mapping[str, int], *, command: Callable[[str], str]) -> None:
    """Say what was left out, and how it would be sent.

    Parameters
    ----------
    command
        The command that sends one of the folders too.
    """
    folders = {group: count for group, count in left_out.items() if group not in (HIDDEN, EXCLUDED) and count}
    parts = [f"{folder}/ ({counted(count, 'file')})" for folder, count in sorted(folders.items())]
    if hidden := left_out.get(HIDDEN):
        parts.append(f"{counted(hidden, 'hidden file')} or folder{'' if hidden == 1 else 's'}")
    if excluded := left_out.get(EXCLUDED):
        parts.append(f"{counted(excluded, 'file')} by --exclude")
    if parts:
        screen.say(f"Left out: {', '.join(parts)}.")
    if folders:
        first = min(folders)
        screen.say(f"`{command(first)}` sends {first}/ too.")


def show_faults(
    screen: Screen, faults: Sequence[FileFault], annexed: Sequence[str], *, get_command: str, is_sending: bool = True
) -> None:
    """Show the files that were not sent, or cannot be, a line each; of many the first."""
    for fault in faults[:_FILES_SHOWN]:
        screen.warn(f"{fault.path} {fault.reason}.")
    if len(faults) > _FILES_SHOWN:
        screen.warn(f"and {counted(len(faults) - _FILES_SHOWN, 'more file')} (--json lists all).")
    if len(annexed) == 1:
        sent = " and was not sent" if is_sending else ""
        screen.warn(f"1 file of a DataLad dataset is not on this machine{sent}. This fetches it:")
    elif annexed:
        sent = " and were not sent" if is_sending else ""
        screen.warn(f"{len(annexed):,} files of a DataLad dataset are not on this machine{sent}. This fetches them:")
    if annexed:
        screen.say(f"  {get_command}")
