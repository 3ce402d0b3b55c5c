"""One subject of a dataset: which keys, texts and records of runs name it, and what is left of these without it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from opsctl.core.errors import UsageProblem
from opsctl.core.runs.manifest import Run

#: What stands in a run's recorded command line in place of the subject's label.
DELETED_LABEL = "DELETED"

_LABEL = re.compile(r"[A-Za-z0-9]+")
_OPTION = "--participant-label"
#: m2g spells the option with an underscore, and `run` takes both.
_OPTIONS = (_OPTION, "--participant_label")
_COLUMN = "participant_id"


@dataclass(frozen=True)
class Subject:
    """A subject by its BIDS label, without `sub-`."""

    label: str

    @classmethod
    def parse(cls, typed: str) -> Subject:
        """The subject of a label as typed, with or without `sub-`.

        Raises
        ------
        UsageProblem
            For anything else than one label: a glob could mean more subjects than the user thinks of.
        """
        label = typed.removeprefix("sub-")
        if not _LABEL.fullmatch(label):
            raise UsageProblem(
                f"{_OPTION} {typed!r} must be one subject's label: letters and digits.",
                "Deletion takes no globs: type the command once for each subject.",
            )
        return cls(label)

    @property
    def name(self) -> str:
        """`sub-0025427`."""
        return f"sub-{self.label}"

    def owns(self, key: str) -> bool:
        """Whether a key names the subject: `sub-1` is in `sub-1/…` and `…/sub-1_dwi.nii.gz`, but not in `sub-12/…`."""
        return self._name_pattern.search(key) is not None

    def is_in(self, text: str) -> bool:
        """Whether a file's text names the subject, as `sub-1` or as a row of a table of participants."""
        return self._name_pattern.search(text) is not None or self.without_rows(text) != text

    def without_rows(self, table: str) -> str:
        """A tab-separated table without the subject's rows; other texts, and all other rows, stay as they are."""
        lines = table.splitlines(keepends=True)
        header = _cells(lines[0]) if lines else []
        if _COLUMN not in header:
            return table
        column = header.index(_COLUMN)
        names = (self.name, self.label)
        return "".join(line for line in lines if len(cells := _cells(line)) <= column or cells[column] not in names)

    def scans_of(self, run: Run) -> frozenset[int]:
        """The indices of the subject's scans in a run, adopted ones too."""
        return frozenset(index for index, scan in enumerate(run.scans) if scan.split("/")[0] == self.name)

    def without(self, run: Run) -> Run:
        """A run's record that does not name the subject: its scans have no names and keys, and count as deleted."""
        gone = self.scans_of(run)
        return replace(
            run,
            scans=tuple("" if index in gone else scan for index, scan in enumerate(run.scans)),
            keys=tuple("" if index in gone else key for index, key in enumerate(run.keys)),
            command_line=tuple(self.without_label(run.command_line)),
        )

    def without_label(self, command_line: tuple[str, ...]) -> list[str]:
        """A command line with `DELETED` in place of the subject's label."""
        arguments: list[str] = []
        for number, argument in enumerate(command_line):
            before = command_line[number - 1] if number else ""
            option, separator, value = argument.partition("=")
            if before in _OPTIONS and argument == self.label:
                arguments.append(DELETED_LABEL)
            elif option in _OPTIONS and separator and value == self.label:
                arguments.append(f"{option}={DELETED_LABEL}")
            else:
                arguments.append(self._name_pattern.sub(f"sub-{DELETED_LABEL}", argument))
        return arguments

    @property
    def _name_pattern(self) -> re.Pattern[str]:
        # A label goes on in letters and digits. A hyphen or a plus sign cannot stand in one, so such a name is another.
        return re.compile(rf"(?<![A-Za-z0-9]){re.escape(self.name)}(?![A-Za-z0-9+-])")


def _cells(line: str) -> list[str]:
    return [cell.strip().strip('"') for cell in line.rstrip("\r\n").removeprefix("\ufeff").split("\t")]
