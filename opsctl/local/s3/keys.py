"""A bucket's keys: what changes among them goes to the disk, and their order makes listings quick."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from typing import Any

import moto.s3.models as models
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.utils import _VersionedKeyStore

from opsctl.local.s3.objects import Key


class Keys(_VersionedKeyStore):
    """A bucket's keys, which tells the ledger what changes, and knows their order for listings."""

    def __init__(self, bucket: str) -> None:
        super().__init__()
        self._bucket = bucket
        self._generation = 0
        self._sorted: tuple[int, list[str]] = (-1, [])

    def __setitem__(self, key: str, value: Any) -> None:
        self._generation += key not in self
        super().__setitem__(key, value)
        Key.ledger.touch(self._bucket, key)

    def setlist(self, key: str, list_: Any) -> None:
        """Set all versions of a key."""
        with Key.ledger.request():
            self._generation += key not in self
            super().setlist(key, list_)
            Key.ledger.touch(self._bucket, key)

    def pop(self, key: str) -> None:  # type: ignore[override]
        """Delete a key with all its versions; KeyError when there is none."""
        with Key.ledger.request():
            super().pop(key)
            self._generation += 1
            Key.ledger.touch(self._bucket, key)

    def restore(self, key: Key) -> None:
        """Put in a key that the index has already."""
        self._generation += 1
        dict.__setitem__(self, key.name, [key])

    def names(self) -> list[str]:
        """Give all names in S3's order. Code points sort as their UTF-8 bytes do. Not to be changed by the caller."""
        generation = self._generation
        if self._sorted[0] != generation:
            self._sorted = generation, sorted(self)
        return self._sorted[1]

    def page(self, *, prefix: str, delimiter: str, after: str, most: int) -> tuple[list[Any], bool]:
        """Give up to `most` keys (as Key) and common prefixes (as str) behind `after`, and whether there are more."""
        names = self.names()
        place = max(bisect_left(names, prefix), bisect_right(names, after) if after else 0)
        if after and delimiter and (folder := _folder(after, prefix, delimiter)) == after:
            # The page before ended with this common prefix: all in it has been told.
            place = max(place, _behind(names, folder))
        found: list[Any] = []
        while place < len(names) and names[place].startswith(prefix):
            name = names[place]
            place += 1
            entry = self.get(name)
            if not isinstance(entry, Key):
                continue
            if len(found) == most:
                return found, True
            folder = _folder(name, prefix, delimiter) if delimiter else None
            if folder is not None:
                place = _behind(names, folder)
            found.append(entry if folder is None else folder)
        return found, False


def _folder(name: str, prefix: str, delimiter: str) -> str | None:
    end = name.find(delimiter, len(prefix)) if name.startswith(prefix) else -1
    return name[: end + len(delimiter)] if end >= 0 else None


def _behind(names: list[str], folder: str) -> int:
    # The first name that is greater than all that begin with the folder.
    return bisect_left(names, folder[:-1] + chr(min(ord(folder[-1]) + 1, 0x10FFFF)))


class Bucket(models.FakeBucket):
    """A bucket whose keys are kept on disk. `rules_as_put` are the lifecycle rules as the request had them."""

    __module__ = "moto.s3.models"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys = Keys(self.name)
        self.rules_as_put: list[dict[str, Any]] = []

    def get_permission(self, action: str, resource: str) -> Any:
        """Judge by the policy's statements without a condition.

        moto does not know conditions, and would take "deny what is not TLS" for "deny everything"; this server speaks
        plain HTTP on the loopback interface, and IAM's enforcement is nothing that it can show.
        """
        if self.policy is None:
            return PermissionResult.NEUTRAL
        policy = json.loads(self.policy)
        statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
        plain = [statement for statement in statements if "Condition" not in statement]
        return IAMPolicy(json.dumps({**policy, "Statement": plain})).is_action_permitted(action, resource)
