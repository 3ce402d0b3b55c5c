"""What this machine remembers of a platform: its record or Terraform variables, and the options of earlier `up`s."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from opsctl.commands.platform.terraform_workspace import (
    TerraformWorkspace,
    has_pending_up,
    has_platform_state,
    has_storage_state,
    pending_up_options,
)
from opsctl.core import bounded
from opsctl.core.errors import Problem
from opsctl.core.platform.absent import stopped_up
from opsctl.core.platform.options import PlatformOptions
from opsctl.core.platform.platform import Platform
from opsctl.core.platform.platform_name import LOCAL_NAME
from opsctl.core.record import RecordReader
from opsctl.home import Home


@dataclass(frozen=True, kw_only=True)
class RememberedPlatform:
    """Where a platform was created, or was being created when `up` was killed.

    Attributes
    ----------
    platform
        Its record; None when `up` did not get so far, or another version of opsctl wrote it.
    region, account_id, data_bucket, repository_url
        None when unknown.
    """

    name: str
    platform: Platform | None
    is_local: bool
    region: str | None = None
    account_id: str | None = None
    data_bucket: str | None = None
    repository_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Variables:
    """What Terraform's variables of an unfinished `up` say about the platform."""

    path_style: bool
    region: bounded.Name
    data_bucket: bounded.Name
    repository_url: bounded.Name


_VARIABLES = RecordReader(_Variables, hint="`opsctl up` writes it anew.", version=None)


def remember_platform(home: Home, name: str) -> RememberedPlatform:
    """Everything that this machine knows of a platform, which may be nothing."""
    platform = _record(home, name)
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
    file = home.platform_dir(name) / "terraform" / "platform" / "terraform.tfvars.json"
    try:
        variables = _VARIABLES.decode(file.read_bytes(), str(file))
    except (OSError, Problem):
        return RememberedPlatform(name=name, platform=None, is_local=name == LOCAL_NAME)
    return RememberedPlatform(
        name=name,
        platform=None,
        # Only an endpoint that is not AWS's has its buckets in the path.
        is_local=variables.path_style,
        region=variables.region,
        account_id=variables.repository_url.partition(".")[0],
        data_bucket=variables.data_bucket,
        repository_url=variables.repository_url,
    )


def unfinished_platform(home: Home) -> str | None:
    """The name of the platform whose `up` did not finish; None when there is none, or more than one."""
    folders = home.path.glob("platforms/*")
    names = [folder.name for folder in folders if has_platform_state(home, name=folder.name)]
    return names[0] if len(names) == 1 else None


def stopped_up_of(home: Home, name: str | None) -> Problem | None:
    """The error for a platform whose `up` was stopped before its end; None where no `up` was.

    Parameters
    ----------
    name
        The platform; None: the only one whose `up` was stopped.
    """
    names = [folder.name for folder in home.path.glob("platforms/*") if has_pending_up(home, name=folder.name)]
    stopped = [known for known in names if name in (None, known)]
    if len(stopped) != 1:
        return None
    return stopped_up(stopped[0], is_local=remember_platform(home, stopped[0]).is_local)


def kept_platform(home: Home) -> str | None:
    """The name of the platform whose storage `down` has kept; None when there is none, or more than one."""
    names = [folder.name for folder in home.path.glob("platforms/*") if has_storage_state(home, name=folder.name)]
    return names[0] if len(names) == 1 else None


def previous_options(
    home: Home, workspace: TerraformWorkspace, platform_options: PlatformOptions, *, record: Platform | None
) -> dict[str, Any]:
    """The options of earlier `up`s of a platform.

    Parameters
    ----------
    platform_options
        Says which platform; its other options are ignored.
    record
        The platform's record on AWS; None: the record on this machine is used.

    Returns
    -------
    dict
        The options of an unfinished `up`, else the record's options. What the storage root's state says is added,
        because the storage outlives `down`: the data bucket, the prefix of its name, its key, its tags.
    """
    name = platform_options.name
    options = pending_up_options(home, name=name)
    if options is None:
        record = record or _record(home, name)
        options = dict(record.options) if record else {}
    return {**_stored_options(workspace, platform_options), **options}


def _stored_options(workspace: TerraformWorkspace, platform_options: PlatformOptions) -> dict[str, Any]:
    outputs: dict[str, Any] = {}
    # A state on S3 can be read only after it has been set up.
    with suppress(Problem):
        outputs = workspace.storage.outputs()
    options: dict[str, Any] = {"kms_key": outputs["kms_key_arn"]} if outputs.get("kms_key_arn") else {}
    if outputs.get("tags"):
        options["variables"] = {"tags": outputs["tags"]}
    plain = platform_options.with_options({"data_bucket": None, "name_prefix": None})
    # The repository always has the platform's own name.
    repository = str(outputs.get("repository_url", "")).rpartition("/")[2]
    name_prefix = repository.removesuffix(plain.repository_url.rpartition("/")[2])
    if name_prefix:
        options["name_prefix"] = name_prefix
    bucket = outputs.get("data_bucket")
    if bucket is not None and bucket != plain.with_options(options).bucket:
        options["data_bucket"] = bucket
    return options


def _record(home: Home, name: str) -> Platform | None:
    # The next `up` writes a damaged record anew.
    with suppress(Problem):
        return home.recall(name)
    return None
