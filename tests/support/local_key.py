"""Sessions of boto3 with the key of a local platform."""

from __future__ import annotations

from pathlib import Path

import boto3

from opsctl.local import control


def session_of(home: Path, *, region: str = "us-east-1") -> boto3.Session:
    """A session for the server of a home."""
    key = control.credentials(home)
    return boto3.Session(key["AWS_ACCESS_KEY_ID"], key["AWS_SECRET_ACCESS_KEY"], region_name=region)
