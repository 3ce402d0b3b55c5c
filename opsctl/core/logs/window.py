"""The time from which each pass over CloudWatch's events reads, and the events that earlier passes have shown."""

from __future__ import annotations

#: CloudWatch may deliver an event late, so each pass reads this far back; event ids tell which were shown already.
_OVERLAP_MS = 60_000
#: The smallest overlap, which is used while passes return more events than fit on a page.
_LEAST_OVERLAP_MS = 10_000
_FULL_PAGE = 10_000
#: Every 30th pass reads further back, for events that are very late.
_DEEP_PASSES = 30
_DEEP_MS = 600_000
#: With more event ids than this, those older than a deep pass reads are forgotten.
_MOST_IDS = 500_000


class Window:
    """A time window that moves forward with the events that were read.

    Parameters
    ----------
    start_ms
        Where the first pass begins; milliseconds since 1970, as all times here.
    """

    def __init__(self, start_ms: int) -> None:
        #: Whether an earlier event was shown is not known.
        self.floor_ms = start_ms
        self._newest_ms = start_ms
        self._reached_ms = start_ms
        self._forgotten_ms = start_ms
        self._seen: dict[str, int] = {}
        self._restart_ms: int | None = None
        self._overlap_ms = _OVERLAP_MS
        self._passes = 0

    def start_ms(self) -> int:
        """Where the next pass begins."""
        overlap = _DEEP_MS if self._passes % _DEEP_PASSES == _DEEP_PASSES - 1 else self._overlap_ms
        start = max(self.floor_ms, self._newest_ms - overlap)
        return start if self._restart_ms is None else min(start, self._restart_ms)

    def reach(self, start_ms: int) -> None:
        """Move the beginning of the window back to an earlier time, and let the next pass read from there."""
        self.floor_ms = self._forgotten_ms = min(self.floor_ms, start_ms)
        self.go_back(start_ms)

    def go_back(self, start_ms: int) -> None:
        """Let the next pass, and only that one, begin at this time or earlier."""
        self._restart_ms = start_ms if self._restart_ms is None else min(self._restart_ms, start_ms)

    def has_shown(self, event_id: str) -> bool:
        """Whether an event was shown, as far as its id is still known."""
        return event_id in self._seen

    def is_new(self, event_id: str, timestamp_ms: int, *, again: bool = False) -> bool:
        """Whether an event is to be shown now; it then counts as shown.

        Parameters
        ----------
        again
            Accept an event before the floor: its stream is read again from there.
        """
        if event_id in self._seen or (timestamp_ms < self.floor_ms and not again):
            return False
        self._seen[event_id] = timestamp_ms
        return True

    def went_by(self, timestamp_ms: int, *, now_ms: int) -> None:
        """Record that the pass has reached an event, shown or not. A job's clock that is ahead has no effect."""
        self._reached_ms = max(self._reached_ms, min(timestamp_ms, now_ms))

    def finish(self, *, count: int) -> None:
        """End the pass, so that the next one begins later.

        Parameters
        ----------
        count
            Number of events that the pass returned, shown or not.
        """
        self._newest_ms = self._reached_ms
        self._restart_ms = None
        self._passes += 1
        is_full = count > _FULL_PAGE
        self._overlap_ms = max(_LEAST_OVERLAP_MS, self._overlap_ms // 2) if is_full else _OVERLAP_MS
        self.forget()
        self.begin_anew()

    def forget(self) -> None:
        """Drop old event ids where there are too many, also during a pass: CloudWatch's pages are ordered by time."""
        if len(self._seen) > _MOST_IDS:
            times = sorted(self._seen.values())
            self._forgotten_ms = max(self.floor_ms, min(times[len(times) // 2], self._reached_ms - _DEEP_MS))
            self._seen = {event_id: time for event_id, time in self._seen.items() if time >= self._forgotten_ms}

    def begin_anew(self) -> None:
        """Raise the floor to the forgotten events, because later passes could not tell whether they were shown."""
        self.floor_ms = max(self.floor_ms, self._forgotten_ms)
