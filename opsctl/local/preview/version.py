"""The preview's version: what its jobs compute changes only with it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from opsctl.core.preview import KEY_NAME

from .progress import software


def preview_version() -> str:
    """`preview:` and a hash over the preview's files, neuroparc's tables, and the versions of its packages.

    opsctl's version is not in it: most new versions of opsctl leave the preview as it is.
    """
    digest = hashlib.sha256(software().encode())
    package = Path(__file__).parents[2]
    for path in (*sorted(Path(__file__).parent.glob("*.py")), *sorted((package / "neuroparc").glob("*.tsv"))):
        content = path.read_bytes()
        digest.update(f"\n{path.name} {len(content)}\n".encode() + content)
    return f"{KEY_NAME}{digest.hexdigest()[:16]}"
