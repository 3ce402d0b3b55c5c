"""What the image holds: m2g, the programs that it calls, and its atlases."""

from __future__ import annotations

import os
import shutil
import socket
from typing import Callable, Iterable, Mapping

from m2g_job import base_check, m2g
from m2g_job.selftest_check import Check, Doubtful, Failed, NotChecked
from m2g_job.selftest_settings import Settings

_GROUP = "image"
#: Where m2g 0.3.0 looks for neuroparc: first in the image's folder, then in its user's, into which it else clones it.
ATLASES = "/m2g_atlases"
_LABELS = os.path.join("atlases", "label", "Human")
_SOURCE_HOST = "github.com"
_PREVIEW = "preview: not checked."


def can_clone(path: str | None) -> bool:
    """Whether m2g could clone its atlases when a scan begins: git is there, and GitHub answers."""
    if shutil.which("git", path=path) is None:
        return False
    try:
        socket.create_connection((_SOURCE_HOST, 443), timeout=5).close()
    except OSError:
        return False
    return True


class Image:
    """The checks of the image.

    Parameters
    ----------
    variables
        The job's environment variables.
    document
        Returns opsctl's object, which names the files of the atlases (`atlases`); {} where it cannot be read.
    atlases
        The folder in which m2g looks first.
    can_clone
        See the function of this name.
    """

    def __init__(
        self,
        settings: Settings,
        variables: Mapping[str, str],
        *,
        document: Callable[[], Mapping[str, object]],
        atlases: str = ATLASES,
        can_clone: Callable[[str | None], bool] = can_clone,
    ) -> None:
        self._settings = settings
        self._variables = m2g.child_environment(variables)
        self._document = document
        self._atlases = atlases
        self._can_clone = can_clone

    def checks(self) -> list[Check]:
        """The checks."""
        looks = {"m2g": self._m2g, "programs": self._programs, "atlases": self._atlas_files}
        return [Check(name, _GROUP, self._outside_the_preview(look)) for name, look in looks.items()]

    def _outside_the_preview(self, look: Callable[[], str]) -> Callable[[], str]:
        def look_at_the_image() -> str:
            if self._settings.is_preview:
                raise NotChecked(_PREVIEW)
            return look()

        return look_at_the_image

    def _m2g(self) -> str:
        _fail_with(base_check.start_problems(self._variables))
        return "`m2g --help` answers."

    def _programs(self) -> str:
        _fail_with(base_check.program_problems(self._variables))
        return f"The {len(base_check.FSL + base_check.AFNI)} programs of FSL and AFNI that m2g calls are there."

    def _atlas_files(self) -> str:
        home = self._variables.get("HOME") or "/root"
        local = os.path.join(home, ".m2g", "m2g_atlases")
        folder = self._atlases if os.path.isdir(self._atlases) else local
        labels = os.path.join(folder, _LABELS)
        if not os.path.isdir(folder):
            if self._can_clone(self._variables.get("PATH")):
                raise Doubtful(f"There is no {self._atlases}: m2g would clone neuroparc from GitHub for every scan.")
            raise Failed(f"there is no {self._atlases}, and m2g could not clone neuroparc from GitHub")
        files = set(os.listdir(labels)) if os.path.isdir(labels) else set()
        if not files:
            raise Failed(f"m2g looks for its atlases in {labels}, and there is none")
        try:
            expected = [str(name) for name in self._document().get("atlases") or ()]  # type: ignore[attr-defined]
        except Exception:
            expected = []  # the check of the storage says why
        missing = [name for name in expected if name not in files]
        if missing:
            raise Failed(f"{labels} lacks {len(missing)} of {len(expected)} atlases, such as {missing[0]}")
        return f"{labels} holds {len(expected) or len(files)} atlases."


def _fail_with(problems: Iterable[str]) -> None:
    sentences = list(problems)
    if sentences:
        raise Failed(" ".join(sentences))
