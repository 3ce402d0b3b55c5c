"""Which of m2g's outputs are for quality assurance."""

from __future__ import annotations

_PICTURE_FOLDERS = {"qa_d", "qa_f"}
#: `crash` and `log` are C-PAC's own, which m2g's func pipeline runs.
_FOLDERS = {*_PICTURE_FOLDERS, "log_f", "crash", "log"}


def is_qa(path: str) -> bool:
    """Whether a path, relative to the derivatives, lies in one of m2g's folders of QA pictures and logs."""
    return bool(_FOLDERS & set(path.split("/")[:-1]))


def is_qa_picture(path: str) -> bool:
    """Whether a path or URI is a picture in one of m2g's QA folders."""
    return path.lower().endswith(".png") and bool(_PICTURE_FOLDERS & set(path.split("/")[:-1]))
