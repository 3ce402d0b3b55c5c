"""A synthetic BIDS dataset's keys, by the hundred thousand: a hundred keys a subject, in two sessions."""

from __future__ import annotations

from collections.abc import Iterator

PREFIX = "DS1/"
KEYS_A_SUBJECT = 100

_SESSIONS = ("1", "2")
_ROOT = ("README", "dataset_description.json", "participants.tsv")
_TASKS = ("rest", "faces", "nback", "stop")
_IMAGE = (".nii.gz", ".json")


def _names() -> Iterator[str]:
    for suffix in ("T1w", "T2w", "FLAIR"):
        yield from (f"anat/{{}}_{suffix}{end}" for end in _IMAGE)
    yield from (f"dwi/{{}}_dwi{end}" for end in (*_IMAGE, ".bval", ".bvec"))
    yield from (f"dwi/{{}}_sbref{end}" for end in _IMAGE)
    for direction in ("AP", "PA"):
        yield from (f"fmap/{{}}_dir-{direction}_epi{end}" for end in _IMAGE)
    for task in _TASKS:
        for run in ("1", "2"):
            for suffix in ("bold", "sbref"):
                yield from (f"func/{{}}_task-{task}_run-{run}_{suffix}{end}" for end in _IMAGE)
    yield from (f"{{}}_scans{end}" for end in (".tsv", ".json"))


_NAMES = tuple(_names())


def keys(subjects: int) -> list[str]:
    """All keys of a dataset, in S3's order."""
    made = [PREFIX + name for name in _ROOT]
    for number in range(subjects):
        subject = f"sub-{1_000_000 + number}"
        for session in _SESSIONS:
            folder, words = f"{PREFIX}{subject}/ses-{session}", f"{subject}_ses-{session}"
            made += [f"{folder}/{name.format(words)}" for name in _NAMES]
    return sorted(made)
