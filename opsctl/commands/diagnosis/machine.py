"""What `doctor` looks at on this machine."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from opsctl.core.diagnosis.doctor_facts import Disk, EngineVersion, Provider
from opsctl.core.errors import Problem
from opsctl.terraform.binary import find_binary
from opsctl.terraform.provider import find_mirror

_ENGINES = {"Docker": "docker", "Podman": "podman"}
_VERSION = {"docker": "{{.Server.Version}}", "podman": "{{.Client.Version}}"}
_ENGINE_SECONDS, _REGISTRY_SECONDS = 5.0, 4.0
_REGISTRY = "https://registry.terraform.io/.well-known/terraform.json"


def python() -> tuple[int, int, int]:
    """Of the Python that runs opsctl."""
    return sys.version_info[:3]


def installed_at() -> str:
    """The folder that opsctl runs from."""
    return str(Path(__file__).resolve().parents[2])


def has_local_parts() -> bool:
    """Whether the extra `local` is installed; importing it would take a second."""
    return all(importlib.util.find_spec(name) is not None for name in ("moto", "flask", "dipy"))


def terraform(environment: Mapping[str, str]) -> str:
    """Terraform's version and where it is.

    Raises
    ------
    Problem
        As `up` would.
    """
    found = find_binary(environment)
    return f"{found.version} ({found.path})"


def provider(environment: Mapping[str, str]) -> Provider:
    """Where `up` would have the AWS provider from.

    Raises
    ------
    Problem
        As `up` would.
    """
    mirror = find_mirror(environment)
    return Provider(str(mirror)) if mirror is not None else Provider(None, _registry_answers())


def engine(environment: Mapping[str, str]) -> EngineVersion | None:
    """Docker or Podman, rather one that answers; None where there is neither."""
    silent = None
    for name, program in _ENGINES.items():
        path = shutil.which(program, path=environment.get("PATH"))
        if path is None:
            continue
        version = _engine_version(path, _VERSION[program])
        if version:
            return EngineVersion(name, version)
        silent = silent or EngineVersion(name, "")
    return silent


def disk(folder: Path) -> Disk:
    """The room that there is for a folder, which need not be there yet.

    Raises
    ------
    Problem
        Where the disk does not tell.
    """
    there = next(path for path in (folder, *folder.parents) if path.is_dir())
    try:
        return Disk(str(folder), shutil.disk_usage(there).free)
    except OSError as error:
        raise Problem(
            f"{there} cannot be looked at ({error.strerror}).", "Set OPSCTL_HOME to a folder of yours."
        ) from error


def _engine_version(path: str, template: str) -> str:
    try:
        said = subprocess.run(
            [path, "version", "--format", template],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ENGINE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    words = said.stdout.split()
    return words[0] if said.returncode == 0 and words else ""


def _registry_answers() -> bool:
    try:
        with urllib.request.urlopen(_REGISTRY, timeout=_REGISTRY_SECONDS) as reply:
            return bool(reply.status == 200)
    except (OSError, ValueError):
        return False
