"""The resources of a platform on AWS: which ones are the platform's, and which ones are not in Terraform's state."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

TAG = "opsctl:platform"

_WORD = r"[a-z0-9]+"
# The option `--name-prefix` of `up`. Which one a platform has is not known where its record is gone.
_NAME_PREFIX = r"(?:[a-z0-9]+-)*"
# Terraform appends this to a name prefix.
_SUFFIX = r"(-\d{26})?"


class ResourceKind(StrEnum):
    """What the platform root, or AWS for it, creates. The order is the one in which they can be deleted."""

    QUEUE = "job queue"
    ENVIRONMENT = "compute environment"
    INSTANCE = "instance"
    VOLUME = "volume"
    DEFINITION = "job definition"
    TEMPLATE = "launch template"
    ENDPOINT = "VPC endpoint"
    INTERFACE = "network interface"
    SECURITY_GROUP = "security group"
    GATEWAY = "internet gateway"
    SUBNET = "subnet"
    ROUTES = "route table"
    VPC = "VPC"
    PROFILE = "instance profile"
    ROLE = "role"
    LOG_GROUP = "log group"
    # Last: while it exists, a half-deleted platform can be found by its name from any machine.
    RECORD = "parameter"
    # opsctl's own, which no state knows: while it exists, no other state makes the platform.
    CLAIM = "claim"


@dataclass(frozen=True, kw_only=True)
class Resource:
    """An existing resource.

    Attributes
    ----------
    id
        The id that AWS's delete call needs.
    name
        Empty where the resource has no name besides its id.
    arn
        Empty where AWS does not return it (most of EC2).
    state, reason
        AWS's: such as `INVALID` and why, `in-use` and by what.
    since
        Time of creation with its time zone; None where AWS does not return it.
    is_tagged
        Whether it has this platform's tag. A resource that only has a matching name is shown, but never deleted.
    uses
        Keys of the resources that must not be deleted before it.
    has_newer_image
        Whether it is a compute environment for whose instances AWS has a newer machine image.
    """

    kind: ResourceKind
    id: str
    name: str = ""
    arn: str = ""
    state: str = ""
    reason: str = ""
    since: datetime | None = None
    is_tagged: bool = True
    uses: tuple[str, ...] = ()
    has_newer_image: bool = False

    @property
    def key(self) -> str:
        """The ARN or id, which is unique; a role and an instance profile may share their name."""
        return self.arn or self.id

    @property
    def words(self) -> str:
        """`role opsctl-m2g-us-east-1-job`, `security group opsctl-m2g-jobs (sg-1)`."""
        label = f"{self.name} ({self.id})" if self.name and self.kind not in NAMED_KINDS else self.name or self.id
        return f"{self.kind} {label}"

    @property
    def is_invalid(self) -> bool:
        """Whether it is a compute environment that AWS has marked INVALID: it starts no instances."""
        return self.kind == ResourceKind.ENVIRONMENT and self.state == "INVALID"


_CREATED_BY_BATCH = {ResourceKind.INSTANCE, ResourceKind.VOLUME, ResourceKind.INTERFACE}
#: Kinds whose name can conflict with a new platform's.
NAMED_KINDS = {
    ResourceKind.QUEUE,
    ResourceKind.ENVIRONMENT,
    ResourceKind.DEFINITION,
    ResourceKind.TEMPLATE,
    ResourceKind.PROFILE,
    ResourceKind.ROLE,
}


def is_ours(name: str, pattern: re.Pattern[str], tags: Mapping[str, str], *, platform: str) -> bool | None:
    """Whether a resource is a platform's: True by its tag, False by its name only, None if it is not.

    With the tag, a prefix of names may stand before the name.

    The names of a platform `m2g-x` begin with the prefix of a platform `m2g`, so the whole name must match.

    Parameters
    ----------
    pattern
        The result of `batch_names` or `role_names`.
    """
    if TAG in tags:
        return True if tags[TAG] == platform and _begins_as_ours(name, platform) else None
    return False if pattern.fullmatch(name) else None


def batch_names(platform: str) -> re.Pattern[str]:
    """Matches queues, environments, job definitions and launch templates: the prefix and one word."""
    return re.compile(rf"opsctl-{re.escape(platform)}-{_WORD}{_SUFFIX}")


def role_names(platform: str, *, region: str) -> re.Pattern[str]:
    """Matches roles and instance profiles: the prefix, the region and words. These names are unique in an account.

    Names with a prefix of names match too, because IAM's lists have no tags.

    Every region ends with a number, so no name of a platform `m2g-us-east-1` matches those of `m2g` in us-east-1.
    """
    return re.compile(rf"{_NAME_PREFIX}opsctl-{re.escape(platform)}-{re.escape(region)}(-[a-z]+)+")


def is_any_platforms(name: str) -> bool:
    """Whether a name is one that a platform gives: `opsctl-…`, or that after a prefix of names."""
    return re.match(rf"{_NAME_PREFIX}opsctl-", name) is not None


def _begins_as_ours(name: str, platform: str) -> bool:
    return re.match(rf"{_NAME_PREFIX}opsctl-{re.escape(platform)}-", name) is not None


def counts_text(resources: Iterable[Resource]) -> str:
    """`2 job queues, 1 VPC`, in the order of `ResourceKind`."""
    counts = Counter(resource.kind for resource in resources)
    return ", ".join(f"{counts[kind]} {_noun(kind, counts[kind])}" for kind in ResourceKind if counts[kind])


def _noun(kind: ResourceKind, count: int) -> str:
    return str(kind) if count == 1 else f"{kind}s"


# Terraform's state.


#: IAM's ids are names, and a role and an instance profile may share theirs.
_SHARING_NAMES = {"aws_iam_role": ResourceKind.ROLE, "aws_iam_instance_profile": ResourceKind.PROFILE}


def known_keys(state: Mapping[str, Any]) -> frozenset[str]:
    """The ids and ARNs of all resources in a state; before the name of a role or an instance profile stands its kind.

    Parameters
    ----------
    state
        The output of `terraform state pull`, parsed.
    """
    keys = set()
    for resource, instance in _instances(state):
        attributes = instance.get("attributes", {})
        kind = _SHARING_NAMES.get(resource["type"])
        keys |= {_key_of_id(kind, attributes["id"]) if attributes.get("id") else "", attributes.get("arn") or ""}
    return frozenset(keys - {""})


def known_types(state: Mapping[str, Any]) -> list[str]:
    """Terraform's type of each resource in a state; a type may occur several times."""
    return [str(resource["type"]) for resource, _ in _instances(state)]


def addresses_of(state: Mapping[str, Any], keys: Collection[str]) -> list[str]:
    """The addresses in a state of resources by id or ARN, without deposed ones, which Terraform deletes anyway."""
    addresses = []
    for resource, instance in _instances(state):
        attributes = instance.get("attributes", {})
        if {attributes.get("id"), attributes.get("arn")} & set(keys) and not instance.get("deposed"):
            addresses.append(_address(resource, instance))
    return addresses


def managed_addresses(state: Mapping[str, Any]) -> list[str]:
    """The addresses in a state of all resources that Terraform manages."""
    return [_address(resource, instance) for resource, instance in _instances(state) if not instance.get("deposed")]


def managed_ids(state: Mapping[str, Any], kind: str) -> list[str]:
    """The ids in a state of all resources of one of Terraform's types, such as `aws_s3_bucket`."""
    return [
        str(instance.get("attributes", {}).get("id"))
        for resource, instance in _instances(state)
        if resource["type"] == kind
    ]


def tainted_addresses(state: Mapping[str, Any]) -> list[str]:
    """The addresses in a state of tainted resources: AWS created them, but Terraform was interrupted or failed."""
    return [
        _address(resource, instance)
        for resource, instance in _instances(state)
        if instance.get("status") == "tainted" and not instance.get("deposed")
    ]


def _instances(state: Mapping[str, Any]) -> Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for resource in state.get("resources", ()):
        if resource.get("mode") == "managed":
            for instance in resource.get("instances", ()):
                yield resource, instance


def _address(resource: Mapping[str, Any], instance: Mapping[str, Any]) -> str:
    base = f"{resource['type']}.{resource['name']}"
    module = f"{resource['module']}." if resource.get("module") else ""
    index = instance.get("index_key")
    if index is None:
        return f"{module}{base}"
    return f'{module}{base}["{index}"]' if isinstance(index, str) else f"{module}{base}[{index}]"


# What a state does not know.


def orphans(resources: Iterable[Resource], known: Collection[str]) -> tuple[Resource, ...]:
    """The resources that are not in a state, without those that Batch creates and deletes with a known environment.

    The claim on the platform's name is none.
    """
    resources = tuple(resource for resource in resources if resource.kind != ResourceKind.CLAIM)
    unknown = tuple(resource for resource in resources if not _is_known(resource, known))
    if any(resource.kind == ResourceKind.ENVIRONMENT and _is_known(resource, known) for resource in resources):
        return tuple(resource for resource in unknown if resource.kind not in _CREATED_BY_BATCH)
    return unknown


def in_use(resources: Iterable[Resource], known: Collection[str]) -> frozenset[str]:
    """Keys of the resources that the resources in the state use, and that must therefore not be deleted."""
    return frozenset(used for resource in resources if _is_known(resource, known) for used in resource.uses)


def superseded(resources: Iterable[Resource], known: Collection[str]) -> tuple[Resource, ...]:
    """The other revisions of the job definitions in a state.

    Terraform registers a new revision and keeps the one before (terraform/modules/batch/job_definition.tf). The record
    may still name that one, so it must not be removed before an apply has written the record.
    """
    families = {key.rpartition(":")[0] for key in known if ":job-definition/" in key}
    return tuple(
        resource
        for resource in resources
        if resource.kind == ResourceKind.DEFINITION
        and not _is_known(resource, known)
        and resource.arn.rpartition(":")[0] in families
    )


def environments_to_replace(resources: Iterable[Resource], state: Mapping[str, Any]) -> tuple[str, ...]:
    """The addresses in a state of the compute environments that AWS has made INVALID: none becomes VALID by itself."""
    # Terraform does not know the ARN of an environment that became INVALID while it waited for it.
    keys = {key for resource in resources if resource.is_invalid for key in (resource.key, resource.id)}
    return tuple(addresses_of(state, keys))


def _is_known(resource: Resource, known: Collection[str]) -> bool:
    return resource.key in known or _key_of_id(resource.kind, resource.id) in known


def _key_of_id(kind: ResourceKind | None, resource_id: str) -> str:
    return f"{kind} {resource_id}" if kind in _SHARING_NAMES.values() else resource_id
