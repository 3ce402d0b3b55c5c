"""The rules of `doctor`: each turns facts into lines that are fine, a warning or wrong, with a hint."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from opsctl.core.diagnosis.aged_environments import aged_environments
from opsctl.core.diagnosis.doctor_account import definition_lines, plan_lines, quota_lines
from opsctl.core.diagnosis.doctor_facts import Checkup, EngineVersion, Login, Permission, TerraformVersion
from opsctl.core.diagnosis.doctor_line import Level, Line, unread
from opsctl.core.diagnosis.finding import Wait
from opsctl.core.diagnosis.launch_refusals import refused_launches
from opsctl.core.diagnosis.pending_causes import blockers
from opsctl.core.diagnosis.queue_snapshot import NotVisible, QueueSnapshot
from opsctl.core.diagnosis.waiting_reasons import expected_wait, minutes_text
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.absent import MAKE_ONE
from opsctl.core.platform.monthly_budget import ACTIVATE_TAG
from opsctl.core.platform.platform import Platform
from opsctl.core.wrong_clock import SET_CLOCK, WRONG_SECONDS, difference

OLDEST_PYTHON = (3, 11)
#: Free space for a local run's outputs and its jobs' work folders; below the second, even records may not fit.
_ENOUGH_BYTES, _FULL_BYTES = 5_000_000_000, 500_000_000
_SKEW_WARNING_SECONDS = 60.0
_SOON_MINUTES = 60
_NARROW_COLUMNS = 40
#: A launch that AWS refused longer ago says little of the next one.
_RECENT_SECONDS = 3600.0
_OPEN_HINT = "Take that right away (`chmod o-w`), or put a program of your own first on the PATH."
_LOGIN_HINT = "Log in again: `aws sso login`, or `aws configure`."


def lines(checkup: Checkup) -> list[Line]:
    """Every line, from this machine to AWS."""
    return [
        *_machine(checkup),
        *_tools(checkup),
        *_disk(checkup),
        *_configuration(checkup),
        *_login(checkup),
        *plan_lines(checkup),
        *_permissions(checkup),
        *quota_lines(checkup),
        *_prices(checkup),
        *_platform(checkup),
    ]


def _prices(checkup: Checkup) -> Iterator[Line]:
    """What estimates rest on, where money is charged."""
    # Where AWS is slow to answer, an estimate says itself which prices it has.
    if isinstance(checkup.price_warning, str) and checkup.price_warning:
        what, _, hint = checkup.price_warning.partition(". ")
        yield Line("prices", "warning", f"{what}.", hint)


def _machine(checkup: Checkup) -> Iterator[Line]:
    version = ".".join(map(str, checkup.python))
    if checkup.python[:2] < OLDEST_PYTHON:
        yield Line("Python", "wrong", f"{version} is too old.", "Install Python 3.11 or later, and opsctl in it.")
    else:
        yield Line("Python", "fine", version)
    made_by = checkup.platform.opsctl_version if isinstance(checkup.platform, Platform) else checkup.version
    installed = f"{checkup.version} in {checkup.installed_at}"
    if made_by != checkup.version:
        hint = "`opsctl up` brings it to this version; or install that one."
        yield Line("opsctl", "warning", f"{installed}; the platform was made by {made_by}.", hint)
    else:
        yield Line("opsctl", "fine", installed)
    terminal = checkup.terminal
    if terminal.encoding.lower().replace("-", "") != "utf8":
        what = f"Writes {terminal.encoding or 'plain ASCII'}: bars and names may look poor."
        yield Line("terminal", "warning", what, "Set LANG to a UTF-8 locale, C.UTF-8 for one.")
    elif terminal.is_terminal and terminal.columns < _NARROW_COLUMNS:
        yield Line("terminal", "warning", f"{terminal.columns} columns are narrow.", "Make the window wider.")
    else:
        yield Line(
            "terminal", "fine", f"UTF-8, {terminal.columns} columns" if terminal.is_terminal else "UTF-8, a pipe"
        )


def _tools(checkup: Checkup) -> Iterator[Line]:
    yield from _terraform(checkup.terraform)
    for problem in checkup.damaged_states:
        yield unread("Terraform", problem, "wrong")
    provider = checkup.provider
    if isinstance(provider, Problem | NotVisible):
        yield unread("provider", provider, "wrong")
    elif provider.mirror is not None:
        yield Line("provider", "fine", f"from the mirror {provider.mirror}")
    elif provider.registry_answers:
        yield Line("provider", "fine", "from Terraform's registry, which answers")
    else:
        # The provider of an existing platform is already beside its state.
        level: Level = "warning" if isinstance(checkup.platform, Platform) else "wrong"
        what = "Terraform's registry does not answer, and no mirror of the AWS provider lies on this machine."
        yield Line("provider", level, what, "Connect to the internet, or name a mirror with OPSCTL_PROVIDER_MIRROR.")
    is_local = isinstance(checkup.platform, Platform) and checkup.platform.is_local
    if checkup.lacks_local_parts is not None:
        yield unread("local parts", checkup.lacks_local_parts, "wrong" if is_local else "warning")
    if checkup.loopback is not None:
        yield unread("loopback", checkup.loopback, "wrong" if is_local else "warning")
    yield _engine(checkup)


def _terraform(terraform: TerraformVersion | Problem | NotVisible) -> Iterator[Line]:
    if isinstance(terraform, Problem | NotVisible):
        yield unread("Terraform", terraform, "wrong")
        return
    what = f"{terraform.version} ({terraform.path})"
    if not terraform.path:
        yield Line("Terraform", "fine", f"Not installed: `opsctl up` downloads version {terraform.version}.")
    elif terraform.warning:
        yield Line("Terraform", "warning", f"{what}. {terraform.warning}", _OPEN_HINT)
    else:
        yield Line("Terraform", "fine", what)
    if terraform.left_out:
        yield Line("Terraform", "warning", terraform.left_out, _left_out_hint(terraform.left_out))


def _left_out_hint(sentence: str) -> str:
    """What to do about variables of Terraform's that do not reach it, by the sentence that names them."""
    if "TF_VAR_" in sentence:
        return "`opsctl up --set NAME=VALUE` sets a variable instead."
    if any(name in sentence for name in ("TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR")):
        return "If it is meant for opsctl, name a file or folder that is there and can be read."
    return "opsctl decides this itself: nothing is to be done, unless you rely on it."


def _engine(checkup: Checkup) -> Line:
    engine = checkup.engine
    level: Level = "warning" if checkup.wants_aws or engine is not None else "fine"
    if isinstance(engine, EngineVersion) and engine.version:
        name = engine.path.rpartition("/")[2]
        alias = f", by the name of {name}" if name in ("docker", "podman") and name != engine.name.lower() else ""
        what = f"{engine.name} {engine.version} ({engine.path}{alias})"
        if engine.warning:
            return Line("containers", "warning", f"{what}. {engine.warning}", _OPEN_HINT)
        return Line("containers", "fine", what)
    if isinstance(engine, Problem | NotVisible):
        return unread("containers", engine, "warning")
    what = engine.silence if engine else "Neither Docker nor Podman."
    hint = engine.remedy if engine else "Install one of them."
    what += " Only building the image for AWS needs it."
    return Line("containers", level, what, hint if level != "fine" else "")


def _disk(checkup: Checkup) -> Iterator[Line]:
    disk = checkup.disk
    if isinstance(disk, Problem | NotVisible):
        yield unread("disk", disk, "wrong")
        return
    what = f"{disk.free_bytes / 1e9:.1f} GB free for {disk.path}"
    hint = "Make room, or set OPSCTL_HOME to a folder on a larger disk."
    if disk.free_bytes < _FULL_BYTES:
        yield Line("disk", "wrong", f"Only {what}.", hint)
    elif disk.free_bytes < _ENOUGH_BYTES and not checkup.wants_aws:
        yield Line("disk", "warning", f"Only {what}: outputs of a local run may not fit.", hint)
    else:
        yield Line("disk", "fine", what)


def _configuration(checkup: Checkup) -> Iterator[Line]:
    for problem in checkup.configuration:
        yield Line("configuration", "wrong", problem.what, problem.hint)


def _login(checkup: Checkup) -> Iterator[Line]:
    level: Level = "wrong" if checkup.wants_aws else "warning"
    login = checkup.login
    if isinstance(login, Problem):
        hint = login.hint if checkup.wants_aws else f"Only for AWS: {login.hint[0].lower()}{login.hint[1:]}"
        yield Line("AWS login", level, login.what, hint)
    elif isinstance(login, NotVisible):
        yield unread("AWS login", login, level)
    else:
        yield _identity(login)
    if checkup.region:
        yield Line("AWS region", "fine", checkup.region)
    elif checkup.wants_aws or isinstance(login, Login):
        yield Line("AWS region", level, "No AWS region is set.", "Name one with --region, or set AWS_REGION.")
    if isinstance(login, Login):
        yield _clock(login)


def _identity(login: Login) -> Line:
    who = f"{login.arn} (account {login.account_id})"
    minutes = login.minutes_left
    if login.arn.endswith(":root"):
        hint = "Make a user or a role for this work: the account's root cannot be limited."
        return Line("AWS login", "warning", f"{who}: the account's root.", hint)
    if minutes is not None and minutes < _SOON_MINUTES:
        return Line("AWS login", "warning", f"{who}, ends in {minutes} min.", _LOGIN_HINT)
    ends = "" if minutes is None else f", ends in {minutes_text(minutes)}"
    return Line("AWS login", "fine", f"{who}{ends}")


def _clock(login: Login) -> Line:
    skew = login.skew_seconds
    if skew is None:
        return Line("clock", "warning", "AWS did not tell its time.")
    # AWS's Date header has whole seconds, and the reply took time to arrive.
    if abs(skew) <= _SKEW_WARNING_SECONDS:
        return Line("clock", "fine", f"within {max(2, round(abs(skew)))} s of AWS's")
    level: Level = "wrong" if abs(skew) > WRONG_SECONDS else "warning"
    return Line("clock", level, f"{difference(skew).removeprefix('is ')}.", SET_CLOCK)


def _permissions(checkup: Checkup) -> Iterator[Line]:
    permissions = checkup.permissions
    if permissions is None:
        return
    if isinstance(permissions, Problem | NotVisible):
        yield unread("permissions", permissions, "warning")
        return

    def denied_for(purpose: str) -> list[str]:
        return [
            permission.action
            for permission in permissions
            if permission.state == "denied" and permission.purpose == purpose
        ]

    denied, denied_up = denied_for("run"), denied_for("up")
    allowed = sum(permission.state == "allowed" for permission in permissions)
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
    names = [permission.action for permission in permissions if permission.state == "untested"]
    if names:
        hint = "With iam:SimulatePrincipalPolicy they could be; else a refusal will name the action."
        yield Line("permissions", "warning", f"Cannot be tried without doing them: {', '.join(names)}.", hint)


def _platform(checkup: Checkup) -> Iterator[Line]:
    platform = checkup.platform
    if platform is None:
        yield Line("platform", "warning", "No platform is up.", MAKE_ONE)
        return
    if isinstance(platform, Problem | NotVisible):
        yield unread("platform", platform, "wrong")
        return
    if isinstance(checkup.local_server, Problem):
        yield unread("platform", checkup.local_server, "wrong")
        return
    if platform.is_local and checkup.local_server is None:
        hint = "`opsctl up --local` brings it back, with its data."
        yield Line("platform", "wrong", f"{platform.name}: its process has ended.", hint)
        return
    if checkup.has_pending_down:
        # What it has already removed is no fault of the platform's.
        hint = "`opsctl down` goes on from there; `opsctl up` brings the platform back."
        yield Line("platform", "wrong", f"{platform.name}: its `down` was stopped before its end.", hint)
        return
    where = f"on this machine, {checkup.local_server}" if platform.is_local else f"in {platform.region}"
    yield Line("platform", "fine", f"{platform.name} {where}")
    yield from definition_lines(checkup, platform)
    for name, facts in checkup.facts.items():
        yield from _queue(name, facts)
    bucket: Any = checkup.bucket
    if isinstance(bucket, Problem | NotVisible):
        yield unread("data bucket", bucket, "wrong")
    elif bucket is not None:
        yield Line("data bucket", "fine", f"s3://{platform.data_bucket}")
    yield from _mail(checkup)
    yield from _budget(checkup)


def _mail(checkup: Checkup) -> Iterator[Line]:
    emails = checkup.unconfirmed_emails
    if emails is None:
        return
    if isinstance(emails, Problem) and emails.code == ErrorCode.AWS_DENIED:
        # Who only runs scans need not see who is told.
        yield Line("mail", "fine", "Whether every address is confirmed is hidden: sns:ListSubscriptionsByTopic.")
    elif isinstance(emails, Problem | NotVisible):
        yield unread("mail", emails, "warning")
    elif emails:
        hint = "Open the link in AWS's mail within two days; after that, `opsctl up` subscribes the address again."
        yield Line("mail", "warning", f"Not confirmed: {', '.join(emails)}.", hint)
    else:
        yield Line("mail", "fine", "Every address is confirmed.")


def _budget(checkup: Checkup) -> Iterator[Line]:
    spend = checkup.month_spend
    if spend is None:
        return
    if isinstance(spend, Problem) and spend.code == ErrorCode.AWS_DENIED:
        yield Line("budget", "fine", "What AWS has counted of the monthly budget is hidden: budgets:ViewBudget.")
    elif isinstance(spend, Problem | NotVisible):
        yield unread("budget", spend, "warning")
    elif spend == "gone":
        yield Line("budget", "warning", "The monthly budget is gone from AWS.", "`opsctl up` makes it again.")
    elif spend.spent_usd >= spend.limit_usd:
        hint = "Nothing was stopped. `opsctl cost --all` shows each run, `opsctl up --monthly-budget USD` sets another."
        yield Line("budget", "warning", spend.text, hint)
    elif spend.spent_usd == 0:
        yield Line("budget", "fine", f"{spend.text} {ACTIVATE_TAG}")
    else:
        yield Line("budget", "fine", spend.text)


def _queue(name: str, facts: QueueSnapshot | Problem | NotVisible) -> Iterator[Line]:
    topic = f"queue {name}"
    if isinstance(facts, Problem | NotVisible):
        yield unread(topic, facts, "wrong")
        return
    # Find what would keep any scan from starting, regardless of how full the queue and the quota are.
    unloaded = dataclasses.replace(facts, line=(), quota=None, launches=())
    wait = Wait(status="RUNNABLE", seconds=0.0)
    findings = [finding for finding in blockers(unloaded, wait) if finding != expected_wait(unloaded, wait)]
    if not isinstance(facts.launches, NotVisible):
        findings += refused_launches(facts.launches, within_seconds=_RECENT_SECONDS)
    for finding in findings:
        yield Line(topic, "wrong" if finding.sure == "certain" else "warning", finding.what, finding.do)
    hidden = [fact for fact in (facts.queue, facts.environments, facts.launches) if isinstance(fact, NotVisible)]
    for fact in hidden:
        yield unread(topic, fact, "warning")
    aged = [Line(topic, "warning", finding.what, finding.do) for finding in aged_environments(facts)]
    yield from aged
    if not findings and not hidden and not aged:
        yield Line(topic, "fine", "enabled and valid, and so is its compute environment")
