"""Fixtures for the commands: S3 by moto, in this process."""

from __future__ import annotations

from support.moto_s3 import records, s3, s3_client, s3_writes, storage, whole_storage  # noqa: F401 fixtures
