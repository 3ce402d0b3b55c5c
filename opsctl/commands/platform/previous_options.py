"""The options of earlier `up`s: where they are found again."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from opsctl.commands.platform.terraform_workspace import TerraformWorkspace, pending_up_options
from opsctl.core.errors import Problem
from opsctl.core.platform.options import PlatformOptions
from opsctl.core.platform.platform import Platform
from opsctl.home import Home


def previous_options(
    home: Home, workspace: TerraformWorkspace, platform_options: PlatformOptions, *, record: Platform | None
) -> dict[str, Any]:
    """The options of earlier `up`s of this platform.

    Parameters
    ----------
    platform_options
        Whose platform; its options do not matter here.
    record
        The platform's record on AWS, where there is one; else this machine's counts.

    Returns
    -------
    dict
        The options of an `up` that was broken off, which the next one goes on with; else the record's. The storage's
        bucket outlives `down`, and so does that option.
    """
    options = pending_up_options(home, name=platform_options.name)
    if options is None:
        options = _recorded(record or _recalled(home, platform_options.name))
    bucket = _bucket_of(workspace)
    if bucket is not None and bucket != platform_options.with_options({"data_bucket": None}).bucket:
        options.setdefault("data_bucket", bucket)
    return options


def _bucket_of(workspace: TerraformWorkspace) -> str | None:
    # A state on S3 can be asked only where it has been set up already.
    with suppress(Problem):
        bucket: str | None = workspace.storage.recorded_outputs().get("data_bucket")
        return bucket
    return None


def _recalled(home: Home, name: str) -> Platform | None:
    # A record that cannot be read is written anew by this very `up`.
    with suppress(Problem):
        return home.recall(name)
    return None


def _recorded(record: Platform | None) -> dict[str, Any]:
    return {} if record is None else dict(record.options)
