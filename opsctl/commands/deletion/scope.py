"""What a deletion covers: the keys that go, the runs that refer to them, and the output locations to hold meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.records import Records
from opsctl.core.deletion.part import Part, dataset_part, outputs_part, run_part
from opsctl.core.deletion.target import Target
from opsctl.core.errors import Problem
from opsctl.core.location import Location, is_label, parse_uri
from opsctl.core.runs.manifest import Run, may_be_run_of


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What one deletion covers.

    Attributes
    ----------
    runs
        The runs that read or wrote what goes. Of a dataset and of a run their records go as a whole; of a subject they
        are written again without it; of outputs, and with `--keep-outputs`, they stay.
    parts
        The keys that go.
    outputs
        No `run` may submit to these while they are deleted.
    run_ids
        The runs whose records go as a whole, those too that were killed before they had a `run.json`.
    known_ids
        All runs that refer to it, those too without a `run.json`.
    adopters
        Of a run: the later runs that list scans of it as theirs.
    """

    target: Target
    runs: tuple[Run, ...]
    parts: tuple[Part, ...]
    outputs: tuple[Location, ...]
    run_ids: tuple[str, ...] = ()
    known_ids: tuple[str, ...] = ()
    adopters: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class _Fragment:
    """The scans' JSONs of a run that was killed before it wrote its record."""

    run_id: str
    outputs: frozenset[str]
    indices: frozenset[int]


def find_scope(target: Target, *, storage: Storage, records: Records) -> Scope:
    """Read the runs, and decide what goes.

    Raises
    ------
    Problem
        When the record of a run that may be of the dataset cannot be read, or there is no such run.
    """
    if target.kind == "run":
        return _run_scope(target, records)
    if target.dataset is None or target.folder is None:
        raise ValueError(f"{target} has no dataset")
    folder, subject = target.folder, target.subject
    dataset = folder.prefix if target.kind != "outputs" else folder.prefix.rpartition("/derivatives/")[0]
    inside = f"s3://{folder.bucket}/{dataset}/derivatives/"
    runs = tuple(
        run
        for run in records.runs_of(target.dataset.name)
        if run.dataset == target.dataset.uri or run.output.startswith(inside)
    )
    if target.kind == "outputs":
        part = outputs_part(folder.key_prefix, target.modif)
        runs = tuple(run for run in runs if run.output == folder.uri)
        return Scope(target=target, runs=runs, parts=(part,), outputs=(folder,))
    _refuse_unreadable(target.dataset.name, records)
    part = dataset_part(folder.key_prefix, subject=subject, keeps_outputs=target.keeps_outputs)
    fragments = tuple(_fragments(target, records))
    names = storage.folders(Location(folder.bucket, f"{dataset}/derivatives"))
    outputs = {run.output for run in runs} | {f"{inside}{name}" for name in names if is_label(name)}
    outputs = outputs.union(*(fragment.outputs for fragment in fragments))
    run_ids = (*(run.run_id for run in runs), *(fragment.run_id for fragment in fragments))
    run_parts: tuple[Part, ...] = ()
    if subject is not None:
        of_runs = {run.run_id: subject.scans_of(run) for run in runs}
        of_runs |= {fragment.run_id: fragment.indices for fragment in fragments}
        run_parts = tuple(run_part(run_id, indices) for run_id, indices in of_runs.items() if indices)
    elif not target.keeps_outputs:
        run_parts = tuple(run_part(run_id) for run_id in run_ids)
    return Scope(
        target=target,
        runs=runs,
        parts=(part, *run_parts),
        outputs=tuple(parse_uri(uri) for uri in sorted(outputs)),
        run_ids=run_ids if subject is None and not target.keeps_outputs else (),
        known_ids=run_ids,
    )


def _run_scope(target: Target, records: Records) -> Scope:
    runs = tuple(records.runs([target.run_id]).values())
    # Without its last part, a run's id is the name of its dataset.
    others = records.runs_of(target.run_id[:-21])
    adopters = tuple(run.run_id for run in others if any(origin.run_id == target.run_id for origin in run.adopted))
    return Scope(
        target=target,
        runs=runs,
        parts=(run_part(target.run_id),),
        outputs=tuple(parse_uri(run.output) for run in runs),
        run_ids=(target.run_id,),
        adopters=adopters,
    )


def _refuse_unreadable(dataset_name: str, records: Records) -> None:
    for problem in records.unreadable():
        run_id = problem.source.removesuffix("/run.json").rpartition("/")[2]
        if problem.source.endswith("/run.json") and may_be_run_of(run_id, dataset_name):
            raise Problem(
                f"{problem.what} So it is not known whether the run used what is to be deleted.",
                f"Restore it, or delete the run first: `opsctl delete run {run_id}`.",
                code=problem.code,
            )


def _fragments(target: Target, records: Records) -> Iterator[_Fragment]:
    """The runs of the dataset that were killed before they wrote their record: their scans' JSONs name subjects."""
    if target.dataset is None or target.keeps_outputs:
        return
    run_ids = [run_id for run_id in records.run_ids() if may_be_run_of(run_id, target.dataset.name)]
    for run_id in sorted(set(run_ids) - records.runs(run_ids).keys()):
        documents = {
            index: document
            for index, document in records.documents(run_id).items()
            if document.get("dataset") == target.dataset.uri
        }
        if documents:
            yield _Fragment(
                run_id=run_id,
                outputs=frozenset(_output_folder(document) for document in documents.values()),
                indices=frozenset(
                    index
                    for index, document in documents.items()
                    if target.subject is None or document["scan"]["subject"] == target.subject.label
                ),
            )


def _output_folder(document: dict[str, object]) -> str:
    output, scan = str(document["output"]), document["scan"]
    name = str(scan["name"]) if isinstance(scan, dict) else ""
    return output.removesuffix(f"/{name}")
