"""Makes the job runner, `container/m2g_job`, importable in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opsctl.aws.clients import NO_KEY

_CONTAINER = Path(__file__).resolve().parents[1] / "container"


@contextmanager
def environment(url: str) -> Iterator[None]:
    """Set the environment variables for S3 that a job's container has."""
    if str(_CONTAINER) not in sys.path:
        sys.path.insert(0, str(_CONTAINER))
    previous = dict(os.environ)
    os.environ.update({**NO_KEY, "AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(previous)
