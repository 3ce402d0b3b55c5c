"""The names that m2g gets in place of a scan's own, and the way back to them for its outputs.

m2g requires a session, its pybids (0.12) finds nothing under labels with `+`, its func pipeline reads a TR out of
`acq-NUMBER` and writes `ses-` with the digits of the session only. None of this shows in the outputs' names.
"""

from __future__ import annotations

import re
from typing import Iterable, Sequence

from m2g_job.scan import MADE_UP_SESSION, Scan

#: BIDS requires a task of every bold image.
_DEFAULT_TASK = "rest"
_IMAGE = ".nii.gz"
#: m2g's func pipeline names its connectomes so: `sub-02_ses-_func_…`.
_FUNC_PREFIX = re.compile(r"^sub-[A-Za-z0-9]*_ses-[0-9]*_func(?=_)")


class StagedNames:
    """One scan's names inside its job.

    Parameters
    ----------
    scan
        Its image's name has the labels.

    Attributes
    ----------
    subject, session
        The labels that m2g gets.
    stem
        The staged image's name without its extension.
    """

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self._is_func = scan.pipeline == "func"
        stem = scan.primary.name[: -len(scan.primary.extension)]
        *parts, suffix = stem.split("_")
        entities = [(key, label) for key, _, label in (part.partition("-") for part in parts)]
        labels = {scan.subject, scan.session_label, *(label for _, label in entities)}
        self._stand_ins = _stand_ins(labels)
        self._labels = sorted({("sub", scan.subject), ("ses", scan.session_label), *entities})
        self.subject = self._staged(scan.subject)
        self.session = self._staged(scan.session_label)
        if self._is_func:
            task = dict(entities).get("task", _DEFAULT_TASK)
            staged = [("sub", scan.subject), ("ses", scan.session_label), ("task", task)]
            # A job takes all echoes of an acquisition together.
            entities = [(key, label) for key, label in entities if key != "echo"]
        else:
            staged = list(entities)
            if scan.session is None:
                staged.insert(1, ("ses", MADE_UP_SESSION))
        self._prefix = "_".join(f"{key}-{label}" for key, label in entities)
        self._stem = f"{self._prefix}_{suffix}"
        self.stem = "_".join([*(f"{key}-{self._staged(label)}" for key, label in staged), suffix])

    def _staged(self, label: str) -> str:
        return self._stand_ins.get(label, label)

    def arguments(self, argv: Sequence[str]) -> list[str]:
        """The scan's argv with the labels that m2g gets."""
        arguments = list(argv)
        for option, label in (("--participant_label", self.subject), ("--session_label", self.session)):
            arguments[arguments.index(option) + 1] = label
        return arguments

    def output_key(self, path: str) -> str:
        """The key of an output: its path with the scan's own names.

        Parameters
        ----------
        path
            Relative to m2g's output folder of the session, with `/`.
        """
        *folders, name = path.split("/")
        if self._is_func:
            for folder in folders:
                if folder.endswith(_IMAGE):
                    name = name.replace(f"{folder}_", f"{folder[: -len(_IMAGE)]}_")
            folders = [folder[: -len(_IMAGE)] if folder.endswith(_IMAGE) else folder for folder in folders]
            name = _FUNC_PREFIX.sub(lambda _: f"{self._prefix}_func", name)
        return "/".join(self._own(part) for part in [*folders, name])

    def _own(self, part: str) -> str:
        part = _replace(part, self.stem, self._stem)
        for key, label in self._labels:
            if label in self._stand_ins:
                part = _replace(part, f"{key}-{self._stand_ins[label]}", f"{key}-{label}")
        return part.replace(f"_ses-{MADE_UP_SESSION}", "") if self._scan.session is None else part


def _stand_ins(labels: Iterable[str]) -> dict[str, str]:
    """A label of letters and digits, unlike all others, for each label with `+`."""
    in_use = set(labels)
    stand_ins = {}
    for label in sorted(in_use):
        if "+" in label:
            stand_in = label.replace("+", "plus")
            while stand_in in in_use:
                stand_in += "x"
            in_use.add(stand_in)
            stand_ins[label] = stand_in
    return stand_ins


def _replace(text: str, old: str, new: str) -> str:
    """Replace a text where neither a letter nor a digit stands beside it."""
    return re.sub(rf"(?<![A-Za-z0-9]){re.escape(old)}(?![A-Za-z0-9])", lambda _: new, text)
