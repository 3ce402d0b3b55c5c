"""What the proxy sees pass: instants at which something is to happen, and a count of what matters in the end."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fault_proxy import FaultProxy, Passing

_RESULT = re.compile(r"/opsctl/runs/([^/]+)/results/(\d+)\.json$")


@dataclass(eq=False)
class Instant:
    """When the n-th request of its kind passes.

    Attributes
    ----------
    label
        In words, for the report.
    pattern
        Of `NAME TARGET`, as `s3.PutObject /bucket/key`.
    is_after
        Once the platform has done it and before its reply goes back; else before it arrives there.
    count
        The n-th since the instant was set.
    """

    label: str
    pattern: str
    is_after: bool = False
    count: int = 1


class Sightings:
    """Watches a proxy.

    Attributes
    ----------
    published
        By run and index, the succeeded results that were really written there: one, or somebody wrote over one.
    submitted
        How often each job name was really submitted.
    on_submitted
        Told of each SubmitJob that was carried out, before its reply goes back.
    on_passing
        Told of everything.
    """

    def __init__(self, proxy: FaultProxy) -> None:
        self._lock = threading.Lock()
        self._instants: dict[Instant, Callable[[Passing], None]] = {}
        self.published: dict[tuple[str, int], list[dict[str, Any]]] = {}
        self.submitted: Counter[str] = Counter()
        self.on_submitted: Callable[[dict[str, Any]], None] = lambda _: None
        self.on_passing: Callable[[Passing], None] = lambda _: None
        proxy.watch = self._see
        proxy.keeps = lambda name, target: (
            name == "batch.SubmitJob" or (name == "s3.PutObject" and _RESULT.search(target) is not None)
        )

    def at(self, instant: Instant, act: Callable[[Passing], None]) -> None:
        """Do something when an instant comes, once."""
        with self._lock:
            self._instants[instant] = act

    def forget(self, instant: Instant) -> None:
        """It did not come."""
        with self._lock:
            self._instants.pop(instant, None)

    def _see(self, passing: Passing) -> None:
        if passing.status is not None and 200 <= passing.status < 300 and passing.body:
            self._note(passing)
        text = f"{passing.name} {passing.target}"
        due = []
        with self._lock:
            for instant in list(self._instants):
                if instant.is_after == (passing.status is not None) and re.search(instant.pattern, text):
                    instant.count -= 1
                    if instant.count <= 0:
                        due.append(self._instants.pop(instant))
        for act in due:
            act(passing)
        self.on_passing(passing)

    def _note(self, passing: Passing) -> None:
        # A body may stand between the lengths and checksums of its framing.
        value = json.loads(passing.body[passing.body.index(b"{") : passing.body.rindex(b"}") + 1])
        if passing.name == "batch.SubmitJob":
            with self._lock:
                self.submitted[value["jobName"]] += 1
            self.on_submitted(value)
        elif (found := _RESULT.search(passing.target)) and value["status"] == "succeeded":
            with self._lock:
                self.published.setdefault((found[1], int(found[2])), []).append(value)
