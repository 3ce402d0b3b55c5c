"""What this machine remembers of a platform: its record, or only what an `up` that was killed had written down."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass

from opsctl.commands.platform.terraform_workspace import has_platform_state
from opsctl.core.errors import Problem
from opsctl.core.platform.platform import LOCAL_NAME, Platform
from opsctl.home import Home


@dataclass(frozen=True, kw_only=True)
class RememberedPlatform:
    """Where a platform was, or was being, made.

    Attributes
    ----------
    platform
        Its record; None where `up` did not get so far, or another version of opsctl wrote it.
    region, account_id, data_bucket, repository_url
        None where nothing was written down.
    """

    name: str
    platform: Platform | None
    is_local: bool
    region: str | None = None
    account_id: str | None = None
    data_bucket: str | None = None
    repository_url: str | None = None


def remember_platform(home: Home, name: str) -> RememberedPlatform:
    """Everything that this machine knows of a platform, which may be nothing."""
    with suppress(Problem):
        platform = home.recall(name)
        if platform is not None:
            return RememberedPlatform(
                name=name,
                platform=platform,
                is_local=platform.is_local,
                region=platform.region,
                account_id=platform.account_id,
                data_bucket=platform.data_bucket,
                repository_url=platform.repository_url,
            )
    try:
        written = json.loads((home.platform_dir(name) / "terraform" / "platform" / "terraform.tfvars.json").read_text())
        return RememberedPlatform(
            name=name,
            platform=None,
            # Only an endpoint that is not AWS's has its buckets in the path.
            is_local=written["path_style"],
            region=written["region"],
            account_id=written["repository_url"].partition(".")[0],
            data_bucket=written["data_bucket"],
            repository_url=written["repository_url"],
        )
    except (OSError, ValueError, KeyError):
        return RememberedPlatform(name=name, platform=None, is_local=name == LOCAL_NAME)


def unfinished_platform(home: Home) -> str | None:
    """The platform that an `up` began and did not end, where there is one, and only one."""
    names = [one.name for one in home.path.glob("platforms/*") if has_platform_state(home, name=one.name)]
    return names[0] if len(names) == 1 else None
