"""The rules of `doctor` on the account, and on the platform's job definitions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from opsctl.core.diagnosis.account.account import AccountPlan
from opsctl.core.diagnosis.account.at_once import MODEL_SIZES, ROOT_VOLUME_GIB, AtOnce, ModelSize, scans_at_once
from opsctl.core.diagnosis.account.obstacles import disk_notes, known_quotas, plan_obstacles, quotas_text
from opsctl.core.diagnosis.doctor_facts import Checkup
from opsctl.core.diagnosis.doctor_line import Line, unread
from opsctl.core.diagnosis.job_definition import definition_fault
from opsctl.core.diagnosis.queue_snapshot import NotVisible, Quota
from opsctl.core.errors import Problem
from opsctl.core.platform.platform import ModelResources, Platform


def plan_lines(checkup: Checkup) -> Iterator[Line]:
    """The account's plan; nothing in AWS's partitions without plans."""
    plan = checkup.account.plan if checkup.account else None
    if isinstance(plan, NotVisible):
        yield unread("account plan", plan, "warning")
    elif isinstance(plan, AccountPlan):
        for obstacle in plan_obstacles(checkup.account, MODEL_SIZES["csd"].instance_type):
            yield Line("account plan", "wrong", obstacle.what, obstacle.hint)
        if not plan.is_restricted:
            yield Line("account plan", "fine", "paid")


def quota_lines(checkup: Checkup) -> Iterator[Line]:
    """The account's quotas against what the platform, or a new one, may use."""
    account = checkup.account
    if account is None:
        return
    platform = checkup.platform if isinstance(checkup.platform, Platform) else None
    # All models share the quotas, so compare them with the model that may use most.
    models: Iterable[ModelResources | ModelSize] = platform.models.values() if platform else MODEL_SIZES.values()
    sizes = [(size.max_vcpus, size.vcpus) for size in models]
    max_vcpus, vcpus = max(sizes)
    root_volume_gib = platform.root_volume_gib if platform else ROOT_VOLUME_GIB
    at_once = scans_at_once(
        max_vcpus=max_vcpus,
        vcpus=vcpus,
        quotas=account.quotas,
        volumes=account.volumes,
        root_volume_gib=root_volume_gib,
    )
    for quota in account.quotas:
        if isinstance(quota, NotVisible):
            yield unread("quota", quota, "warning")
    known = known_quotas(account)
    if known:
        yield _quota_line(known, at_once, vcpus=vcpus, max_vcpus=max_vcpus)
    for note in disk_notes(account, at_once, root_volume_gib=root_volume_gib, scans=at_once.platform_scans):
        yield Line("disk quota", "warning", note.what, note.hint)


def _quota_line(quotas: Sequence[Quota], at_once: AtOnce, *, vcpus: int, max_vcpus: int) -> Line:
    may, request = quotas_text(quotas), quotas[0].request
    if not at_once.by_vcpus:
        return Line("quota", "wrong", f"The account may run {may} vCPUs, and a scan needs {vcpus}.", request)
    if at_once.by_vcpus < at_once.platform_scans:
        scans = f"{at_once.by_vcpus:,} scans at once instead of {at_once.platform_scans:,}"
        what = f"The account may run {may} vCPUs, the platform would use {max_vcpus}: {scans}."
        return Line("quota", "warning", what, request)
    return Line("quota", "fine", f"{may} vCPUs, enough for {max_vcpus}")


def definition_lines(checkup: Checkup, platform: Platform) -> Iterator[Line]:
    """The job definitions that the platform's record names: with a deregistered one nothing can be submitted."""
    definitions = checkup.definitions
    topic = "job definitions"
    if isinstance(definitions, Problem | NotVisible):
        yield unread(topic, definitions, "warning")
        return
    faults = [
        definition_fault(definition, arn=platform.models[model].job_definition)
        for model, definition in definitions.items()
    ]
    for fault in filter(None, faults):
        yield Line(topic, "wrong", fault, "`opsctl up` makes it anew.")
    if definitions and not any(faults):
        names = [definition.name for definition in definitions.values() if definition is not None]
        yield Line(topic, "fine", ", ".join(names))
