"""`size`: the peaks of a run's scans, and how many scans they propose for an instance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from opsctl.commands.dataset.headers import Headers
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_reader import RunReader
from opsctl.core.costs.estimate import ENOUGH_SCANS, GUIDE_HOURS, Rates, succeeded_hours
from opsctl.core.dataset.scan import Input
from opsctl.core.dataset.unreadable import UnreadableFile
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.m2g_options import all_asked
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result
from opsctl.core.sizing.disk import NOT_MEASURED, SystemDisk
from opsctl.core.sizing.packing import Assumptions
from opsctl.core.sizing.peaks import peak_of
from opsctl.core.sizing.size_report import SizeReport, size_report
from opsctl.core.sizing.slowdown import SLOWDOWN, slowdown_of

#: Of more scans the volumes are not read: a request to S3 each.
_MOST_HEADERS = 400
_THREADS = 16
#: The image whose volumes decide how much memory m2g needs.
_SERIES = ("dwi", "bold")


def size(
    run: Run,
    *,
    records: Records,
    headers: Headers | None,
    platform: Platform,
    rates: Rates,
    slowdown: float = SLOWDOWN,
) -> SizeReport:
    """What the peaks of a run's scans propose for the instances of its model.

    Parameters
    ----------
    headers
        Reads the images' headers, for the numbers of volumes; None: they are not read.
    rates
        What an instance of the model costs with one scan.
    slowdown
        How much longer a scan takes that shares a core.
    """
    results = RunReader(run, records=records).results()
    # Peaks of the preview and of m2g are never mixed.
    is_preview = bool(results) and all(run.is_previewed(index) for index in results)
    counted = {index: result for index, result in results.items() if run.is_previewed(index) == is_preview}
    resources = platform.models[run.model]
    volumes = _volumes(records, run, sorted(counted), headers) if headers is not None else {}
    job_mib = run.memory_mib or platform.models[run.resources].memory_mib
    peaks = [
        peak_of(
            result,
            model=run.model,
            atlas_count=len(run.m2g.get("parcellation", ())),
            volumes=volumes.get(index),
            job_mib=job_mib,
        )
        for index, result in sorted(counted.items())
    ]
    measured = tuple(peak for peak in peaks if peak is not None)
    hours, source = _hours([] if is_preview else list(counted.values()), run, platform, slowdown=slowdown)
    return size_report(
        run,
        measured,
        unmeasured=len(results) - len(measured),
        is_preview=is_preview,
        is_local=platform.is_local,
        resources=resources,
        rates=rates,
        hours_source=source,
        assumptions=Assumptions(scan_hours=hours, slowdown=slowdown),
        system=system_disk(records, platform),
    )


def system_disk(records: Records, platform: Platform) -> SystemDisk:
    """What an instance's disk holds besides scans, by the newest self-test of the platform's image."""
    measured = records.platform_times().disk(platform.image)
    return SystemDisk(used_mib=measured.disk_used_mib, measured_on=measured.measured_on) if measured else NOT_MEASURED


def latest_measured(
    records: Records,
    *,
    platform: Platform,
    model: str,
    rates: Rates,
    dataset_uri: str | None = None,
    m2g: Mapping[str, object] | None = None,
) -> SizeReport | None:
    """What the newest run proposes that has enough measured scans; None where none has.

    Parameters
    ----------
    dataset_uri, m2g
        Only runs of this dataset, and that asked this of m2g; None: any.
    """
    for run_id in reversed(records.run_ids()):
        run = records.runs([run_id]).get(run_id)
        if run is None or (run.platform, run.model) != (platform.name, model):
            continue
        if dataset_uri is not None and run.dataset != dataset_uri:
            continue
        if m2g is not None and all_asked(run.m2g) != all_asked(m2g):
            continue
        report = size(run, records=records, headers=None, platform=platform, rates=rates)
        if report.proposal is not None:
            return report
    return None


def _hours(results: Sequence[Result], run: Run, platform: Platform, *, slowdown: float) -> tuple[float, str]:
    """How long a scan takes that has its core for itself, and where that comes from."""
    hours = succeeded_hours(results)
    if len(hours) < ENOUGH_SCANS:
        return GUIDE_HOURS, f"65 minutes a scan (the m2g guide's figure: fewer than {ENOUGH_SCANS} scans were timed)"
    whole_vcpus = platform.models[run.resources].whole_vcpus
    factor = slowdown_of(run.scans_per_instance, vcpus=whole_vcpus, slowdown=slowdown)
    shared = "" if factor == 1.0 else f", divided by {factor:g} because two shared a core"
    alone = median(hours) / factor
    return alone, f"{alone * 60:.0f} minutes a scan (the median of {len(hours):,} scans of this run{shared})"


def _volumes(records: Records, run: Run, indices: Sequence[int], headers: Headers) -> dict[int, int]:
    """The number of volumes of each scan's series, as its header says; without those that cannot be read."""
    if not 0 < len(indices) <= _MOST_HEADERS:
        return {}
    documents: dict[int, Mapping[str, object]] = {}
    for run_id, places in run.places().items():
        for origin_index, document in records.documents(run_id).items():
            if origin_index in places:
                documents[places[origin_index]] = document

    def volumes_of(index: int) -> int | None:
        document = documents.get(index, {})
        inputs = document.get("inputs", ())
        for file in inputs if isinstance(inputs, (list, tuple)) else ():
            if file["role"] in _SERIES:
                try:
                    return headers.header(Input(**file)).volumes
                except UnreadableFile:
                    return None
        return None

    with ThreadPoolExecutor(_THREADS) as pool:
        pairs = zip(indices, pool.map(volumes_of, indices), strict=True)
        return {index: volumes for index, volumes in pairs if volumes is not None}
