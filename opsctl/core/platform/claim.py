"""The claim on a platform's name: which Terraform state makes its resources, from the first one on.

Two `up` of one name with separate states would meet each other's resources, and each would take them for leftovers of
its own. `up` therefore writes the claim before it makes anything; only the claim's owner removes what its state does
not know. `down` removes the claim last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from opsctl.core import bounded
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.record import RecordReader

#: What `up` does with the claim: create it if there still is none, replace it by its own, or leave it as it is.
ClaimStep = Literal["create", "replace", "keep"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One claim.

    Attributes
    ----------
    owner
        The state's address on S3, or `home ` with the identity of the `OPSCTL_HOME` where it lies.
    who
        The user and the machine that wrote the claim, for others to read.
    at
        When it was written.
    """

    schema_version: int = 1
    owner: bounded.Text
    who: bounded.Text
    at: bounded.Moment

    @classmethod
    def decode(cls, data: str, source: str) -> Claim:
        """Read the SSM parameter.

        Raises
        ------
        UnreadableRecord
            If it is damaged, or of another version.
        """
        return _READER.decode(data, source)


def claim_step(claim: Claim | None, name: str, *, owners: Sequence[str], has_record: bool) -> ClaimStep:
    """Decide what an `up` does with the claim.

    Parameters
    ----------
    name
        The platform's.
    owners
        The names that this `up`'s state has; the first is what it claims by. A state that is moved has two.
    has_record
        Whether this state knows the platform's record, which an `up` makes last: the state was moved or copied here.

    Raises
    ------
    Problem
        When the claim is another state's, whose `up` may be at work.
    """
    if claim is None:
        return "create"
    if claim.owner == owners[0]:
        return "keep"
    if claim.owner in owners or has_record:
        return "replace"
    raise Problem(
        f"The platform {name} was begun with another Terraform state, by {claim.who} at {claim.at}: that `opsctl up` "
        "may still be at work.",
        f"Wait until it has ended, and use its platform (`--platform {name}`). If nobody finishes it, "
        f"`opsctl down --name {name}` removes what there is of it.",
        code=ErrorCode.PLATFORM_ELSEWHERE,
    )


_READER = RecordReader(Claim, hint="Remove the platform with `opsctl down`, or delete this parameter.")
