"""What merely waits: for its turn, for an instance to boot, for an image. Said calmly, and when patience should end."""

from __future__ import annotations

from opsctl.core.diagnosis.finding import Finding, Wait
from opsctl.core.diagnosis.queue_snapshot import NotVisible, QueueSnapshot

#: From RUNNABLE to a running container: an instance boots, joins the cluster and pulls the image.
_BOOT_SECONDS = 600


def starting(wait: Wait) -> Finding:
    """Of a job that an instance has."""
    if wait.seconds < _BOOT_SECONDS:
        return Finding("An instance has it: it pulls the image and starts the container.", "Nothing: a few minutes.")
    return Finding(
        f"STARTING for {_minutes(wait.seconds)}: the image is slow to come, or cannot be pulled.",
        "Wait for Batch's word; a big image belongs into the platform's own repository (ECR, same region).",
        "likely",
    )


def expected_wait(facts: QueueSnapshot, wait: Wait) -> Finding:
    """Of a job that no instance has, where nothing is wrong that can be seen."""
    if wait.status in ("SUBMITTED", "PENDING"):
        return Finding("Batch has just taken it and has not put it in line yet.", "Nothing: seconds to a minute.")
    return _turn(facts, wait) or _boot(facts, wait)


def running(facts: QueueSnapshot) -> int:
    """How many scans the queue has running, whose run they may be of."""
    return 0 if isinstance(facts.line, NotVisible) else sum(one.running for one in facts.line)


def _turn(facts: QueueSnapshot, wait: Wait) -> Finding | None:
    if isinstance(facts.line, NotVisible):
        return None
    run, queued = running(facts), sum(one.waiting for one in facts.line)
    mine = next((one for one in facts.line if one.job_id == wait.job_id), None)
    before = sum(one.waiting for one in facts.line if mine and one.created_at_ms < mine.created_at_ms)
    ahead = before + wait.ahead_in_array
    place = f", {ahead} of them before it" if ahead else ""
    line = f"{run} run, {queued} wait{place}"
    most = _at_once(facts)
    if facts.is_local:
        return Finding(
            f"Waits its turn on this machine, a job a core: {line}.", "Nothing: it starts when others end."
        )  # fmt: skip
    if most and run >= most:
        return Finding(
            f"Waits its turn: {line}; the platform runs {most} at once.", "Nothing: it starts when others end."
        )  # fmt: skip
    if run and ahead:
        return Finding(f"Waits its turn: {line}.", "Nothing: Batch adds instances for them.", "likely")
    return None


def _boot(facts: QueueSnapshot, wait: Wait) -> Finding:
    wanted = 0 if isinstance(facts.environments, NotVisible) else sum(one.desired_vcpus for one in facts.environments)
    since = f"RUNNABLE for {_minutes(wait.seconds)}"
    if wait.seconds < _BOOT_SECONDS:
        now = f"Batch wants {wanted} vCPUs now" if wanted else "Batch looks for instances every few minutes"
        return Finding(
            f"Waits for an instance to boot: {since}, {now}.",
            "Nothing: usually 2 to 5 minutes.",
            "certain" if wanted else "likely",
        )
    if wanted:
        return Finding(
            f"{since}, and Batch wants {wanted} vCPUs: the instances do not come, or do not join.",
            "Look at the instances in EC2's console: the instance role and the ECS agent are what opsctl cannot see.",
            "likely",
        )
    return Finding(
        f"{since}, and nothing that can be looked at is wrong.",
        "Batch gives its reason within half an hour: ask again. Not seen from here: the instance role, the AMI.",
        "likely",
    )


def _at_once(facts: QueueSnapshot) -> int:
    if isinstance(facts.environments, NotVisible) or not facts.vcpus:
        return 0
    return sum(one.max_vcpus for one in facts.environments) // facts.vcpus


def _minutes(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{max(1, minutes)} min"
