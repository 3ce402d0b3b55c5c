"""The rules of `doctor`: facts in, lines out, each fine, a warning or wrong, with its mend."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from opsctl.core.diagnosis.doctor_facts import Checkup, EngineVersion, Login, Permission
from opsctl.core.diagnosis.finding import Wait
from opsctl.core.diagnosis.pending_causes import blockers
from opsctl.core.diagnosis.queue_snapshot import NotVisible, QueueSnapshot, Quota
from opsctl.core.diagnosis.waiting_reasons import expected_wait
from opsctl.core.errors import Problem
from opsctl.core.platform.platform import Platform

Level = Literal["fine", "warning", "wrong"]

OLDEST_PYTHON = (3, 11)
#: A local run's outputs and the work folders of its jobs; below the second, not even records can be relied on.
_ROOMY_BYTES, _FULL_BYTES = 5_000_000_000, 500_000_000
#: AWS refuses a request whose time is five minutes off.
_SKEW_WRONG_SECONDS, _SKEW_WARNING_SECONDS = 240.0, 60.0
_SOON_MINUTES = 60
_NARROW_COLUMNS = 40
#: What terraform/platform asks for by itself: csa's environment.
_USUAL_VCPUS = 1024
_LOGIN_MEND = "Log in again: `aws sso login`, or `aws configure`."


@dataclass(frozen=True)
class Line:
    """What one look found."""

    topic: str
    level: Level
    what: str
    hint: str = ""


def lines(found: Checkup) -> list[Line]:
    """Every line, from this machine outwards to AWS."""
    return [
        *_machine(found),
        *_tools(found),
        *_room(found),
        *_configuration(found),
        *_login(found),
        *_permissions(found),
        *_quotas(found),
        *_platform(found),
    ]


def _unseen(topic: str, fact: Problem | NotVisible, level: Level) -> Line:
    if isinstance(fact, NotVisible):
        return Line(topic, "warning", f"{fact.sentence[0].upper()}{fact.sentence[1:]}.")
    return Line(topic, level, fact.what, fact.hint)


def _machine(found: Checkup) -> Iterator[Line]:
    version = ".".join(map(str, found.python))
    if found.python[:2] < OLDEST_PYTHON:
        yield Line("Python", "wrong", f"{version} is too old.", "Install Python 3.11 or later, and opsctl in it.")
    else:
        yield Line("Python", "fine", version)
    made_by = found.platform.opsctl_version if isinstance(found.platform, Platform) else found.version
    here = f"{found.version} in {found.installed_at}"
    if made_by != found.version:
        hint = "`opsctl up` brings it to this version; or install that one."
        yield Line("opsctl", "warning", f"{here}; the platform was made by {made_by}.", hint)
    else:
        yield Line("opsctl", "fine", here)
    screen = found.terminal
    if screen.encoding.lower().replace("-", "") != "utf8":
        what = f"Writes {screen.encoding or 'plain ASCII'}: bars and names may look poor."
        yield Line("terminal", "warning", what, "Set LANG to a UTF-8 locale, C.UTF-8 for one.")
    elif screen.is_terminal and screen.columns < _NARROW_COLUMNS:
        yield Line("terminal", "warning", f"{screen.columns} columns are narrow.", "Make the window wider.")
    else:
        yield Line("terminal", "fine", f"UTF-8, {screen.columns} columns" if screen.is_terminal else "UTF-8, a pipe")


def _tools(found: Checkup) -> Iterator[Line]:
    if isinstance(found.terraform, str):
        yield Line("Terraform", "fine", found.terraform)
    else:
        yield _unseen("Terraform", found.terraform, "wrong")
    provider = found.provider
    if isinstance(provider, Problem | NotVisible):
        yield _unseen("provider", provider, "wrong")
    elif provider.mirror is not None:
        yield Line("provider", "fine", f"from the mirror {provider.mirror}")
    elif provider.registry_answers:
        yield Line("provider", "fine", "from Terraform's registry, which answers")
    else:
        # What a platform was made with lies beside its state already.
        level: Level = "warning" if isinstance(found.platform, Platform) else "wrong"
        what = "Terraform's registry does not answer, and no mirror of the AWS provider lies on this machine."
        yield Line("provider", level, what, "Connect to the internet, or name a mirror with OPSCTL_PROVIDER_MIRROR.")
    if not found.has_local_parts:
        is_local = isinstance(found.platform, Platform) and found.platform.is_local
        what = "The local platform's parts are not installed."
        yield Line("local parts", "wrong" if is_local else "warning", what, 'pip install "opsctl[local]"')
    yield _engine(found)


def _engine(found: Checkup) -> Line:
    engine, level = found.engine, "warning" if found.wants_aws else "fine"
    if isinstance(engine, EngineVersion) and engine.version:
        return Line("containers", "fine", f"{engine.name} {engine.version}")
    if isinstance(engine, Problem | NotVisible):
        return _unseen("containers", engine, "warning")
    what = f"{engine.name} is installed, and does not answer." if engine else "Neither Docker nor Podman."
    hint = f"Start {engine.name}" if engine else "Install one of them"
    what += " Only building the image for AWS needs it."
    return Line("containers", "warning" if level == "warning" else "fine", what, f"{hint}." if level != "fine" else "")


def _room(found: Checkup) -> Iterator[Line]:
    disk = found.disk
    if isinstance(disk, Problem | NotVisible):
        yield _unseen("disk", disk, "wrong")
        return
    what = f"{disk.free_bytes / 1e9:.1f} GB free for {disk.path}"
    hint = "Make room, or set OPSCTL_HOME to a folder on a larger disk."
    if disk.free_bytes < _FULL_BYTES:
        yield Line("disk", "wrong", f"Only {what}.", hint)
    elif disk.free_bytes < _ROOMY_BYTES and not found.wants_aws:
        yield Line("disk", "warning", f"Only {what}: outputs of a local run may not fit.", hint)
    else:
        yield Line("disk", "fine", what)


def _configuration(found: Checkup) -> Iterator[Line]:
    for problem in found.configuration:
        yield Line("configuration", "wrong", problem.what, problem.hint)


def _login(found: Checkup) -> Iterator[Line]:
    level: Level = "wrong" if found.wants_aws else "warning"
    login = found.login
    if isinstance(login, Problem):
        hint = login.hint if found.wants_aws else f"Only for AWS: {login.hint[0].lower()}{login.hint[1:]}"
        yield Line("AWS login", level, login.what, hint)
    elif isinstance(login, NotVisible):
        yield _unseen("AWS login", login, level)
    else:
        yield _identity(login)
    if found.region:
        yield Line("AWS region", "fine", found.region)
    elif found.wants_aws or isinstance(login, Login):
        yield Line("AWS region", level, "No AWS region is set.", "Name one with --region, or set AWS_REGION.")
    if isinstance(login, Login):
        yield _clock(login)


def _identity(login: Login) -> Line:
    who = f"{login.arn} (account {login.account_id})"
    left = login.minutes_left
    if login.arn.endswith(":root"):
        hint = "Make a user or a role for this work: the account's root cannot be limited."
        return Line("AWS login", "warning", f"{who}: the account's root.", hint)
    if left is not None and left < _SOON_MINUTES:
        return Line("AWS login", "warning", f"{who}, ends in {left} min.", _LOGIN_MEND)
    ends = "" if left is None else f", ends in {left // 60} h {left % 60:02d} min"
    return Line("AWS login", "fine", f"{who}{ends}")


def _clock(login: Login) -> Line:
    skew = login.skew_seconds
    if skew is None:
        return Line("clock", "warning", "AWS did not tell its time.")
    # The header has whole seconds, and the reply was under way.
    if abs(skew) <= _SKEW_WARNING_SECONDS:
        return Line("clock", "fine", f"within {max(2, round(abs(skew)))} s of AWS's")
    what = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} AWS's."
    return Line("clock", "wrong" if abs(skew) > _SKEW_WRONG_SECONDS else "warning", what, "Set the clock (NTP).")


def _permissions(found: Checkup) -> Iterator[Line]:
    permissions = found.permissions
    if permissions is None:
        return
    if isinstance(permissions, Problem | NotVisible):
        yield _unseen("permissions", permissions, "warning")
        return

    def those(state: str, purpose: str) -> list[str]:
        return [one.action for one in permissions if (one.state, one.purpose) == (state, purpose)]

    denied, denied_up = those("denied", "run"), those("denied", "up")
    allowed = sum(one.state == "allowed" for one in permissions)
    if denied:
        hint = "Ask the account's administrator for them."
        yield Line("permissions", "wrong", f"Not permitted: {', '.join(denied)}.", hint)
    if denied_up:
        hint = "Who only runs scans needs none of these; else ask the account's administrator."
        yield Line("permissions", "warning", f"`up` and `down` are not permitted: {', '.join(denied_up)}.", hint)
    if allowed and not denied and not denied_up:
        yield Line("permissions", "fine", f"{allowed} actions tried, all permitted")
    yield from _untested(permissions)


def _untested(permissions: tuple[Permission, ...]) -> Iterator[Line]:
    names = [one.action for one in permissions if one.state == "untested"]
    if names:
        hint = "With iam:SimulatePrincipalPolicy they could be; else a refusal will name the action."
        yield Line("permissions", "warning", f"Cannot be tried without doing them: {', '.join(names)}.", hint)


def _quotas(found: Checkup) -> Iterator[Line]:
    platform = found.platform
    if not isinstance(platform, Platform):
        if found.quota is not None:
            yield _quota(found.quota, wanted=_USUAL_VCPUS, scan=4, is_spot=False)
        return
    # One quota for all models: it is told by the one that wants most.
    facts = [
        (platform.models[name].max_vcpus, one) for name, one in found.facts.items() if isinstance(one, QueueSnapshot)
    ]
    if facts and not platform.is_local:
        wanted, one = max(facts, key=lambda pair: pair[0])
        if one.quota is not None:
            yield _quota(one.quota, wanted=wanted, scan=max(each.vcpus for _, each in facts), is_spot=platform.spot)


def _quota(quota: Quota | Problem | NotVisible, *, wanted: int, scan: int, is_spot: bool) -> Line:
    if isinstance(quota, Problem | NotVisible):
        return _unseen("quota", quota, "warning")
    kind = "Spot" if is_spot else "on-demand"
    hint = f"Ask AWS for more: Service Quotas, EC2, {quota.code} (takes hours to days)."
    if quota.vcpus < scan:
        what = f"The account may run {quota.vcpus} {kind} vCPUs, and a scan needs {scan}."
        return Line("quota", "wrong", what, hint)
    if quota.vcpus < wanted:
        at_once = f"{quota.vcpus // scan} scans at once instead of {wanted // scan}"
        what = f"The account may run {quota.vcpus} {kind} vCPUs, the platform would use {wanted}: {at_once}."
        return Line("quota", "warning", what, hint)
    return Line("quota", "fine", f"{quota.vcpus} {kind} vCPUs, enough for {wanted}")


def _platform(found: Checkup) -> Iterator[Line]:
    platform = found.platform
    if platform is None:
        hint = "`opsctl up --local` makes one on this machine, `opsctl up` one on AWS."
        yield Line("platform", "warning", "No platform is up.", hint)
        return
    if isinstance(platform, Problem | NotVisible):
        yield _unseen("platform", platform, "wrong")
        return
    if platform.is_local and found.local_server is None:
        hint = "`opsctl up --local` brings it back, with its data."
        yield Line("platform", "wrong", f"{platform.name}: its process has ended.", hint)
        return
    where = f"on this machine, {found.local_server}" if platform.is_local else f"in {platform.region}"
    yield Line("platform", "fine", f"{platform.name} {where}")
    for name, facts in found.facts.items():
        yield from _queue(name, facts)
    bucket: Any = found.bucket
    if isinstance(bucket, Problem | NotVisible):
        yield _unseen("data bucket", bucket, "wrong")
    elif bucket is not None:
        yield Line("data bucket", "fine", f"s3://{platform.data_bucket}")


def _queue(name: str, facts: QueueSnapshot | Problem | NotVisible) -> Iterator[Line]:
    topic = f"queue {name}"
    if isinstance(facts, Problem | NotVisible):
        yield _unseen(topic, facts, "wrong")
        return
    # How full the queue and the quota are does not matter here: what would keep any scan from starting does.
    quiet = dataclasses.replace(facts, line=(), quota=None)
    wait = Wait(status="RUNNABLE", seconds=0.0)
    findings = [one for one in blockers(quiet, wait) if one != expected_wait(quiet, wait)]
    for one in findings:
        yield Line(topic, "wrong" if one.sure == "certain" else "warning", one.what, one.do)
    hidden = [fact for fact in (facts.queue, facts.environments) if isinstance(fact, NotVisible)]
    for fact in hidden:
        yield _unseen(topic, fact, "warning")
    if not findings and not hidden:
        yield Line(topic, "fine", "enabled and valid, and so is its compute environment")
