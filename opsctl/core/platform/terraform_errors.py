"""Known Terraform errors, recognised by their message: the ones to retry, and the ones to explain.

Terraform passes AWS's errors on as text only, without a code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.core.aws_refusal import AwsRefusal, explain, plain_reason
from opsctl.core.errors import ErrorCode, PlatformBusy, Problem, UsageProblem

_LOGIN = "Log in again (`aws sso login`, or new keys), then type the same command: it goes on from there."

#: How many further refusals are named: an account without any permission has dozens.
_NAMED_REFUSALS = 4

_SPACE = re.compile(r"no space left on device|disk quota exceeded", re.I)


@dataclass(frozen=True)
class Diagnostic:
    """An error that Terraform reports.

    Attributes
    ----------
    summary
        The error's first line, from the provider.
    detail
        Further lines; may be empty.
    address
        The resource's address; may be empty.
    """

    summary: str
    detail: str = ""
    address: str = ""

    @property
    def text(self) -> str:
        """Summary and detail."""
        return f"{self.summary}\n{self.detail}"

    @property
    def sentence(self) -> str:
        """One line: the summary, the address and the first line of the detail."""
        detail = self.detail.strip().splitlines()
        parts = [self.summary.strip()]
        if self.address:
            parts.append(f"({self.address})")
        if detail and detail[0] not in parts[0]:
            parts.append(detail[0])
        return " ".join(parts)


#: Transient errors after a change in AWS, each with its source. No other error is retried.
_RACES = tuple(
    re.compile(pattern)
    for pattern in (
        # A queue releases its environment some time after UpdateJobQueue or DeleteJobQueue has returned.
        # https://github.com/hashicorp/terraform-provider-aws/issues/46925
        r"found existing JobQueue relationship",
        # The same after an update of either: https://github.com/hashicorp/terraform-provider-aws/issues/13221
        r"(?i)resource is being modified",
        # A new role or instance profile that other services do not see yet.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
        r"(?i)Invalid ?IAM ?Instance ?Profile",
        # https://github.com/hashicorp/terraform-provider-aws/issues/37945
        r"unexpected state 'INVALID', wanted target 'VALID'.*is not authorized to perform",
        r"batch\.amazonaws\.com is not authorized to perform: sts:AssumeRole",
        r"(?i)Not valid: (?:service )?role",
        # The same in ECS's words: https://github.com/bradford-hamilton/terraform-ecs-fargate/issues/8
        r"(?i)Role is not valid",
        # After a lost reply the SDK asks again, and the first request has revoked the rule. The group is made anew.
        # https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
        r"revoking default IPv4 egress rule.*InvalidPermission\.NotFound",
        # The policy allows it by a tag that was set just before, which EC2's authorization does not see yet. Where the
        # permission is really missing, the last try says so (`_denied`). An explicit denial is never a race.
        # https://github.com/hashicorp/terraform-provider-aws/issues/6055
        r"(?s)api error UnauthorizedOperation(?!.*explicit deny)",
    )
)

#: An error of AWS's as the provider passes it on (AWS SDK for Go 2), joined to one line: `creating EC2 VPC: operation
#: error EC2: CreateVpc, https response error StatusCode: 400, RequestID: …, api error VpcLimitExceeded: The maximum …`.
#: Errors that AWS's models know come without `api error`.
_REFUSED = re.compile(
    # Some messages of the provider's lack the colon before `operation error`.
    r"(?P<what>.+?)(?:: | (?=operation error ))"
    r"(?:operation error [^:]+: (?P<operation>\w+), .*?StatusCode: (?P<status>\d+), RequestID: [^,]*,"
    r"(?: HostID: [^,]*,)? |.*?(?=api error ))(?:api error )?(?P<code>[\w.]+): ?(?P<message>.*)"
)
_NAME = re.compile(r" \((?P<name>[^)]+)\)$")
#: Batch created an environment and could not use it: most often its role was denied something.
_INVALID = re.compile(
    r"Batch Compute Environment \((?P<name>[^)]+)\).*unexpected state 'INVALID', wanted target '\w*'\. last error: "
    r"(?P<reason>.*)"
)

#: The provider waits three minutes for the rules that it has set, and an organisation that adds rules of its own to
#: every bucket makes it wait in vain. https://github.com/hashicorp/terraform-provider-aws/issues/41199
_LIFECYCLE_TIMEOUT = re.compile(r"S3 Bucket[^\n]* Lifecycle Configuration.*timeout while waiting", re.DOTALL)

#: Nobody listens any more at this machine's own address.
_LOCAL_SERVER_GONE = re.compile(r"dial tcp 127\.0\.0\.1:\d+: connect: connection refused")
_EXPIRED = re.compile(r"ExpiredToken|RequestExpired|TokenRefreshRequired|security token included in the request is exp")
_EXISTS = re.compile(
    r"EntityAlreadyExists|AlreadyExistsException|ParameterAlreadyExists|\bAlreadyExists\b|BucketAlreadyExists"
    r"|BucketAlreadyOwnedByYou|InvalidGroup\.Duplicate|InvalidSubnet\.Conflict|InvalidPermission\.Duplicate"
    r"|RouteAlreadyExists|Resource\.AlreadyAssociated|ObjectA?lreadyExists|[Oo]bject already exists|already exists"
)
#: The bucket's name belongs to another account.
_TAKEN = re.compile(r"\bBucketAlreadyExists\b")
_CREATING = re.compile(r"^(?:error )?creating (?P<kind>.+?) \((?P<name>[^)]+)\)")
_LOCKED = re.compile(r"[Ee]rror acquiring the state lock")
_LOCK_FIELD = re.compile(r"^\s*(ID|Path|Operation|Who|Created):\s*(.+?)\s*$", re.M)


@dataclass(frozen=True)
class Lock:
    """Who holds the lock of a state, as Terraform reports it."""

    id: str
    who: str
    created: str
    operation: str

    def problem(self, *, unlock: str) -> PlatformBusy:
        """The error that names the lock's holder and the command that removes the lock."""
        since = f" since {self.created} UTC" if self.created else ""
        return PlatformBusy(
            f"Terraform's state lock is held by {self.who}{since} ({self.operation or 'at work'}).",
            f"Wait until that has ended. Only if you know that it is dead, break its lock: `{unlock}`.",
        )


def is_race(errors: Sequence[Diagnostic]) -> bool:
    """Whether all errors are known to be transient, or tell of something that exists already (`has_conflict`)."""
    return bool(errors) and all(
        _is_conflict(error) or any(race.search(error.text) for race in _RACES) for error in errors
    )


def has_conflict(errors: Sequence[Diagnostic]) -> bool:
    """Whether something exists already.

    After a lost reply the provider repeats its call, and AWS answers that the first has done it.
    """
    return any(_is_conflict(error) for error in errors)


def _is_conflict(error: Diagnostic) -> bool:
    return bool(_EXISTS.search(error.text)) and not _TAKEN.search(error.text)


def is_full_disk(errors: Sequence[Diagnostic]) -> bool:
    """Whether the disk was full."""
    return any(_SPACE.search(error.text) for error in errors)


def lock_of(errors: Sequence[Diagnostic]) -> Lock | None:
    """The lock that Terraform could not acquire; None where the errors are others."""
    for error in errors:
        if _LOCKED.search(error.text):
            fields = dict(_LOCK_FIELD.findall(error.text))
            return Lock(
                id=fields.get("ID", ""),
                who=fields.get("Who", "somebody"),
                created=fields.get("Created", "")[:16],
                operation=fields.get("Operation", "").removeprefix("OperationType").lower(),
            )
    return None


def explained(errors: Sequence[Diagnostic], *, unlock: str) -> Problem | None:
    """The explanation of a known error; None where it is unknown.

    Parameters
    ----------
    unlock
        The command that removes the state's lock, with `{id}` for the lock's id.
    """
    for error in errors:
        # The messages of the variables' validations begin with the variable's name.
        if error.summary.startswith("Invalid value for"):
            return UsageProblem(f"--set: {error.detail.strip().splitlines()[0]}")
    lock = lock_of(errors)
    if lock is not None:
        return lock.problem(unlock=unlock.format(id=lock.id))
    if is_full_disk(errors):
        return Problem(
            "The disk is full: Terraform could not go on.",
            "Free some space, then type the same command: it goes on from there.",
            code=ErrorCode.DISK_FULL,
        )
    if ended := _ended_half_way(errors):
        return ended
    # Terraform makes them at the same time: the order in which they end says nothing.
    for error in sorted(errors, key=lambda error: error.text):
        if invalid := _INVALID.search(_one_line(error.text)):
            return Problem(
                f"AWS Batch made the compute environment {invalid['name']} INVALID: {plain_reason(invalid['reason'])}.",
                "Most often AWS does not see a new role yet. Wait a minute, then type the same command: it makes the "
                "environment anew.",
                code=ErrorCode.AWS_REFUSED,
            )
    refusals = [refusal for error in errors if (refusal := _refusal_of(error)) is not None]
    for error in errors:
        # A bucket of another account is not in this one: Terraform could not take it over.
        if _EXISTS.search(error.text) and not any(refusal.code == "BucketAlreadyExists" for refusal in refusals):
            return _exists(error)
    if refusals:
        return _refused(refusals)
    if any(_LIFECYCLE_TIMEOUT.search(error.text) for error in errors):
        return Problem(
            "The data bucket's lifecycle rules did not become what opsctl has set within three minutes. Most often an "
            "organisation adds rules of its own to every new bucket.",
            "Look at the bucket's lifecycle rules in the S3 console, and ask your cloud team to leave this bucket out; "
            "or use a bucket of your own, whose rules opsctl does not touch: `opsctl up --data-bucket BUCKET`.",
            code=ErrorCode.AWS_REFUSED,
        )
    return None


def _refusal_of(error: Diagnostic) -> AwsRefusal | None:
    """AWS's error that Terraform passes on; None for an error of another kind."""
    match = _REFUSED.search(_one_line(error.text))
    if match is None:
        return None
    name = _NAME.search(match["what"])
    return AwsRefusal(
        code=match["code"],
        message=match["message"].rstrip("."),
        operation=match["operation"] or "this",
        what=match["what"],
        status=int(match["status"] or 0),
        bucket=name["name"] if name and match["operation"] == "CreateBucket" else "",
    )


def _refused(refusals: Sequence[AwsRefusal]) -> Problem:
    """One of AWS's refusals in a sentence, and the others by what was refused."""
    # Terraform works on many resources at a time: the order in which it reports them says nothing.
    first, *others = sorted(refusals, key=lambda refusal: refusal.what)
    problem = explain(first)
    if others:
        named = [f"{other.what} ({other.denied.action if other.is_denial else other.code})" for other in others]
        more = f", and {len(named) - _NAMED_REFUSALS} more" if len(named) > _NAMED_REFUSALS else ""
        problem.add_sentence(f"Refused too: {', '.join(named[:_NAMED_REFUSALS])}{more}.")
    problem.hint += (
        " docs/permissions.md has the policies for `opsctl up`."
        if first.is_denial and not first.denied.is_of_the_organisation
        else ""
    )
    # With another name or another bucket it is another command.
    if "type " not in problem.hint and problem.code is not ErrorCode.BUCKET_UNUSABLE:
        problem.hint += " Then type the same command: it goes on from there."
    return problem


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _exists(error: Diagnostic) -> Problem:
    creating = _CREATING.match(error.summary)
    what = f"{creating['kind']} {creating['name']}" if creating else error.address or error.summary
    return Problem(
        f"{what} exists already, and Terraform does not know it as this platform's.",
        "Remove or rename it if it is yours, or make a platform of another name: `opsctl up --name OTHER`.",
        code=ErrorCode.PLATFORM_EXISTS,
    )


def _ended_half_way(errors: Sequence[Diagnostic]) -> Problem | None:
    """What Terraform needs was there when it began, and is not any more."""
    if any(_LOCAL_SERVER_GONE.search(error.text) for error in errors):
        return Problem(
            "The local platform's process ended while Terraform was at work.",
            "`opsctl up --local` starts it again, with its data, and makes the platform anew.",
            code=ErrorCode.PLATFORM_NOT_RUNNING,
        )
    if any(_EXPIRED.search(error.text) for error in errors):
        return Problem(
            "Your AWS login ended half way. What was made is kept.", _LOGIN, code=ErrorCode.CREDENTIALS_EXPIRED
        )
    return None
