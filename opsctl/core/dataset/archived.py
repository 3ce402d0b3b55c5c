"""Objects that S3 keeps in an archive: they must be restored before anybody can read them."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.core.dataset.scan import S3Object

#: How long a restored copy stays readable, in the command that opsctl suggests.
_DAYS = 7


def archived_reason(objects: Sequence[S3Object], bucket: str) -> str:
    """Why the objects of a scan cannot be read yet; empty where all can.

    The same for every scan with the same kinds of archive, so that a list of exclusions can count them.
    """
    archived = [obj for obj in objects if obj.is_archived]
    if not archived:
        return ""
    kinds = sorted({obj.key.rpartition("/")[2].rpartition("_")[2] for obj in archived})
    classes = sorted({obj.storage_class for obj in archived})
    reason = f"its {', '.join(kinds)} {'is' if len(kinds) == 1 else 'are'} archived ({', '.join(classes)})"
    if all(obj.restore == "in progress" for obj in archived):
        return f"{reason}, and being restored: that takes hours"
    return f"{reason}; {restore_hint(bucket, 'KEY', storage_class=classes[0])}, with the archived file as KEY"


def restore_hint(bucket: str, key: str, *, storage_class: str) -> str:
    """How to make an archived object readable."""
    # Intelligent-Tiering moves a restored object back to its frequent tier for good, and refuses a number of days.
    request = "'{}'" if storage_class == "INTELLIGENT_TIERING" else f"Days={_DAYS}"
    return f"`aws s3api restore-object --bucket {bucket} --key {key} --restore-request {request}` restores it in hours"
