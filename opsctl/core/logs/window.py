"""From when on the next poll reads, and which events it has brought before."""

from __future__ import annotations

#: CloudWatch may show an event late: each pass reads this far back, and what was shown already is known by its id.
_OVERLAP_MS = 60_000
#: While a pass brings more than a page holds, less far.
_LEAST_OVERLAP_MS = 10_000
_FULL_PAGE = 10_000
#: Once in so many passes it reads this far back.
_DEEP_PASSES = 30
_DEEP_MS = 600_000
#: So many ids are kept; those that are older than a deep pass reaches are forgotten then.
_MOST_KEPT = 500_000


class Window:
    """A window in time that moves on with what was read.

    Parameters
    ----------
    start_ms
        Where reading begins.
    """

    def __init__(self, start_ms: int) -> None:
        #: Of events before it nobody knows whether they were shown.
        self.floor_ms = start_ms
        self._newest_ms = start_ms
        self._passing_ms = start_ms
        self._forgotten_ms = start_ms
        self._seen: dict[str, int] = {}
        self._back_ms: int | None = None
        self._overlap_ms = _OVERLAP_MS
        self._passes = 0

    def start_ms(self) -> int:
        """From when on the next pass reads."""
        far = _DEEP_MS if self._passes % _DEEP_PASSES == _DEEP_PASSES - 1 else self._overlap_ms
        start = max(self.floor_ms, self._newest_ms - far)
        return start if self._back_ms is None else min(start, self._back_ms)

    def reach(self, start_ms: int) -> None:
        """What is read begins earlier than was thought: the next pass reads from there."""
        self.floor_ms = self._forgotten_ms = min(self.floor_ms, start_ms)
        self.go_back(start_ms)

    def go_back(self, start_ms: int) -> None:
        """The next pass reads from there, once."""
        self._back_ms = start_ms if self._back_ms is None else min(self._back_ms, start_ms)

    def has_shown(self, event_id: str) -> bool:
        """Whether an event was shown, as far as that is remembered."""
        return event_id in self._seen

    def is_new(self, event_id: str, timestamp_ms: int, *, again: bool = False) -> bool:
        """Whether an event was not shown yet; it counts as shown from now on.

        Parameters
        ----------
        again
            It is of a stream that is read anew from before the floor.
        """
        if event_id in self._seen or (timestamp_ms < self.floor_ms and not again):
            return False
        self._seen[event_id] = timestamp_ms
        return True

    def went_by(self, timestamp_ms: int, *, now_ms: int) -> None:
        """The pass has come to an event, wanted or not. A job's clock that runs fast does not move the window."""
        self._passing_ms = max(self._passing_ms, min(timestamp_ms, now_ms))

    def finish(self, *, count: int) -> None:
        """The pass is whole: the next one begins later.

        Parameters
        ----------
        count
            How many events it brought, wanted or not.
        """
        self._newest_ms = self._passing_ms
        self._back_ms = None
        self._passes += 1
        is_much = count > _FULL_PAGE
        self._overlap_ms = max(_LEAST_OVERLAP_MS, self._overlap_ms // 2) if is_much else _OVERLAP_MS
        self.forget()
        self.begin_anew()

    def forget(self) -> None:
        """Keep no more ids than are needed, also in the middle of a pass: CloudWatch's pages come in time's order."""
        if len(self._seen) > _MOST_KEPT:
            moments = sorted(self._seen.values())
            self._forgotten_ms = max(self.floor_ms, min(moments[len(moments) // 2], self._passing_ms - _DEEP_MS))
            self._seen = {one: moment for one, moment in self._seen.items() if moment >= self._forgotten_ms}

    def begin_anew(self) -> None:
        """What comes from now on may have come before: of what was forgotten nothing is new any more."""
        self.floor_ms = max(self.floor_ms, self._forgotten_ms)
