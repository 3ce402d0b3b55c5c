"""A record as it lies on S3, for tests that look at what was written."""

from __future__ import annotations

import json
from typing import Any

from opsctl.aws.s3.storage import Storage


def stored_json(storage: Storage, key: str, *, bucket: str = "data") -> dict[str, Any] | None:
    """The JSON object at a key; None if there is none."""
    body = storage.get_body(bucket, key)
    if body is None:
        return None
    value = json.loads(body)
    assert isinstance(value, dict)
    return value
