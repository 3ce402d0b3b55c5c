"""The key of a scan's work: scans of equal keys need no second job."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from opsctl.core.dataset.scan import Input
from opsctl.core.preview import KEY_NAME

if TYPE_CHECKING:
    from opsctl.core.runs.registration import Registration

#: Between the key's two parts; the first has only hexadecimal digits.
_MARK = "@"
_json = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class ScanKeys:
    """The keys of scans of which the same is asked, `WORK@M2G`: everything that changes a scan's result, and no more.

    WORK is a SHA-256 over the role and etag of each input, in any order, over what is asked of m2g, and over the
    earlier files that are reused. M2G is m2g's own image as it is, so that a key of another m2g shows which one it was.

    Nothing else is in the key: not the inputs' names and places, not the runner or its version, not the name, tag or
    registry of the image that the runner is built into, and nothing that follows from a job's size (queue, instance
    type, `--memory`), from the budget or from the person who submits.

    Parameters
    ----------
    asked
        What `opsctl.core.runs.m2g_options.asked` returns.
    m2g_image
        The digest of the image that the runner is built on, `sha256:…`. Where it is unknown, the job image's own
        digest, or else its name; for the local platform's preview, the preview's version.
    """

    def __init__(self, asked: Mapping[str, Any], m2g_image: str) -> None:
        self._asked = _json(dict(asked))
        self._m2g_image = m2g_image

    def key(self, inputs: Iterable[Input], registration: Registration | None = None) -> str:
        """The key of one scan.

        Parameters
        ----------
        inputs
            The files that the job downloads.
        registration
            What is reused; its files' paths and etags count.
        """
        # The same text as that of one object with sorted keys; what is asked is the same for all of 100,000 scans.
        work = f'{{"inputs":{_json(sorted([file.role, file.etag] for file in inputs))},"m2g":{self._asked}'
        if registration is not None:
            work += f',"reused":{_json(sorted([file.path, file.etag] for file in registration.files))}'
        return f"{hashlib.sha256(f'{work}}}'.encode()).hexdigest()}{_MARK}{self._m2g_image}"


def work_of(key: str) -> str:
    """The part of a key that is the same whichever m2g does the work."""
    return key.partition(_MARK)[0]


def m2g_image_of(key: str) -> str:
    """m2g's own image, as the key names it."""
    return key.partition(_MARK)[2]


def is_previewed(key: str) -> bool:
    """Whether the local platform's preview does the work in m2g's place."""
    return m2g_image_of(key).startswith(KEY_NAME)
