"""What `results` is asked for: a run or a dataset, and which of its scans and connectomes."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import get_args

from opsctl.core.errors import ErrorCode, Problem, UsageProblem
from opsctl.core.results.connectome_table import atlas_of
from opsctl.core.runs.names import find_scans
from opsctl.core.runs.output_kinds import Format, GraphKind, TypedKind, What

_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class ResultsRequest:
    """The arguments and options of `results`.

    Attributes
    ----------
    folder
        As typed.
    run_id, dataset, output_name
        What `--run`, `--dataset` and `--modif` say; None where they were not typed.
    scans, participants
        Names of scans and labels of subjects, with wildcards. Empty: all.
    parcellations
        Parts of the names of atlases. Empty: all.
    kinds
        What the weights of the connectomes are. Empty: all.
    formats
        In which formats of other programs they are written as well.
    is_download
        False: only formats are written, of what the folder has.
    """

    folder: str
    what: What = "connectomes"
    run_id: str | None = None
    dataset: str | None = None
    output_name: str | None = None
    scans: tuple[str, ...] = ()
    participants: tuple[str, ...] = ()
    parcellations: tuple[str, ...] = ()
    kinds: tuple[TypedKind, ...] = ()
    formats: tuple[Format, ...] = ()
    is_download: bool = True

    def check(self) -> None:
        """Refuse options that contradict each other.

        Raises
        ------
        UsageProblem
            If they do.
        """
        if self.dataset is not None and self.run_id is not None:
            raise UsageProblem(
                "--dataset and --run exclude each other.", "--dataset takes the best result of each scan of all runs."
            )
        if self.output_name is not None and self.dataset is None:
            raise UsageProblem("--modif is for --dataset.", "A run has one derivatives folder.")
        if self.what != "connectomes" and (self.parcellations or self.kinds):
            option = "--parcellation" if self.parcellations else "--kind"
            raise UsageProblem(f"{option} selects connectomes, and --what {self.what} asks for other files too.")
        if self.what == "qa" and self.formats:
            raise UsageProblem("--format is for connectomes, and --what qa asks for other files.")
        if not self.is_download:
            self._check_local()
        for name in self.parcellations:
            if not name:
                raise UsageProblem("--parcellation '' is not the name of a parcellation.")

    def _check_local(self) -> None:
        if not self.formats:
            raise UsageProblem("--no-download is for --format.", "Name a format, such as --format npz.")
        typed = {
            "--run": self.run_id,
            "--dataset": self.dataset,
            "--scan": self.scans,
            "--participant-label": self.participants,
            "--what": self.what != "connectomes",
        }
        for option, value in typed.items():
            if value:
                raise UsageProblem(
                    f"--no-download and {option} exclude each other.",
                    "The formats then have every scan that the folder's connectomes.tsv lists.",
                )

    @property
    def command(self) -> str:
        """The command that asks for the same again."""
        words = ["opsctl", "results", self.folder]
        if self.what != "connectomes":
            words += ["--what", self.what]
        words += _options("--dataset", [self.dataset]) + _options("--modif", [self.output_name])
        words += _options("--run", [self.run_id])
        words += _options("--scan", self.scans) + _options("--participant-label", self.participants)
        words += _options("--parcellation", self.parcellations) + _options("--kind", self.kinds)
        words += _options("--format", self.formats) + ([] if self.is_download else ["--no-download"])
        return shlex.join(words)

    @property
    def run_option(self) -> str:
        """`--run RUN_ID` behind a blank, for commands about the same run; empty where it was not typed."""
        return f" --run {shlex.quote(self.run_id)}" if self.run_id else ""

    def indices(self, scans: Sequence[str]) -> frozenset[int]:
        """The indices of the selected scans.

        Parameters
        ----------
        scans
            The names of all scans by index; the empty name of a deleted scan is never selected.

        Raises
        ------
        Problem
            If an option selects none; it names those that there are.
        """
        selected = {index for index, scan in enumerate(scans) if scan}
        if self.participants:
            patterns = [label.removeprefix("sub-") for label in self.participants]
            labels = {index: scans[index].split("/")[0].removeprefix("sub-") for index in selected}
            for typed, pattern in zip(self.participants, patterns, strict=True):
                if not any(fnmatchcase(label, pattern) for label in labels.values()):
                    raise _nothing("--participant-label", typed, "scan", labels.values(), ErrorCode.SCAN_NOT_FOUND)
            selected = {
                index for index, label in labels.items() if any(fnmatchcase(label, pattern) for pattern in patterns)
            }
        if self.scans:
            selected &= set(find_scans(scans, self.scans, whose=self.dataset or "The run"))
            if not selected:
                raise Problem("--participant-label and --scan have no scan in common.", code=ErrorCode.SCAN_NOT_FOUND)
        return frozenset(selected)

    def selects_connectome(self, place: str, kind: GraphKind | None) -> bool:
        """Whether a connectome is selected by its atlas and kind; the same atlas has one name in all pipelines."""
        if self.kinds and (kind or "").replace(" ", "-") not in self.kinds:
            return False
        # A name ends with `_` where another name begins with it (`Desikan_`), as in `run --parcellation`.
        return not self.parcellations or any(name in atlas_of(place) for name in self.parcellations)

    def ensure_selected(self, connectomes: Iterable[tuple[str, GraphKind | None]]) -> None:
        """Check that every parcellation and kind that was typed selects a connectome.

        Parameters
        ----------
        connectomes
            Place and kind of each connectome of the selected scans.

        Raises
        ------
        Problem
            If one selects none; it names those that there are.
        """
        if not (self.parcellations or self.kinds):
            return
        atlases, existing_kinds = set(), set()
        for place, kind in connectomes:
            atlases.add(atlas_of(place))
            existing_kinds.add((kind or "").replace(" ", "-"))
        for name in self.parcellations:
            if not any(name in atlas for atlas in atlases):
                raise _nothing("--parcellation", name, "connectome", map(_short, atlases), ErrorCode.NO_RESULTS)
        for typed in self.kinds:
            if typed not in existing_kinds:
                known = existing_kinds & set(get_args(TypedKind))
                raise _nothing("--kind", typed, "connectome", known, ErrorCode.NO_RESULTS)


def _options(option: str, values: Iterable[str | None]) -> list[str]:
    return [word for value in values if value is not None for word in (option, value)]


def _short(atlas: str) -> str:
    """`Desikan` of `Desikan_space-MNI152NLin6_res-2x2x2`."""
    return atlas.partition("_space-")[0]


def _nothing(option: str, typed: str, noun: str, names: Iterable[str], code: ErrorCode) -> Problem:
    known = sorted(set(names) - {""})
    shown = ", ".join(known[:_SHOWN]) + (", …" if len(known) > _SHOWN else "")
    return Problem(f"{option} {typed} selects no {noun}.", f"There are: {shown}." if known else "", code=code)
