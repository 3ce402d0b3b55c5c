"""Buckets beside the data bucket that a platform's jobs may read, and how to permit one more."""

from __future__ import annotations

from opsctl.core.platform.platform import Platform, up_command


def permit_command(platform: Platform, bucket: str) -> str:
    """The command after which a platform's jobs may read a bucket, and every other one that they may read now."""
    # A list that is typed replaces the recorded one.
    buckets = [*platform.options.get("source_buckets", ()), bucket]
    command = up_command(platform.name, is_local=platform.is_local)
    return " ".join([command, *(f"--source-bucket {name}" for name in buckets)])
