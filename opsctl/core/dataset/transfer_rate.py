"""How fast a transfer is, and how long it will take."""

from __future__ import annotations

from collections import deque

#: The rate is that of the last seconds: a connection changes.
_WINDOW_SECONDS = 15.0
#: Before that a rate would jump.
_LEAST_SECONDS = 1.0


class TransferRate:
    """The rate of a transfer, from samples of what has been sent.

    Parameters
    ----------
    now
        When it began, in seconds.
    """

    def __init__(self, *, now: float) -> None:
        self._samples: deque[tuple[float, int]] = deque([(now, 0)])

    def sample(self, size_bytes: int, *, now: float) -> None:
        """Note how much has been sent."""
        self._samples.append((now, size_bytes))
        while len(self._samples) > 2 and self._samples[1][0] <= now - _WINDOW_SECONDS:
            self._samples.popleft()

    @property
    def bytes_per_second(self) -> float | None:
        """None in the first second, and where nothing was sent lately."""
        (began, before), (ended, after) = self._samples[0], self._samples[-1]
        if ended - began < _LEAST_SECONDS or after <= before:
            return None
        return (after - before) / (ended - began)

    def seconds_left(self, total_bytes: int) -> float | None:
        """How long the rest takes at this rate; None where that is not known."""
        rate = self.bytes_per_second
        return None if rate is None else max(0, total_bytes - self._samples[-1][1]) / rate
