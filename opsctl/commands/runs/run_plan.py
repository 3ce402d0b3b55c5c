"""The plan of a run: what a request would submit, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from opsctl.commands.runs.request import RunRequest
from opsctl.core.atlases.atlas import Atlas
from opsctl.core.atlases.atlas_table import AtlasTable
from opsctl.core.dataset.scan import Discovery, Scan
from opsctl.core.dataset.scan_validation import Verdict
from opsctl.core.location import Location
from opsctl.core.platform.platform import Platform
from opsctl.core.record import SCHEMA_VERSION
from opsctl.core.runs.manifest import Run, timestamp
from opsctl.core.runs.registration import Registration
from opsctl.core.runs.scan_document import ScanDocuments
from opsctl.core.runs.scan_history import Disposition, ScanDisposition, earlier_m2g
from opsctl.core.runs.submission import LARGEST_ARRAY, array_sizes, submissions_of, submit_request
from opsctl.core.sizing.growth import grown_memory_mib
from opsctl.core.sizing.job_size import own_size


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """What a request would submit, and why.

    Attributes
    ----------
    chosen
        The scans that the request selects.
    output
        The derivatives folder.
    dispositions
        What has become of each chosen scan so far.
    earlier
        The runs with the same output location, oldest first.
    run_id
        The id of the run that would be made.
    image_digest
        `sha256:…` of the platform's image, where it is known.
    table
        All of neuroparc's atlases.
    registrations
        What each chosen scan reuses, by its name; empty without `--reuse-registration`.
    left_out
        Scans that were chosen and that m2g cannot process, where the user wants to leave them out.
    scans_at_once
        How many jobs the platform and the account's quotas let run at once; None where that is not known.
    """

    request: RunRequest
    platform: Platform
    table: AtlasTable
    discovery: Discovery
    chosen: tuple[Scan, ...]
    output: Location
    dispositions: tuple[ScanDisposition, ...]
    earlier: tuple[Run, ...]
    run_id: str
    moment: datetime
    image_digest: str | None = None
    registrations: Mapping[str, Registration] = field(default_factory=dict)
    left_out: tuple[Verdict, ...] = ()
    scans_at_once: int | None = None

    @property
    def atlases(self) -> tuple[Atlas, ...]:
        """The atlases that the jobs make graphs of."""
        return tuple(self.table[name] for name in self.request.options.parcellation)

    @property
    def cut_atlases(self) -> tuple[Atlas, ...]:
        """Those of which m2g drops regions, the largest loss first; C-PAC (func) drops none."""
        options = self.request.options
        if options.pipeline == "func":
            return ()
        cut = [atlas for atlas in self.atlases if atlas.cut(options.voxelsize)]
        return tuple(sorted(cut, key=lambda atlas: -atlas.cut(options.voxelsize)))

    @property
    def scan_keys(self) -> list[tuple[str, str]]:
        """The chosen scans' names and keys."""
        return [(scan.name, scan.key) for scan in self.dispositions]

    @property
    def done_count(self) -> int:
        """How many scans are done, whichever m2g did them."""
        return self.counts.get("done", 0) + self.counts.get("other_m2g", 0)

    @property
    def counts(self) -> dict[Disposition, int]:
        """How many scans have which disposition."""
        return dict(Counter(scan.disposition for scan in self.dispositions))

    def to_submit(self, dispositions: Sequence[ScanDisposition] | None = None) -> list[ScanDisposition]:
        """The scans to submit, of the plan's own or of newer dispositions."""
        scans = self.dispositions if dispositions is None else dispositions
        return [scan for scan in scans if self.is_submitted(scan)]

    def is_submitted(self, scan: ScanDisposition) -> bool:
        """Whether the request submits a scan of this disposition."""
        return scan.is_submitted(self.request.only, redo=self.request.redo)

    def earlier_m2g(self, disposition: Disposition = "other_m2g") -> dict[str, int]:
        """How many scans of a disposition were done, or are being done, by which m2g other than the platform's."""
        return earlier_m2g(self.dispositions, disposition)

    @property
    def has_choice(self) -> bool:
        """Whether to keep or to redo the scans that another m2g did is left open by the request."""
        return bool(self.earlier_m2g()) and self.request.only == "missing"

    def redoing(self) -> RunPlan:
        """The same plan, with the scans that another m2g did submitted again."""
        return replace(self, request=replace(self.request, redo=True))

    @property
    def earlier_snapshots(self) -> list[str]:
        """The other snapshots of the dataset that earlier runs into this location had, the oldest first."""
        now = self.request.snapshot
        if now is None or not now.version:
            return []
        versions = dict.fromkeys(run.dataset_version for run in self.earlier)
        return [version for version in versions if version and version != now.version]

    def without(self, invalid: Sequence[Verdict]) -> RunPlan:
        """The same plan without the scans that m2g cannot process."""
        names = {verdict.scan for verdict in invalid}
        return replace(
            self,
            chosen=tuple(scan for scan in self.chosen if scan.name not in names),
            dispositions=tuple(scan for scan in self.dispositions if scan.name not in names),
            left_out=(*self.left_out, *invalid),
        )

    @property
    def scans_to_submit(self) -> tuple[Scan, ...]:
        """The scans to submit, with their inputs."""
        names = {scan.name for scan in self.to_submit()}
        return tuple(scan for scan in self.chosen if scan.name in names)

    def run(self, dispositions: Sequence[ScanDisposition], *, at_once: int = LARGEST_ARRAY) -> Run:
        """The run that submits the rest and adopts the scans that are done or in flight.

        Parameters
        ----------
        dispositions
            Of the chosen scans; those that are neither submitted nor adopted are left out.
        at_once
            The largest number of scans in one submission.
        """
        to_submit = self.to_submit(dispositions)
        request = self.request
        model = request.resources(self.platform)
        own, size = own_size(self.platform.models[model]), request.job_size(self.platform)
        adopted = [scan for scan in dispositions if scan.is_adopted and not self.is_submitted(scan)]
        return Run(
            run_id=self.run_id,
            dataset=request.dataset.uri,
            output=self.output.uri,
            m2g=request.options.as_dict(),
            model=request.options.diffusion_model,
            image=self.platform.image,
            platform=self.platform.name,
            region=self.platform.region,
            scans=tuple(scan.name for scan in (*to_submit, *adopted)),
            keys=(*(scan.key for scan in to_submit), *(scan.origin_key for scan in adopted)),
            sizes=tuple(array_sizes(len(to_submit), most=at_once)),
            adopted=tuple(scan.origin for scan in adopted if scan.origin is not None),
            resources=model,
            attempt_timeout_seconds=self.platform.attempt_timeout_seconds,
            memory_mib=request.memory_mib if size.memory_mib == own.memory_mib else size.memory_mib,
            vcpus=None if size.vcpus == own.vcpus else size.vcpus,
            scans_per_instance=size.scans_per_instance,
            scans_at_once=self.scans_at_once,
            grows_to_mib=grown_memory_mib(size, model, self.platform) if request.grows else None,
            is_grown=request.only == "outgrown",
            max_spend_usd=request.max_spend_usd,
            created_at=timestamp(self.moment),
            created_by=request.user,
            command_line=request.command_line,
            opsctl_version=request.version,
            dataset_version=request.snapshot.version if request.snapshot else "",
            dataset_doi=request.snapshot.doi if request.snapshot else "",
        )

    def each_document(self, run: Run) -> Iterator[tuple[int, dict[str, Any]]]:
        """The JSONs of the scans that the run submits, each with its index; each is made when it is asked for."""
        scans = {scan.name: scan for scan in self.chosen}
        documents = ScanDocuments(
            self.request.options,
            run=run,
            atlases=self.atlases,
            job=self.platform.models[run.resources],
            image_digest=self.image_digest,
        )
        for index in range(run.submitted_count):
            name = run.scans[index]
            yield index, documents.document(scans[name], index, registration=self.registrations.get(name))

    def documents(self, run: Run) -> dict[int, dict[str, Any]]:
        """The JSONs of all scans that the run submits, by index."""
        return dict(self.each_document(run))

    def as_json(self) -> dict[str, Any]:
        """What `run --dry-run --json` prints."""
        run = self.run(self.dispositions)
        submissions = submissions_of(run, self.platform, at=run.created_at)
        return {
            "schema_version": SCHEMA_VERSION,
            "run": run.as_json(),
            "counts": self.counts,
            "m2g_image": self.platform.m2g_image,
            "earlier_m2g": self.earlier_m2g(),
            "scans": list(self.documents(run).values()),
            "left_out": [verdict.as_json() for verdict in self.left_out],
            "snapshot": self.request.snapshot.as_json() if self.request.snapshot else None,
            **self.discovery.as_json(),
            "requests": [submit_request(submission, run, self.platform) for submission in submissions],
        }
