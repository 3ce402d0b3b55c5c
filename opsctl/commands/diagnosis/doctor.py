"""`doctor`: check this machine, the platform and AWS, all checks at once and within a few seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from opsctl.aws import identity as aws
from opsctl.aws.batch.job_definitions import definitions_of
from opsctl.aws.batch.queue_snapshot import take_snapshot
from opsctl.aws.clients import Clients
from opsctl.aws.platform.budget import month_spend
from opsctl.aws.platform.mail import unconfirmed_emails
from opsctl.aws.platform.platform_parameter import read_record
from opsctl.aws.pricing import rates
from opsctl.commands.diagnosis import machine
from opsctl.commands.diagnosis.account_look import start_account
from opsctl.commands.diagnosis.checks import Checks
from opsctl.commands.platform.remembered_platform import stopped_up_of
from opsctl.commands.platform.terraform_workspace import has_pending_down
from opsctl.core.diagnosis.doctor import lines
from opsctl.core.diagnosis.doctor_facts import Checkup, Login, Terminal
from opsctl.core.diagnosis.doctor_line import Line
from opsctl.core.diagnosis.queue_snapshot import NotVisible, QueueSnapshot
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.absent import no_such_platform
from opsctl.core.platform.platform import Platform
from opsctl.core.platform.platform_name import DEFAULT_NAME, LOCAL_NAME
from opsctl.home import Home
from opsctl.installation import lacking_extra
from opsctl.local import control

T = TypeVar("T")

#: The time limit for all checks together, because a person waits for the answer.
SECONDS = 8.0


@dataclass(frozen=True, kw_only=True)
class Question:
    """What `doctor` checks.

    Attributes
    ----------
    version
        opsctl's own.
    name
        The platform's name, as typed or configured; None: the one brought up or picked last.
    region, profile
        As typed or configured.
    configuration
        What is wrong in the configuration files.
    """

    home: Home
    environment: Mapping[str, str]
    version: str
    terminal: Terminal
    name: str | None = None
    region: str | None = None
    profile: str | None = None
    configuration: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """`doctor`'s answer."""

    lines: tuple[Line, ...]
    is_first_use: bool

    def count(self, level: str) -> int:
        """The number of lines of a level."""
        return sum(line.level == level for line in self.lines)

    def as_json(self) -> dict[str, Any]:
        """The output of `doctor --json`."""
        return {
            "schema_version": 1,
            "wrong": self.count("wrong"),
            "warnings": self.count("warning"),
            "checks": [
                {"topic": line.topic, "level": line.level, "what": line.what, "hint": line.hint} for line in self.lines
            ],
        }


@dataclass(frozen=True)
class _SmallestJob:
    """The requirements of a platform's smallest job, for a queue without jobs."""

    resources: str
    image: str
    memory_mib: int | None = None
    vcpus: int | None = None


def doctor(question: Question, *, seconds: float = SECONDS) -> Diagnosis:
    """Check this machine, the platform and AWS.

    Parameters
    ----------
    seconds
        The time limit: a check without an answer by then is reported as such.
    """
    checkup = _check(question, Checks(seconds))
    return Diagnosis(tuple(lines(checkup)), checkup.is_first_use)


def _check(question: Question, checks: Checks) -> Checkup:
    environment, home = question.environment, question.home
    terraform = checks.start("terraform version", lambda: machine.terraform(environment, own=home.terraform))
    provider = checks.start("registry.terraform.io", lambda: machine.provider(environment))
    engine = checks.start("docker version", lambda: machine.engine(environment))
    disk = checks.start("the disk", lambda: machine.disk(home.path))
    platform: Any = _or_problem(lambda: _recorded_platform(home, question.name))
    clients = _or_problem(lambda: _aws_clients(question, platform))
    login: Any = clients
    platform_facts: dict[str, Any] = {}
    if isinstance(clients, Clients):
        login_answer = checks.start("sts:GetCallerIdentity", lambda: aws.login(clients, now=_now))
        if isinstance(platform, Platform) and platform.is_local:
            platform_facts = _local_facts(home, platform, checks)
        login = login_answer()
        if isinstance(login, Login) and clients.region and not platform_facts:
            if platform is None:
                name = question.name or DEFAULT_NAME
                platform = checks.start("ssm:GetParameter", lambda: read_record(clients.ssm, name))()
            platform_facts = _aws_facts(clients, login, platform, question, checks)
    is_on_aws = isinstance(platform, Platform) and not platform.is_local
    wants_aws = is_on_aws or (platform is None and bool(question.region or question.profile))
    stopped = stopped_up_of(home, question.name) if platform is None else None
    if stopped is not None:
        platform = stopped
    elif platform is None and question.name and home.known():
        platform = no_such_platform(question.name, home.known())
    return Checkup(
        python=machine.python(),
        version=question.version,
        installed_at=machine.installed_at(),
        terminal=question.terminal,
        wants_aws=wants_aws,
        lacks_local_parts=lacking_extra("local"),
        loopback=machine.loopback(),
        region=clients.region if isinstance(clients, Clients) else question.region,
        configuration=question.configuration,
        terraform=terraform(),
        provider=provider(),
        engine=engine(),
        disk=disk(),
        login=login,
        platform=platform,
        has_pending_down=isinstance(platform, Platform) and has_pending_down(home, name=platform.name),
        damaged_states=machine.damaged_states(home, question.name or home.current()),
        **platform_facts,
    )


def _recorded_platform(home: Home, name: str | None) -> Platform | None:
    chosen = name or home.current()
    platform = home.recall(chosen) if chosen else None
    if platform is None and name == LOCAL_NAME:
        raise Problem(
            "The local platform is not up.", "`opsctl up --local` makes it.", code=ErrorCode.PLATFORM_NOT_RUNNING
        )
    return platform


def _aws_clients(question: Question, platform: Platform | Problem | None) -> Clients:
    is_on_aws = isinstance(platform, Platform) and not platform.is_local
    region = platform.region if isinstance(platform, Platform) and is_on_aws else question.region
    return Clients(region=region, profile=question.profile, is_hurried=True, verb="doctor")


def _local_facts(home: Home, platform: Platform, checks: Checks) -> dict[str, Any]:
    server = checks.start("the local platform", lambda: control.find(home.path))()
    if not isinstance(server, control.LocalServer):
        return {"local_server": server if isinstance(server, Problem) else None}
    clients = Clients(endpoint_url=server.endpoint_url, local_key=server.credentials, is_hurried=True, verb="doctor")
    return {"local_server": server.endpoint_url, **_bucket_and_queues(clients, platform, checks)}


def _aws_facts(
    clients: Clients,
    login: Login,
    recorded: Platform | Problem | NotVisible | None,
    question: Question,
    checks: Checks,
) -> dict[str, Any]:
    platform = recorded if isinstance(recorded, Platform) else None
    # boto3 cannot create clients in several threads, so they are created here.
    clients.iam, clients.s3, clients.ssm, clients.service_quotas, clients.ec2  # noqa: B018
    if platform is not None:
        clients.batch, clients.logs, clients.ecr  # noqa: B018
    name = platform.name if platform else question.name or DEFAULT_NAME
    permissions = checks.start(
        "iam:SimulatePrincipalPolicy", lambda: aws.permissions(clients, login, platform, name=name)
    )
    account = start_account(
        checks,
        clients,
        is_spot=platform is not None and platform.spot,
        has_fallback=platform is not None and platform.spot_fallback,
    )
    of_platform = {} if platform is None else _platform_checks(clients, platform, checks)
    facts = {} if platform is None else _bucket_and_queues(clients, platform, checks)
    facts |= {name: answer() for name, answer in of_platform.items()}
    return {**facts, "account": account(), "permissions": permissions()}


def _platform_checks(clients: Clients, platform: Platform, checks: Checks) -> dict[str, Callable[[], Any]]:
    """Start the checks of mail, budget and prices: all at once, so that a slow one does not use up the others' time."""
    # boto3 cannot create clients in several threads, so they are created here.
    clients.pricing, clients.ec2  # noqa: B018
    resources = platform.models["csd"]
    answers: dict[str, Callable[[], Any]] = {
        # Without a home: doctor changes nothing, so it keeps no price either.
        "price_warning": checks.start("pricing:GetProducts", lambda: rates(clients, platform, resources).warning)
    }
    if platform.notify_emails:
        sns, topic_arn = clients.sns, platform.mail_topic_arn
        answers["unconfirmed_emails"] = checks.start(
            "sns:ListSubscriptionsByTopic", lambda: unconfirmed_emails(sns, topic_arn)
        )
    if platform.monthly_budget is not None:
        budgets, account_id, name = clients.budgets, platform.account_id, platform.budget_name
        answers["month_spend"] = checks.start(
            "budgets:ViewBudget", lambda: month_spend(budgets, account_id=account_id, name=name) or "gone"
        )
    return answers


def _bucket_and_queues(clients: Clients, platform: Platform, checks: Checks) -> dict[str, Any]:
    """Check the data bucket, each model's queue with its compute environment, and the job definitions."""
    # boto3 cannot create clients in several threads, so they are created here.
    clients.s3, clients.batch, clients.ec2, clients.ecr, clients.service_quotas, clients.logs  # noqa: B018
    clients.autoscaling  # noqa: B018

    def snapshot(model: str) -> Callable[[], QueueSnapshot]:
        return lambda: take_snapshot(clients, platform, _SmallestJob(model, platform.image))

    bucket = checks.start("s3:ListBucket", lambda: aws.can_list(clients, platform.data_bucket))
    definitions = checks.start("batch:DescribeJobDefinitions", lambda: definitions_of(clients.batch, platform))
    snapshots = {model: checks.start("batch:DescribeJobQueues", snapshot(model)) for model in sorted(platform.models)}
    facts = {model: answer() for model, answer in snapshots.items()}
    return {"bucket": bucket(), "definitions": definitions(), "facts": facts}


def _now() -> datetime:
    return datetime.now(UTC)


def _or_problem(make: Callable[[], T]) -> T | Problem:
    try:
        return make()
    except Problem as problem:
        return problem
