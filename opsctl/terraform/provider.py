"""Where Terraform's AWS provider comes from when it already lies on this machine.

Terraform itself downloads it from its registry. Where that cannot be reached (clusters, hospitals), an unpacked or
packed file-system mirror is looked for: HOST/NAMESPACE/TYPE/VERSION/OS_ARCH, or HOST/NAMESPACE/TYPE/*.zip.
https://developer.hashicorp.com/terraform/cli/config/config-file#filesystem_mirror
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from opsctl.core.errors import Problem

MIRROR_VARIABLE = "OPSCTL_PROVIDER_MIRROR"
_HOST = "registry.terraform.io"
_PROVIDER = Path(_HOST, "hashicorp", "aws")

#: `~> 5.100` of terraform/*/versions.tf.
_WANTED = re.compile(r"^5\.(\d+)\.\d+$")
_OLDEST_MINOR = 100

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def os_arch() -> str:
    """Give this machine as Terraform names it, `linux_amd64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{_MACHINES.get(machine, machine)}"


def find_mirror(environment: Mapping[str, str], *, opt: Path = Path("/opt")) -> Path | None:
    """The mirror to hand to `terraform init -plugin-dir`, or None: then Terraform asks its registry.

    Parameters
    ----------
    environment
        `OPSCTL_PROVIDER_MIRROR` names a mirror and wins; `HOME` and `XDG_DATA_HOME` say where Terraform's implied
        folders are.
    opt
        Whose folders are looked into last.

    Raises
    ------
    Problem
        When `OPSCTL_PROVIDER_MIRROR` names a folder without the provider for this machine.
    """
    named = environment.get(MIRROR_VARIABLE)
    if named:
        folder = Path(named).expanduser()
        for root in (folder, folder.parent):
            found = _root_with_provider(root)
            if found is not None:
                return found
        raise Problem(
            f"{MIRROR_VARIABLE}={named} holds no AWS provider 5.{_OLDEST_MINOR} or later for {os_arch()}.",
            f"It must contain {_PROVIDER}/VERSION/{os_arch()}/.",
        )
    for root in _usual_places(environment, opt):
        found = _root_with_provider(root)
        if found is not None:
            return found
    return None


def is_unpacked(mirror: Path) -> bool:
    """Whether Terraform only links to a mirror's provider, instead of unpacking 700 MB for each root."""
    return any((mirror / _PROVIDER).glob(f"*/{os_arch()}"))


def places(environment: Mapping[str, str]) -> list[str]:
    """Where `find_mirror` looks, for the sentence that says that it found nothing."""
    return [str(root) for root in _implied_folders(environment)] + [f"/opt/*/{_HOST}"]


def _implied_folders(environment: Mapping[str, str]) -> Iterator[Path]:
    # https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories
    home = Path(environment.get("HOME", "~")).expanduser()
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


def _root_with_provider(root: Path) -> Path | None:
    folder = root / _PROVIDER
    for unpacked in folder.glob(f"*/{os_arch()}"):
        if _fits(unpacked.parent.name):
            # Terraform follows a link at OS_ARCH only: hand it the tree that the links lead to.
            real = Path(*unpacked.resolve().parts[:-5])
            return real if (real / _PROVIDER).is_dir() else root
    for packed in folder.glob(f"terraform-provider-aws_*_{os_arch()}.zip"):
        if _fits(packed.name.split("_")[1]):
            return root.resolve()
    return None


def _fits(version: str) -> bool:
    match = _WANTED.match(version)
    return match is not None and int(match.group(1)) >= _OLDEST_MINOR
