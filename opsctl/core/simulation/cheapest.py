"""The number of instances that costs least and ends a run in time: of fewer, each has more scans after its start."""

from __future__ import annotations

import math
from dataclasses import replace

from opsctl.core.simulation.simulation import Setup, replications_for, simulate

#: How many numbers of instances are tried, and how many replications each has at most: together about a second.
_TRIED, _MOST_REPLICATIONS, _LEAST_REPLICATIONS = 12, 20, 2


def cheapest_instances(setup: Setup, *, within_hours: float, seed: int) -> int | None:
    """How many instances at once cost least, of those with which the run ends in time in 9 of 10 replications.

    Parameters
    ----------
    setup
        With the most instances that there can be.
    within_hours
        From the submission to the last scan.

    Returns
    -------
    int or None
        None where it does not end in time with all of them.
    """
    import numpy as np

    most = min(setup.fleet.most_instances, math.ceil(setup.scan_count / setup.fleet.pack))
    replications = max(_LEAST_REPLICATIONS, min(_MOST_REPLICATIONS, replications_for(setup) // _TRIED))
    in_time = []
    for count in _numbers(most):
        tried = replace(setup, fleet=replace(setup.fleet, most_instances=count))
        simulation = simulate(tried, np.random.default_rng(seed), replications=replications)
        if simulation.finish_hours.p90 > within_hours:
            # With fewer it takes longer still.
            break
        in_time.append((simulation.usd.p50, count))
    return min(in_time)[1] if in_time else None


def _numbers(most: int) -> list[int]:
    """All of them, and then about a third fewer each time, down to one."""
    numbers = {max(1, math.ceil(most * 0.7**power)) for power in range(_TRIED)}
    return sorted(numbers, reverse=True)
