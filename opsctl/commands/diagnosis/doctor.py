"""`doctor`: look at everything at once, each look for some seconds at most."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from opsctl.aws import identity as aws
from opsctl.aws.batch.queue_snapshot import gather, vcpu_quota
from opsctl.aws.clients import Clients
from opsctl.aws.platform.platform_parameter import read_record
from opsctl.commands.diagnosis import machine
from opsctl.core.diagnosis.doctor import Line, lines
from opsctl.core.diagnosis.doctor_facts import Checkup, Login, Terminal
from opsctl.core.diagnosis.queue_snapshot import NotVisible, QueueSnapshot
from opsctl.core.errors import Problem
from opsctl.core.platform.platform import DEFAULT_NAME, LOCAL_NAME, Platform
from opsctl.home import Home
from opsctl.local import control

T = TypeVar("T")

#: All looks together: a person waits for this.
SECONDS = 8.0


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is looked at.

    Attributes
    ----------
    name
        The platform's, as typed or configured; None: the one brought up last.
    region, profile
        As typed or configured.
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
    """What `doctor` found."""

    lines: tuple[Line, ...]
    is_first_use: bool

    def count(self, level: str) -> int:
        """How many lines are of a level."""
        return sum(line.level == level for line in self.lines)

    def as_json(self) -> dict[str, Any]:
        """The contract of `--json`."""
        return {
            "schema_version": 1,
            "wrong": self.count("wrong"),
            "warnings": self.count("warning"),
            "checks": [
                {"topic": line.topic, "level": line.level, "what": line.what, "hint": line.hint} for line in self.lines
            ],
        }


@dataclass(frozen=True)
class _Scan:
    """What a platform's queue is asked for where nobody has submitted anything."""

    resources: str
    image: str
    memory_mib: int | None = None


def doctor(question: Question, *, seconds: float = SECONDS) -> Diagnosis:
    """Look at this machine, the platform and AWS.

    Parameters
    ----------
    seconds
        What has not answered by then is said not to have.
    """
    found = _look(question, _Looks(seconds))
    return Diagnosis(tuple(lines(found)), found.is_first_use)


def _look(question: Question, looks: _Looks) -> Checkup:
    environment, home = question.environment, question.home
    terraform = looks.begin("terraform version", lambda: machine.terraform(environment))
    provider = looks.begin("registry.terraform.io", lambda: machine.provider(environment))
    engine = looks.begin("docker version", lambda: machine.engine(environment))
    disk = looks.begin("the disk", lambda: machine.disk(home.path))
    platform: Any = _or_problem(lambda: _recalled(home, question.name))
    clients = _or_problem(lambda: _aws_clients(question, platform))
    login: Any = clients
    seen: dict[str, Any] = {}
    if isinstance(clients, Clients):
        asked = looks.begin("sts:GetCallerIdentity", lambda: aws.login(clients, now=_now))
        if isinstance(platform, Platform) and platform.is_local:
            seen = _on_this_machine(home, platform, looks)
        login = asked()
        if isinstance(login, Login) and clients.region and not seen:
            if platform is None:
                name = question.name or DEFAULT_NAME
                platform = looks.begin("ssm:GetParameter", lambda: read_record(clients.ssm, name))()
            seen = _on_aws(clients, login, platform, question, looks)
    is_on_aws = isinstance(platform, Platform) and not platform.is_local
    return Checkup(
        python=machine.python(),
        version=question.version,
        installed_at=machine.installed_at(),
        terminal=question.terminal,
        wants_aws=is_on_aws or (platform is None and bool(question.region or question.profile)),
        has_local_parts=machine.has_local_parts(),
        region=clients.region if isinstance(clients, Clients) else question.region,
        configuration=question.configuration,
        terraform=terraform(),
        provider=provider(),
        engine=engine(),
        disk=disk(),
        login=login,
        platform=platform,
        **seen,
    )


def _recalled(home: Home, name: str | None) -> Platform | None:
    chosen = name or home.current()
    found = home.recall(chosen) if chosen else None
    if found is None and name == LOCAL_NAME:
        raise Problem("The local platform is not up.", "`opsctl up --local` makes it.")
    return found


def _aws_clients(question: Question, platform: Platform | Problem | None) -> Clients:
    is_on_aws = isinstance(platform, Platform) and not platform.is_local
    region = platform.region if isinstance(platform, Platform) and is_on_aws else question.region
    return Clients(region=region, profile=question.profile, is_hurried=True, verb="doctor")


def _on_this_machine(home: Home, platform: Platform, looks: _Looks) -> dict[str, Any]:
    server = looks.begin("the local platform", lambda: control.find(home.path))()
    if not isinstance(server, control.LocalServer):
        return {"local_server": None}
    clients = Clients(endpoint_url=server.endpoint_url, is_hurried=True, verb="doctor")
    return {"local_server": server.endpoint_url, **_behind(clients, platform, looks)}


def _on_aws(
    clients: Clients, login: Login, found: Platform | Problem | NotVisible | None, question: Question, looks: _Looks
) -> dict[str, Any]:
    platform = found if isinstance(found, Platform) else None
    # Making a client is not safe in threads.
    clients.iam, clients.s3, clients.ssm, clients.service_quotas, clients.ec2  # noqa: B018
    name = platform.name if platform else question.name or DEFAULT_NAME
    if platform is None:
        quota = looks.begin("servicequotas:GetServiceQuota", lambda: vcpu_quota(clients, is_spot=False))
        may = looks.begin("iam:SimulatePrincipalPolicy", lambda: aws.permissions(clients, login, None, name=name))
        return {"quota": quota(), "permissions": may()}
    clients.batch, clients.logs, clients.ecr  # noqa: B018
    may = looks.begin("iam:SimulatePrincipalPolicy", lambda: aws.permissions(clients, login, platform, name=name))
    return {**_behind(clients, platform, looks), "permissions": may()}


def _behind(clients: Clients, platform: Platform, looks: _Looks) -> dict[str, Any]:
    """The data bucket, and each model's queue with what is behind it."""
    # Making a client is not safe in threads.
    clients.s3, clients.batch, clients.ec2, clients.ecr, clients.service_quotas, clients.logs  # noqa: B018

    def ask(model: str) -> Callable[[], QueueSnapshot]:
        return lambda: gather(clients, platform, _Scan(model, platform.image))

    bucket = looks.begin("s3:ListBucket", lambda: aws.can_list(clients, platform.data_bucket))
    models = {model: looks.begin("batch:DescribeJobQueues", ask(model)) for model in sorted(platform.models)}
    return {"bucket": bucket(), "facts": {model: one() for model, one in models.items()}}


def _now() -> datetime:
    return datetime.now(UTC)


def _or_problem(make: Callable[[], T]) -> T | Problem:
    try:
        return make()
    except Problem as problem:
        return problem


class _Looks:
    """Looks that run at once; none of them keeps a person waiting for longer than the time for all."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def begin(self, name: str, look: Callable[[], T]) -> Callable[[], T | Problem | NotVisible]:
        """Start one, in a thread that the program's end does not wait for; returns what gives its answer."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(look())
            except BaseException as error:
                future.set_exception(error)

        def answer() -> T | Problem | NotVisible:
            try:
                return future.result(timeout=max(0.0, self._end - time.monotonic()))
            except Problem as problem:
                return problem
            except FutureTimeoutError:
                return NotVisible(name, f"did not answer within {self._seconds:g} s")

        threading.Thread(target=run, name=f"doctor: {name}", daemon=True).start()
        return answer
