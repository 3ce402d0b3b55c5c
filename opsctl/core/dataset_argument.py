"""What users type for DATASET, in every verb, option and configuration file, and how opsctl writes it back."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from opsctl.core.errors import UsageProblem
from opsctl.core.location import Location, checked_prefix, parse_uri
from opsctl.core.openneuro.accession import BUCKET, SCHEME, Accession, accession_elsewhere, parse_accession


@dataclass(frozen=True)
class DatasetName:
    """A folder of the data bucket, or a name of the configuration."""

    name: str


@dataclass(frozen=True)
class LocalFolder:
    """A folder on this machine, as it was typed."""

    path: str


#: The kinds of datasets.
DatasetArgument = DatasetName | Location | Accession | LocalFolder

#: How the path of a folder begins. Without one of these a name is that of a dataset in the data bucket.
_LOCAL = ("./", "../", "/", "~")


def parse_dataset(typed: str) -> DatasetArgument:
    """Parse what was typed for a dataset.

    A folder's path is one that begins as paths do, whether there is such a folder or not.

    Raises
    ------
    UsageProblem
        If it is an address or an accession that is not valid, or an empty name.
    """
    if typed.lower().startswith(SCHEME):
        return parse_accession(SCHEME + typed[len(SCHEME) :])
    if "://" in typed or typed.lower().startswith("doi:"):
        if (accession := accession_elsewhere(typed)) is not None:
            raise UsageProblem(f"{typed!r} is not how opsctl names a dataset.", f"Type {accession}.")
        return parse_uri(typed)
    if typed in (".", "..") or (typed.startswith(_LOCAL) and typed.strip("/")):
        return LocalFolder(typed)
    if not typed.strip("/"):
        raise UsageProblem("The dataset's name is empty.")
    return DatasetName(checked_prefix(typed.strip("/")))


def folder_argument(path: str) -> str:
    """A folder of this machine as it is typed for a dataset: `HNU1` alone would be a name in the data bucket."""
    is_path = path in (".", "..") or path.startswith(_LOCAL)
    return path if is_path else f"./{path}"


def dataset_location(typed: str, *, data_bucket: str, bucket: str | None = None) -> Location:
    """The location of a dataset, as it was typed.

    Parameters
    ----------
    typed
        A name in the data bucket or in `bucket`, an S3 address, or an accession of OpenNeuro.
    bucket
        `--bucket`.

    Raises
    ------
    UsageProblem
        If it is none of these, a folder on this machine, or `--bucket` contradicts it.
    """
    dataset = parse_dataset(typed)
    if isinstance(dataset, LocalFolder):
        raise UsageProblem(
            f"{typed} is a folder on this machine, and this command needs a dataset on S3.",
            f"`{shlex.join(['opsctl', 'upload', typed])}` copies it to the data bucket.",
        )
    if isinstance(dataset, DatasetName):
        return Location(bucket or data_bucket, dataset.name)
    location = dataset.location if isinstance(dataset, Accession) else dataset
    if bucket is not None and bucket != location.bucket:
        raise UsageProblem(f"--bucket {bucket} contradicts the dataset's own address {typed}.")
    return location


def accession_of(typed: str, location: Location) -> Accession | None:
    """The accession of a dataset of OpenNeuro's, also where its S3 address was typed; None of another dataset."""
    if location.bucket != BUCKET:
        return None
    dataset = parse_dataset(typed)
    if isinstance(dataset, Accession):
        return dataset
    try:
        return parse_accession(location.prefix)
    except UsageProblem:
        # The whole bucket, or a folder within a dataset.
        return None


def refuse_version(accession: Accession) -> None:
    """Refuse a version where only the dataset counts.

    Raises
    ------
    UsageProblem
        If the accession has one.
    """
    if accession.version:
        raise UsageProblem(
            f"{accession} names a version, and outputs and runs of all versions of a dataset are together.",
            f"Leave @{accession.version} out.",
        )


def named_location(address: str) -> Location:
    """The location of a dataset that the configuration names: by an S3 address, or an accession of OpenNeuro.

    Raises
    ------
    UsageProblem
        If it is neither.
    """
    return parse_accession(address).location if address.startswith(SCHEME) else parse_uri(address)


def typed_dataset(uri: str, *, data_bucket: str = "") -> str:
    """A dataset as users type it, by its S3 address: its name in the data bucket, an accession, or the address."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    if bucket == data_bucket and prefix:
        return prefix
    try:
        return str(parse_accession(prefix)) if bucket == BUCKET else uri
    except UsageProblem:
        # A folder within a dataset.
        return uri
