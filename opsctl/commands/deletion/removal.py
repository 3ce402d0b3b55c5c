"""Deletes every version of the keys of some parts, and lists again until nothing more goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from opsctl.aws.s3.uploads import UnfinishedUploads
from opsctl.aws.s3.versions import ObjectVersion, Versions
from opsctl.core.deletion.amounts import Amounts
from opsctl.core.deletion.part import Part
from opsctl.core.errors import Problem

#: One call deletes so many versions, and progress is shown after each.
_BATCH = 1000


class Removal:
    """Deletes versions of one bucket for good, and counts what S3 has confirmed.

    Parameters
    ----------
    ensure_allowed
        Called before each call that deletes; raises where this process may not go on.
    on_deleted
        Called with how many versions a call has deleted.

    Attributes
    ----------
    deleted
        What is gone, by folder.
    aborted_uploads
        Number of unfinished uploads whose parts were removed.
    reasons
        Why S3 did not delete a version, by key and version id.
    """

    def __init__(
        self,
        versions: Versions,
        uploads: UnfinishedUploads,
        *,
        ensure_allowed: Callable[[], None] = lambda: None,
        on_deleted: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._versions = versions
        self._uploads = uploads
        self._ensure_allowed = ensure_allowed
        self._on_deleted = on_deleted
        self._refusal = ""
        self.deleted = Amounts()
        self.aborted_uploads = 0
        self.reasons: dict[tuple[str, str], str] = {}

    def remove(self, part: Part) -> None:
        """Delete all of a part: lists again until a pass deletes nothing, since keys may appear while it works."""
        for upload in self._uploads.below(part.prefix):
            if part.holds(upload.key):
                self._uploads.abort(upload)
                self.aborted_uploads += 1
        while self.delete(versions_of(self._versions, part), folder_of=part.folder_of):
            continue

    def delete(self, versions: Iterable[ObjectVersion], *, folder_of: Callable[[str], str]) -> int:
        """Delete versions once; returns how many went. What stays has its reason in `reasons`."""
        deleted = 0
        remaining = iter(versions)
        while batch := list(islice(remaining, _BATCH)):
            self._ensure_allowed()
            try:
                failures = self._versions.delete(batch)
            except Problem as problem:
                # A call that was refused as a whole would be refused a thousand times.
                self._refusal = problem.what
                break
            failed = {(failure.version.key, failure.version.version_id): failure.reason for failure in failures}
            self.reasons |= failed
            gone = [version for version in batch if (version.key, version.version_id) not in failed]
            for version in gone:
                is_object = version.is_current and not version.is_delete_marker
                self.deleted.add(folder_of(version.key), size_bytes=version.size_bytes, is_object=is_object)
            deleted += len(gone)
            self._on_deleted(len(gone))
        return deleted

    def left(self, versions: Iterable[ObjectVersion]) -> dict[str, int]:
        """How many of these versions are still there, by S3's reason."""
        left: dict[str, int] = {}
        for version in versions:
            reason = self.reasons.get((version.key, version.version_id)) or self._refusal or "appeared meanwhile"
            left[reason] = left.get(reason, 0) + 1
        return left


def versions_of(versions: Versions, part: Part) -> Iterator[ObjectVersion]:
    """Every version of the keys of a part."""
    return (version for version in versions.below(part.prefix) if part.holds(version.key))
