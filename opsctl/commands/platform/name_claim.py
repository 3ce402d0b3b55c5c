"""Claims a platform's name for one Terraform state, so that `up` removes nothing that another `up` makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from opsctl.aws.platform.claim_parameter import ClaimParameter
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.claim import Claim, ClaimStep, claim_step
from opsctl.core.runs.manifest import timestamp


class NameClaim:
    """The claim of one `up`.

    Parameters
    ----------
    name
        The platform's.
    owners
        See `claim_step`.
    who
        The user and the machine, for others to read.
    """

    def __init__(
        self, parameter: ClaimParameter, name: str, *, owners: Sequence[str], who: str, now: Callable[[], datetime]
    ) -> None:
        self._parameter = parameter
        self._name = name
        self._owners = owners
        self._who = who
        self._now = now

    def check(self, *, has_record: bool) -> ClaimStep:
        """Return what `acquire` will do; changes nothing.

        Raises
        ------
        Problem
            When the name is another state's.
        """
        return claim_step(self._parameter.read(), self._name, owners=self._owners, has_record=has_record)

    def acquire(self, *, has_record: bool) -> None:
        """Claim the name, before anything is made or removed.

        Raises
        ------
        Problem
            When another state has claimed it, perhaps this very moment.
        """
        own = Claim(owner=self._owners[0], who=self._who, at=timestamp(self._now()))
        step = self.check(has_record=has_record)
        if step == "replace":
            self._parameter.replace(own)
        elif step == "create" and not self._parameter.create(own):
            # Another `up` was faster, or the reply was lost.
            self.ensure_held()

    def ensure_held(self) -> None:
        """Ensure that the name is still this state's, before something is removed.

        Raises
        ------
        Problem
            When somebody has taken the platform down meanwhile, or begun another one of this name.
        """
        claim = self._parameter.read()
        if claim is None:
            raise Problem(
                f"Somebody has taken the platform {self._name} down while `opsctl up` was at work: nothing is removed.",
                "Ask who did; then type the same command.",
                code=ErrorCode.CONCURRENT_CHANGE,
            )
        claim_step(claim, self._name, owners=self._owners, has_record=False)
