"""Find a copy of Terraform's AWS provider on this machine.

Terraform itself downloads the provider from its registry. For networks without access to it (clusters, hospitals),
opsctl looks for a file-system mirror, unpacked (HOST/NAMESPACE/TYPE/VERSION/OS_ARCH) or packed
(HOST/NAMESPACE/TYPE/*.zip): https://developer.hashicorp.com/terraform/cli/config/config-file#filesystem_mirror
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from pathlib import Path

from opsctl.assets import terraform_dir
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.provider_lock import LOCK_FILE, ProviderLock
from opsctl.user_path import user_path

MIRROR_VARIABLE = "OPSCTL_PROVIDER_MIRROR"
_HOST = "registry.terraform.io"
_PROVIDER = Path(_HOST, "hashicorp", "aws")

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def os_arch() -> str:
    """Terraform's name of this machine, such as `linux_amd64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{_MACHINES.get(machine, machine)}"


def locked_version() -> str:
    """The provider's version in the lock files of terraform/: Terraform installs no other."""
    return ProviderLock.parse((terraform_dir() / "platform" / LOCK_FILE).read_text()).version


def find_mirror(environment: Mapping[str, str], *, opt: Path = Path("/opt")) -> Path | None:
    """The mirror for `terraform init -plugin-dir`; None: Terraform asks its registry.

    Parameters
    ----------
    environment
        `OPSCTL_PROVIDER_MIRROR` names a mirror and takes precedence; `HOME` and `XDG_DATA_HOME` say where Terraform's
        implied folders are.
    opt
        The folder that is searched last.

    Raises
    ------
    Problem
        When `OPSCTL_PROVIDER_MIRROR` names a folder without the locked version for this machine.
    """
    named, version = environment.get(MIRROR_VARIABLE), locked_version()
    if named:
        folder = user_path(named)
        for root in (folder, folder.parent):
            mirror = _mirror_at(root, version)
            if mirror is not None:
                return mirror
        others = ", ".join(sorted({other for root in (folder, folder.parent) for other in _versions_at(root)}))
        raise Problem(
            f"{MIRROR_VARIABLE}={named} holds no AWS provider {version} for {os_arch()}, and this opsctl works with no "
            f"other version{f' (there is {others})' if others else ''}.",
            f"It must contain {_PROVIDER}/{version}/{os_arch()}/ or {_PROVIDER}/{_archive(version)}.",
            code=ErrorCode.CONFIGURATION_INVALID,
        )
    for root in _usual_places(environment, opt):
        mirror = _mirror_at(root, version)
        if mirror is not None:
            return mirror
    return None


def is_unpacked(mirror: Path) -> bool:
    """Whether a mirror's provider is unpacked: Terraform links to it, instead of unpacking 700 MB for each root."""
    return any((mirror / _PROVIDER).glob(f"{locked_version()}/{os_arch()}"))


def searched_folders(environment: Mapping[str, str]) -> list[str]:
    """The folders that `find_mirror` searches, for the message that none has a mirror."""
    return [str(root) for root in _implied_folders(environment)] + [f"/opt/*/{_HOST}"]


def _implied_folders(environment: Mapping[str, str]) -> Iterator[Path]:
    # https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories
    home = user_path(environment.get("HOME", "~"))
    if platform.system() == "Darwin":
        yield home / "Library/Application Support/io.terraform/plugins"
        yield Path("/Library/Application Support/io.terraform/plugins")
    yield home / ".terraform.d/plugins"
    yield Path(environment.get("XDG_DATA_HOME", home / ".local/share")) / "terraform/plugins"
    yield Path("/usr/local/share/terraform/plugins")
    yield Path("/usr/share/terraform/plugins")


def _usual_places(environment: Mapping[str, str], opt: Path) -> Iterator[Path]:
    yield from _implied_folders(environment)
    yield from sorted(host.parent for host in opt.glob(f"*/{_HOST}"))


def _mirror_at(root: Path, version: str) -> Path | None:
    folder = root / _PROVIDER
    # `glob`, unlike a plain path, leaves out a link that leads nowhere.
    for unpacked in folder.glob(f"{version}/{os_arch()}"):
        # Terraform follows a link at OS_ARCH only, so it gets the folder that the links lead to.
        real = Path(*unpacked.resolve().parts[:-5])
        return real if (real / _PROVIDER).is_dir() else root
    return root.resolve() if (folder / _archive(version)).exists() else None


def _versions_at(root: Path) -> Iterator[str]:
    """The versions of the provider for this machine."""
    yield from (unpacked.parent.name for unpacked in (root / _PROVIDER).glob(f"*/{os_arch()}"))
    yield from (packed.name.split("_")[1] for packed in (root / _PROVIDER).glob(_archive("*")))


def _archive(version: str) -> str:
    return f"terraform-provider-aws_{version}_{os_arch()}.zip"
