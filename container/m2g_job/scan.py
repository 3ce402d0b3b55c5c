"""A scan's JSON: parsed once, and refused where the job cannot process it."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Mapping, Sequence

from m2g_job import causes, m2g_arguments, record
from m2g_job.environment import Environment
from m2g_job.faults import WrongInput
from m2g_job.reuse import Reuse
from m2g_job.reuse import parse as parse_reuse

#: The session label for a dataset without sessions, because m2g reads entities["session"]. No output's name has it.
MADE_UP_SESSION = "nosession"

_ROLES = {"dwi": ("dwi", "bval", "bvec", "T1w"), "func": ("bold", "T1w")}
#: The JSON sidecars of a bold series, none or several: m2g never gets them.
METADATA = "bold_json"
_ENDINGS = {"dwi": (".nii.gz", ".nii"), "bold": (".nii.gz", ".nii"), "T1w": (".nii.gz", ".nii"), METADATA: (".json",)}
_LABEL = re.compile(r"[A-Za-z0-9+]+")
_IMAGE_NAME = re.compile(r"(?:[A-Za-z0-9]+-[A-Za-z0-9+]+_)+(?:dwi|bold)")
_MOST_REGIONS = 10**6


@dataclass(frozen=True)
class Input:
    """One input file of the scan, as it was when the run was submitted."""

    uri: str
    role: str
    size_bytes: int
    etag: str

    @property
    def name(self) -> str:
        """The file's name, without folders."""
        return posixpath.basename(self.uri)

    @property
    def extension(self) -> str:
        """`.nii.gz` or `.nii` of an image, `.bval`, `.bvec`; "" where the name does not match the role."""
        endings = _ENDINGS.get(self.role, (f".{self.role}",))
        return next((ending for ending in endings if self.name.endswith(ending)), "")


@dataclass(frozen=True)
class Atlas:
    """An atlas that m2g is asked for, at the run's voxel size.

    Attributes
    ----------
    name
        neuroparc's, such as `Desikan`.
    folder
        The name of its folder among the outputs, such as `Desikan_space-MNI152NLin6_res-2x2x2`.
    regions
        Number of its regions.
    kept
        How many of them m2g's dwi pipeline keeps: it removes some of certain atlases before any registration.
    """

    name: str
    folder: str
    regions: int
    kept: int


@dataclass(frozen=True)
class Scan:
    """One scan, its inputs and its m2g options, from the scan's JSON.

    Attributes
    ----------
    dataset_version, dataset_doi
        Of a snapshot of OpenNeuro's; "" where it is not known, and for other datasets.
    atlases
        Those that m2g is asked for; empty where the scan's JSON does not say, and then nothing is known of regions.
    """

    dataset: str
    dataset_version: str
    dataset_doi: str
    name: str
    subject: str
    session: str | None
    inputs: tuple[Input, ...]
    pipeline: str
    atlases: tuple[Atlas, ...]
    options: Mapping[str, Any]
    argv: tuple[str, ...]
    image: str
    image_digest: str | None
    opsctl_version: str
    output: str
    key: str
    reuse: Reuse | None = None

    @property
    def session_label(self) -> str:
        """The session's label, also where the dataset has no sessions."""
        return self.session if self.session is not None else MADE_UP_SESSION

    def input(self, role: str) -> Input:
        """The one input of a role."""
        return next(entry for entry in self.inputs if entry.role == role)

    @property
    def primary(self) -> Input:
        """The dwi or bold image."""
        return self.input("dwi" if self.pipeline == "dwi" else "bold")

    @property
    def derivative(self) -> str:
        """The URI of the derivative dataset that the output is part of."""
        return self.output[: -len(f"/{self.name}")]


def parse(data: bytes, environment: Environment) -> Scan:
    """Parse a scan's JSON.

    Parameters
    ----------
    data
        The bytes of `scans/<index>.json`.
    environment
        The job's environment: run and index must match.

    Raises
    ------
    WrongInput
        The JSON is not valid, or the job cannot process the scan.
    """
    try:
        raw = record.parse(data)
        if type(raw["schema_version"]) is not int or raw["schema_version"] != 1:
            raise WrongInput(
                f"the scan's JSON has schema_version {record.shown(raw['schema_version'])}; this image knows 1",
                causes.SCAN_RECORD_INVALID,
            )
        is_index = type(raw["index"]) is int
        if not is_index or (raw["run_id"], raw["index"]) != (environment.run_id, environment.index):
            raise WrongInput(
                "the scan's JSON is of run {} index {}, the job of run {} index {}".format(
                    record.shown(raw["run_id"]), record.shown(raw["index"]), environment.run_id, environment.index
                ),
                causes.SCAN_RECORD_INVALID,
            )
        scan = _scan(raw, environment)
    except KeyError as missing:
        raise WrongInput(f"the scan's JSON cannot be read: {missing} is missing", causes.SCAN_RECORD_INVALID)
    except record.Unreadable as error:
        raise WrongInput(f"the scan's JSON cannot be read: {error}", causes.SCAN_RECORD_INVALID)
    _check_inputs(scan)
    _check_output(scan, environment)
    _check_argv(scan)
    return scan


def _scan(raw: dict[str, Any], environment: Environment) -> Scan:
    names, options = record.mapping(raw["scan"]), record.mapping(raw["m2g"])
    argv = tuple(record.text(word, record.NAME) for word in record.items(raw["argv"]))
    digest = raw["image_digest"]
    return Scan(
        dataset=record.text(raw["dataset"], record.URI).rstrip("/"),
        dataset_version=record.text(raw.get("dataset_version", "")),
        dataset_doi=record.text(raw.get("dataset_doi", "")),
        name=record.text(names["name"], record.SCAN_NAME),
        subject=_label(names["subject"], "subject"),
        session=None if names["session"] is None else _label(names["session"], "session"),
        inputs=tuple(_input(record.mapping(entry)) for entry in record.items(raw["inputs"])),
        pipeline=record.text(options.get("pipeline", "")),
        atlases=tuple(_atlas(record.mapping(entry)) for entry in record.items(raw.get("atlases") or [])),
        options=options,
        argv=argv,
        image=record.text(raw["image"], record.NAME),
        image_digest=None if digest is None else record.text(digest, record.DIGEST),
        opsctl_version=record.text(raw["opsctl_version"], record.NAME),
        output=record.text(raw["output"], record.URI),
        key=record.text(raw["key"], record.NAME),
        reuse=parse_reuse(raw.get("reuse"), argv=argv, bucket=environment.bucket),
    )


def _input(entry: dict[str, Any]) -> Input:
    return Input(
        record.text(entry["uri"], record.URI),
        record.text(entry["role"]),
        record.whole(entry["size_bytes"], 0, record.LARGEST_OBJECT),
        record.text(entry["etag"], record.NAME),
    )


def _atlas(entry: dict[str, Any]) -> Atlas:
    return Atlas(
        record.text(entry["name"], record.FOLDER_NAME),
        record.text(entry["folder"], record.FOLDER_NAME),
        record.whole(entry["regions"], 0, _MOST_REGIONS),
        record.whole(entry["kept"], 0, _MOST_REGIONS),
    )


def _label(value: Any, entity: str) -> str:
    # Labels become folder names and arguments, so `../` or `$(x)` must be refused.
    if not _LABEL.fullmatch(record.text(value)):
        raise WrongInput(f"{value!r} is not a BIDS {entity} label", causes.SCAN_RECORD_INVALID)
    return str(value)


def _check_inputs(scan: Scan) -> None:
    if scan.pipeline not in _ROLES:
        raise WrongInput(f"a job runs pipeline dwi or func, not {scan.pipeline!r}", causes.SCAN_RECORD_INVALID)
    needed, given = (
        sorted(_ROLES[scan.pipeline]),
        sorted(entry.role for entry in scan.inputs if scan.pipeline != "func" or entry.role != METADATA),
    )
    if given != needed:
        raise WrongInput(f"pipeline {scan.pipeline} needs the inputs {needed}, not {given}", causes.SCAN_RECORD_INVALID)
    for entry in scan.inputs:
        if not entry.uri.startswith(f"{scan.dataset}/"):
            raise WrongInput(f"an input is not in the dataset {scan.dataset}: {entry.uri}", causes.SCAN_RECORD_INVALID)
        if entry.size_bytes == 0:
            raise WrongInput(f"{entry.name} is empty", causes.INPUT_EMPTY, file=entry.uri)
        if not entry.extension:
            raise WrongInput(f"{entry.name} does not end as a {entry.role} file does", causes.SCAN_RECORD_INVALID)
    if not scan.primary.name.startswith(f"sub-{scan.subject}_"):
        raise WrongInput(f"{scan.primary.name} is not an image of subject {scan.subject}", causes.SCAN_RECORD_INVALID)
    # m2g hands the paths of its inputs to a shell, and the staged ones are made of this name.
    if not _IMAGE_NAME.fullmatch(scan.primary.name[: -len(scan.primary.extension)]):
        raise WrongInput(f"{scan.primary.name!r} is not a BIDS name", causes.SCAN_RECORD_INVALID)


def _check_argv(scan: Scan) -> None:
    try:
        expected = m2g_arguments.arguments(scan.options, scan.argv, subject=scan.subject, session=scan.session_label)
    except record.Unreadable as error:
        raise WrongInput(f"the options of m2g cannot be read: {error}", causes.SCAN_RECORD_INVALID)
    if list(scan.argv) != expected:
        raise WrongInput(
            f"the scan's JSON has other arguments than its options make: {_difference(scan.argv, expected)}",
            causes.SCAN_RECORD_INVALID,
        )


def _difference(argv: Sequence[str], expected: Sequence[str]) -> str:
    """The first word that differs."""
    pairs = zip_longest(argv, expected)
    word, other = next((word, other) for word, other in pairs if word != other)
    if word is None:
        return f"{other} is missing"
    return f"{word!r}" if other is None else f"{word!r} in place of {other}"


def _check_output(scan: Scan, environment: Environment) -> None:
    # With an empty output name m2g's own cloud script pushed results into raw datasets: only derivatives are written.
    if not scan.name or record.output_scan(scan.output, environment.bucket) != scan.name:
        raise WrongInput(
            f"the output is not this scan's place in a derivative of the data bucket: {scan.output}",
            causes.SCAN_RECORD_INVALID,
        )
