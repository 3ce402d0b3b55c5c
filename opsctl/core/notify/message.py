"""A message that says that a run has ended. It leaves the machine, so it holds counts and never a subject's label."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from opsctl.core.runs.state import DailyState, counts_text

Kind = Literal["success", "warning", "failure"]

#: A dataset may have been named after a subject; its name is in the run's id.
_SUBJECT = re.compile(r"sub-[A-Za-z0-9]+")


@dataclass(frozen=True)
class Message:
    """A message as it is sent.

    Attributes
    ----------
    kind
        Services show it as a colour or a sign.
    """

    title: str
    body: str
    kind: Kind


def ended_message(run_id: str, *, platform_name: str, counts: Mapping[DailyState, int], duration: str) -> Message:
    """The message that a run has ended.

    Parameters
    ----------
    counts
        Number of scans by state.
    duration
        How long it took, in words; empty where that is not known.
    """
    ended = counts_text(counts)
    # Without its id: the run is then the latest one, or is found with `opsctl runs`.
    is_private = _SUBJECT.search(run_id) is not None
    run, option = ("A run", "") if is_private else (run_id, f" --run {run_id}")
    options = f"{option} --platform {platform_name}"
    lines = [
        f"{run} on the platform {platform_name} has ended.",
        f"Scans: {ended}",
        *([f"Time: {duration}"] if duration else []),
        f"State of the run: opsctl status{options}",
    ]
    kind: Kind = "success"
    if counts.get(DailyState.FAILED):
        kind = "failure"
        lines.append(f"Why scans failed: opsctl why{options}")
    elif counts.get(DailyState.CANCELLED):
        kind = "warning"
    if counts.get(DailyState.DONE):
        lines.append(f"Download the connectomes: opsctl results DIR{options}")
    return Message(title=f"{run}: {ended}", body="\n".join(lines), kind=kind)
