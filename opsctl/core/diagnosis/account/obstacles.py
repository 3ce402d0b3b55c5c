"""What stands in the way of a run before anything is paid for: rules over what AWS says of image, account and platform.

What could not be read is no obstacle: nothing is refused because a permission hides it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsctl.core.diagnosis.account.account import Account, AccountPlan, VolumeQuota
from opsctl.core.diagnosis.account.at_once import AtOnce, model_at_once
from opsctl.core.diagnosis.job_definition import JobDefinition, definition_fault
from opsctl.core.diagnosis.queue_snapshot import Image, NotVisible, Quota
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location
from opsctl.core.platform.platform import ModelResources, Platform
from opsctl.core.platform.source_buckets import permit_command
from opsctl.core.simulation.duration import span_text

#: A run that takes so long because of a quota is told in days, before the question.
_DAYS_FROM_HOURS = 48

UPGRADE = "Upgrade the account to the paid plan (AWS's console, Billing and Cost Management). The data stays."


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What AWS says of what a run needs.

    Attributes
    ----------
    image
        None where nobody was asked, as on the local platform.
    definitions
        By model.
    account
        None where nobody was asked.
    denied
        The actions that IAM's simulation denies; empty also where the caller may not simulate.
    """

    image: Image | NotVisible | None = None
    definitions: Mapping[str, JobDefinition | None] | NotVisible | None = None
    account: Account | None = None
    denied: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """A reason for which no scan of a run could start."""

    code: ErrorCode
    what: str
    hint: str

    @property
    def problem(self) -> Problem:
        """The obstacle as the error that ends a command."""
        return Problem(self.what, self.hint, code=self.code)

    def as_json(self) -> dict[str, Any]:
        """The obstacle in `run --dry-run --json`."""
        return {"code": self.code, "message": self.what, "hint": self.hint}


def run_obstacles(facts: RunFacts, platform: Platform, *, model: str) -> list[Obstacle]:
    """Why no scan of a run could start, the first thing to mend first.

    Parameters
    ----------
    model
        Whose queue and job definition the run's jobs use.
    """
    resources = platform.models[model]
    return [
        *_definition(facts.definitions, resources, model),
        *_image(facts.image, platform),
        *plan_obstacles(facts.account, resources.instance_type),
        *quota_obstacles(facts.account, vcpus=resources.vcpus),
        *_disk_obstacles(facts.account, root_volume_gib=platform.root_volume_gib),
    ]


def bucket_obstacles(dataset: Location, platform: Platform) -> Iterator[Obstacle]:
    """A dataset in a bucket that the jobs' role may not read."""
    if dataset.bucket not in platform.readable_buckets:
        yield Obstacle(
            code=ErrorCode.AWS_DENIED,
            what=f"The platform's jobs may not read the bucket {dataset.bucket}: every scan would fail.",
            hint=f"`{permit_command(platform, dataset.bucket)}` permits it.",
        )


def _definition(
    definitions: Mapping[str, JobDefinition | None] | NotVisible | None, resources: ModelResources, model: str
) -> Iterator[Obstacle]:
    if definitions is None or isinstance(definitions, NotVisible):
        return
    fault = definition_fault(definitions.get(model), arn=resources.job_definition)
    if fault:
        hint = "`opsctl up` makes it anew. If a colleague has just changed the platform, it fetches the new one."
        yield Obstacle(code=ErrorCode.AWS_NOT_FOUND, what=fault, hint=hint)


def _image(image: Image | NotVisible | None, platform: Platform) -> Iterator[Obstacle]:
    if image is None or isinstance(image, NotVisible) or image.exists is not False:
        return
    is_own = image.uri.startswith(platform.repository_url)
    what = f"The jobs' image {image.uri} is not on ECR: no job could start."
    hint = "Name another with `opsctl up --image URI`."
    if is_own:
        hint = (
            "`opsctl image build` and `opsctl image push` put one there; or name another with `opsctl up --image URI`."
        )
    if not image.has_repository:
        what = f"The repository of the jobs' image {image.uri} does not exist: no job could start."
        hint = f"`opsctl up` makes it anew. Then: {hint}" if is_own else hint
    yield Obstacle(code=ErrorCode.IMAGE_NOT_FOUND, what=what, hint=hint)


def plan_obstacles(account: Account | None, instance_type: str) -> Iterator[Obstacle]:
    """The account's Free plan, where no instance that can process a scan is launched."""
    if account is not None and isinstance(account.plan, AccountPlan) and account.plan.is_restricted:
        what = f"This AWS account is on the Free plan, where AWS launches no {instance_type}: no scan could start."
        yield Obstacle(code=ErrorCode.ACCOUNT_RESTRICTED, what=what, hint=UPGRADE)


def quota_obstacles(account: Account | None, *, vcpus: int) -> Iterator[Obstacle]:
    """A vCPU quota, or with `spot_fallback` both, that is smaller than one scan."""
    quotas = known_quotas(account)
    if quotas and all(quota.vcpus < vcpus for quota in quotas):
        what = f"The account may run {quotas_text(quotas)} vCPUs, and a scan needs {vcpus}: no scan could start."
        hint = " ".join(dict.fromkeys(quota.request for quota in quotas))
        yield Obstacle(code=ErrorCode.AWS_QUOTA_REACHED, what=what, hint=hint)


def _disk_obstacles(account: Account | None, *, root_volume_gib: int) -> Iterator[Obstacle]:
    """A quota on gp3 disks that is smaller than the disk of one instance."""
    volumes = account.volumes if account is not None else None
    if isinstance(volumes, VolumeQuota) and not volumes.disks(root_volume_gib):
        what = (
            f"The account's gp3 disks may have {volumes.tib:g} TiB in all, and an instance needs {root_volume_gib} "
            "GiB: no scan could start."
        )
        yield Obstacle(code=ErrorCode.AWS_QUOTA_REACHED, what=what, hint=volumes.request)


def run_notes(
    facts: RunFacts, platform: Platform, *, model: str, scan_count: int, wall_hours: float = 0.0
) -> list[str]:
    """What does not stop a run, and makes it slower or may stop it later: sentences, each with what to do.

    Parameters
    ----------
    wall_hours
        The estimated duration of the run.
    """
    resources = platform.models[model]
    at_once = model_at_once(resources, facts.account, root_volume_gib=platform.root_volume_gib)
    most_at_once = min(scan_count, at_once.platform_scans)
    notes = []
    if at_once.by_vcpus and at_once.by_vcpus < most_at_once:
        quotas = known_quotas(facts.account)
        text = (
            f"The account may run {quotas_text(quotas)} vCPUs: {at_once.by_vcpus} of {scan_count:,} scans run at once"
        )
        text += f", so it takes about {span_text(wall_hours)}." if wall_hours >= _DAYS_FROM_HOURS else "."
        notes.append(f"{text} {quotas[0].request}")
    disks = disk_notes(facts.account, at_once, root_volume_gib=platform.root_volume_gib, scans=most_at_once)
    notes += map(str, disks)
    if isinstance(facts.image, NotVisible):
        notes.append(f"Whether the jobs' image is on ECR {facts.image.sentence}.")
    return [*notes, *denied_notes(facts.denied, policy="run")]


@dataclass(frozen=True)
class Note:
    """What does not stop a command, and what to do about it."""

    what: str
    hint: str

    def __str__(self) -> str:
        return f"{self.what} {self.hint}"


def disk_notes(account: Account | None, at_once: AtOnce, *, root_volume_gib: int, scans: int) -> Iterator[Note]:
    """The quota on disks, where it is smaller than what these scans need at once."""
    volumes = account.volumes if account is not None else None
    # Where the vCPU quota is smaller still, the disks of what it lets run are what counts.
    running = scans if at_once.by_vcpus is None else min(scans, at_once.by_vcpus)
    disks = volumes.disks(root_volume_gib) if isinstance(volumes, VolumeQuota) else running
    if isinstance(volumes, VolumeQuota) and disks < running:
        yield Note(
            f"The account's gp3 disks may have {volumes.tib:g} TiB in all: {disks:,} scan{'' if disks == 1 else 's'} at"
            f" once with {root_volume_gib} GiB each, not {running:,}.",
            volumes.request,
        )


def denied_notes(denied: Sequence[str], *, policy: str) -> Iterator[str]:
    """The actions that IAM's simulation denies. It does not see all that counts, so it is no obstacle."""
    if denied:
        yield (
            f"According to IAM you are not permitted {', '.join(denied)}: ask the account's administrator for"
            f" docs/policies/{policy}.json (docs/permissions.md)."
        )


def known_quotas(account: Account | None) -> list[Quota]:
    """The vCPU quotas that the platform's instances count against; empty where not all of them are known."""
    quotas = account.quotas if account is not None else ()
    known = [quota for quota in quotas if isinstance(quota, Quota)]
    return known if len(known) == len(quotas) else []


def quotas_text(quotas: Sequence[Quota]) -> str:
    """`32 on-demand`; with `spot_fallback` `32 Spot and 5 on-demand`."""
    return " and ".join(f"{quota.vcpus:,} {quota.kind}" for quota in quotas)
