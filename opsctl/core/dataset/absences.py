"""Where a subject lacks a primary image: no scan and no exclusion would mention it."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.core.dataset.file_index import FileIndex, session_folder
from opsctl.core.dataset.scan import Absence


def subject_absences(folder: str, index: FileIndex) -> Iterator[Absence]:
    """The places of a subject where a primary image is missing, each told once.

    Parameters
    ----------
    folder
        The subject's folder; any other folder of the dataset has none.
    index
        The subject's files.
    """
    if not folder.startswith("sub-"):
        return
    orphans = sorted(index.sidecars_without_image())
    for path in orphans:
        yield Absence(kind="sidecar_without_image", path=path)
    if not index.has_image():
        if not orphans:
            others = sum(index.other_images.values())
            yield Absence(kind="subject_without_image", path=folder, other_images=others)
        return
    with_sidecars = {session_folder(path) for path in orphans}
    for session in sorted(index.sessions_without_image() - with_sidecars):
        other_images = index.other_images[session]
        yield Absence(kind="session_without_image", path=f"{folder}/{session}", other_images=other_images)
