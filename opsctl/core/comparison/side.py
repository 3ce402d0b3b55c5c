"""One of the two settings that are compared: its scans, and what each took."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

from opsctl.core.costs.money import Money, spent
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.output_kinds import GraphKind

#: What follows the job's size, and no result depends on.
_OF_THE_JOB = ("mem_gb", "n_cpus")
#: Lists of parcellations are long, and each parcellation is compared on a line of its own.
_NOT_LISTED = (*_OF_THE_JOB, "parcellation")

#: A parcellation's folder without `.nii.gz`, and what the weights are.
GraphName = tuple[str, GraphKind]


@dataclass(frozen=True, kw_only=True)
class ScanFacts:
    """What is known of a finished scan; None and missing entries are not known.

    Attributes
    ----------
    seconds
        The whole attempt that succeeded.
    peak_memory_mib
        The largest memory of all processes of that attempt together.
    usd
        All its attempts, at AWS's prices.
    lost
        How many regions each connectome lost.
    """

    seconds: float | None = None
    peak_memory_mib: int | None = None
    usd: float | None = None
    lost: Mapping[GraphName, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Side:
    """A run, a dataset over its runs, or a folder of results.

    Attributes
    ----------
    typed
        As it was typed.
    kind
        What it is.
    scans
        Its finished scans by name.
    dataset
        Its S3 address; empty where it is not known.
    output_name
        The derivatives folder; empty of a folder of results.
    options
        m2g's options; None where they are not known.
    run_ids
        The runs that its scans are from.
    images, opsctl_versions
        What made them; empty where it is not known.
    is_preview
        Whether opsctl's preview made any of them, and not m2g.
    is_local
        Whether nothing was charged; None where it is not known where the scans ran.
    """

    typed: str
    kind: Literal["run", "dataset", "folder"]
    scans: Mapping[str, ScanFacts]
    options: Mapping[str, Any] | None
    dataset: str = ""
    output_name: str = ""
    run_ids: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    opsctl_versions: tuple[str, ...] = ()
    is_preview: bool = False
    is_local: bool | None = None

    def resources(self, scans: Collection[str]) -> Resources:
        """What some of its scans took."""
        facts = [self.scans[name] for name in scans if name in self.scans]
        seconds = [scan.seconds for scan in facts if scan.seconds is not None]
        memory = [scan.peak_memory_mib for scan in facts if scan.peak_memory_mib is not None]
        usd = [scan.usd for scan in facts if scan.usd is not None]
        return Resources(
            scans=len(facts),
            median_seconds=median(seconds) if seconds else None,
            longest_seconds=max(seconds, default=None),
            median_memory_mib=round(median(memory)) if memory else None,
            largest_memory_mib=max(memory, default=None),
            usd=sum(usd) if usd else None,
            money=spent(sum(usd), is_local=self.is_local) if usd and self.is_local is not None else None,
            priced_scans=len(usd),
        )

    def as_json(self) -> dict[str, Any]:
        """The fields of `compare --json`."""
        return {
            "typed": self.typed,
            "kind": self.kind,
            "dataset": self.dataset or None,
            "scan_count": len(self.scans),
            "m2g": None if self.options is None else dict(self.options),
            "runs": list(self.run_ids),
            "images": list(self.images),
            "opsctl_versions": list(self.opsctl_versions),
            "preview": self.is_preview,
        }


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Time, memory and cost of some scans with one setting; None where not known.

    Attributes
    ----------
    median_memory_mib, largest_memory_mib
        Of the scans' peaks.
    usd
        At AWS's prices.
    money
        The same with what was charged of it; None where that is not known.
    priced_scans
        How many scans the cost is known of.
    """

    scans: int
    median_seconds: float | None
    longest_seconds: float | None
    median_memory_mib: int | None
    largest_memory_mib: int | None
    usd: float | None
    money: Money | None
    priced_scans: int

    @property
    def usd_per_scan(self) -> float | None:
        """The average cost."""
        return self.usd / self.priced_scans if self.usd is not None and self.priced_scans else None

    def as_json(self) -> dict[str, Any]:
        """The fields of `compare --json`."""
        values = {name: value for name, value in vars(self).items() if name != "money"}
        return {
            **values,
            "cost": self.money.as_json() if self.money is not None else None,
            "usd_per_scan": self.usd_per_scan,
        }


@dataclass(frozen=True)
class OptionDifference:
    """An option of m2g's that differs, and its two values."""

    option: str
    first: Any
    second: Any


def option_differences(first: Side, second: Side) -> list[OptionDifference]:
    """Which of m2g's options differ; none where those of either are not known."""
    if first.options is None or second.options is None:
        return []
    defaults = M2gOptions().as_dict()
    return [
        OptionDifference(name, *values)
        for name, default in defaults.items()
        if name not in _NOT_LISTED
        and (values := (first.options.get(name, default), second.options.get(name, default)))[0] != values[1]
    ]


def labels(first: Side, second: Side) -> tuple[str, str]:
    """How the two are called: A and B, with the values of m2g's options that differ, `A (csd)` and `B (csa)`."""
    differences = option_differences(first, second)
    if not 0 < len(differences) <= _MOST_IN_LABEL:
        return "A", "B"
    values = [
        [_value_text(each.option, value) for each in differences for value in (getattr(each, side),)]
        for side in ("first", "second")
    ]
    return f"A ({', '.join(values[0])})", f"B ({', '.join(values[1])})"


_MOST_IN_LABEL = 2


def _value_text(option: str, value: Any) -> str:
    """A value that says what it is of: `csd`, `seeds 10`, `reuse_registration`."""
    if isinstance(value, str):
        return value
    return f"{option} {'yes' if value is True else 'no' if value is False else value}"
