"""The sentences for a platform that is not there, the same in every verb."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.platform_name import LOCAL_NAME

#: What to type where there is no platform at all.
MAKE_ONE = "`opsctl up --local` makes one on this machine, `opsctl up` one on AWS."


def no_such_platform(name: str, known: Sequence[str]) -> Problem:
    """The error for a platform's name that is not known on this machine, where AWS cannot be asked.

    Parameters
    ----------
    known
        The names of the platforms that this machine knows.
    """
    if not known:
        return Problem(f"There is no platform {name}.", MAKE_ONE, code=ErrorCode.PLATFORM_NOT_FOUND)
    return Problem(
        f"There is no platform {name}. {there_is(known)}",
        "If it is on AWS, log in and set AWS_REGION to its region.",
        code=ErrorCode.PLATFORM_NOT_FOUND,
    )


def stopped_up(name: str, *, is_local: bool) -> Problem:
    """The error for a platform whose `up` was stopped, while no other is up."""
    local = " --local" if is_local else ""
    named = "" if is_local and name == LOCAL_NAME else f" --name {name}"
    return Problem(
        f"No platform is up: the last `up` of {name} was stopped before its end.",
        f"`opsctl up{local}{named}` goes on from there; `opsctl down{local}{named}` removes what it made.",
        code=ErrorCode.PLATFORM_NOT_FOUND,
    )


def there_is(known: Sequence[str]) -> str:
    """`There is: local.`, `There are: lab, local.`; empty without any."""
    return f"There {'is' if len(known) == 1 else 'are'}: {', '.join(known)}." if known else ""


def local_platform_ended() -> Problem:
    """The error for a local platform whose process has ended."""
    return Problem(
        "The local platform is not running: its process has ended.",
        "`opsctl up --local` brings it back, with its data.",
        code=ErrorCode.PLATFORM_NOT_RUNNING,
    )
