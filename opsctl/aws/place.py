"""Where on S3 a call went, without saying whose data it is: keys name subjects, and a log is passed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Of opsctl's own documents (`opsctl/runs/RUN_ID/scans/…`): these folders carry run and index only.
_OWN, _OWN_DEPTH = "opsctl", 4


def s3_place(params: Mapping[str, Any]) -> str:
    """The bucket and the first folder of an S3 call's key or prefix, `s3://data/HNU1/…`.

    Parameters
    ----------
    params
        The call's parameters.

    Returns
    -------
    str
        Empty where the call is about no bucket; of opsctl's own documents, the folder as far as it names the run.
    """
    bucket = params.get("Bucket")
    if not bucket:
        return ""
    key = str(params.get("Key") or params.get("Prefix") or "")
    folders = key.split("/")[:-1]
    depth = _OWN_DEPTH if folders[:1] == [_OWN] else 1
    kept = []
    for folder in folders[:depth]:
        # A dataset at the bucket's root begins with its subjects.
        if folder.startswith(("sub-", "ses-")):
            break
        kept.append(folder)
    rest = "…" if key and "/".join([*kept, ""]) != key else ""
    return f"s3://{bucket}/" + "".join(f"{folder}/" for folder in kept) + rest
