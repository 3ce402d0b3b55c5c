"""Which atlas's connectomes a report shows as pictures: one for all scans, so that they can be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from opsctl.core.atlases.atlas import name_of
from opsctl.core.errors import UsageProblem

_MOST_NAMES = 12


def pictured_atlas(by_scan: Iterable[Sequence[str]], *, typed: str | None) -> str:
    """The folder of the atlas; empty where no scan has a connectome.

    Parameters
    ----------
    by_scan
        The folders of the atlases of each scan's connectomes.
    typed
        A name of an atlas, or a part of one. None: the first by name that all scans have, otherwise the first of
        those that most scans have.

    Raises
    ------
    UsageProblem
        When no scan has a connectome of a typed atlas, or the name means several.
    """
    counts = Counter(atlas for atlases in by_scan for atlas in set(atlases))
    if typed is not None:
        return _typed_atlas(typed, counts)
    return min(counts, key=lambda atlas: (-counts[atlas], atlas), default="")


def matching_atlases(typed: str, atlases: Iterable[str]) -> list[str]:
    """The folders of the atlases that a typed name means, by name: the one of that name, else all that contain it.

    Raises
    ------
    UsageProblem
        When it means none.
    """
    folders = sorted(atlases)
    exact = [folder for folder in folders if typed in (folder, name_of(folder))]
    matching = exact or [folder for folder in folders if typed.lower() in folder.lower()]
    if not matching:
        hint = f"There are: {_names(folders)}." if folders else "No scan that is done has a connectome."
        raise UsageProblem(f"No scan has a connectome of the parcellation {typed}.", hint)
    return matching


def selected_atlases(typed: Iterable[str], atlases: Iterable[str]) -> set[str]:
    """The folders of the atlases that some typed names mean; see `matching_atlases`."""
    folders = set(atlases)
    return {folder for name in typed for folder in matching_atlases(name, folders)}


def _typed_atlas(typed: str, atlases: Iterable[str]) -> str:
    matching = matching_atlases(typed, atlases)
    if len(matching) == 1:
        return matching[0]
    raise UsageProblem(f"--parcellation {typed} means several of the connectomes: {_names(matching)}.", "Name one.")


def _names(folders: Sequence[str]) -> str:
    more = "" if len(folders) <= _MOST_NAMES else f" and {len(folders) - _MOST_NAMES:,} more"
    return ", ".join(map(name_of, folders[:_MOST_NAMES])) + more
