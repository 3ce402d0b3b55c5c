"""Looks at account, image and job definitions while something else is read, for `run`, `up` and `doctor`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opsctl.aws.account import account_plan, create_clients, vcpu_quota, volume_quota
from opsctl.aws.batch.job_definitions import definitions_of
from opsctl.aws.clients import Clients
from opsctl.aws.ecr.image import find_image
from opsctl.aws.identity import denied_actions
from opsctl.commands.diagnosis.checks import Checks
from opsctl.core.diagnosis.account.account import Account
from opsctl.core.diagnosis.account.obstacles import RunFacts
from opsctl.core.platform.platform import Platform

#: A run is not kept waiting longer; reading the dataset takes at least as long.
SECONDS = 3.0


def start_account(checks: Checks, clients: Clients, *, is_spot: bool, has_fallback: bool) -> Callable[[], Account]:
    """Start to ask for the account's plan and quotas; returns a function that waits for the answer.

    Parameters
    ----------
    is_spot, has_fallback
        Whether the platform's instances are Spot instances, and whether scans may also run on demand.
    """
    create_clients(clients)
    plan: Any = checks.start("freetier:GetAccountPlanState", lambda: account_plan(clients))
    volumes: Any = checks.start("servicequotas:GetServiceQuota", lambda: volume_quota(clients))
    kinds = [True, False] if is_spot and has_fallback else [is_spot]
    quotas: list[Any] = [_start_quota(checks, clients, is_spot=kind) for kind in kinds]
    return lambda: Account(plan=plan(), quotas=tuple(quota() for quota in quotas), volumes=volumes())


def start_denied(
    checks: Checks, clients: Clients, platform: Platform | None, *, name: str
) -> Callable[[], tuple[str, ...]]:
    """Start to ask IAM which actions it denies; returns a function that waits for them, empty without an answer.

    Parameters
    ----------
    platform
        To run on it; None: to make one.
    name
        The platform's name.
    """
    clients.sts, clients.iam  # noqa: B018
    denied = checks.start("iam:SimulatePrincipalPolicy", lambda: denied_actions(clients, platform, name=name))

    def answer() -> tuple[str, ...]:
        actions = denied()
        return actions if isinstance(actions, tuple) else ()

    return answer


def start_run_facts(clients: Clients, platform: Platform, *, seconds: float = SECONDS) -> Callable[[], RunFacts]:
    """Start to ask for what a run needs; returns a function that waits for the answer.

    The local platform is not asked: it has no account, and its image is the engine's.
    """
    if platform.is_local:
        return RunFacts
    # A login may ask for a code first, which takes longer than the looks have. Creating a client is not thread-safe.
    clients.credentials, clients.ecr, clients.batch  # noqa: B018
    checks = Checks(seconds)
    image: Any = checks.start("ecr:DescribeImages", lambda: find_image(clients.ecr, platform.image))
    definitions: Any = checks.start("batch:DescribeJobDefinitions", lambda: definitions_of(clients.batch, platform))
    account = start_account(checks, clients, is_spot=platform.spot, has_fallback=platform.spot_fallback)
    denied = start_denied(checks, clients, platform, name=platform.name)
    return lambda: RunFacts(image=image(), definitions=definitions(), account=account(), denied=denied())


def _start_quota(checks: Checks, clients: Clients, *, is_spot: bool) -> Callable[[], Any]:
    return checks.start("servicequotas:GetServiceQuota", lambda: vcpu_quota(clients, is_spot=is_spot))
