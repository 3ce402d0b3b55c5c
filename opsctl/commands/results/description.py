"""A derivative dataset's files about itself, which BIDS wants beside the outputs."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.aws.s3.body import read
from opsctl.aws.s3.storage import Storage
from opsctl.commands.results.download_folder import DownloadFolder
from opsctl.commands.results.download_plan import DownloadPlan
from opsctl.commands.results.faults import UnwrittenFile
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.foreign_json import parse_object
from opsctl.core.location import parse_uri
from opsctl.core.results import connectome_table
from opsctl.core.runs.manifest import Run
from opsctl.open_folder import InTheWay

_NAME = "dataset_description.json"
_MOST_BYTES = 1_000_000
_MISSING = {"NoSuchKey", "404"}


def describe(folder: DownloadFolder, plan: DownloadPlan, storage: Storage) -> str:
    """Write `dataset_description.json`, `README.md` and `.bidsignore`; what a person wrote there stays.

    Returns
    -------
    str
        Why the dataset's own description was left out; empty where it was not.

    Raises
    ------
    Problem
        If the folder holds another dataset, or cannot be written to.
    """
    run = plan.run
    try:
        published, left_out = _published(run, storage), ""
    except Problem as problem:
        published, left_out = None, f"{folder.path / _NAME} is left out. {problem}"
    try:
        texts = {}
        local = _local(folder)
        if local is not None and not connectome_table.is_same_dataset(local, published):
            raise Problem(
                f"{folder.path} holds another dataset ({folder.path / _NAME} says so).",
                "Name another folder.",
                code=ErrorCode.OUTPUT_IN_USE,
            )
        if published is not None:
            texts[_NAME] = json.dumps(published, indent=2, ensure_ascii=False) + "\n"
        names = folder.files.names()
        # A README.md of an earlier download names another run; one that a person wrote or changed is not replaced.
        if not any(name.startswith("README") for name in names if name != "README.md"):
            texts["README.md"] = connectome_table.readme(
                None if plan.request.dataset is not None else run.run_id,
                run.dataset,
                output=run.output,
                is_previewed=any(map(run.is_previewed, plan.results)),
            )
        if ".bidsignore" not in names:
            texts[".bidsignore"] = connectome_table.BIDSIGNORE
        faults = folder.write(texts)
        for error in faults.values():
            if not isinstance(error, InTheWay):
                raise error
    except OSError as error:
        raise UnwrittenFile(error, folder.path) from error
    return left_out


def _published(run: Run, storage: Storage) -> dict[str, Any] | None:
    """The description beside the outputs; None if there is none."""
    output = parse_uri(run.output)
    with translated(f"reading {run.output}/{_NAME}"):
        try:
            body, _ = read(storage.client, at_most=_MOST_BYTES, Bucket=output.bucket, Key=f"{output.prefix}/{_NAME}")
        except ClientError as error:
            if code_of(error) in _MISSING:
                return None
            raise
    value = _parsed(body)
    if value is None:
        raise Problem(
            f"{run.output}/{_NAME} is no JSON object of at most {_MOST_BYTES / 1e6:.0f} MB.",
            "Something else than opsctl wrote it.",
            code=ErrorCode.RECORD_UNREADABLE,
        )
    return value


def _local(folder: DownloadFolder) -> object:
    """The description in the folder: None if there is none, an empty one if it is no JSON object."""
    with folder.files.reading(_NAME, follow_link=True) as existing:
        if existing is None:
            return None
        return _parsed(existing.read(_MOST_BYTES + 1)) or {}


def _parsed(body: bytes) -> dict[str, Any] | None:
    if len(body) > _MOST_BYTES:
        return None
    try:
        value = parse_object(body)
        # Deep nesting can be read, and then neither compared nor written.
        json.dumps(value, indent=2)
    except (ValueError, RecursionError):
        return None
    return value
