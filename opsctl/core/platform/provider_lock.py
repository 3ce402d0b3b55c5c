"""Terraform's dependency lock file: the version of the AWS provider, and the checksums that it may have."""

from __future__ import annotations

import re
from dataclasses import dataclass

LOCK_FILE = ".terraform.lock.hcl"

#: Of the machine whose `h1:` checksum is in the lock files of terraform/; it is of the unpacked provider, and the
#: registry does not publish it. Every machine's `zh:` checksum, of the packed provider, is there.
PLATFORM_WITH_UNPACKED_CHECKSUM = "linux_amd64"

_VERSION = re.compile(r'^\s*version\s*=\s*"([^"]+)"', re.M)
_CHECKSUM = re.compile(r'"((?:h1|zh):[^"]+)"')


@dataclass(frozen=True)
class ProviderLock:
    """The lock of a root's only provider, hashicorp/aws.

    Attributes
    ----------
    version
        Such as `5.100.0`; empty where the file has none.
    checksums
        With their scheme: `zh:` of a packed provider as HashiCorp signs it, `h1:` of an unpacked one.
    """

    version: str
    checksums: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> ProviderLock:
        """Read a lock file; a file without a provider gives a lock without a version."""
        version = _VERSION.search(text)
        return cls(version[1] if version else "", frozenset(_CHECKSUM.findall(text)))

    def extends(self, other: ProviderLock) -> bool:
        """Whether it is the other lock, with or without further checksums (Terraform adds this machine's own)."""
        return self.version == other.version and self.checksums >= other.checksums
