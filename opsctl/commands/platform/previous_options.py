"""The options of earlier `up`s: where they are found again."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from opsctl.commands.platform.terraform_workspace import Workspace, begun_options
from opsctl.core.errors import Problem
from opsctl.core.platform.options import Wish
from opsctl.core.platform.platform import Platform
from opsctl.home import Home


def earlier_options(home: Home, workspace: Workspace, wish: Wish, *, record: Platform | None) -> dict[str, Any]:
    """What was wished of this platform before.

    Parameters
    ----------
    wish
        Whose platform; its options do not matter here.
    record
        The platform's record on AWS, where there is one; else this machine's counts.

    Returns
    -------
    dict
        The options of an `up` that was broken off, which the next one goes on with; else the record's. The storage's
        bucket outlives `down`, and so does the wish for it.
    """
    options = begun_options(home, name=wish.name)
    if options is None:
        options = _recorded(record or _recalled(home, wish.name))
    bucket = _bucket_of(workspace)
    if bucket is not None and bucket != wish.with_options({"data_bucket": None}).bucket:
        options.setdefault("data_bucket", bucket)
    return options


def _bucket_of(workspace: Workspace) -> str | None:
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
    if record is None:
        return {}
    options = dict(record.wish)
    # Records of opsctl 0.1 hold no wishes, but these two can be seen.
    if record.spot:
        options.setdefault("spot", True)
    if not record.is_local and record.image != f"{record.repository_url}:{record.opsctl_version}":
        options.setdefault("image", record.image)
    return options
