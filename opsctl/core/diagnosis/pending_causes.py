"""Why a job does not start: rules over a snapshot of its queue, from AWS's documented reasons (docs/why.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsctl.core.diagnosis.finding import BlockedReason, Finding, Sure, Wait, is_blocked_reason
from opsctl.core.diagnosis.queue_snapshot import ComputeEnvironment, NotVisible, QueueSnapshot
from opsctl.core.diagnosis.waiting_reasons import expected_wait, running, starting

#: The share of an instance's memory that jobs can use: the kernel and the ECS agent keep the rest (15.8 of an
#: r5.large's 16 GiB remain).
_USABLE_MEMORY = 0.985
_UP = "`opsctl up`, with the options it was made with, brings it back to what opsctl made."


def blockers(facts: QueueSnapshot, wait: Wait) -> list[Finding]:
    """What keeps a job from starting, certain findings first; never empty."""
    if wait.status == "STARTING":
        return [*_image(facts), *_log_group(facts)] or [starting(wait)]
    findings = [
        *_queue(facts),
        *_environments(facts),
        *_size(facts),
        *_reason(facts, wait),
        *_quota(facts),
        *_network(facts, wait),
        *_image(facts),
        *_log_group(facts),
    ]
    return sorted(findings, key=lambda finding: finding.sure != "certain") or [expected_wait(facts, wait)]


def pulling(facts: QueueSnapshot) -> list[Finding]:
    """What keeps an image from being pulled or a container from being started, as far as the snapshot shows it."""
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
    for environment in facts.environments:
        if environment.status == "INVALID":
            yield _invalid(environment)
        if environment.state == "DISABLED":
            yield Finding(f"The compute environment {environment.name} is DISABLED: it starts no instance.", _UP)
        if environment.status in ("DELETING", "DELETED"):
            yield Finding(f"The compute environment {environment.name} is being deleted.", _UP)
        if environment.status in ("CREATING", "UPDATING"):
            yield Finding(
                f"The compute environment {environment.name} is {environment.status}.", "Nothing: it ends by itself."
            )


def _invalid(environment: ComputeEnvironment) -> Finding:
    what = f"The compute environment {environment.name} is INVALID: {environment.reason or 'Batch gives no reason'}."
    if re.search(r"AssumeRole|is not\s+authorized|Not authorized|IamFleetRole|[Rr]ole", environment.reason):
        return Finding(what, f"Its role is gone, misnamed or lacks a policy. {_UP}")
    if re.search(r"[Ll]aunch ?[Tt]emplate", environment.reason):
        return Finding(what, f"Its launch template is gone or wrong. {_UP}")
    if re.search(r"[Ss]ubnet|[Ss]ecurity ?[Gg]roup|VPC", environment.reason):
        return Finding(what, f"Its network is gone or wrong. {_UP}")
    return Finding(what, _UP)


def _size(facts: QueueSnapshot) -> Iterator[Finding]:
    environments = () if isinstance(facts.environments, NotVisible) else facts.environments
    most = max((environment.max_vcpus for environment in environments), default=None)
    if most is not None and most < facts.vcpus:
        yield Finding(f"A scan asks for {facts.vcpus} vCPUs, and the compute environment allows {most} in all.", _UP)
    instance = facts.instance_type
    if isinstance(instance, NotVisible):
        return
    usable = int(instance.memory_mib * _USABLE_MEMORY)
    if facts.vcpus > instance.vcpus:
        yield Finding(f"A scan asks for {facts.vcpus} vCPUs, and {instance.name} has {instance.vcpus}.", _UP)
    if facts.memory_mib > usable:
        comparison = f"A scan asks for {facts.memory_mib:,} MiB, and {instance.name} has {instance.memory_mib:,} MiB"
        yield Finding(
            f"{comparison}, of which about {usable:,} can be had (its system and the ECS agent keep the rest).",
            f"Cancel it (`opsctl cancel`) and run it again with --memory {usable // 100 * 100} or less.",
            "certain" if facts.memory_mib > instance.memory_mib else "likely",
        )


def _reason(facts: QueueSnapshot, wait: Wait) -> Iterator[Finding]:
    line = () if isinstance(facts.line, NotVisible) else facts.line
    earlier_reasons = [wait.head_reason, *(job.reason for job in line)]
    reason = wait.reason or next((earlier for earlier in earlier_reasons if is_blocked_reason(earlier)), "")
    whose = "" if wait.reason or not reason else " (of the job at the queue's head)"
    quoted = f"Batch says{whose}: {reason.rstrip('.')}."
    if reason.startswith(BlockedReason.CAPACITY):
        kind = "Spot capacity" if facts.is_spot else "instances"
        more = "; or, at the full price, on-demand: `opsctl up` without --spot" if facts.is_spot else ""
        yield Finding(f"AWS has no {kind} of this type to give now. {quoted}", f"Nothing: it starts when it has{more}.")
    elif BlockedReason.MAX_VCPUS in reason:
        yield Finding(f"The compute environment's maxvCpus is smaller than one scan's vCPUs. {quoted}", _UP)
    elif BlockedReason.JOB_SIZE in reason:
        yield Finding(
            f"A scan asks for more ({facts.vcpus} vCPUs, {facts.memory_mib:,} MiB) than an instance can give. {quoted}",
            "Cancel it (`opsctl cancel`) and run it again with less --memory.",
        )
    elif BlockedReason.SERVICE_ROLE in reason:
        yield Finding(f"Batch's service role lacks permissions. {quoted}", f"Its policies were changed. {_UP}")
    elif BlockedReason.INSTANCE_CONFIGURATION in reason:
        yield Finding(
            f"The instance type is not to be had in these zones, or not with this launch template. {quoted}",
            f"{_UP} Else take another region.",
        )
    elif reason.startswith(BlockedReason.INVALID_ENVIRONMENT):
        yield Finding(f"The compute environment is INVALID. {quoted}", _UP)
    elif reason.startswith(BlockedReason.UNDETERMINED):
        yield Finding(
            f"Batch knows that the queue is blocked, and not why. {quoted}",
            "Usual are instances that cannot join: no way out of the subnet, a wrong instance role, the vCPU quota.",
            "likely",
        )
    elif is_blocked_reason(reason):
        yield Finding(quoted, 'AWS\'s page "Jobs stuck in a RUNNABLE status" may know this reason.')


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
    # A running instance shows that the network works, so suspect the network only where none runs.
    sure: Sure = "likely" if wait is None or running(facts) else "certain"
    if not isinstance(facts.subnets, NotVisible):
        closed = [subnet.problem for subnet in facts.subnets if subnet.problem]
        is_every = len(closed) == len(facts.subnets)
        if closed:
            yield Finding(
                f"Instances cannot reach AWS: {'; '.join(closed)}.",
                f"A subnet needs a public address and an internet gateway, or a NAT gateway. {_UP}",
                sure if is_every else "likely",
            )
    if not isinstance(facts.security_groups, NotVisible):
        shut = [group.group_id for group in facts.security_groups if not group.lets_out]
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
