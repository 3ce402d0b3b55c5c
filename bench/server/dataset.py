"""The keys of synthetic BIDS datasets, and the content of their small files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

PREFIX = "DS1/"
#: Where opsctl puts the outputs of a run with m2g's defaults.
OUTPUT = f"{PREFIX}derivatives/m2g-csa-native/"
#: In a rich dataset, over two sessions; each session is a scan.
KEYS_A_SUBJECT = 100

_ROOT = ("README", "dataset_description.json", "participants.tsv")
_TASKS = ("rest", "faces", "nback", "stop")
_IMAGE = (".nii.gz", ".json")
_DIFFUSION = ("dwi/{}_dwi.nii.gz", "dwi/{}_dwi.bval", "dwi/{}_dwi.bvec", "dwi/{}_dwi.json")
_LEAN = ("anat/{}_T1w.nii.gz", "anat/{}_T1w.json", *_DIFFUSION)


def _rich() -> Iterator[str]:
    for suffix in ("T1w", "T2w", "FLAIR"):
        yield from (f"anat/{{}}_{suffix}{end}" for end in _IMAGE)
    yield from _DIFFUSION
    yield from (f"dwi/{{}}_sbref{end}" for end in _IMAGE)
    for direction in ("AP", "PA"):
        yield from (f"fmap/{{}}_dir-{direction}_epi{end}" for end in _IMAGE)
    for task in _TASKS:
        for run in ("1", "2"):
            for suffix in ("bold", "sbref"):
                yield from (f"func/{{}}_task-{task}_run-{run}_{suffix}{end}" for end in _IMAGE)
    yield from (f"{{}}_scans{end}" for end in (".tsv", ".json"))


_RICH = tuple(_rich())


def bucket_of(scans: int, *, rich: bool = False) -> str:
    """The bucket with a dataset of `scans` scans: 50 keys each in a rich one, otherwise 6."""
    return f"{'rich' if rich else 'lean'}-{scans}"


def done_bucket_of(scans: int) -> str:
    """The bucket with a lean dataset, and with its outputs once they are published (`bench.server.done`)."""
    return f"done-{scans}"


def keys_of(bucket: str) -> list[str]:
    """All keys of a bucket's dataset, in S3's order; none where the bucket's name is of no dataset."""
    kind, _, scans = bucket.partition("-")
    if kind not in ("rich", "lean", "done") or not scans.isdigit():
        return []
    keys = [PREFIX + name for name in _ROOT]
    for scan in scans_of(int(scans)):
        keys += input_keys(scan, rich=kind == "rich")
    return sorted(keys)


def scans_of(count: int) -> Iterator[str]:
    """The names of a dataset's scans."""
    for number in range(count):
        yield f"sub-{1_000_000 + number // 2}/ses-{number % 2 + 1}"


def input_keys(scan: str, *, rich: bool = False) -> list[str]:
    """The keys of a scan's session."""
    stem = scan.replace("/", "_")
    return [f"{PREFIX}{scan}/{name.format(stem)}" for name in (_RICH if rich else _LEAN)]


def output_keys(scan: str) -> list[str]:
    """The keys of what a job publishes: 45 connectomes, three pictures and the provenance."""
    folder, stem = f"{OUTPUT}{scan}", scan.replace("/", "_")
    connectomes = [
        f"{folder}/connectomes_d/atlas{number:02d}_space-MNI152NLin6_res-2x2x2/{stem}_dwi_connectome.csv"
        for number in range(45)
    ]
    pictures = [f"{folder}/qa_d/{name}.png" for name in ("skull", "tensor", "tracks")]
    return [*connectomes, *pictures, f"{folder}/provenance.json"]


def content_of(key: str) -> bytes | None:
    """The content of a small file; None for an image, which no step reads."""
    if key.endswith("dataset_description.json"):
        return json.dumps({"Name": "made for measuring", "BIDSVersion": "1.9.0"}).encode()
    if key.endswith(".json"):
        return b'{"EchoTime": 0.03}'
    return None if key.endswith(".nii.gz") else b"0 1000\n"


def size_of(key: str) -> int:
    """An object's size in bytes."""
    content = content_of(key)
    return 1 + _number(key) % 100_000_000 if content is None else len(content)


def etag_of(key: str) -> str:
    """An object's etag, without quotes."""
    return hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()


def _number(key: str) -> int:
    return int(etag_of(key)[:8], 16)
