"""`doctor`'s checks of this machine."""

from __future__ import annotations

import platform
import shutil
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from opsctl.core.diagnosis.doctor_facts import Disk, EngineVersion, Provider, TerraformVersion
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.terraform_release import VERSION, release_for
from opsctl.engine import EngineSilent, NoEngine, find_engine
from opsctl.home import Home
from opsctl.loopback import ensure_loopback
from opsctl.program import replaceable_sentence
from opsctl.terraform.binary import Binary, NoTerraform, find_binary
from opsctl.terraform.provider import find_mirror
from opsctl.terraform.state_files import StateFiles
from opsctl.terraform.variables import left_out, left_out_sentence

#: Two questions to an engine have to fit into `doctor`'s own time limit.
_PROGRAM_SECONDS, _ENGINE_SECONDS, _REGISTRY_SECONDS = 6.0, 3.0, 4.0
_REGISTRY = "https://registry.terraform.io/.well-known/terraform.json"


def python() -> tuple[int, int, int]:
    """The version of the Python that runs opsctl."""
    return sys.version_info[:3]


def installed_at() -> str:
    """The folder that contains the opsctl package."""
    return str(Path(__file__).resolve().parents[2])


def loopback() -> Problem | None:
    """Why a local platform could not start on this machine; None where it could."""
    try:
        ensure_loopback()
    except Problem as problem:
        return problem
    return None


def terraform(environment: Mapping[str, str], *, own: Path) -> TerraformVersion:
    """The Terraform that `up` would run, or download.

    Parameters
    ----------
    own
        Where opsctl's own is when it has been downloaded.

    Raises
    ------
    Problem
        When `up` would refuse it.
    """
    names = left_out(environment)
    try:
        binary = find_binary(environment, own=own, timeout_seconds=_PROGRAM_SECONDS)
    except NoTerraform:
        if release_for(platform.system(), platform.machine()) is None:
            raise
        binary = Binary("", VERSION)
    return TerraformVersion(
        version=binary.version,
        path=binary.path,
        warning=binary.warning,
        left_out=left_out_sentence(names) if names else "",
    )


def damaged_states(home: Home, name: str | None) -> tuple[Problem, ...]:
    """Why `up` could not read Terraform's states of a platform on this machine; empty where it could, or has none."""
    problems = []
    for root in ("storage", "platform") if name is not None else ():
        try:
            StateFiles(home.platform_dir(str(name)) / "terraform" / root).read()
        except Problem as problem:
            problems.append(problem)
        except OSError as error:
            what = f"{error.filename}, a state of Terraform's, cannot be read ({error.strerror})."
            problems.append(Problem(what, "It must be this user's.", code=ErrorCode.FILE_UNREADABLE))
    return tuple(problems)


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
        return EngineVersion(name=silent.engine.capitalize(), silence=silent.what, remedy=silent.hint)
    return EngineVersion(
        name=engine.name.capitalize(),
        version=engine.version,
        path=engine.command,
        warning=replaceable_sentence(engine.command),
    )


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
