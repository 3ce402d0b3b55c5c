"""`run`: discover, record, submit. Records are written before they are needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from opsctl.aws.batch import Batch
from opsctl.aws.s3 import Storage
from opsctl.commands.dataset import Query, ensure_runnable, find
from opsctl.commands.records import Records
from opsctl.core.cost import Estimate, estimate
from opsctl.core.entities import EntityPatterns
from opsctl.core.errors import Interrupted, Problem
from opsctl.core.location import Location, derivatives, run_location
from opsctl.core.m2g import M2gOptions
from opsctl.core.manifest import (
    Run,
    Submission,
    document_key,
    make_run_id,
    mixing_run,
    scan_document,
    submission_of,
    submit_requests,
    timestamp,
)
from opsctl.core.platform import Platform
from opsctl.core.scan import Discovery, Scan
from opsctl.core.selection import EVERYTHING, Selection


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the person typed.

    Attributes
    ----------
    dataset
        Where the dataset lies.
    modif
        The derivatives folder's name, or None: `m2g-<model>-<space>`, `m2g-func` or `m2g-both`.
    selection
        Which of the dataset's scans are meant.
    t1w
        Which T1w a scan gets; see `opsctl.core.bids.discover`.
    """

    dataset: Location
    options: M2gOptions
    modif: str | None = None
    selection: Selection = EVERYTHING
    t1w: str | None = None
    command_line: tuple[str, ...] = ()
    user: str = ""
    version: str = ""

    @property
    def query(self) -> Query:
        """Which scans that are."""
        return Query(dataset=self.dataset, pipeline=self.options.pipeline, selection=self.selection, t1w=self.t1w)

    @property
    def output_name(self) -> str:
        """The derivatives folder's name: other models and spaces never meet in one."""
        if self.modif is not None:
            return self.modif
        if self.options.pipeline == "func":
            return "m2g-func"
        base = "m2g-both" if self.options.pipeline == "both" else "m2g"
        return f"{base}-{self.options.diffusion_model}-{self.options.space}"


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A run that is ready to be submitted; nothing has been written yet.

    Attributes
    ----------
    chosen
        The scans of this run.
    documents
        One JSON a scan, in the chosen scans' order.
    requests
        The exact SubmitJob requests.
    """

    run: Run
    discovery: Discovery
    chosen: tuple[Scan, ...]
    documents: tuple[dict[str, Any], ...]
    requests: tuple[dict[str, Any], ...]
    estimate: Estimate

    def as_json(self) -> dict[str, Any]:
        """What `run --dry-run --json` prints."""
        return {
            "run": self.run.as_json(),
            "scans": list(self.documents),
            "excluded": [asdict(one) for one in self.discovery.excluded],
            "requests": list(self.requests),
            "estimate": asdict(self.estimate),
        }


def prepare(
    order: Order,
    platform: Platform,
    storage: Storage,
    records: Records,
    *,
    patterns: EntityPatterns,
    moment: datetime,
    token: str,
) -> Prepared:
    """From a dataset's keys to a run that is ready to be submitted.

    Raises
    ------
    Problem
        When the dataset is not there, holds nothing to run, or its output place holds another run's options.
    """
    found = find(order.query, storage, patterns=patterns)
    ensure_runnable(found, order.query)
    chosen = found.chosen
    output = derivatives(order.dataset, order.output_name, data_bucket=platform.data_bucket)
    run_id = make_run_id(order.dataset.name, moment=moment, token=token)
    run = Run(
        run_id=run_id,
        dataset=order.dataset.uri,
        output=output.uri,
        m2g=order.options.as_dict(),
        model=order.options.diffusion_model,
        image=platform.image,
        platform=platform.name,
        region=platform.region,
        scans=tuple(scan.name for scan in chosen),
        created_at=timestamp(moment),
        created_by=order.user,
        command_line=order.command_line,
        opsctl_version=order.version,
    )
    other = mixing_run(run, records.runs_of(run_id[:-21]))
    if other is not None:
        raise Problem(
            f"{output.uri} holds the outputs of {other.run_id}, which ran with other options: they are never mixed.",
            "Name another output with --modif.",
        )
    return Prepared(
        run=run,
        discovery=found.discovery,
        chosen=chosen,
        documents=tuple(
            scan_document(scan, order.options, run_id=run_id, index=index, image=platform.image, output=output)
            for index, scan in enumerate(chosen)
        ),
        requests=tuple(submit_requests(run, platform)),
        estimate=estimate(platform, model=run.model, scan_count=len(chosen)),
    )


def submit(
    prepared: Prepared,
    platform: Platform,
    storage: Storage,
    batch: Batch,
    *,
    now: Callable[[], datetime],
) -> list[Submission]:
    """Write the run's records, submit, record the submissions.

    Raises
    ------
    Problem
        When AWS refuses; says what was submitted before.
    Interrupted
        After Ctrl-C; says the same.
    """
    bucket = platform.data_bucket
    prefix = run_location(prepared.run.run_id, data_bucket=bucket).prefix
    storage.put_jsons(bucket, {document_key(prefix, "scans", one["index"]): one for one in prepared.documents})
    storage.put_json(bucket, f"{prefix}/run.json", prepared.run.as_json())
    done: list[Submission] = []
    try:
        for number, request in enumerate(prepared.requests):
            job_id = batch.submit(request)
            submission = submission_of(request, job_id=job_id, submitted_at=timestamp(now()))
            done.append(submission)
            storage.put_json(bucket, f"{prefix}/submissions/{number:02d}.json", asdict(submission))
    except KeyboardInterrupt as error:
        raise Interrupted(f"Stopped. {_submitted(done, prepared)}") from error
    except Problem as problem:
        raise Problem(f"{problem.what} {_submitted(done, prepared)}", problem.mend) from problem
    return done


def keep_documents(prepared: Prepared, folder: Path) -> None:
    """Keep the run's JSONs on this machine too (`--jobdir`).

    Raises
    ------
    Problem
        When the folder cannot be written to: found before anything is submitted.
    """
    target = folder / prepared.run.run_id
    try:
        (target / "scans").mkdir(parents=True, exist_ok=True)
        (target / "run.json").write_text(json.dumps(prepared.run.as_json(), indent=1))
        for one in prepared.documents:
            (target / "scans" / f"{one['index']:05d}.json").write_text(json.dumps(one, indent=1))
    except OSError as error:
        raise Problem(
            f"{error.filename or target} cannot be written ({error.strerror}).", "Name another --jobdir."
        ) from error


def _submitted(done: Sequence[Submission], prepared: Prepared) -> str:
    count = sum(submission.size for submission in done)
    return f"{count} of {len(prepared.chosen)} scans of {prepared.run.run_id} were submitted."
