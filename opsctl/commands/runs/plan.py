"""`run`, before the yes: discover, look at the earlier runs, and say what there is to do. Nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from opsctl.aws.s3.storage import Storage
from opsctl.commands.dataset.discovery import ensure_runnable, find
from opsctl.commands.runs.prior_runs import PriorRuns
from opsctl.commands.runs.request import RunRequest
from opsctl.core.dataset.entities import EntityPatterns
from opsctl.core.dataset.scan import Discovery, Scan
from opsctl.core.errors import Problem
from opsctl.core.location import Location, derivatives
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.manifest import Run, make_run_id, mixing_run, scan_document, scan_key, timestamp
from opsctl.core.runs.scan_history import Disposition, ScanDisposition
from opsctl.core.runs.submission import LARGEST_ARRAY, array_sizes, submissions_of, submit_request


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """What an order comes to.

    Attributes
    ----------
    chosen
        The scans that are meant.
    standings
        What has become of each of them so far.
    earlier
        The runs into the same place, oldest first.
    run_id
        The name of the run that would be made.
    image_digest
        `sha256:…` of the platform's image, where it is known.
    """

    request: RunRequest
    platform: Platform
    discovery: Discovery
    chosen: tuple[Scan, ...]
    output: Location
    dispositions: tuple[ScanDisposition, ...]
    earlier: tuple[Run, ...]
    run_id: str
    moment: datetime
    image_digest: str | None = None

    @property
    def wanted(self) -> list[tuple[str, str]]:
        """The scans' names and keys."""
        return [(one.name, one.key) for one in self.dispositions]

    @property
    def counts(self) -> dict[Disposition, int]:
        """How many scans stand how."""
        return dict(Counter(one.disposition for one in self.dispositions))

    def rest(self, dispositions: Sequence[ScanDisposition] | None = None) -> list[ScanDisposition]:
        """What is to be submitted."""
        return [one for one in dispositions or self.dispositions if one.is_submitted(self.request.only)]

    @property
    def rest_scans(self) -> tuple[Scan, ...]:
        """The scans that are to be submitted."""
        names = {one.name for one in self.rest()}
        return tuple(scan for scan in self.chosen if scan.name in names)

    def run(self, dispositions: Sequence[ScanDisposition], *, at_once: int = LARGEST_ARRAY) -> Run:
        """The run that submits the rest and adopts what is done or in flight.

        Parameters
        ----------
        standings
            Of the chosen scans; those that are neither submitted nor adopted are left out.
        at_once
            How many scans a submission takes at most.
        """
        rest = self.rest(dispositions)
        request = self.request
        adopted = [
            one
            for one in dispositions
            if not one.is_submitted(request.only) and one.disposition in ("done", "in flight")
        ]
        return Run(
            run_id=self.run_id,
            dataset=request.dataset.uri,
            output=self.output.uri,
            m2g=request.options.as_dict(),
            model=request.options.diffusion_model,
            image=self.platform.image,
            platform=self.platform.name,
            region=self.platform.region,
            scans=tuple(one.name for one in (*rest, *adopted)),
            keys=tuple(one.key for one in (*rest, *adopted)),
            sizes=tuple(array_sizes(len(rest), most=at_once)),
            adopted=tuple(one.origin for one in adopted if one.origin is not None),
            resources=request.resources(self.platform),
            memory_mib=request.memory_mib,
            max_spend_usd=request.max_spend_usd,
            created_at=timestamp(self.moment),
            created_by=request.user,
            command_line=request.command_line,
            opsctl_version=request.version,
        )

    def documents(self, run: Run) -> dict[int, dict[str, Any]]:
        """The JSONs of the scans that a run submits, by index."""
        scans = {scan.name: scan for scan in self.chosen}
        return {
            index: scan_document(
                scans[name], self.request.options, run=run, index=index, image_digest=self.image_digest
            )
            for index, name in enumerate(run.scans[: run.submitted_count])
        }

    def as_json(self) -> dict[str, Any]:
        """What `run --dry-run --json` prints."""
        run = self.run(self.dispositions)
        submissions = submissions_of(run, self.platform, at=run.created_at)
        return {
            "run": run.as_json(),
            "counts": self.counts,
            "scans": list(self.documents(run).values()),
            "excluded": [asdict(one) for one in self.discovery.excluded],
            "requests": [submit_request(one, run, self.platform) for one in submissions],
        }


def plan(
    request: RunRequest,
    platform: Platform,
    source: Storage,
    prior_runs: PriorRuns,
    *,
    patterns: EntityPatterns,
    moment: datetime,
    token: str,
    image_digest: str | None = None,
) -> RunPlan:
    """From a dataset's keys to what is to be done.

    Parameters
    ----------
    source
        S3 as the dataset is read.

    Raises
    ------
    Problem
        When the dataset is not there, holds nothing to run, its output place holds another run's options, or jobs with
        other inputs are on their way there.
    """
    request.resources(platform)
    found = find(request.query, source, patterns=patterns)
    ensure_runnable(found, request.query)
    earlier = prior_runs.runs()
    run_id = make_run_id(request.dataset.name, moment=moment, token=token)
    wanted = [(scan.name, scan_key(scan, request.options, image=platform.image)) for scan in found.chosen]
    made = RunPlan(
        request=request,
        platform=platform,
        discovery=found.discovery,
        chosen=found.chosen,
        output=output_of(request, platform),
        dispositions=tuple(prior_runs.dispositions(wanted, earlier)),
        earlier=tuple(earlier),
        run_id=run_id,
        moment=moment,
        image_digest=image_digest,
    )
    _refuse_mixing(made, prior_runs)
    ensure_nothing_in_the_way(made.dispositions)
    _refuse_foreign(made, prior_runs)
    return made


def output_of(request: RunRequest, platform: Platform) -> Location:
    """The derivatives folder."""
    return derivatives(request.dataset, request.output_name, data_bucket=platform.data_bucket)


def ensure_nothing_in_the_way(dispositions: Sequence[ScanDisposition]) -> None:
    """Two jobs of other work never write into one place.

    Raises
    ------
    Problem
        With the scans whose jobs are on their way with other inputs or another image.
    """
    busy = [one for one in dispositions if one.disposition == "blocked_by_active_job"]
    if busy:
        names = ", ".join(one.name for one in busy[:3]) + (" …" if len(busy) > 3 else "")
        run_id = busy[0].origin.run_id if busy[0].origin else ""
        raise Problem(
            f"Jobs of {run_id} with other inputs or another image are still on their way to the same place ({names}).",
            f"Wait for their end, or end them: `opsctl cancel --run {run_id}`.",
        )


def _refuse_mixing(made: RunPlan, prior_runs: PriorRuns) -> None:
    other = mixing_run(
        made.request.dataset.uri,
        made.request.options.as_dict(),
        [run for run in made.earlier if prior_runs.has_submitted(run)],
    )
    if other is not None:
        raise Problem(
            f"{made.output.uri} holds the outputs of {other.run_id}, which ran with other options: they are never"
            " mixed.",
            "Name another output with --modif.",
        )


def _refuse_foreign(made: RunPlan, prior_runs: PriorRuns) -> None:
    new = {one.name for one in made.dispositions if one.disposition == "new"}
    foreign = prior_runs.foreign(new, made.earlier)
    if foreign:
        raise Problem(
            f"The output place holds files that opsctl did not write ({len(foreign)}, e.g. {foreign[0]}): they are"
            " never written over.",
            "Name another output with --modif.",
        )
