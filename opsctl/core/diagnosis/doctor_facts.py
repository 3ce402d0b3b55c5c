"""The facts that `doctor` examines: the only input of the rules in `opsctl.core.diagnosis.doctor`.

A fact is a `Problem` where the user can fix why it could not be read, and `NotVisible` where it could not be read
otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from opsctl.core.diagnosis.account.account import Account
from opsctl.core.diagnosis.job_definition import JobDefinition
from opsctl.core.diagnosis.queue_snapshot import NotVisible, QueueSnapshot
from opsctl.core.errors import Problem
from opsctl.core.platform.monthly_budget import MonthSpend
from opsctl.core.platform.platform import Platform


@dataclass(frozen=True)
class Provider:
    """Where Terraform's AWS provider comes from: a mirror on this machine, or else Terraform's registry."""

    mirror: str | None
    registry_answers: bool = False


@dataclass(frozen=True, kw_only=True)
class TerraformVersion:
    """The Terraform that `up` would run.

    Attributes
    ----------
    path
        Empty where none is installed: `up` downloads this version.
    warning
        Why one should not trust it; empty where all is well.
    left_out
        A sentence on Terraform's variables that are set and do not reach it; empty where there are none.
    """

    version: str
    path: str
    warning: str = ""
    left_out: str = ""


@dataclass(frozen=True, kw_only=True)
class EngineVersion:
    """Docker or Podman.

    Attributes
    ----------
    name
        Its kind: `Docker` or `Podman`, whatever its program is called.
    version
        Empty where it is installed and does not answer.
    path
        The program's; empty where it does not answer.
    silence, remedy
        Why it does not answer, and what to do about it.
    warning
        Why one should not trust it; empty where all is well.
    """

    name: str
    version: str = ""
    path: str = ""
    silence: str = ""
    remedy: str = ""
    warning: str = ""


@dataclass(frozen=True)
class Terminal:
    """The terminal or pipe that opsctl writes to."""

    encoding: str
    is_terminal: bool
    columns: int


@dataclass(frozen=True)
class Disk:
    """The disk that holds opsctl's home folder."""

    path: str
    free_bytes: int


@dataclass(frozen=True, kw_only=True)
class Login:
    """The identity that AWS sees.

    Attributes
    ----------
    arn, account_id
        The user's or role's.
    minutes_left
        Time until the credentials expire; None where they do not expire, or are renewed automatically.
    skew_seconds
        How far this machine's clock is ahead of AWS's; None where AWS sent no time.
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
        `run`: daily commands; `up`: creating and removing a platform.
    state
        `untested` where the action cannot be tried without carrying it out.
    """

    action: str
    purpose: Literal["run", "up"]
    state: Literal["allowed", "denied", "untested"]


@dataclass(frozen=True, kw_only=True)
class Checkup:
    """All facts.

    Attributes
    ----------
    wants_aws
        Whether AWS is used: the platform is on AWS, or a region or profile was asked for.
    lacks_local_parts
        What a user is told who has not installed the extra `local`; None where it is installed.
    loopback
        Why the local platform's server could not listen on this machine; None where it could.
    platform
        The selected platform; None where there is none.
    has_pending_down
        Whether a `down` of the platform was stopped before its end.
    local_server
        Address at which the local platform's process answers; None where it has ended, a `Problem` where it is silent.
    facts
        The platform's queues by model.
    bucket
        True where the data bucket can be listed.
    definitions
        The platform's job definitions by model; None where Batch no longer has one.
    damaged_states
        Terraform's states on this machine that cannot be read.
    account
        The account's plan and quotas; None where AWS is not used.
    unconfirmed_emails
        Who of those that are to be told by mail has not confirmed it; None where nobody is to be told.
    month_spend
        What AWS has counted of the monthly budget; "gone" where AWS has no such budget; None where none is set.
    price_warning
        Why the prices that estimates rest on may be wrong; empty where they are AWS's, or nothing is charged.
    """

    python: tuple[int, int, int]
    version: str
    installed_at: str
    terminal: Terminal
    wants_aws: bool
    lacks_local_parts: Problem | None
    loopback: Problem | None = None
    region: str | None
    configuration: tuple[Problem, ...] = ()
    terraform: TerraformVersion | Problem | NotVisible
    provider: Provider | Problem | NotVisible
    engine: EngineVersion | Problem | NotVisible | None
    disk: Disk | Problem | NotVisible
    login: Login | Problem | NotVisible
    platform: Platform | Problem | NotVisible | None
    has_pending_down: bool = False
    local_server: str | Problem | None = None
    permissions: tuple[Permission, ...] | Problem | NotVisible | None = None
    facts: Mapping[str, QueueSnapshot | Problem | NotVisible] = field(default_factory=dict)
    bucket: bool | Problem | NotVisible | None = None
    definitions: Mapping[str, JobDefinition | None] | Problem | NotVisible = field(default_factory=dict)
    damaged_states: tuple[Problem, ...] = ()
    account: Account | None = None
    unconfirmed_emails: tuple[str, ...] | Problem | NotVisible | None = None
    month_spend: MonthSpend | Literal["gone"] | Problem | NotVisible | None = None
    price_warning: str | Problem | NotVisible = ""

    @property
    def is_first_use(self) -> bool:
        """Whether there is no platform and no AWS login."""
        return self.platform is None and not isinstance(self.login, Login)
