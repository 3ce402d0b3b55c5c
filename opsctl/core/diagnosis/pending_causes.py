"""Why a job does not start: rules over a snapshot of its queue, from AWS's documented reasons (docs/why.md)."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.core.aws_refusal import plain_reason
from opsctl.core.diagnosis.aws_messages import EnvironmentFault, environment_fault
from opsctl.core.diagnosis.blocked_reasons import blocked_reason, is_blocked_reason
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.finding import Finding, Sure, Wait, sentence
from opsctl.core.diagnosis.launch_refusals import refused_launches
from opsctl.core.diagnosis.queue_snapshot import ComputeEnvironment, NotVisible, QueueSnapshot, Quota
from opsctl.core.diagnosis.waiting_reasons import expected_wait, running, starting

#: The share of an instance's memory that jobs can use: the kernel and the ECS agent keep the rest (15.8 of an
#: r5.large's 16 GiB remain).
_USABLE_MEMORY = 0.985
#: How far this machine's clock may be from AWS's.
_CLOCKS_DIFFER_SECONDS = 60.0
_UP = "`opsctl up`, with the options it was made with, brings it back to what opsctl made."
_ENVIRONMENT_HELP = {
    EnvironmentFault.ROLE: "Its role is gone, misnamed or lacks a policy. ",
    EnvironmentFault.LAUNCH_TEMPLATE: "Its launch template is gone or wrong. ",
    EnvironmentFault.NETWORK: "Its network is gone or wrong. ",
    EnvironmentFault.OTHER: "",
}


def blockers(facts: QueueSnapshot, wait: Wait) -> list[Finding]:
    """What keeps a job from starting, certain findings first; never empty."""
    if wait.status == "STARTING":
        return [*_image(facts), *_log_group(facts)] or [starting(wait)]
    findings = [
        *_queue(facts),
        *_environments(facts),
        *_size(facts),
        *_launches(facts, wait),
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
    reason = plain_reason(environment.reason) or "Batch gives no reason"
    what = f"The compute environment {environment.name} is INVALID: {reason}."
    return Finding(what, f"{_ENVIRONMENT_HELP[environment_fault(environment.reason)]}{_UP}")


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
    status_reason = wait.reason or next((earlier for earlier in earlier_reasons if is_blocked_reason(earlier)), "")
    reason = blocked_reason(status_reason)
    if reason is None:
        return
    whose = "" if wait.reason else " (of the job at the queue's head)"
    what, do = reason.title, reason.help
    if reason.code == CauseCode.WAIT_JOB_SIZE:
        what += f" ({facts.vcpus} vCPUs, {facts.memory_mib:,} MiB)"
    if reason.code == CauseCode.WAIT_CAPACITY and facts.is_spot:
        what += " as Spot capacity"
        do += "; or, at the full price, on-demand: `opsctl up` without --spot"
    yield Finding(
        f"{sentence(what)} Batch says{whose}: {sentence(status_reason)}", sentence(do), reason.sure, code=reason.code
    )


def _launches(facts: QueueSnapshot, wait: Wait) -> Iterator[Finding]:
    # What AWS refused before the scan waited explains another wait.
    if not isinstance(facts.launches, NotVisible):
        yield from refused_launches(facts.launches, within_seconds=wait.seconds + _CLOCKS_DIFFER_SECONDS)


def _quota(facts: QueueSnapshot) -> Iterator[Finding]:
    quota, used = facts.quota, facts.vcpus_in_use
    if quota is None or isinstance(quota, NotVisible):
        return
    # What Spot's quota does not let start may still start on demand.
    sure: Sure = "certain" if _fallback_vcpus(facts) < facts.vcpus else "likely"
    code = CauseCode.WAIT_VCPU_QUOTA
    if quota.vcpus < facts.vcpus:
        what = f"The account may run {quota.vcpus} {quota.kind} vCPUs, and a scan needs {facts.vcpus}."
        yield Finding(what, quota.request, sure, code=code)
    elif isinstance(used, int) and used + facts.vcpus > quota.vcpus:
        yield Finding(
            f"The account's {quota.kind} vCPU quota is used up: {used} of {quota.vcpus} run.",
            f"Nothing: scans start as others end. For more at once: {quota.request}",
            sure,
            code=code,
        )


def _fallback_vcpus(facts: QueueSnapshot) -> int:
    return facts.fallback_quota.vcpus if isinstance(facts.fallback_quota, Quota) else 0


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
            "`opsctl image build` and `opsctl image push` put one there; or name another with `opsctl up --image URI`.",
            code=CauseCode.IMAGE_NOT_FOUND,
        )


def _log_group(facts: QueueSnapshot) -> Iterator[Finding]:
    if facts.has_log_group is False:
        what = "The jobs' log group is gone: no container can start without it."
        yield Finding(what, _UP, code=CauseCode.LOG_GROUP_UNAVAILABLE)
