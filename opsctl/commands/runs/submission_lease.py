"""Whose turn it is to submit into an output place.

Batch takes every SubmitJob, so two people who type the same run at once would pay twice. A turn is an object
`opsctl/outputs/HASH/lease.N.json` that S3 lets one of them create; the highest N holds, and its holder renews it. It
ends when it is given back, when its process has died (on the same machine the operating system tells), or when it has
not been renewed for a minute.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from opsctl.aws.s3.storage import Storage
from opsctl.core.errors import Problem
from opsctl.core.location import OUTPUTS_PREFIX, Location
from opsctl.home import Home

#: A holder that has not renewed for so long is taken for dead. Longer than `_TRUSTED` and one SubmitJob together.
LEASE_SECONDS = 60.0
_RENEW_SECONDS = 10.0
#: How long after a renewal the holder still submits.
_TRUSTED_SECONDS = 30.0
_POLL_SECONDS = 2.0


@dataclass(frozen=True)
class _Top:
    generation: int
    body: dict[str, Any]
    age_seconds: float


class SubmissionLease:
    """The turn at one output place.

    Parameters
    ----------
    home
        This machine's folder: a process of the same home is seen to live or to be dead at once.
    output
        The derivatives folder.
    who
        For the others to read: `ada@lab-mac`.
    on_wait
        Told who holds the turn, each time somebody else does.
    sleep, monotonic
        Injected, so that waiting is a plain test.
    """

    def __init__(
        self,
        storage: Storage,
        home: Home,
        output: Location,
        *,
        data_bucket: str,
        who: str,
        on_wait: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._storage = storage
        self._home = home
        self._bucket = data_bucket
        self._folder = f"{OUTPUTS_PREFIX}{hashlib.sha256(output.uri.encode()).hexdigest()[:16]}"
        self._who = who
        self._on_wait = on_wait
        self._sleep = sleep
        self._monotonic = monotonic
        self._token = uuid.uuid4().hex
        self._generation = 0
        self._renewed_at = 0.0
        self._ended = threading.Event()

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for the turn, hold it inside the block, give it back.

        Raises
        ------
        Problem
            When S3 refuses.
        """
        with self._home.alive(self._token):
            while not self._try():
                self._sleep(_POLL_SECONDS)
            renewal = threading.Thread(target=self._renew, name="turn", daemon=True)
            renewal.start()
            try:
                yield
            finally:
                self._ended.set()
                renewal.join()
                # Not given back, it runs out.
                with suppress(Problem):
                    self._put("released")

    def check(self) -> None:
        """Make sure that the turn is still this process's; before each submission.

        Raises
        ------
        Problem
            When it is not, or nobody knows.
        """
        # Who holds it is asked only where it is somebody else.
        top = self._top() if self._latest() > self._generation else None
        if top is not None and top.generation > self._generation:
            raise Problem(
                f"{_holder(top)} has taken over the submission.", "`opsctl status` shows what became of the scans."
            )
        if self._monotonic() - self._renewed_at > _TRUSTED_SECONDS:
            raise Problem("S3 has not answered for half a minute: nothing more is submitted.", "Type it again.")

    def _try(self) -> bool:
        top = self._top()
        if top is not None and top.body.get("token") != self._token and not self._has_ended(top):
            self._on_wait(f"{_holder(top)} is submitting to the same place (last sign {top.age_seconds:.0f} s ago)")
            return False
        if top is not None and top.body.get("token") == self._token:
            # A call whose reply was lost has made it.
            self._generation = top.generation
            self._renewed_at = self._monotonic()
            return True
        asked_at = self._monotonic()
        self._generation = top.generation + 1 if top else 1
        if not self._storage.create_json(self._bucket, self._key(self._generation), self._body("held")):
            return False  # another was faster, or the reply to ours was lost: the next look tells
        self._renewed_at = asked_at
        return True

    def _has_ended(self, top: _Top) -> bool:
        if top.body.get("state") == "released" or top.age_seconds > LEASE_SECONDS:
            return True
        return top.body.get("home") == self._home.identity and not self._home.is_alive(str(top.body.get("token")))

    def _latest(self) -> int:
        """The highest generation there is, 0 where there is none."""
        there = self._storage.below(Location(self._bucket, self._folder))
        found = (re.search(r"/turn\.(\d+)\.json$", one.key) for one in there)
        return max((int(match[1]) for match in found if match), default=0)

    def _top(self) -> _Top | None:
        latest = self._latest()
        read = self._storage.get_json_with_age(self._bucket, self._key(latest)) if latest else None
        return _Top(latest, *read) if read else None

    def _renew(self) -> None:
        while not self._ended.wait(_RENEW_SECONDS):
            asked_at = self._monotonic()
            # What cannot be renewed is not trusted for long; `check` says so.
            with suppress(Problem):
                self._put("held")
                self._renewed_at = asked_at

    def _put(self, state: str) -> None:
        self._storage.put_json(self._bucket, self._key(self._generation), self._body(state))

    def _body(self, state: str) -> dict[str, Any]:
        return {
            "schema_version": 1,
            "state": state,
            "token": self._token,
            "home": self._home.identity,
            "who": self._who,
        }

    def _key(self, generation: int) -> str:
        return f"{self._folder}/turn.{generation:05d}.json"


def _holder(top: _Top) -> str:
    return str(top.body.get("who") or "somebody else")
