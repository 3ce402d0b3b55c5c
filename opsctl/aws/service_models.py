"""Loads botocore's descriptions of the AWS services: the same files as botocore's own loader, in a third of the time.

They are 4 MB of JSON for the first client. botocore parses them with `json`, and looks into the folders of all 400
services to learn that one of them is there.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.loaders import JSONFileLoader, Loader

from opsctl.aws.parsed_when_asked import parsed_when_asked

if TYPE_CHECKING:
    from botocore.session import Session

#: Large ones. Their names are botocore's; of one with another name everything is parsed.
_PARSED_WHEN_ASKED = ("endpoints", "service-2")


class ServiceModels(Loader):
    """botocore's loader of models: from its own folder, `~/.aws/models` and those that `AWS_DATA_PATH` names."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002  botocore's signature
        """The names of all services' folders, whatever is in them: that is seen when a model is read."""
        return sorted({entry.name for path in self.search_paths if Path(path).is_dir() for entry in os.scandir(path)})


class _JsonFiles(JSONFileLoader):
    """Parses by msgspec, which makes the same objects of the same JSON."""

    def load_file(self, file_path: str) -> Any:
        """What a file says, whose name is given without `.json`; None where there is none."""
        for extension, unpacked in ((".json", bytes), (".json.gz", gzip.decompress)):
            try:
                content = Path(f"{file_path}{extension}").read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                continue
            is_large = file_path.endswith(_PARSED_WHEN_ASKED)
            try:
                return (parsed_when_asked if is_large else msgspec.json.decode)(unpacked(content))
            except msgspec.DecodeError:
                # The user's own model, which botocore may read or refuse.
                return super().load_file(file_path)
        return None


def use_fast_models(session: Session) -> None:
    """Let a session of botocore's load its models by `ServiceModels`.

    Raises
    ------
    botocore.exceptions.ProfileNotFound
        If the session's profile is not in the AWS configuration.
    """
    folders = session.get_config_variable("data_path")
    paths = [os.path.expanduser(os.path.expandvars(path)) for path in folders.split(os.pathsep)] if folders else []  # noqa: PTH111  "~nobody" stays as it is
    session.register_component("data_loader", ServiceModels(extra_search_paths=paths, file_loader=_JsonFiles()))
