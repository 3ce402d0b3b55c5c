"""What AWS shows of a platform, as plain data: which of it is ours, which of it Terraform's state does not know."""

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
# What Terraform appends to a name prefix.
_SUFFIX = r"(-\d{26})?"


class ResourceKind(StrEnum):
    """What the platform root makes, and what AWS makes for it, in words; in the order in which it can go."""

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
    # Last: as long as it stands, a platform that is half gone is found by its name from everywhere.
    RECORD = "parameter"


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One thing that exists.

    Attributes
    ----------
    id
        What AWS takes when it is asked to delete it.
    name
        As people know it; empty where that is the id.
    arn
        Empty where AWS does not tell it (most of EC2).
    state, reason
        AWS's words: `INVALID` and why, `in-use` and by what.
    since
        When it was made, with its time zone, where AWS tells it.
    is_tagged
        Whether it carries this platform's tag: what only has a name like ours is shown and never removed.
    uses
        Keys of what must not go before it.
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

    @property
    def key(self) -> str:
        """What tells it from everything else: a role and an instance profile may share their name."""
        return self.arn or self.id

    @property
    def words(self) -> str:
        """`role opsctl-m2g-us-east-1-job`, `security group opsctl-m2g-jobs (sg-1)`."""
        named = f"{self.name} ({self.id})" if self.name and self.kind not in NAMED_KINDS else self.name or self.id
        return f"{self.kind} {named}"

    @property
    def is_invalid(self) -> bool:
        """Whether AWS has given it up: a compute environment that starts no instance any more."""
        return self.kind == ResourceKind.ENVIRONMENT and self.state == "INVALID"


_MADE_BY_BATCH = {ResourceKind.INSTANCE, ResourceKind.VOLUME, ResourceKind.INTERFACE}
#: What may stand in the way by its name alone.
NAMED_KINDS = {
    ResourceKind.QUEUE,
    ResourceKind.ENVIRONMENT,
    ResourceKind.DEFINITION,
    ResourceKind.TEMPLATE,
    ResourceKind.PROFILE,
    ResourceKind.ROLE,
}


def is_ours(named: str, pattern: re.Pattern[str], tags: Mapping[str, str], *, platform: str) -> bool | None:
    """Whether a resource is a platform's: True by its tag, False by nothing but its name, None: it is not.

    The prefix of the platform `m2g` also begins the names of a platform `m2g-x`, so a name counts only as a whole.

    Parameters
    ----------
    pattern
        Of `batch_names` or `role_names`.
    """
    if TAG in tags:
        return True if tags[TAG] == platform and named.startswith(f"opsctl-{platform}-") else None
    return False if pattern.fullmatch(named) else None


def batch_names(platform: str) -> re.Pattern[str]:
    """The names of queues, environments, job definitions and launch templates: one word behind the platform's name."""
    return re.compile(rf"opsctl-{re.escape(platform)}-{_WORD}{_SUFFIX}")


def role_names(platform: str, *, region: str) -> re.Pattern[str]:
    """The names of roles and instance profiles, which are an account's: the region and letters behind the name.

    Every region ends with a number, so a platform `m2g-us-east-1` has none that looks like one of `m2g` in us-east-1.
    """
    return re.compile(rf"opsctl-{re.escape(platform)}-{re.escape(region)}(-[a-z]+)+")


def counts_text(resources: Iterable[Resource]) -> str:
    """`2 job queues, 1 VPC`, in the order of `ResourceKind`."""
    counted = Counter(one.kind for one in resources)
    return ", ".join(f"{counted[kind]} {_many(kind, counted[kind])}" for kind in ResourceKind if counted[kind])


def _many(kind: ResourceKind, count: int) -> str:
    return str(kind) if count == 1 else f"{kind}s"


# Terraform's state.


def known_keys(state: Mapping[str, Any]) -> frozenset[str]:
    """The ids and ARNs of everything that a state knows.

    Parameters
    ----------
    state
        As `terraform state pull` prints it.
    """
    found = (one.get("attributes", {}) for _, one in _instances(state))
    return frozenset(value for one in found for value in (one.get("id"), one.get("arn")) if value)


def known_types(state: Mapping[str, Any]) -> list[str]:
    """Terraform's type of each thing that a state knows, once a thing."""
    return [str(resource["type"]) for resource, _ in _instances(state)]


def addresses_of(state: Mapping[str, Any], keys: Collection[str]) -> list[str]:
    """Where in a state the things of these ids or ARNs are; what is on its way out anyway (deposed) is left out."""
    found = []
    for resource, instance in _instances(state):
        attributes = instance.get("attributes", {})
        if {attributes.get("id"), attributes.get("arn")} & set(keys) and not instance.get("deposed"):
            found.append(_address(resource, instance))
    return found


def tainted_addresses(state: Mapping[str, Any]) -> list[str]:
    """Where in a state the things are whose making was broken off after AWS had made them."""
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


def orphans(found: Iterable[Resource], known: Collection[str]) -> tuple[Resource, ...]:
    """What no state knows. Instances and what hangs on them are Batch's, and go with their environment."""
    found = tuple(found)
    unknown = tuple(one for one in found if not _is_known(one, known))
    if any(one.kind == ResourceKind.ENVIRONMENT and _is_known(one, known) for one in found):
        return tuple(one for one in unknown if one.kind not in _MADE_BY_BATCH)
    return unknown


def in_use(found: Iterable[Resource], known: Collection[str]) -> frozenset[str]:
    """What must stay as long as the things that the state knows use it."""
    return frozenset(use for one in found if _is_known(one, known) for use in one.uses)


def _is_known(one: Resource, known: Collection[str]) -> bool:
    return one.key in known or one.id in known
