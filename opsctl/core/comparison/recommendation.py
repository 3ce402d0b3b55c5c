"""What a comparison says, in one sentence, and what it does not say."""

from __future__ import annotations

from opsctl.core.comparison.paired_difference import LEAST_SUBJECTS, PairedDifference
from opsctl.core.counted import counted

#: With fewer subjects all ways of swapping are too few for a p below 0.05.
_LEAST_TO_RESOLVE = 6

#: Stands under every comparison.
NOT_VALIDITY = (
    "Reliability is not validity: D says how well a setting tells the same subjects apart again, not whether its"
    " connectomes are true. A setting that errs in the same way each time has a high D as well."
)


def recommendation(difference: PairedDifference | None, labels: tuple[str, str], *, is_preview: bool) -> str:
    """The sentence.

    Parameters
    ----------
    difference
        Over all parcellations that both have; None where D cannot be computed.
    labels
        How the two settings are called.
    is_preview
        Whether the preview made any of the connectomes: then nothing is recommended.
    """
    if is_preview:
        return (
            "No recommendation: opsctl's preview made connectomes of this comparison, and not m2g, so it shows only"
            " that the way from scans to figures works."
        )
    if difference is None:
        return (
            "No recommendation: reliability cannot be measured, because fewer than two subjects have two scans with"
            " both settings."
        )
    rests = f"{counted(difference.subjects, 'subject')}, {counted(difference.scans, 'scan')}"
    if difference.low is None or difference.high is None:
        return (
            f"No recommendation: with {rests} the difference of D is {signed(difference.value)}, and its uncertainty is"
            f" not known, which takes {LEAST_SUBJECTS} subjects."
        )
    if difference.has_no_width:
        return (
            f"These scans cannot tell the settings apart: the difference of D is {signed(difference.value)} without"
            f" any of the subjects as well ({rests}), so they are too few, or too easy to tell apart, to show how"
            " uncertain it is."
        )
    interval = f"{difference.level * 100:.0f} % interval {signed(difference.low)} to {signed(difference.high)}"
    if difference.is_resolved:
        better = labels[0] if difference.value > 0 else labels[1]
        return (
            f"{better} is the more reliable setting on such scans: D differs by {abs(difference.value):.3f}"
            f" ({interval}, p = {probability_text(difference)}; {rests})."
        )
    if difference.low > 0 or difference.high < 0:
        return (
            f"It is not known which setting is more reliable: the interval of the difference of D does not include 0"
            f" ({interval}), but the permutation test does not confirm it (p = {probability_text(difference)};"
            f" {rests})."
        )
    return (
        f"It is not known which setting is more reliable: the difference of D is {signed(difference.value)}, and its"
        f" {interval} includes 0 (p = {probability_text(difference)}; {rests})."
    )


def larger_sample(difference: PairedDifference | None) -> str:
    """What more subjects would show; empty where that cannot be said."""
    if difference is None or difference.subjects_for_half_width is None:
        return ""
    sentence = (
        f"An interval half as wide takes about {difference.subjects_for_half_width:,} subjects with as many scans each."
    )
    if not difference.may_be_resolved:
        return (
            f"{sentence} With {difference.subjects} subjects p cannot fall below {difference.smallest_probability:.3f},"
            f" so no difference can be resolved: that takes {_LEAST_TO_RESOLVE} subjects."
        )
    needed = difference.subjects_to_resolve
    if difference.is_resolved or needed is None:
        return sentence
    return (
        f"{sentence} If the true difference is the one seen here, about {needed:,} subjects show it in four of five"
        " such samples; the true one may be smaller."
    )


def signed(value: float) -> str:
    """A difference with its sign, `+0.031`; a rounded 0 has none."""
    text = f"{value:+.3f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def probability_text(difference: PairedDifference) -> str:
    """A probability with the digits that its number of swaps supports."""
    if difference.probability < 0.001:
        return "under 0.001"
    return f"{difference.probability:.3f}"
