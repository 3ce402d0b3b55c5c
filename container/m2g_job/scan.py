"""A scan's JSON: parsed once, and refused where the job cannot process it."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass
from typing import Any, Mapping

from m2g_job import causes
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
_LABEL = re.compile(r"^[A-Za-z0-9+]+$")
_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")


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
    atlases
        Those that m2g is asked for; empty where the scan's JSON does not say, and then nothing is known of regions.
    """

    dataset: str
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
        raw = json.loads(data.decode("utf-8"))
        if raw["schema_version"] != 1:
            raise WrongInput(
                f"the scan's JSON has schema_version {raw['schema_version']}; this image knows 1",
                causes.SCAN_RECORD_INVALID,
            )
        if (raw["run_id"], raw["index"]) != (environment.run_id, environment.index):
            raise WrongInput(
                "the scan's JSON is of run {} index {}, the job of run {} index {}".format(
                    raw["run_id"], raw["index"], environment.run_id, environment.index
                ),
                causes.SCAN_RECORD_INVALID,
            )
        scan = _scan(raw, environment)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WrongInput(f"the scan's JSON cannot be read: {type(error).__name__}: {error}", causes.SCAN_RECORD_INVALID)
    _check_inputs(scan)
    _check_argv(scan)
    _check_output(scan, environment)
    return scan


def _scan(raw: dict[str, Any], environment: Environment) -> Scan:
    digest = raw["image_digest"]
    if digest is not None and not _DIGEST.match(_text(digest)):
        raise WrongInput(f"{digest!r} is not an image's digest", causes.SCAN_RECORD_INVALID)
    if not re.match(r"^s3://[^/]+", _text(raw["dataset"])):
        raise WrongInput(f"the dataset is not on S3: {raw['dataset']}", causes.SCAN_RECORD_INVALID)
    return Scan(
        dataset=raw["dataset"].rstrip("/"),
        name=_text(raw["scan"]["name"]),
        subject=_label(raw["scan"]["subject"], "subject"),
        session=None if raw["scan"]["session"] is None else _label(raw["scan"]["session"], "session"),
        inputs=tuple(
            Input(_text(entry["uri"]), _text(entry["role"]), int(entry["size_bytes"]), _text(entry["etag"]))
            for entry in raw["inputs"]
        ),
        pipeline=_text(raw["m2g"]["pipeline"]),
        atlases=tuple(
            Atlas(_text(entry["name"]), _text(entry["folder"]), int(entry["regions"]), int(entry["kept"]))
            for entry in raw.get("atlases") or ()
        ),
        options=dict(raw["m2g"]),
        argv=tuple(_text(word) for word in raw["argv"]),
        image=_text(raw["image"]),
        image_digest=digest,
        opsctl_version=_text(raw["opsctl_version"]),
        output=_text(raw["output"]),
        key=_text(raw["key"]),
        reuse=parse_reuse(raw.get("reuse"), argv=raw["argv"], bucket=environment.bucket),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise WrongInput(f"the scan's JSON has {value!r} where a text must stand", causes.SCAN_RECORD_INVALID)
    return value


def _label(value: Any, entity: str) -> str:
    # Labels become folder names and arguments, so `../` or `$(x)` must be refused.
    if not _LABEL.match(_text(value)):
        raise WrongInput(f"{value!r} is not a BIDS {entity} label", causes.SCAN_RECORD_INVALID)
    return str(value)


def _check_inputs(scan: Scan) -> None:
    if scan.pipeline not in _ROLES:
        raise WrongInput(f"a job runs pipeline dwi or func, not {scan.pipeline}", causes.SCAN_RECORD_INVALID)
    needed, given = (
        sorted(_ROLES[scan.pipeline]),
        sorted(entry.role for entry in scan.inputs if scan.pipeline != "func" or entry.role != METADATA),
    )
    if given != needed:
        raise WrongInput(f"pipeline {scan.pipeline} needs the inputs {needed}, not {given}", causes.SCAN_RECORD_INVALID)
    for entry in scan.inputs:
        if not re.match(r"^s3://[^/]+/.+$", entry.uri):
            raise WrongInput(f"an input is not an object on S3: {entry.uri}", causes.SCAN_RECORD_INVALID)
        if entry.size_bytes <= 0:
            raise WrongInput(f"{entry.name} is empty", causes.INPUT_EMPTY, file=entry.uri)
        if not entry.extension:
            raise WrongInput(f"{entry.name} does not end as a {entry.role} file does", causes.SCAN_RECORD_INVALID)
    if not scan.primary.name.startswith(f"sub-{scan.subject}_"):
        raise WrongInput(f"{scan.primary.name} is not an image of subject {scan.subject}", causes.SCAN_RECORD_INVALID)


def _check_argv(scan: Scan) -> None:
    argv = list(scan.argv)
    if argv[:1] != ["m2g"] or argv.count("INPUT_DIR") != 1 or argv.count("OUTPUT_DIR") != 1:
        raise WrongInput("argv is not m2g's with INPUT_DIR and OUTPUT_DIR once each", causes.SCAN_RECORD_INVALID)
    options = {"--participant_label": scan.subject, "--session_label": scan.session_label, "--pipeline": scan.pipeline}
    for option, value in options.items():
        if argv.count(option) != 1 or argv[argv.index(option) + 1 : argv.index(option) + 2] != [value]:
            raise WrongInput(f"argv does not say {option} {value}", causes.SCAN_RECORD_INVALID)


def _check_output(scan: Scan, environment: Environment) -> None:
    # With an empty output name m2g's own cloud script pushed results into raw datasets: only derivatives are written.
    pattern = rf"^s3://{re.escape(environment.bucket)}/(.+/)?derivatives/[^/]+/{re.escape(scan.name)}$"
    if not re.match(pattern, scan.output) or {"..", ".", ""} & set(scan.output[len("s3://") :].split("/")):
        raise WrongInput(
            f"the output is not this scan's place in a derivative of the data bucket: {scan.output}",
            causes.SCAN_RECORD_INVALID,
        )
