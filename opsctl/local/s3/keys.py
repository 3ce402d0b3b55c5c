"""A bucket's keys: their changes are tracked, and listings find pages by bisection."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import moto.s3.models as models
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.utils import _VersionedKeyStore

from opsctl.local.s3.objects import Key

#: The ARNs of the objects that the current DeleteObjects request may not delete.
REFUSED_DELETIONS: ContextVar[frozenset[str]] = ContextVar("REFUSED_DELETIONS", default=frozenset())


class Keys(_VersionedKeyStore):
    """A bucket's keys, which reports changes to the ChangeTracker and keeps the sorted names for listings."""

    def __init__(self, bucket: str) -> None:
        super().__init__()
        self._bucket = bucket
        self._generation = 0
        self._sorted: tuple[int, list[str]] = (-1, [])

    def __setitem__(self, key: str, value: Any) -> None:
        self._generation += key not in self
        super().__setitem__(key, value)
        Key.changes.touch(self._bucket, key)

    def setlist(self, key: str, list_: Any) -> None:
        """Set all versions of a key."""
        with Key.changes.request():
            self._generation += key not in self
            super().setlist(key, list_)
            Key.changes.touch(self._bucket, key)

    def pop(self, key: str) -> None:  # type: ignore[override]
        """Delete a key with all its versions; raises KeyError if it is missing."""
        with Key.changes.request():
            super().pop(key)
            self._generation += 1
            Key.changes.touch(self._bucket, key)

    def restore(self, version: Any) -> None:
        """Add the next version of a key; it is already in the index."""
        self._generation += 1
        dict.__setitem__(self, version.name, [*self.getlist(version.name, []), version])

    def put_back(self, name: str, versions: list[Any]) -> None:
        """Replace a key's versions by those of the index; none: remove the key."""
        self._generation += 1
        if versions:
            dict.__setitem__(self, name, versions)
        else:
            dict.pop(self, name, None)

    def names(self) -> list[str]:
        """Return all names in S3's order (code points sort as UTF-8 bytes do). The caller must not change the list."""
        generation = self._generation
        if self._sorted[0] != generation:
            self._sorted = generation, sorted(self)
        return self._sorted[1]

    def page(self, *, prefix: str, delimiter: str, after: str, limit: int) -> tuple[list[Any], bool]:
        """Return up to `limit` keys (Key) and common prefixes (str) after `after`, and whether there are more."""
        names = self.names()
        position = max(bisect_left(names, prefix), bisect_right(names, after) if after else 0)
        if after and delimiter and (common_prefix := _common_prefix(after, prefix, delimiter)) == after:
            # The last page ended with this common prefix, which stands for all keys below it.
            position = max(position, _end_of_prefix(names, common_prefix))
        page: list[Any] = []
        while position < len(names) and names[position].startswith(prefix):
            name = names[position]
            position += 1
            key = self.get(name)
            if not isinstance(key, Key):
                continue
            if len(page) == limit:
                return page, True
            common_prefix = _common_prefix(name, prefix, delimiter) if delimiter else None
            if common_prefix is not None:
                position = _end_of_prefix(names, common_prefix)
            page.append(key if common_prefix is None else common_prefix)
        return page, False

    def versions_page(
        self, *, prefix: str, key_marker: str, version_id_marker: str, limit: int
    ) -> tuple[list[Any], bool]:
        """Return up to `limit` versions after a marker, a key's newest first, and whether more follow.

        Parameters
        ----------
        key_marker, version_id_marker
            The last version of the page before. Where that one is deleted by now, the others of its key follow.
        """
        names = self.names()
        position = max(bisect_left(names, prefix), bisect_left(names, key_marker))
        page: list[Any] = []
        while position < len(names) and names[position].startswith(prefix):
            name = names[position]
            position += 1
            versions = list(reversed(self.getlist(name, [])))
            ids = [str(version.version_id) for version in versions]
            start = 0
            if name == key_marker:
                is_known = not version_id_marker or version_id_marker in ids
                start = (ids.index(version_id_marker) + 1 if version_id_marker else len(ids)) if is_known else 0
            for number, version in enumerate(versions[start:], start):
                if len(page) == limit:
                    return page, True
                version.is_latest = number == 0
                page.append(version)
        return page, False


def _common_prefix(name: str, prefix: str, delimiter: str) -> str | None:
    end = name.find(delimiter, len(prefix)) if name.startswith(prefix) else -1
    return name[: end + len(delimiter)] if end >= 0 else None


def _end_of_prefix(names: list[str], prefix: str) -> int:
    """Return the position of the first name after all that begin with the prefix."""
    return bisect_left(names, prefix[:-1] + chr(min(ord(prefix[-1]) + 1, 0x10FFFF)))


class Bucket(models.FakeBucket):
    """A bucket whose keys are kept on disk. `rules_as_put` are the lifecycle rules as the request gave them."""

    __module__ = "moto.s3.models"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys = Keys(self.name)
        self.rules_as_put: list[dict[str, Any]] = []

    def get_permission(self, action: str, resource: str) -> Any:
        """Apply the policy's statements that have no condition.

        moto ignores conditions, so "deny what is not TLS" would deny everything: this server speaks plain HTTP on the
        loopback interface. The requests of roles are decided before (opsctl.local.rights), but for those keys of a
        DeleteObjects request that moto leaves out by this answer.
        """
        if resource in REFUSED_DELETIONS.get():
            return PermissionResult.DENIED
        if self.policy is None:
            return PermissionResult.NEUTRAL
        policy = _without_conditions(self.policy)
        return PermissionResult.NEUTRAL if policy is None else policy.is_action_permitted(action, resource)


# By its text: moto asks it for each request of an object.
@lru_cache(maxsize=64)
def _without_conditions(text: bytes) -> IAMPolicy | None:
    """The statements of a bucket's policy that have no condition; None where there is none."""
    policy = json.loads(text)
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    unconditional = [statement for statement in statements if "Condition" not in statement]
    return IAMPolicy(json.dumps({**policy, "Statement": unconditional})) if unconditional else None
