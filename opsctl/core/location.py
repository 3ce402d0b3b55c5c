"""S3 addresses, and the locations of everything in the data bucket."""

from __future__ import annotations

import re
from dataclasses import dataclass

from opsctl.core.errors import UsageProblem

RUNS_PREFIX = "opsctl/runs/"
OUTPUTS_PREFIX = "opsctl/outputs/"
SELFTEST_PREFIX = "opsctl/selftest/"

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
#: A name of a file or folder that m2g or opsctl may have written: no `.`, `..` or `.bashrc`, no control characters.
_PLAIN_NAME = r"[^./\\\x00-\x1f\x7f-\x9f][^/\\\x00-\x1f\x7f-\x9f]*"
_PLAIN_PATH = re.compile(rf"{_PLAIN_NAME}(?:/{_PLAIN_NAME})*")


@dataclass(frozen=True)
class Location:
    """A bucket and a prefix, without a slash at either end."""

    bucket: str
    prefix: str

    @property
    def uri(self) -> str:
        """`s3://bucket/prefix`."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def key_prefix(self) -> str:
        """The beginning of the keys; its slash excludes `HNU10` from `HNU1`."""
        return f"{self.prefix}/" if self.prefix else ""

    @property
    def name(self) -> str:
        """The dataset's name: the last part of the address."""
        return self.prefix.rsplit("/", 1)[-1] if self.prefix else self.bucket


def parse_uri(uri: str) -> Location:
    """Parse `s3://bucket/prefix`.

    Raises
    ------
    UsageProblem
        If it is not an S3 address.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not _BUCKET.fullmatch(bucket):
        raise UsageProblem(f"{uri!r} is not an S3 address like s3://bucket/path.")
    return Location(bucket, checked_prefix(prefix.strip("/")))


def checked_prefix(prefix: str) -> str:
    """Return a prefix of keys if it is printable.

    Raises
    ------
    UsageProblem
        If it has control characters.
    """
    if not prefix.isprintable():
        raise UsageProblem(f"{prefix!r} has control characters: no dataset of that name can be run.")
    return prefix


def is_label(name: str) -> bool:
    """Whether a name is valid as one folder in S3: letters, digits, `.`, `_` and `-`."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) is not None


def check_label(value: str, *, option: str) -> str:
    """Return a name that is valid as one folder in S3: letters, digits, `.`, `_` and `-`.

    Raises
    ------
    UsageProblem
        If it is anything else; an empty output name would write into the raw dataset.
    """
    if not is_label(value):
        raise UsageProblem(f"{option} {value!r} must be one folder's name: letters, digits, `.`, `_` and `-`.")
    return value


def derivatives(dataset: Location, modif: str, *, data_bucket: str) -> Location:
    """The location of outputs: below the dataset's name in the data bucket, also for a dataset in another bucket."""
    prefix = dataset.prefix if dataset.bucket == data_bucket and dataset.prefix else dataset.name
    return Location(data_bucket, f"{prefix}/derivatives/{modif}")


def is_plain_path(path: str) -> bool:
    """Whether a path with `/` leads downwards by plain names only: none is empty or begins with a dot."""
    return _PLAIN_PATH.fullmatch(path) is not None


def dataset_folder(output: Location) -> Location:
    """The folder of the data bucket that `derivatives` put an output location below."""
    return Location(output.bucket, output.prefix.rpartition("/derivatives/")[0])


def run_location(run_id: str, *, data_bucket: str) -> Location:
    """The folder of a run's records."""
    return Location(data_bucket, f"{RUNS_PREFIX}{run_id}")
