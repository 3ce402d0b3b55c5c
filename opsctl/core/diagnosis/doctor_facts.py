"""What `doctor` looks at, as one snapshot: the rules of `opsctl.core.diagnosis.doctor` read nothing else.

A fact is a `Problem` where looking at it failed in a way that a person can mend, and `NotVisible` where it could not be
looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from opsctl.core.diagnosis.queue_snapshot import NotVisible, QueueSnapshot, Quota
from opsctl.core.errors import Problem
from opsctl.core.platform.platform import Platform


@dataclass(frozen=True)
class Provider:
    """Where Terraform's AWS provider comes from: a mirror on this machine, or the registry, if that answers."""

    mirror: str | None
    registry_answers: bool = False


@dataclass(frozen=True)
class EngineVersion:
    """Docker or Podman; an empty version: it is installed, and its service does not answer."""

    name: str
    version: str


@dataclass(frozen=True)
class Terminal:
    """What opsctl writes to."""

    encoding: str
    is_terminal: bool
    columns: int


@dataclass(frozen=True)
class Disk:
    """Where opsctl keeps its things."""

    path: str
    free_bytes: int


@dataclass(frozen=True, kw_only=True)
class Login:
    """Who AWS takes us for.

    Attributes
    ----------
    arn, account_id
        Of the user or the role.
    minutes_left
        Until the credentials end; None where they have no end, or renew themselves.
    skew_seconds
        How far this machine's clock is ahead of AWS's; None where AWS did not tell its time.
    """

    arn: str
    account_id: str
    minutes_left: int | None = None
    skew_seconds: float | None = None


@dataclass(frozen=True)
class Permission:
    """Whether an action is permitted.

    Attributes
    ----------
    purpose
        `run`: every day's verbs; `up`: making and removing a platform.
    state
        `untested` where only doing it would tell.
    """

    action: str
    purpose: Literal["run", "up"]
    state: Literal["allowed", "denied", "untested"]


@dataclass(frozen=True, kw_only=True)
class Checkup:
    """All that was looked at.

    Attributes
    ----------
    wants_aws
        Whether AWS is used here: a platform on it, or a region or a profile that was asked for.
    has_local_parts
        Whether the extra `local` is installed.
    platform
        The one that is meant; None where none is up.
    local_server
        Where the local platform's process answers; None where it has ended.
    facts
        By model; of the platform's queue and what is behind it.
    bucket
        True: it can be listed.
    quota
        Of the account, where there is no platform to hold it against.
    """

    python: tuple[int, int, int]
    version: str
    installed_at: str
    terminal: Terminal
    wants_aws: bool
    has_local_parts: bool
    region: str | None
    configuration: tuple[Problem, ...] = ()
    terraform: str | Problem | NotVisible
    provider: Provider | Problem | NotVisible
    engine: EngineVersion | Problem | NotVisible | None
    disk: Disk | Problem | NotVisible
    login: Login | Problem | NotVisible
    platform: Platform | Problem | NotVisible | None
    local_server: str | None = None
    permissions: tuple[Permission, ...] | Problem | NotVisible | None = None
    facts: Mapping[str, QueueSnapshot | Problem | NotVisible] = field(default_factory=dict)
    bucket: bool | Problem | NotVisible | None = None
    quota: Quota | Problem | NotVisible | None = None

    @property
    def is_first_use(self) -> bool:
        """Nothing is up, and nobody has logged in to AWS."""
        return self.platform is None and not isinstance(self.login, Login)
