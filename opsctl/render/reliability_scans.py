"""Shows which scans to look at, each with its reasons and the command for its pictures."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from opsctl.core.atlases.atlas import name_of
from opsctl.core.reliability.suspects import NO_VERDICT, ScansToLookAt
from opsctl.core.reliability.suspects_deviation import LEAST_SCANS, STANDS_OUT
from opsctl.core.reliability.suspects_merged import MergedSuspect, merged
from opsctl.render.screen import Screen, counted

#: More only with --verbose.
_MOST_SHOWN = 10
_MOST_REASONS = 3
_SPREAD = (
    f"A scan stands out that lies {STANDS_OUT:g} robust standard deviations or more from the median of all scans"
    " (by the median absolute deviation)."
)


def show_scans(screen: Screen, lists: Sequence[ScansToLookAt], *, options: str | None, is_verbose: bool) -> None:
    """Show the section "Scans to look at".

    Parameters
    ----------
    lists
        One for each parcellation, kind and model.
    options
        The options of `results` that name what was read, such as `--run ID`; None for a folder.
    is_verbose
        Whether to show every scan with every reason.
    """
    entries = merged(lists)
    screen.answer()
    screen.answer("Scans to look at", style="bold")
    for line in _pairs(lists):
        screen.answer(f"  {line}")
    shown = entries if is_verbose else entries[:_MOST_SHOWN]
    for entry in shown:
        _show_entry(screen, entry, options=options, is_verbose=is_verbose)
    if not entries:
        few = all(len(scans.names) < LEAST_SCANS for scans in lists)
        screen.answer(f"  None can be told among fewer than {LEAST_SCANS} scans." if few else "  None stands out.")
    if len(shown) < len(entries):
        screen.answer(f"  {len(entries) - len(shown)} more with --verbose.")
    screen.say()
    for sentence in _sentences(lists, options=options, has_entries=bool(entries)):
        screen.say(sentence)


def _show_entry(screen: Screen, entry: MergedSuspect, *, options: str | None, is_verbose: bool) -> None:
    suspect = entry.suspect
    where = f", in {entry.count} of {entry.of_lists} parcellations, most in {entry.parcellation}"
    screen.answer(f"  {suspect.name}{where if entry.of_lists > 1 else ''}")
    reasons = suspect.reasons if is_verbose else suspect.reasons[:_MOST_REASONS]
    for reason in reasons:
        screen.answer(f"    {reason.text}")
    if len(reasons) < len(suspect.reasons):
        screen.answer(f"    and {counted(len(suspect.reasons) - len(reasons), 'more reason')}")
    if options is not None:
        scan = shlex.quote(suspect.name)
        screen.answer(f"    pictures: `opsctl results qa-pictures {options} --scan {scan} --what qa`")


def _pairs(lists: Sequence[ScansToLookAt]) -> list[str]:
    """Each pair of scans whose labels look exchanged, and where."""
    where: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for scans in lists:
        if scans.swapped_names:
            where.setdefault(scans.swapped_names, []).append(name_of(scans.atlas))
    return [
        f"The labels of {', or those of '.join(f'{first} and {second}' for first, second in pairs)} look exchanged"
        + (f" (in {len(names)} of {len(lists)} parcellations)" if len(lists) > 1 else "")
        for pairs, names in where.items()
    ]


def _sentences(lists: Sequence[ScansToLookAt], *, options: str | None, has_entries: bool) -> list[str]:
    sentences = [NO_VERDICT, _SPREAD]
    known = [scans for scans in lists if scans.rehearsal is not None]
    by_text: dict[str, list[str]] = {}
    for scans in known:
        by_text.setdefault(scans.how_well, []).append(name_of(scans.atlas))
    # With many parcellations the best and the worst say enough.
    ordered = sorted(known, key=lambda scans: scans.rehearsal.named if scans.rehearsal else 0)
    if len(by_text) == 1:
        sentences += list(by_text)
    elif by_text:
        sentences += [f"{name_of(scans.atlas)}: {scans.how_well}" for scans in (ordered[-1], ordered[0])]
    if any(scans.swapped is not None for scans in lists):
        sentences.append("A pair can be named by chance, more often the lower D is and the fewer scans a subject has.")
    if any(len(scans.swapped_names) > 1 for scans in lists):
        sentences.append(
            "With two scans a subject the distances do not tell which of the exchanged scans have the wrong labels."
        )
    missing = dict.fromkeys(
        f"{measure.title[:1].upper()}{measure.title[1:]} is not measured in {name_of(scans.atlas)}: {measure.missing}"
        for scans in lists
        for measure in scans.measures.measures
        if measure.missing and measure.key != "own_d"
    )
    sentences += list(missing) if len(missing) <= 2 else [f"{len(missing)} measures are missing; --json says why."]
    if has_entries:
        sentences.append(
            f"`opsctl report {options}` shows all scans on one page."
            if options is not None
            else "The pictures are with the run, not in this folder: `opsctl runs` lists the runs."
        )
    return sentences
