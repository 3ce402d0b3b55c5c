"""A dataset as `scans`, `check` and `run --dry-run` read it: on S3, or in a folder on this machine before `upload`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsctl.cli.opened_dataset import open_dataset
from opsctl.core.errors import ErrorCode, Problem, UsageProblem

if TYPE_CHECKING:
    from opsctl.cli.context import Context
    from opsctl.cli.option_groups import DatasetSource
    from opsctl.commands.dataset.discovery import DatasetFiles
    from opsctl.commands.dataset.folder import Folder
    from opsctl.core.dataset_argument import LocalFolder
    from opsctl.core.location import Location
    from opsctl.core.openneuro.snapshot import Snapshot


#: Why a name leads to no dataset on S3.
_NOT_THERE = (ErrorCode.DATASET_NOT_FOUND, ErrorCode.PLATFORM_NOT_FOUND)


@dataclass(frozen=True, kw_only=True)
class ReadDataset:
    """A dataset that can be read.

    Attributes
    ----------
    location
        Where it lies on S3; of a folder, where `upload` would put it.
    files
        Lists and reads its files.
    snapshot
        Of a dataset of OpenNeuro's; None of others.
    folder
        On this machine; None of a dataset on S3.
    """

    location: Location
    files: DatasetFiles
    snapshot: Snapshot | None = None
    folder: Folder | None = None

    @property
    def shown(self) -> str:
        """Where its files are."""
        return self.location.uri if self.folder is None else str(self.folder.folder)

    def uri(self, future: str) -> str:
        """Where a scan's input is now: a scan names it as it is, or will be, on S3."""
        return future if self.folder is None else self.folder.path(future).absolute().as_uri()

    def as_json(self) -> dict[str, Any]:
        """What `scans` and `check` print of the dataset itself."""
        return {
            "snapshot": self.snapshot.as_json() if self.snapshot else None,
            "folder": None if self.folder is None else str(self.folder.folder.absolute()),
            **({} if self.folder is None else self.folder.contents.as_json()),
        }


def read_dataset(context: Context, typed: str, source: DatasetSource, *, is_hashed: bool = False) -> ReadDataset:
    """Find a dataset, and check that it can be read.

    Parameters
    ----------
    typed
        As typed.
    is_hashed
        Whether the scans of a folder get the keys that they have after `upload`: its images are read for that.

    Raises
    ------
    Problem
        If there is no such dataset, or it cannot be read.
    """
    from opsctl.core.dataset_argument import LocalFolder, parse_dataset

    # A name of the configuration comes before a path that is written alike.
    configured = context.configuration.dataset(typed) if source.bucket is None else None
    dataset = None if configured is not None else parse_dataset(typed)
    if isinstance(dataset, LocalFolder):
        return _folder(context, dataset, source, is_hashed=is_hashed)
    with naming_folder(typed):
        opened = open_dataset(context, typed, bucket=source.bucket, is_public=source.no_sign_request)
    return ReadDataset(location=opened.location, files=opened.storage, snapshot=opened.snapshot)


@contextmanager
def naming_folder(typed: str) -> Iterator[None]:
    """Name the folder here that is called as a dataset which is not on S3."""
    from opsctl.core.dataset_argument import folder_argument

    try:
        yield
    except Problem as problem:
        if problem.code in _NOT_THERE and "/" not in typed and Path(typed).is_dir():
            command = shlex.join(["opsctl", "check", folder_argument(typed)])
            problem.add_sentence(f"`{command}` reads the folder of that name on this machine.")
        raise


def _folder(context: Context, local: LocalFolder, source: DatasetSource, *, is_hashed: bool) -> ReadDataset:
    from opsctl.commands.dataset.folder import Folder
    from opsctl.core.dataset.annexed import get_command
    from opsctl.core.location import Location
    from opsctl.render.upload import show_faults
    from opsctl.user_path import user_path

    for option, is_typed in (("--bucket", source.bucket is not None), ("--no-sign-request", source.no_sign_request)):
        if is_typed:
            raise UsageProblem(f"{option} is for a dataset on S3, and {local.path} is a folder on this machine.")
    path = user_path(local.path)
    platform = context.known_platform
    location = Location(platform.data_bucket if platform else "", path.resolve().name)
    folder = Folder(path, location, is_hashed=is_hashed)
    with context.screen.waiting(f"looking at {path}"):
        contents = folder.contents
    show_faults(
        context.screen,
        contents.faults,
        contents.annexed,
        get_command=get_command(local.path, contents.annexed) if contents.annexed else "",
        is_sending=False,
    )
    return ReadDataset(location=location, files=folder, folder=folder)
