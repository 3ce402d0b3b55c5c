"""The release of Terraform that opsctl downloads where none is installed, with its checksums.

Each checksum stands alike in HashiCorp's `terraform_1.11.4_SHA256SUMS` and in several independent public sources.
"""

from __future__ import annotations

from dataclasses import dataclass

VERSION = "1.11.4"
#: HashiCorp's own address. A mirror has the same folders below its own.
ADDRESS = "https://releases.hashicorp.com"

_SYSTEMS = {"Linux": "linux", "Darwin": "darwin"}
_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
#: Of each platform: the SHA-256 of the zip, and of the program in it (empty where no source names it).
_SHA256 = {
    "linux_amd64": (
        "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc",
        "268000fca5c61021c6396893d9483007ba589ad9d0aaccbd7dfa8c78bf7dbe23",
    ),
    "linux_arm64": (
        "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633",
        "377f01172f4a267672e0d0284c5c5589d477cba2f53b21e44e4bda30027d25b9",
    ),
    "darwin_amd64": (
        "a56d5002b9f7647291faccc3dd1a70350e60fb61e4c45037629508b8fdc2575b",
        "4ffae9d5e9429aa0c3ee96053eaea6770f1fe1886cc508f3c70e54c629aa4245",
    ),
    "darwin_arm64": ("867e0808fa971217043e25b7a792b10720c79b1546f8a68479b74f138be73e18", ""),
}


@dataclass(frozen=True)
class TerraformRelease:
    """Terraform for one operating system and processor.

    Attributes
    ----------
    platform
        HashiCorp's name, for example `linux_amd64`.
    zip_sha256, program_sha256
        In hexadecimal. The second is empty where it is not known: then a mirror must have HashiCorp's own zip.
    """

    platform: str
    zip_sha256: str
    program_sha256: str

    def url(self, address: str) -> str:
        """Where the zip is, below HashiCorp's address or a mirror's."""
        return f"{address.rstrip('/')}/terraform/{VERSION}/terraform_{VERSION}_{self.platform}.zip"


def release_for(system: str, machine: str) -> TerraformRelease | None:
    """The release for a computer, or None where HashiCorp has none that opsctl knows.

    Parameters
    ----------
    system, machine
        As `platform.system()` and `platform.machine()` name them: `Linux`, `x86_64`.
    """
    name = f"{_SYSTEMS.get(system)}_{_MACHINES.get(machine)}"
    return TerraformRelease(name, *_SHA256[name]) if name in _SHA256 else None
