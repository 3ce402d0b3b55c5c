"""A platform's folder on this machine: Terraform's code, variables and state, for both roots."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsctl.core.platform import (
    data_bucket_name,
    repository_arn,
    repository_url,
)
from opsctl.home import Home
from opsctl.terraform import Binary, Root

_LOCAL_IMAGE = "opsctl-preview"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the person wants of a platform.

    Attributes
    ----------
    data_bucket
        An existing bucket, or None: the storage root makes one.
    source_buckets
        Other buckets whose datasets the jobs may read.
    image
        What the jobs run, or None: the platform's own repository at this version.
    """

    name: str
    region: str
    account_id: str
    is_local: bool = False
    data_bucket: str | None = None
    source_buckets: tuple[str, ...] = ()
    image: str | None = None
    spot: bool = False
    version: str = ""

    @property
    def bucket(self) -> str:
        """The data bucket's name, known before it is made."""
        return self.data_bucket or data_bucket_name(self.name, account_id=self.account_id, region=self.region)

    @property
    def repository_url(self) -> str:
        """The image repository's address, known before it is made."""
        return repository_url(self.name, account_id=self.account_id, region=self.region)

    def storage_variables(self) -> dict[str, Any]:
        """terraform/storage's variables."""
        return {
            "name": self.name,
            "region": self.region,
            "data_bucket": self.data_bucket,
            "path_style": self.is_local,
        }

    def platform_variables(self) -> dict[str, Any]:
        """terraform/platform's variables."""
        own_image = f"{_LOCAL_IMAGE}:{self.version}" if self.is_local else f"{self.repository_url}:{self.version}"
        return {
            "name": self.name,
            "region": self.region,
            "data_bucket": self.bucket,
            "repository_url": self.repository_url,
            "repository_arn": repository_arn(self.name, account_id=self.account_id, region=self.region),
            "image": self.image or own_image,
            "source_buckets": list(self.source_buckets),
            "spot": self.spot,
            "path_style": self.is_local,
            "opsctl_version": self.version,
        }


@dataclass(frozen=True)
class Workspace:
    """The two roots of one platform.

    Attributes
    ----------
    storage
        Outlives the platform; `down` never touches it.
    platform
        Comes and goes.
    """

    storage: Root
    platform: Root


def open_workspace(home: Home, *, name: str, binary: Binary, environment: Mapping[str, str]) -> Workspace:
    """The roots as they lie in a platform's folder."""
    code = home.platform_dir(name) / "terraform"
    return Workspace(
        storage=Root("storage", folder=code / "storage", binary=binary, environment=environment),
        platform=Root("platform", folder=code / "platform", binary=binary, environment=environment),
    )


def lay_out_code(home: Home, *, name: str, source: Path) -> None:
    """Bring this version's Terraform code into a platform's folder; states and installed providers stay as they are.

    Terraform writes beside its code, which in an installed opsctl belongs to the system.
    """
    target = home.make(home.platform_dir(name) / "terraform")
    for module in target.glob("modules/*"):
        shutil.rmtree(module)
    for old in target.glob("*/*.tf"):
        old.unlink()
    shutil.copytree(
        source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("tests", ".terraform*", "*.tfstate*", "*.md")
    )


def forget_platform_state(home: Home, *, name: str) -> None:
    """Drop the platform root's state: it spoke of a local platform that has ended with all it held in memory."""
    for state in (home.platform_dir(name) / "terraform" / "platform").glob("terraform.tfstate*"):
        state.unlink()


def has_platform_state(home: Home, *, name: str) -> bool:
    """Whether an apply of the platform root has recorded anything."""
    return (home.platform_dir(name) / "terraform" / "platform" / "terraform.tfstate").exists()
