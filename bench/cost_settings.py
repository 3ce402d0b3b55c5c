"""The settings whose cost is compared, each simulated with opsctl's own simulation and prices."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from opsctl.core.costs.estimate import hours_of
from opsctl.core.costs.prices import rates_of
from opsctl.core.simulation.choice import choose
from opsctl.core.simulation.planned_run import PlannedRun, planned_run
from opsctl.core.simulation.simulation import Setup, Simulation, replications_for, simulate
from opsctl.core.simulation.what_if import Place, WhatIf

_REGION = "us-east-1"
_SEED, _MOST_REPLICATIONS = 1, 30
SCAN_COUNTS = (30, 300, 10_000)
MODELS = ("csd", "csa")
#: What the compute environments allow by default, and an eighth of it: fewer instances, each with more scans.
MANY_VCPUS = {"csd": 512, "csa": 1024}
FEW_VCPUS = {"csd": 64, "csa": 128}
#: Fewer scans leave most of them idle, and more take days.
SCANS_ON_FEW = 300

# The guide has no launch template, so its instances have the machine image's own root volume.
_GUIDE_DISK_GIB = 30
# Image and files of one scan (`opsctl.core.simulation.instance_size`), and what `opsctl up` makes without options.
_LEAST_DISK_GIB, _DEFAULT_DISK_GIB = 50, 100


@dataclass(frozen=True)
class Setting:
    """One way to process scans.

    Attributes
    ----------
    name
        As in the table.
    """

    name: str
    what_if: WhatIf
    disk_gib: int


GUIDE = Setting("the guide: one scan an instance, on demand", WhatIf(spot=False), _GUIDE_DISK_GIB)
ALONE = Setting("one scan an instance, Spot", WhatIf(spot=True), _DEFAULT_DISK_GIB)


def _packed(pack: int, slowdown: float, what: str) -> Setting:
    what_if = WhatIf(spot=True, pack=pack, slowdown=slowdown)
    return Setting(f"{pack} scans an instance, Spot{what}", what_if, _LEAST_DISK_GIB)


def _on_a_core(pack: int) -> list[Setting]:
    """Two scans on each core of an instance, at three slowdowns."""
    return [_packed(pack, slowdown, f", {slowdown} times as long") for slowdown in (1.0, 1.35, 1.6)]


#: With today's memory of a job, a core or more for each scan.
LARGER = Setting("r5.4xlarge, Spot", WhatIf(spot=True, instance="r5.4xlarge"), _LEAST_DISK_GIB)
SETTINGS = {
    "csd": [GUIDE, ALONE, *_on_a_core(2), LARGER],
    "csa": [GUIDE, ALONE, _packed(2, 1.0, ", a core each"), *_on_a_core(4), LARGER],
}
PACKED = SETTINGS["csd"][3]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A setting with a number of scans and of vCPUs, simulated."""

    model: str
    scans: int
    vcpus: int
    setting: Setting
    planned: PlannedRun
    simulation: Simulation

    @property
    def usd_per_scan(self) -> float:
        """The median."""
        return self.simulation.usd_per_scan

    @property
    def usd_by_formula(self) -> float:
        """The bill where nothing varies and nothing is lost."""
        return usd_by_formula(self.planned.setup)


def usd_by_formula(setup: Setup) -> float:
    """The bill where each scan and each start takes its average, and no instance is taken back."""
    fleet, scans = setup.fleet, setup.scan_count
    instances = min(fleet.most_instances, math.ceil(scans / fleet.pack))
    whole_waves, rest = divmod(scans, instances * fleet.pack)
    waves = instances * whole_waves + math.ceil(rest / fleet.pack)
    hours = instances * (fleet.start_hours + fleet.tail_hours) + waves * setup.times.mean_hours_at(setup.slowdown)
    return hours * setup.rates.usd_per_instance_hour + scans * setup.log_usd_per_attempt


def compare(model: str, scans: int, vcpus: int, setting: Setting) -> Compared:
    """Simulate a setting."""
    place = replace(Place.by_default(model, region=_REGION), root_volume_gib=setting.disk_gib)
    what_if = replace(setting.what_if, quota=vcpus)
    choice = choose(place, what_if)
    rates = rates_of(
        choice.size.instance_type, region=_REGION, spot=choice.spot, root_volume_gib=choice.root_volume_gib
    )
    hours = hours_of([], kind=f"dwi {model}")
    planned = planned_run(place, what_if, choice, scan_count=scans, hours=hours, rates=rates)
    replications = min(_MOST_REPLICATIONS, replications_for(planned.setup))
    simulation = simulate(planned.setup, np.random.default_rng(_SEED), replications=replications)
    return Compared(model=model, scans=scans, vcpus=vcpus, setting=setting, planned=planned, simulation=simulation)


def compare_all() -> Iterator[Compared]:
    """Every line of the table: for each model and number of scans the guide first."""
    for model in MODELS:
        for scans in SCAN_COUNTS:
            for setting in SETTINGS[model]:
                yield compare(model, scans, MANY_VCPUS[model], setting)
            if scans == SCANS_ON_FEW:
                for setting in SETTINGS[model][1:]:
                    yield compare(model, scans, FEW_VCPUS[model], setting)
