"""Why a job does not start: rules over a snapshot of facts, from AWS's documented reasons (docs/why.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsctl.core.diagnosis.finding import Finding, Sure, Wait
from opsctl.core.diagnosis.queue_snapshot import ComputeEnvironment, NotVisible, QueueSnapshot
from opsctl.core.diagnosis.waiting_reasons import expected_wait, running, starting

#: AWS registers less than an instance has: the kernel and the ECS agent keep some (15.8 of an r5.large's 16 GiB).
_REGISTERED = 0.985
_BLOCKED = re.compile(r"^(CAPACITY|MISCONFIGURATION|ACTION_REQUIRED|UNDETERMINED)\b")
_UP = "`opsctl up`, with the options it was made with, brings it back to what opsctl made."


def is_blocked_reason(reason: str) -> bool:
    """Whether a status reason is one that Batch gives to the job that blocks its queue."""
    return bool(_BLOCKED.match(reason))


def blockers(facts: QueueSnapshot, wait: Wait) -> list[Finding]:
    """What keeps a job from starting, most likely first; never empty."""
    if wait.status == "STARTING":
        found = [*_image(facts), *_log_group(facts)] or [starting(wait)]
    else:
        found = [
            *_queue(facts),
            *_environments(facts),
            *_size(facts),
            *_reason(facts, wait),
            *_quota(facts),
            *_network(facts, wait),
            *_image(facts),
            *_log_group(facts),
        ]
        found = sorted(found, key=lambda one: one.sure != "certain") or [expected_wait(facts, wait)]
    return found


def pulling(facts: QueueSnapshot) -> list[Finding]:
    """What keeps an image from being pulled or a container from being started, as far as the facts show it."""
    return [*_image(facts), *_network(facts, None), *_log_group(facts)]


def _queue(facts: QueueSnapshot) -> Iterator[Finding]:
    queue = facts.queue
    if queue is None:
        yield Finding("The job queue is not there any more.", "`opsctl up` makes it anew; then run the rest again.")
    elif not isinstance(queue, NotVisible):
        if queue.state == "DISABLED":
            yield Finding(f"The job queue {queue.name} is DISABLED: it starts nothing.", f"Enable it: {_UP}")
        if queue.status == "INVALID":
            yield Finding(f"The job queue {queue.name} is INVALID: {queue.reason or 'Batch gives no reason'}.", _UP)
        if queue.status in ("DELETING", "DELETED"):
            yield Finding(f"The job queue {queue.name} is being deleted.", "`opsctl up` makes it anew.")


def _environments(facts: QueueSnapshot) -> Iterator[Finding]:
    if isinstance(facts.environments, NotVisible):
        return
    if not facts.environments and facts.queue is not None:
        yield Finding("The job queue has no compute environment.", _UP)
    for one in facts.environments:
        if one.status == "INVALID":
            yield _invalid(one)
        if one.state == "DISABLED":
            yield Finding(f"The compute environment {one.name} is DISABLED: it starts no instance.", _UP)
        if one.status in ("DELETING", "DELETED"):
            yield Finding(f"The compute environment {one.name} is being deleted.", _UP)
        if one.status in ("CREATING", "UPDATING"):
            yield Finding(f"The compute environment {one.name} is {one.status}.", "Nothing: it ends by itself.")


def _invalid(one: ComputeEnvironment) -> Finding:
    what = f"The compute environment {one.name} is INVALID: {one.reason or 'Batch gives no reason'}."
    if re.search(r"AssumeRole|is not\s+authorized|Not authorized|IamFleetRole|[Rr]ole", one.reason):
        return Finding(what, f"Its role is gone, misnamed or lacks a policy. {_UP}")
    if re.search(r"[Ll]aunch ?[Tt]emplate", one.reason):
        return Finding(what, f"Its launch template is gone or wrong. {_UP}")
    if re.search(r"[Ss]ubnet|[Ss]ecurity ?[Gg]roup|VPC", one.reason):
        return Finding(what, f"Its network is gone or wrong. {_UP}")
    return Finding(what, _UP)


def _size(facts: QueueSnapshot) -> Iterator[Finding]:
    environments = () if isinstance(facts.environments, NotVisible) else facts.environments
    most = max((one.max_vcpus for one in environments), default=None)
    if most is not None and most < facts.vcpus:
        yield Finding(f"A scan asks for {facts.vcpus} vCPUs, and the compute environment allows {most} in all.", _UP)
    kind = facts.instance_type
    if isinstance(kind, NotVisible):
        return
    registered = int(kind.memory_mib * _REGISTERED)
    if facts.vcpus > kind.vcpus:
        yield Finding(f"A scan asks for {facts.vcpus} vCPUs, and {kind.name} has {kind.vcpus}.", _UP)
    if facts.memory_mib > registered:
        words = f"A scan asks for {facts.memory_mib:,} MiB, and {kind.name} has {kind.memory_mib:,} MiB"
        yield Finding(
            f"{words}, of which about {registered:,} can be had (its system and the ECS agent keep the rest).",
            f"Cancel it (`opsctl cancel`) and run it again with --memory {registered // 100 * 100} or less.",
            "certain" if facts.memory_mib > kind.memory_mib else "likely",
        )


def _reason(facts: QueueSnapshot, wait: Wait) -> Iterator[Finding]:
    line = () if isinstance(facts.line, NotVisible) else facts.line
    heads = [wait.head_reason, *(one.reason for one in line)]
    reason = wait.reason or next((one for one in heads if is_blocked_reason(one)), "")
    behind = "" if wait.reason or not reason else " (of the job at the queue's head)"
    said = f"Batch says{behind}: {reason.rstrip('.')}."
    if reason.startswith("CAPACITY:"):
        kind = "Spot capacity" if facts.is_spot else "instances"
        more = "; or, at the full price, on-demand: `opsctl up` without --spot" if facts.is_spot else ""
        yield Finding(f"AWS has no {kind} of this type to give now. {said}", f"Nothing: it starts when it has{more}.")
    elif "COMPUTE_ENVIRONMENT_MAX_RESOURCE" in reason:
        yield Finding(f"The compute environment's maxvCpus is smaller than one scan's vCPUs. {said}", _UP)
    elif "JOB_RESOURCE_REQUIREMENT" in reason:
        yield Finding(
            f"A scan asks for more ({facts.vcpus} vCPUs, {facts.memory_mib:,} MiB) than an instance can give. {said}",
            "Cancel it (`opsctl cancel`) and run it again with less --memory.",
        )
    elif "SERVICE_ROLE_PERMISSIONS" in reason:
        yield Finding(f"Batch's service role lacks permissions. {said}", f"Its policies were changed. {_UP}")
    elif "EC2_INSTANCE_CONFIGURATION_UNSUPPORTED" in reason:
        yield Finding(
            f"The instance type is not to be had in these zones, or not with this launch template. {said}",
            f"{_UP} Else take another region.",
        )
    elif reason.startswith("ACTION_REQUIRED"):
        yield Finding(f"The compute environment is INVALID. {said}", _UP)
    elif reason.startswith("UNDETERMINED"):
        yield Finding(
            f"Batch knows that the queue is blocked, and not why. {said}",
            "Usual are instances that cannot join: no way out of the subnet, a wrong instance role, the vCPU quota.",
            "likely",
        )
    elif is_blocked_reason(reason):
        yield Finding(said, 'AWS\'s page "Jobs stuck in a RUNNABLE status" may know this reason.')


def _quota(facts: QueueSnapshot) -> Iterator[Finding]:
    quota, used = facts.quota, facts.vcpus_in_use
    if quota is None or isinstance(quota, NotVisible):
        return
    kind = "Spot" if facts.is_spot else "on-demand"
    ask = f"Ask AWS for more: Service Quotas, EC2, {quota.code} (takes hours to days)."
    if quota.vcpus < facts.vcpus:
        yield Finding(f"The account may run {quota.vcpus} {kind} vCPUs, and a scan needs {facts.vcpus}.", ask)
    elif isinstance(used, int) and used + facts.vcpus > quota.vcpus:
        yield Finding(
            f"The account's {kind} vCPU quota is used up: {used} of {quota.vcpus} run.",
            f"Nothing: scans start as others end. For more at once: {ask}",
        )


def _network(facts: QueueSnapshot, wait: Wait | None) -> Iterator[Finding]:
    # An instance that has joined proves the way out: only where none runs is the network to be suspected.
    sure: Sure = "likely" if wait is None or running(facts) else "certain"
    if not isinstance(facts.subnets, NotVisible):
        closed = [one.problem for one in facts.subnets if one.problem]
        every = len(closed) == len(facts.subnets)
        if closed:
            yield Finding(
                f"Instances cannot reach AWS: {'; '.join(closed)}.",
                f"A subnet needs a public address and an internet gateway, or a NAT gateway. {_UP}",
                sure if every else "likely",
            )
    if not isinstance(facts.security_groups, NotVisible):
        shut = [one.group_id for one in facts.security_groups if not one.lets_out]
        if shut and len(shut) == len(facts.security_groups):
            yield Finding(f"The security group {', '.join(shut)} lets instances reach nothing.", _UP, sure)


def _image(facts: QueueSnapshot) -> Iterator[Finding]:
    image = facts.image
    if image is not None and not isinstance(image, NotVisible) and image.exists is False:
        yield Finding(
            f"The image {image.uri} is not in its repository: no container can start.",
            "Push it, or name another with `opsctl up --image URI`.",
        )


def _log_group(facts: QueueSnapshot) -> Iterator[Finding]:
    if facts.has_log_group is False:
        yield Finding("The jobs' log group is gone: no container can start without it.", _UP)
