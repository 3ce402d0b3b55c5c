"""Which scans to look at, each with its reasons. It is a list to look at and never a verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opsctl.core.reliability.discriminability import Discriminability
from opsctl.core.reliability.graph_stack import GraphStack
from opsctl.core.reliability.scan_measures import Measure, ScanMeasures, measure_scans, same_matrices
from opsctl.core.reliability.suspects_deviation import STANDS_OUT, deviations
from opsctl.core.reliability.suspects_words import describe
from opsctl.core.reliability.swapped import LEAST_D, Labelled, Rehearsal, SwappedPair, rehearse

NO_VERDICT = (
    "This is a list of scans to look at, not a verdict: a scan on it may be sound, and a bad scan may be missing."
)

#: With more scans the rehearsal would take longer than everything else.
_MOST_REHEARSED = 1000

#: What is told first: the rank of a kind of reason.
_RANKS = {"blank": 0, "duplicate": 1, "swapped": 2}


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why to look at a scan.

    Attributes
    ----------
    code
        `blank`, `duplicate`, `swapped`, or the key of a measure.
    text
        In words, as the rest of a sentence about the scan.
    score
        Spreads from the median of all scans; None where it is no measure.
    """

    code: str
    text: str
    score: float | None = None


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A scan to look at.

    Attributes
    ----------
    position
        In the stack.
    reasons
        The strongest first.
    """

    position: int
    name: str
    subject: str
    reasons: tuple[Reason, ...]

    @property
    def order(self) -> tuple[int, float, str]:
        """Its place in the list."""
        rank = min(_RANKS.get(reason.code, len(_RANKS)) for reason in self.reasons)
        return (
            rank,
            -max((abs(reason.score) for reason in self.reasons if reason.score is not None), default=0),
            self.name,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class ScansToLookAt:
    """The scans to look at of one stack.

    Attributes
    ----------
    suspects
        Ranked.
    swapped
        The pair of scans whose labels look exchanged; None: no pair does.
    swapped_names
        The names of that pair, and of each alternative pair.
    rehearsal
        How often an exchange made on purpose was found in these data; None where it was not tried.
    names
        Of all scans, in the order of the measures' values.
    """

    atlas: str
    kind: str
    model: str
    suspects: tuple[Suspect, ...]
    swapped: SwappedPair | None
    swapped_names: tuple[tuple[str, str], ...]
    rehearsal: Rehearsal | None
    names: tuple[str, ...]
    measures: ScanMeasures

    @property
    def how_well(self) -> str:
        """How well exchanged labels are found in these data, as a sentence."""
        if self.rehearsal is None or not self.rehearsal.swaps:
            return "Exchanged labels cannot be looked for: that needs two subjects with two scans."
        swaps, named = self.rehearsal.swaps, self.rehearsal.named
        put_right = ", with the exchanged labels put right," if self.swapped is not None else ""
        tried = f"In these data{put_right} {named} of {swaps} exchanges of two labels, made to try it, were found."
        return tried if named else f"{tried} No pair is named where D with the labels exchanged is below {LEAST_D:.2f}."

    def as_json(self) -> dict[str, Any]:
        """For `--json`: suspects with reasons, the pair, and every measure of every scan."""
        columns = {measure.key: measure for measure in self.measures.measures}
        return {
            "atlas": self.atlas,
            "kind": self.kind,
            "model": self.model or None,
            "note": NO_VERDICT,
            "suspects": [
                {
                    "scan": suspect.name,
                    "reasons": [
                        {"code": reason.code, "text": reason.text, "deviation": reason.score}
                        for reason in suspect.reasons
                    ],
                }
                for suspect in self.suspects
            ],
            "swapped": None
            if self.swapped is None
            else {
                "scans": list(self.swapped_names[0]),
                "or": [list(names) for names in self.swapped_names[1:]],
                "d": self.swapped.d,
                "d_with_labels_exchanged": self.swapped.d_after,
            },
            "rehearsal": None
            if self.rehearsal is None
            else {"exchanges": self.rehearsal.swaps, "found": self.rehearsal.named},
            "not_measured": {key: measure.missing for key, measure in columns.items() if measure.missing},
            "measures": {
                "scan": list(self.names),
                **{key: [_number(value) for value in measure.values.tolist()] for key, measure in columns.items()},
            },
        }


def scans_to_look_at(
    stack: GraphStack, distances: NDArray[np.float64], result: Discriminability | None
) -> ScansToLookAt:
    """Find the scans to look at.

    Parameters
    ----------
    distances
        Between the scans of the stack.
    result
        The discriminability of these distances; None where no two subjects have two scans.
    """
    names = tuple(scan.name for scan in stack.scans)
    subjects = [scan.subject for scan in stack.scans]
    own_d = result.per_scan if result is not None else np.full(len(names), np.nan)
    measures = measure_scans(stack, distances, own_d)
    reasons: dict[int, list[Reason]] = defaultdict(list)
    _add_blank(reasons, measures)
    _add_duplicates(reasons, measures, names, subjects)
    labelled = Labelled.of(distances, subjects)
    pair = labelled.pair()
    pairs = _names_of(pair, names)
    if pair is not None:
        _add_swapped(reasons, pair, pairs, names)
    _add_measures(reasons, measures, regions=len(stack.labels))
    suspects = [
        Suspect(position=position, name=names[position], subject=subjects[position], reasons=_ordered(of_scan))
        for position, of_scan in reasons.items()
    ]
    can_rehearse = len(names) <= _MOST_REHEARSED
    return ScansToLookAt(
        atlas=stack.atlas,
        kind=stack.kind,
        model=stack.model,
        suspects=tuple(sorted(suspects, key=lambda suspect: suspect.order)),
        swapped=pair,
        swapped_names=pairs,
        rehearsal=rehearse(labelled) if can_rehearse else None,
        names=names,
        measures=measures,
    )


def _add_blank(reasons: dict[int, list[Reason]], measures: ScanMeasures) -> None:
    strength = measures.of("strength").values
    for position in measures.blank:
        is_empty = strength[position] == 0
        text = "its graph has no edge" if is_empty else "all edges of its graph have the same weight"
        reasons[position].append(Reason(code="blank", text=text))


def _add_duplicates(
    reasons: dict[int, list[Reason]], measures: ScanMeasures, names: Sequence[str], subjects: Sequence[str]
) -> None:
    for group in same_matrices(measures, range(len(names))):
        for position in group:
            others = [names[other] for other in group if other != position]
            same_subject = len({subjects[other] for other in group}) == 1
            whose = ", another session of the subject" if same_subject else ""
            reasons[position].append(
                Reason(code="duplicate", text=f"its matrix is exactly that of {' and '.join(others)}{whose}")
            )


def _add_swapped(
    reasons: dict[int, list[Reason]],
    pair: SwappedPair,
    pairs: Sequence[tuple[str, str]],
    names: Sequence[str],
) -> None:
    rise = f"with both exchanged, D rises from {pair.d:.3f} to {pair.d_after:.3f}"
    for position in pair.scans:
        with_scans = [
            first if second == names[position] else second
            for first, second in pairs
            if names[position] in (first, second)
        ]
        text = f"its label looks exchanged with that of {' or '.join(with_scans)}: {rise}"
        reasons[position].append(Reason(code="swapped", text=text))


def _add_measures(reasons: dict[int, list[Reason]], measures: ScanMeasures, *, regions: int) -> None:
    for measure in measures.measures:
        if measure.missing:
            continue
        scores = deviations(measure.values, least_spread=measure.least_spread)
        for position, score in enumerate(scores.scores.tolist()):
            if not _stands_out(measure, score) or position in measures.blank:
                continue
            text = describe(measure.key, float(measure.values[position]), scores.median, regions=regions)
            reasons[position].append(Reason(code=measure.key, text=text, score=score))


def _stands_out(measure: Measure, score: float) -> bool:
    is_low, is_high = score <= -STANDS_OUT, score >= STANDS_OUT
    return {"low": is_low, "high": is_high, "both": is_low or is_high}[measure.stands_out]


def _ordered(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    return tuple(sorted(reasons, key=lambda reason: (_RANKS.get(reason.code, len(_RANKS)), -abs(reason.score or 0.0))))


def _names_of(pair: SwappedPair | None, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    if pair is None:
        return ()
    return tuple((names[first], names[second]) for first, second in ((pair.first, pair.second), *pair.alternatives))


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return value if value == value else None
