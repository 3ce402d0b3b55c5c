"""Loads botocore's descriptions of the AWS services: the same files as botocore's own loader, in a third of the time.

They are 4 MB of JSON for the first client. botocore parses them with `json`, and looks into the folders of all 400
services to learn that one of them is there.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.loaders import JSONFileLoader, Loader

if TYPE_CHECKING:
    from botocore.session import Session


_ENDPOINTS = "endpoints"
#: A version, and partitions with texts and with objects by the names of regions or services.
_ENDPOINTS_FORM = dict[str, int | list[dict[str, str | dict[str, msgspec.Raw]]]]


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
            try:
                is_of_all_services = Path(file_path).name == _ENDPOINTS
                return (_endpoints if is_of_all_services else msgspec.json.decode)(unpacked(content))
            except msgspec.DecodeError:
                # The user's own model, which botocore may read or refuse.
                return super().load_file(file_path)
        return None


class UnparsedValues(Mapping[str, Any]):
    """An object of JSON, each value of which is parsed when it is asked for."""

    def __init__(self, values: Mapping[str, msgspec.Raw]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> Any:
        """A value, parsed anew."""
        return msgspec.json.decode(self._values[name])

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter(self._values)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._values)


def _endpoints(content: bytes) -> Any:
    """The endpoints of all services, 1.3 MB, of which a command needs a few: parsed in a quarter of the time."""
    try:
        document: dict[str, Any] = msgspec.json.decode(content, type=_ENDPOINTS_FORM)
    except msgspec.ValidationError:
        # The user's own, in whatever form botocore takes.
        return msgspec.json.decode(content)
    for partition in document.get("partitions", ()):
        for name, value in partition.items():
            if isinstance(value, dict):
                partition[name] = UnparsedValues(value)
    return document


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
