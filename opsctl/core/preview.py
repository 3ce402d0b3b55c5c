"""The local platform's preview of m2g: its outputs, times and costs must not pass for m2g's."""

from __future__ import annotations

IMAGE = "opsctl-preview"
#: What stands for m2g's own image in the keys of the preview's scans begins with this.
KEY_NAME = "preview:"
#: Stands above whatever shows outputs of the preview.
BANNER = "PREVIEW: from opsctl's preview in m2g's place, not from m2g. No scientific results."
#: The variable in which the local platform tells a job that is a process how much memory it would have on AWS.
MEMORY_VARIABLE = "OPSCTL_MEMORY_MIB"


def is_preview(image: str) -> bool:
    """Whether jobs of this image run the preview."""
    return image.split(":", 1)[0] == IMAGE
