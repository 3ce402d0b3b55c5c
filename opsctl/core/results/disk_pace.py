"""How much is read at once from a disk: little where it answers at once, more where it is waited for."""

from __future__ import annotations

#: A task that takes this many times its own processor time waits for the disk, not for another program.
_WAITED_TIMES = 3.0
_FIRST_ROUND = 16


class DiskPace:
    """Decides after each task that was done alone how many of the next ones are done side by side.

    Threads that never wait take the interpreter from each other: two need twice the processor time of one for the same
    files, and longer. On a disk of a network, or one whose files nobody has read for long, 16 are 16 times as fast.
    """

    def __init__(self) -> None:
        self._next_round = _FIRST_ROUND

    def side_by_side(self, *, seconds: float, cpu_seconds: float) -> int:
        """The number of tasks to do side by side before the next one that is done alone; 0: none.

        Rounds grow as long as the disk is slow, so that only a few tasks are done alone.

        Parameters
        ----------
        seconds, cpu_seconds
            What the last task that was done alone took by the wall, and of the processor.
        """
        if seconds <= _WAITED_TIMES * cpu_seconds:
            self._next_round = _FIRST_ROUND
            return 0
        tasks, self._next_round = self._next_round, 2 * self._next_round
        return tasks
