"""`doctor`'s checks of this machine."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from opsctl.core.diagnosis.doctor_facts import Disk, EngineVersion, Provider
from opsctl.core.errors import ErrorCode, Problem
from opsctl.engine import EngineSilent, NoEngine, find_engine
from opsctl.terraform.binary import find_binary
from opsctl.terraform.provider import find_mirror

_ENGINE_SECONDS, _REGISTRY_SECONDS = 5.0, 4.0
_REGISTRY = "https://registry.terraform.io/.well-known/terraform.json"


def python() -> tuple[int, int, int]:
    """The version of the Python that runs opsctl."""
    return sys.version_info[:3]


def installed_at() -> str:
    """The folder that contains the opsctl package."""
    return str(Path(__file__).resolve().parents[2])


def has_local_parts() -> bool:
    """Whether the extra `local` is installed. It is not imported, which would take a second."""
    return all(importlib.util.find_spec(name) is not None for name in ("moto", "flask", "dipy"))


def terraform(environment: Mapping[str, str]) -> str:
    """Terraform's version and path.

    Raises
    ------
    Problem
        When `up` would refuse it.
    """
    binary = find_binary(environment)
    return f"{binary.version} ({binary.path})"


def provider(environment: Mapping[str, str]) -> Provider:
    """Where `up` would take the AWS provider from.

    Raises
    ------
    Problem
        When `up` would refuse it.
    """
    mirror = find_mirror(environment)
    return Provider(str(mirror)) if mirror is not None else Provider(None, _registry_answers())


def engine(environment: Mapping[str, str]) -> EngineVersion | None:
    """The engine that `image build` would use; None when none is installed.

    Raises
    ------
    Problem
        When `OPSCTL_ENGINE` names an engine that is not installed.
    """
    try:
        engine = find_engine(environment, timeout_seconds=_ENGINE_SECONDS)
    except NoEngine:
        return None
    except EngineSilent as silent:
        return EngineVersion(silent.engine.capitalize(), "")
    return EngineVersion(engine.name.capitalize(), engine.version)


def disk(folder: Path) -> Disk:
    """The free space on the disk of a folder, which need not exist yet.

    Raises
    ------
    Problem
        When the disk cannot be queried.
    """
    existing = next(path for path in (folder, *folder.parents) if path.is_dir())
    try:
        return Disk(str(folder), shutil.disk_usage(existing).free)
    except OSError as error:
        raise Problem(
            f"{existing} cannot be looked at ({error.strerror}).",
            "Set OPSCTL_HOME to a folder of yours.",
            code=ErrorCode.FILE_UNREADABLE,
        ) from error


def _registry_answers() -> bool:
    try:
        with urllib.request.urlopen(_REGISTRY, timeout=_REGISTRY_SECONDS) as reply:
            return bool(reply.status == 200)
    except (OSError, ValueError):
        return False
