"""Findings for a wait without a fault: for other jobs, for an instance to boot or for an image to be pulled."""

from __future__ import annotations

from opsctl.core.diagnosis.account.at_once import scans_at_once
from opsctl.core.diagnosis.finding import Finding, Wait
from opsctl.core.diagnosis.queue_snapshot import NotVisible, QueueSnapshot

#: From RUNNABLE to a running container: an instance boots, joins the cluster and pulls the image.
_BOOT_SECONDS = 600


def starting(wait: Wait) -> Finding:
    """The finding for a job that is STARTING."""
    if wait.seconds < _BOOT_SECONDS:
        return Finding("An instance has it: it pulls the image and starts the container.", "Nothing: a few minutes.")
    return Finding(
        f"STARTING for {_duration_text(wait.seconds)}: the image is slow to come, or cannot be pulled.",
        "Wait for Batch's word; a big image belongs into the platform's own repository (ECR, same region).",
        "likely",
    )


def expected_wait(facts: QueueSnapshot, wait: Wait) -> Finding:
    """The finding for a job without an instance, where no fault is visible."""
    if wait.status in ("SUBMITTED", "PENDING"):
        return Finding("Batch has just taken it and has not put it in line yet.", "Nothing: seconds to a minute.")
    return _behind_others(facts, wait) or _booting(facts, wait)


def running(facts: QueueSnapshot) -> int:
    """Number of running scans in the queue, of any run."""
    return 0 if isinstance(facts.line, NotVisible) else sum(job.running for job in facts.line)


def minutes_text(minutes: int) -> str:
    """`5 min`, `1 h 05 min`; at least `1 min`."""
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{max(1, minutes)} min"


def _duration_text(seconds: float) -> str:
    return minutes_text(round(seconds / 60))


def _behind_others(facts: QueueSnapshot, wait: Wait) -> Finding | None:
    if isinstance(facts.line, NotVisible):
        return None
    run_count, queued = running(facts), sum(job.waiting for job in facts.line)
    own_job = next((job for job in facts.line if job.job_id == wait.job_id), None)
    before = sum(job.waiting for job in facts.line if own_job and job.created_at_ms < own_job.created_at_ms)
    ahead = before + wait.ahead_in_array
    line = f"{run_count} run, {queued} wait" + (f", {ahead} of them before it" if ahead else "")
    at_once = _most_at_once(facts)
    others_end = "Nothing: it starts when others end."
    if facts.is_local:
        return Finding(f"Waits its turn on this machine, a job a core: {line}.", others_end)
    if at_once and run_count >= at_once:
        return Finding(f"Waits its turn: {line}; the platform runs {at_once} at once.", others_end)
    if run_count and ahead:
        return Finding(f"Waits its turn: {line}.", "Nothing: Batch adds instances for them.", "likely")
    return None


def _booting(facts: QueueSnapshot, wait: Wait) -> Finding:
    environments = () if isinstance(facts.environments, NotVisible) else facts.environments
    desired = sum(environment.desired_vcpus for environment in environments)
    since = f"RUNNABLE for {_duration_text(wait.seconds)}"
    if wait.seconds < _BOOT_SECONDS:
        now = f"Batch wants {desired} vCPUs now" if desired else "Batch looks for instances every few minutes"
        return Finding(
            f"Waits for an instance to boot: {since}, {now}.",
            "Nothing: usually 2 to 5 minutes.",
            "certain" if desired else "likely",
        )
    if desired:
        return Finding(
            f"{since}, and Batch wants {desired} vCPUs: the instances do not come, or do not join.",
            "Look at the instances in EC2's console: the instance role and the ECS agent are what opsctl cannot see.",
            "likely",
        )
    return Finding(
        f"{since}, and nothing that can be looked at is wrong.",
        "Batch gives its reason within half an hour: ask again. Not seen from here: the instance role, the AMI.",
        "likely",
    )


def _most_at_once(facts: QueueSnapshot) -> int:
    """How many scans can run at a time; 0 where unknown."""
    if isinstance(facts.environments, NotVisible):
        return 0
    quotas = [facts.quota] if facts.fallback_quota is None else [facts.quota, facts.fallback_quota]
    max_vcpus = sum(environment.max_vcpus for environment in facts.environments)
    return scans_at_once(max_vcpus=max_vcpus, vcpus=facts.vcpus, quotas=quotas).scans
