"""Subjects whose files have the same names but for the subject's label have the same scans but for it.

Most subjects of a large dataset are alike: the first one is looked at file by file, and the others take a tenth of the
time. Where anything about a subject needs a word (an exclusion, an absence, a note), it is looked at by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from opsctl.core.dataset.scan import Inputs, PackedInput, Role, S3Object, Scan

#: A subject whose label every pattern takes, so that what matches does not depend on it.
_FOLDER = re.compile(r"sub-[A-Za-z0-9]+", re.ASCII)
#: So many kinds of subjects are kept: where each is of its own kind, keeping them would only take memory.
_MOST_SHAPES = 1_000

#: The names of a subject's files, without the folder and the label.
Shape = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _ScanShape:
    """A scan without its subject.

    Attributes
    ----------
    inputs
        Of each the place among the subject's files and the role, or all of it where it lies at the dataset's root.
    """

    name: str
    session: str | None
    entities: Mapping[str, Any]
    pipeline: Literal["dwi", "func"]
    inputs: Sequence[tuple[int, Role] | PackedInput]


class SubjectShapes:
    """The scans of each kind of subject; for several threads.

    Parameters
    ----------
    bucket, prefix
        The dataset's location; `prefix` ends with `/` or is empty.
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        self._uri = f"s3://{bucket}/"
        self._start = len(prefix)
        self._scans: dict[Shape, tuple[_ScanShape, ...]] = {}

    def shape(self, folder: str, objects: Sequence[S3Object]) -> Shape | None:
        """What a subject's files have in common with those of its kind; None where it is of no kind.

        Parameters
        ----------
        folder
            The subject's.
        objects
            Its files, in S3's order.
        """
        if not _FOLDER.fullmatch(folder):
            return None
        start = self._start + len(folder)
        mark = f"/{folder}_"
        names = []
        for obj in objects:
            path, found, name = obj.key[start:].rpartition(mark)
            if not found or "/" in name or "sub-" in path or "sub-" in name:
                return None
            # An empty or archived file makes a difference.
            if not obj.size_bytes or (obj.storage_class != "STANDARD" and obj.is_archived) or obj.restore:
                return None
            names.append(f"{path}/{name}")
        return tuple(names)

    def scans(self, shape: Shape, folder: str, objects: Sequence[S3Object]) -> Iterator[Scan] | None:
        """The scans of a subject of a known kind; None where its kind is not known."""
        scans = self._scans.get(shape)
        return None if scans is None else self._made(scans, folder, objects)

    def learn(self, shape: Shape, folder: str, objects: Sequence[S3Object], scans: Sequence[Scan]) -> None:
        """Keep the scans of a kind of subject, about which there is nothing else to say."""
        if len(self._scans) >= _MOST_SHAPES or any(scan.note for scan in scans):
            return
        places = {f"{self._uri}{obj.key}": place for place, obj in enumerate(objects)}
        self._scans[shape] = tuple(
            _ScanShape(
                name=scan.name.removeprefix(folder),
                session=scan.session,
                entities=scan.entities,
                pipeline=scan.pipeline,
                inputs=[
                    (places[file.uri], file.role)
                    if file.uri in places
                    else (file.uri, file.role, file.size_bytes, file.etag)
                    for file in scan.inputs
                ],
            )
            for scan in scans
        )

    def _made(self, scans: Sequence[_ScanShape], folder: str, objects: Sequence[S3Object]) -> Iterator[Scan]:
        subject = folder[len("sub-") :]
        for scan in scans:
            inputs: list[PackedInput] = []
            for file in scan.inputs:
                if len(file) == 2:
                    place, role = file
                    obj = objects[place]
                    inputs.append((f"{self._uri}{obj.key}", role, obj.size_bytes, obj.etag))
                else:
                    inputs.append(file)
            yield Scan(
                name=f"{folder}{scan.name}",
                subject=subject,
                session=scan.session,
                entities={**scan.entities, "subject": subject},
                pipeline=scan.pipeline,
                inputs=Inputs.packed(inputs),
            )
