"""The lock files of both roots: the same provider for everybody, with the checksums that HashiCorp signs."""

from __future__ import annotations

import re
from fnmatch import fnmatch

import pytest
from support.real_terraform import SOURCE

from opsctl.core.platform.provider_lock import LOCK_FILE, PLATFORM_WITH_UNPACKED_CHECKSUM, ProviderLock
from opsctl.terraform.provider import locked_version

ROOTS = ("platform", "storage")
#: HashiCorp publishes 5.100.0 for 15 systems; their archives' checksums are in its signed SHA256SUMS.
ARCHIVES = 15


def lock(root: str) -> ProviderLock:
    return ProviderLock.parse((SOURCE / root / LOCK_FILE).read_text())


def test_both_roots_have_the_same_lock() -> None:
    assert (SOURCE / "platform" / LOCK_FILE).read_bytes() == (SOURCE / "storage" / LOCK_FILE).read_bytes()
    assert lock("platform").version == locked_version()


def test_it_has_every_archives_checksum_and_one_of_an_unpacked_provider() -> None:
    checksums = lock("platform").checksums
    archives = [checksum for checksum in checksums if re.fullmatch(r"zh:[0-9a-f]{64}", checksum)]
    unpacked = [checksum for checksum in checksums if re.fullmatch(r"h1:[A-Za-z0-9+/]{43}=", checksum)]
    assert (len(archives), len(unpacked), len(checksums)) == (ARCHIVES, 1, ARCHIVES + 1)
    assert PLATFORM_WITH_UNPACKED_CHECKSUM == "linux_amd64"


@pytest.mark.parametrize("root", ROOTS)
def test_the_roots_constraint_is_the_locks_and_allows_its_version(root: str) -> None:
    constraint = re.search(r'version = "(~> (\d+)\.(\d+))"', (SOURCE / root / "versions.tf").read_text())
    locked = re.search(r'constraints = "([^"]+)"', (SOURCE / root / LOCK_FILE).read_text())
    assert constraint and locked and constraint[1] == locked[1]
    # `~> 5.100` takes any 5.x from 5.100 on.
    major, minor = map(int, lock(root).version.split(".")[:2])
    assert major == int(constraint[2]) and minor >= int(constraint[3])


def test_the_repository_and_so_the_wheel_keep_them() -> None:
    ignored = (SOURCE.parent / ".gitignore").read_text().splitlines()
    assert [pattern for pattern in ignored if not pattern.endswith("/") and fnmatch(LOCK_FILE, pattern)] == []


@pytest.mark.parametrize(
    ("text", "extends"),
    [
        ('version = "1.0.0"\nhashes = ["h1:a=", "zh:b"]', True),
        ('version = "1.0.0"\nhashes = ["h1:a=", "zh:b", "h1:mine="]', True),
        ('version = "1.0.0"\nhashes = ["h1:a="]', False),
        ('version = "1.0.1"\nhashes = ["h1:a=", "zh:b"]', False),
        ("", False),
    ],
)
def test_a_lock_with_more_checksums_extends_another(text: str, extends: bool) -> None:
    shipped = ProviderLock.parse('version = "1.0.0"\nhashes = ["h1:a=", "zh:b"]')
    assert ProviderLock.parse(text).extends(shipped) is extends
