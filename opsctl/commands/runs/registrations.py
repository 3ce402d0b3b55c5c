"""Finds the finished scans whose eddy correction and registration a new run may reuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from opsctl.aws.s3.storage import Storage
from opsctl.commands.dataset.discovery import ChosenScans
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_reader import RunReader
from opsctl.core.dataset.scan import Exclusion, S3Object, Scan
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location, parse_uri
from opsctl.core.runs.m2g_options import M2gOptions, asked
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.registration import Registration, registration_of
from opsctl.core.runs.scan_key import ScanKeys, m2g_image_of, work_of

#: The options that change the files which are reused; all others may differ from the earlier run's.
_DECISIVE = ("voxelsize", "skull")

_FIRST = "run without --reuse-registration first"
NOT_KEPT = f"registration not kept: {_FIRST}"
NOT_DONE = f"no finished scan with these inputs, --voxelsize and --skull: {_FIRST}"
OTHER_M2G = f"registration made by another m2g than the platform's: {_FIRST}"


@dataclass(frozen=True)
class ScanRegistrations:
    """What can be reused.

    Attributes
    ----------
    by_scan
        The registration of each scan that has one, by the scan's name.
    reasons
        Why each of the other scans has none.
    """

    by_scan: Mapping[str, Registration]
    reasons: Mapping[str, str]


class RegistrationFinder:
    """Looks through the earlier runs of a dataset, whatever output they wrote to.

    Parameters
    ----------
    m2g_image
        m2g's own image, as scans' keys name it: registrations of another m2g are not reused.
    """

    def __init__(self, records: Records, storage: Storage, *, dataset: Location, m2g_image: str) -> None:
        self._records = records
        self._storage = storage
        self._dataset = dataset
        self._m2g_image = m2g_image
        self._objects: dict[str, Mapping[str, S3Object]] = {}

    def with_registrations(
        self, scans: ChosenScans, options: M2gOptions
    ) -> tuple[ChosenScans, Mapping[str, Registration]]:
        """The scans that have a registration to reuse, and what it is; the others are excluded with the reason.

        Raises
        ------
        Problem
            When no chosen scan has one.
        """
        registrations = self.find(scans.chosen, options)
        if not registrations.by_scan:
            reasons = sorted(set(registrations.reasons.values()))
            raise Problem(
                f"No chosen scan of {self._dataset.uri} has a registration to reuse ({'; '.join(reasons)}).",
                "Leave --reuse-registration out: that run keeps its registrations for later ones.",
                code=ErrorCode.NO_SCANS,
            )
        without = [scan for scan in scans.discovery.scans if scan.name in registrations.reasons]
        excluded = [
            Exclusion(key=parse_uri(scan.inputs[0].uri).prefix, reason=registrations.reasons[scan.name])
            for scan in without
        ]
        discovery = replace(
            scans.discovery,
            scans=tuple(scan for scan in scans.discovery.scans if scan.name not in registrations.reasons),
            excluded=(*scans.discovery.excluded, *excluded),
        )
        chosen = tuple(scan for scan in scans.chosen if scan.name in registrations.by_scan)
        return ChosenScans(discovery=discovery, chosen=chosen), registrations.by_scan

    def find(self, scans: Sequence[Scan], options: M2gOptions) -> ScanRegistrations:
        """The oldest registration of each scan that is still there as its job wrote it.

        The oldest, so that the scans' keys stay the same when a later run registers them again.

        Parameters
        ----------
        scans
            Of pipeline dwi.
        options
            Of the new run.
        """
        by_scan: dict[str, Registration] = {}
        reasons = {scan.name: NOT_DONE for scan in scans}
        for run in self._runs(options):
            same_work = list(self._same_work(run, [scan for scan in scans if scan.name not in by_scan]))
            results = RunReader(run, records=self._records).results(files=True) if same_work else {}
            for scan, index in same_work:
                result = results.get(index)
                if result is None or not result.succeeded:
                    continue
                registration = registration_of(result, run_id=run.run_id, base=f"{run.output}/{run.scans[index]}")
                if m2g_image_of(run.keys[index]) != self._m2g_image:
                    reasons[scan.name] = OTHER_M2G
                elif registration is None or not self._is_intact(run, registration):
                    reasons[scan.name] = NOT_KEPT
                else:
                    by_scan[scan.name] = registration
        return ScanRegistrations(by_scan, {name: reason for name, reason in reasons.items() if name not in by_scan})

    def _runs(self, options: M2gOptions) -> Iterator[Run]:
        """The runs of this dataset that registered with the same options, oldest first."""
        decisive = {name: getattr(options, name) for name in _DECISIVE}
        defaults = M2gOptions().as_dict()
        for run in self._records.runs_of(self._dataset.name):
            same = all(run.m2g.get(name, defaults[name]) == value for name, value in decisive.items())
            if run.dataset == self._dataset.uri and run.m2g.get("pipeline", "dwi") != "func" and same:
                yield run

    def _same_work(self, run: Run, scans: Sequence[Scan]) -> Iterator[tuple[Scan, int]]:
        """The scans that a run submitted with the inputs of now, and their indices there.

        None of a run that reused a registration: its keys are of the reused files, too. What it has is a copy.
        """
        keys = ScanKeys(asked(run.m2g, "dwi"), self._m2g_image)
        by_work = {work_of(keys.key(scan.inputs)): scan for scan in scans}
        for index in range(run.submitted_count):
            scan = by_work.get(work_of(run.keys[index]))
            if scan is not None:
                yield scan, index

    def _is_intact(self, run: Run, registration: Registration) -> bool:
        """Whether every file is on S3 as its job wrote it; one listing answers for all scans of an output."""
        if run.output not in self._objects:
            self._objects[run.output] = self._storage.outputs(parse_uri(run.output))
        objects, prefix = self._objects[run.output], parse_uri(registration.base).key_prefix
        for file in registration.files:
            obj = objects.get(prefix + file.path)
            if obj is None or (obj.size_bytes, obj.etag) != (file.size_bytes, file.etag):
                return False
        return True
