"""`down --everything`: empties and deletes the data bucket and the image repository, and lets Terraform forget them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from opsctl.aws.clients import Clients
from opsctl.aws.platform import storage_deletion
from opsctl.aws.s3.uploads import UnfinishedUploads
from opsctl.aws.s3.versions import Versions
from opsctl.commands.deletion.removal import Removal, versions_of
from opsctl.core.deletion.amounts import Amounts
from opsctl.core.deletion.part import everything_part
from opsctl.core.errors import Problem
from opsctl.core.platform.inventory import managed_addresses
from opsctl.terraform.root import Root


@dataclass(frozen=True, kw_only=True)
class Storage:
    """What `up` made to outlive the platform.

    Attributes
    ----------
    bucket
        The data bucket; None where it is the user's own (`up --data-bucket`), which is never touched, or gone.
    own_bucket
        The user's own bucket, which stays.
    repository
        The image repository's name; None where it is gone.
    images
        Number of images in it.
    contents
        What the bucket holds, in all versions.
    """

    bucket: str | None
    own_bucket: str | None
    repository: str | None
    images: int
    contents: Amounts

    @property
    def is_gone(self) -> bool:
        """Whether there is nothing to delete."""
        return self.bucket is None and self.repository is None


@dataclass(frozen=True, kw_only=True)
class StorageReport:
    """The receipt of a removal.

    Attributes
    ----------
    deleted
        What S3 has confirmed as deleted, by the bucket's folders.
    left
        The number of versions that S3 did not delete, by its reason.
    kept
        What stays, each with its reason; empty when bucket and repository are gone.
    forgotten
        The number of resources that were removed from Terraform's state.
    state_error
        Why Terraform's state could not be changed; empty where it was, or where there is none.
    """

    bucket: str | None
    own_bucket: str | None
    repository: str | None
    images: int
    deleted: Amounts
    left: Mapping[str, int]
    aborted_uploads: int
    kept: tuple[str, ...]
    forgotten: int
    state_error: str
    is_interrupted: bool
    who: str
    began_at: str
    ended_at: str

    @property
    def is_complete(self) -> bool:
        """Whether everything is gone and forgotten."""
        return not (self.kept or self.left or self.state_error or self.is_interrupted)

    def as_json(self) -> dict[str, Any]:
        """`everything` in the output of `down --everything --json`."""
        return {**asdict(self), "deleted": self.deleted.as_json(), "left": dict(self.left), "kept": list(self.kept)}


def find_storage(
    clients: Clients, *, bucket: str | None, own_bucket: str | None, repository: str, account_id: str
) -> Storage:
    """Look at what there is.

    Parameters
    ----------
    bucket
        The bucket that `up` made; None where the user's own is used.

    Raises
    ------
    Problem
        When AWS refuses to tell.
    """
    contents = Amounts()
    if bucket is not None and storage_deletion.has_bucket(clients, bucket, account_id=account_id):
        part = everything_part()
        for version in versions_of(Versions(clients.s3, bucket), part):
            is_object = version.is_current and not version.is_delete_marker
            contents.add(part.folder_of(version.key), size_bytes=version.size_bytes, is_object=is_object)
    else:
        bucket = None
    images = storage_deletion.image_count(clients, repository)
    return Storage(
        bucket=bucket,
        own_bucket=own_bucket,
        repository=repository if images is not None else None,
        images=images or 0,
        contents=contents,
    )


def remove_storage(
    storage: Storage,
    clients: Clients,
    root: Root | None,
    *,
    account_id: str,
    who: str,
    timestamp: Callable[[], str],
    on_deleted: Callable[[int], None],
) -> StorageReport:
    """Empty and delete the bucket, delete the repository, then remove both from Terraform's state.

    The state comes last: interrupted before, the next call finds what is left by it, and goes on.

    Parameters
    ----------
    root
        The storage root; None where this machine has no state of it.
    """
    began_at = timestamp()
    removal: Removal | None = None
    kept: list[str] = []
    left: dict[str, int] = {}
    forgotten, state_error, is_interrupted = 0, "", False
    try:
        if storage.bucket is not None:
            versions = Versions(clients.s3, storage.bucket)
            removal = Removal(versions, UnfinishedUploads(clients.s3, storage.bucket), on_deleted=on_deleted)
            removal.remove(everything_part())
            left = removal.left(versions.below(""))
            reason = f"{sum(left.values())} versions are left in it" if left else ""
            reason = reason or storage_deletion.delete_bucket(clients, storage.bucket, account_id=account_id)
            kept += [f"s3://{storage.bucket}: {reason}"] if reason else []
        if storage.repository is not None:
            reason = storage_deletion.delete_repository(clients, storage.repository)
            kept += [f"the repository {storage.repository}: {reason}"] if reason else []
        if root is not None and not kept:
            forgotten, state_error = _forget(root)
    except KeyboardInterrupt:
        is_interrupted = True
    return StorageReport(
        bucket=storage.bucket,
        own_bucket=storage.own_bucket,
        repository=storage.repository,
        images=storage.images,
        deleted=removal.deleted if removal is not None else Amounts(),
        left=left,
        aborted_uploads=removal.aborted_uploads if removal is not None else 0,
        kept=tuple(kept),
        forgotten=forgotten,
        state_error=state_error,
        is_interrupted=is_interrupted,
        who=who,
        began_at=began_at,
        ended_at=timestamp(),
    )


def _forget(root: Root) -> tuple[int, str]:
    """Remove all resources from the storage root's state, which `prevent_destroy` guards against a destroy."""
    try:
        addresses = managed_addresses(root.state())
        root.state_rm(addresses)
    except Problem as problem:
        return 0, problem.what
    return len(addresses), ""
