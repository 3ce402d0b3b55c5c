"""What can befall Terraform, by its own words: what a person is told, and what passes when it is tried again.

Terraform hands AWS's errors on as text, so text is all there is to go by.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.core.errors import PlatformBusy, Problem, UsageProblem

_LOGIN = "Log in again (`aws sso login`, or new keys), then type the same command: it goes on from there."

_MIRROR_VARIABLE = "OPSCTL_PROVIDER_MIRROR"

#: Of Terraform 1.5 to 1.11, on one line.
_CHECKSUM = re.compile(
    r"doesn't match any of the checksums|checksum(?:s)? (?:previously )?recorded in the dependency lock"
)
_LOCKED_VERSION = re.compile(r"previously-selected version \S+ is no longer available")
_ABSENT = re.compile(
    r"was not found in any of the search locations|no available releases match|not have a package available for"
)
_UNREACHABLE = re.compile(
    r"could not connect to|failed to request discovery|registry|provider packages|provider plugins"
)
_SPACE = re.compile(r"no space left on device|disk quota exceeded", re.I)


@dataclass(frozen=True)
class Diagnostic:
    """An error as Terraform gives it.

    Attributes
    ----------
    summary
        Its headline; the provider's own words.
    detail
        The lines below it, or empty.
    address
        The resource that it is about, or empty.
    """

    summary: str
    detail: str = ""
    address: str = ""

    @property
    def text(self) -> str:
        """All of it."""
        return f"{self.summary}\n{self.detail}"

    @property
    def sentence(self) -> str:
        """One line: the summary, where it is, and the first line of the detail."""
        detail = self.detail.strip().splitlines()
        words = [self.summary.strip()]
        if self.address:
            words.append(f"({self.address})")
        if detail and detail[0] not in words[0]:
            words.append(detail[0])
        return " ".join(words)


#: AWS's own races, each with its source. What is not here is never tried again.
_RACES = tuple(
    re.compile(pattern)
    for pattern in (
        # The queue lets go of the environment a while after UpdateJobQueue or DeleteJobQueue has said so.
        # https://github.com/hashicorp/terraform-provider-aws/issues/46925
        r"found existing JobQueue relationship",
        # The same after an update of either: https://github.com/hashicorp/terraform-provider-aws/issues/13221
        r"(?i)resource is being modified",
        # A role or an instance profile that IAM has made, and that other services do not see yet.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
        r"(?i)Invalid ?IAM ?Instance ?Profile",
        # https://github.com/hashicorp/terraform-provider-aws/issues/37945
        r"unexpected state 'INVALID', wanted target 'VALID'.*is not authorized to perform",
        r"batch\.amazonaws\.com is not authorized to perform: sts:AssumeRole",
        r"(?i)Not valid: (?:service )?role",
    )
)

_SPACE = re.compile(r"no space left on device|disk quota exceeded", re.I)
_EXPIRED = re.compile(r"ExpiredToken|RequestExpired|TokenRefreshRequired|security token included in the request is exp")
_EXISTS = re.compile(
    r"EntityAlreadyExists|AlreadyExistsException|ParameterAlreadyExists|\bAlreadyExists\b|BucketAlreadyExists"
    r"|InvalidGroup\.Duplicate|ObjectA?lreadyExists|[Oo]bject already exists|already exists"
)
_NAMED = re.compile(r"^(?:error )?creating (?P<kind>.+?) \((?P<name>[^)]+)\)")
_LOCKED = re.compile(r"[Ee]rror acquiring the state lock")
_LOCK_FIELD = re.compile(r"^\s*(ID|Path|Operation|Who|Created):\s*(.+?)\s*$", re.M)


@dataclass(frozen=True)
class Lock:
    """Who holds a state, as Terraform's lock tells it."""

    id: str
    who: str
    created: str
    operation: str

    def problem(self, *, unlock: str) -> PlatformBusy:
        """Who holds it since when, and the command that breaks it."""
        since = f" since {self.created} UTC" if self.created else ""
        return PlatformBusy(
            f"Terraform's state lock is held by {self.who}{since} ({self.operation or 'at work'}).",
            f"Wait until that has ended. Only if you know that it is dead, break its lock: `{unlock}`.",
        )


def is_race(errors: Sequence[Diagnostic]) -> bool:
    """Whether all that went wrong is known to pass by itself."""
    return bool(errors) and all(any(race.search(error.text) for race in _RACES) for error in errors)


def is_full_disk(errors: Sequence[Diagnostic]) -> bool:
    """Whether the disk was full."""
    return any(_SPACE.search(error.text) for error in errors)


def lock_of(errors: Sequence[Diagnostic]) -> Lock | None:
    """The lock that stood in the way, if that is what went wrong."""
    for error in errors:
        if _LOCKED.search(error.text):
            found = dict(_LOCK_FIELD.findall(error.text))
            return Lock(
                id=found.get("ID", ""),
                who=found.get("Who", "somebody"),
                created=found.get("Created", "")[:16],
                operation=found.get("Operation", "").removeprefix("OperationType").lower(),
            )
    return None


def explained(errors: Sequence[Diagnostic], *, unlock: str) -> Problem | None:
    """What went wrong in a sentence with its mend, where it is known.

    Parameters
    ----------
    unlock
        The command that breaks the state's lock, with `{id}` for the lock's.
    """
    for error in errors:
        # What the variables' own validations say begins with the variable's name.
        if error.summary.startswith("Invalid value for"):
            return UsageProblem(f"--set: {error.detail.strip().splitlines()[0]}")
    lock = lock_of(errors)
    if lock is not None:
        return lock.problem(unlock=unlock.format(id=lock.id))
    if is_full_disk(errors):
        return Problem(
            "The disk is full: Terraform could not go on.",
            "Free some space, then type the same command: it goes on from there.",
        )
    if any(_EXPIRED.search(error.text) for error in errors):
        return Problem("Your AWS login ended half way. What was made is kept.", _LOGIN)
    for error in errors:
        if _EXISTS.search(error.text):
            return _exists(error)
    return None


def _exists(error: Diagnostic) -> Problem:
    named = _NAMED.match(error.summary)
    what = f"{named['kind']} {named['name']}" if named else error.address or error.summary
    return Problem(
        f"{what} exists already, and Terraform does not know it as this platform's.",
        "Remove or rename it if it is yours, or make a platform of another name: `opsctl up --name OTHER`.",
    )


def init_problem(errors: str, *, mirror: str | None, places: Sequence[str], lock_file: str) -> Problem | None:
    """What `terraform init` met, or None where it has nothing to do with the provider.

    Parameters
    ----------
    errors
        What it said on standard error.
    mirror
        Where it was told to take the provider from; None: from Terraform's registry.
    places
        Where copies on this machine were looked for.
    lock_file
        What it remembers the provider of the last `init` by.
    """
    said = " ".join(errors.replace("│", " ").split())
    where = f"the provider mirror {mirror}" if mirror else "Terraform's registry"
    if _SPACE.search(said):
        return Problem("The disk is full: Terraform's provider needs about 700 MB.", "Free some space.")
    if _CHECKSUM.search(said):
        return Problem(
            f"Terraform's AWS provider from {where} is not the one that this platform was made with (its checksum "
            "differs).",
            f"If you changed it on purpose, or use another machine now, remove {lock_file}; else do not trust it.",
        )
    if _LOCKED_VERSION.search(said):
        return Problem(
            f"{where[0].upper()}{where[1:]} no longer has the version of the AWS provider that this platform was made "
            "with.",
            f"To go on with the version that is there, remove {lock_file}.",
        )
    if mirror is not None and _ABSENT.search(said):
        return Problem(
            f"{where[0].upper()}{where[1:]} has no AWS provider that fits this machine.",
            f"Name another one with {_MIRROR_VARIABLE}.",
        )
    if mirror is None and _UNREACHABLE.search(said):
        return Problem(
            "Terraform's AWS provider cannot be had: the Terraform registry was not reached, and no copy lies in "
            f"{', '.join(places)}.",
            f"Connect to the internet, or name a provider mirror with {_MIRROR_VARIABLE}.",
        )
    return None
