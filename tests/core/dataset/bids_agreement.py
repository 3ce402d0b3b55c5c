"""The reference for discovery: the files that pybids finds on disk, combined to scans by BIDS's rules.

`BIDSLayout.get_bval` is not used: it also accepts sidecars with entities that the image lacks (`run-2_dwi.bval` for
an image without a run). The specification's inheritance principle forbids that, so only the layout's files and their
entities are taken, and the principle itself is written out here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from bids import BIDSLayout
from bids.layout import BIDSLayoutIndexer
from hypothesis import strategies as st
from support.bids_trees import PATTERNS, PREFIX, listing

from opsctl.core.dataset.discovery import discover
from opsctl.core.dataset.scan import Discovery
from opsctl.core.runs.m2g_options import Pipeline

IMAGES = (".nii.gz", ".nii")
_SUFFIXES: dict[Pipeline, tuple[str, ...]] = {"dwi": ("dwi",), "func": ("bold",), "both": ("dwi", "bold")}

#: A scan by its files: subject, session, and role to path.
Found = tuple[str, str | None, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Reference:
    """The expected scans, and the images that must be excluded."""

    scans: frozenset[Found]
    excluded: frozenset[str]


def discovery_of(
    paths: Iterable[str],
    *,
    pipeline: Pipeline = "dwi",
    t1w: str | None = None,
    prefix: str = PREFIX,
    empty: Collection[str] = (),
) -> Discovery:
    objects = listing(paths, prefix=prefix, empty=empty)
    return discover(objects, PATTERNS, bucket="data", prefix=prefix, pipeline=pipeline, t1w=t1w)


def found_by(discovery: Discovery, *, prefix: str = PREFIX) -> Reference:
    """A discovery in the form of a reference."""
    start = f"s3://data/{prefix}"
    return Reference(
        frozenset(
            (scan.subject, scan.session, frozenset((file.role, file.uri.removeprefix(start)) for file in scan.inputs))
            for scan in discovery.scans
        ),
        frozenset(exclusion.key.removeprefix(prefix) for exclusion in discovery.excluded),
    )


def primary(paths: Iterable[str], pipeline: Pipeline = "dwi") -> list[str]:
    """The paths of primary images, judged by folder and ending alone."""
    endings = tuple(f"{suffix}{end}" for suffix in _SUFFIXES[pipeline] for end in IMAGES)
    return sorted(p for p in paths if p.startswith("sub-") and not _is_hidden(p) and p.lower().endswith(endings))


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") and part.strip(".") for part in path.split("/"))


def write(root: Path, paths: Iterable[str], *, empty: Collection[str] = ()) -> None:
    """Write the dataset to disk: one byte per file, and the description that pybids requires."""
    for path in paths:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("" if path in empty else "0")
    (root / "dataset_description.json").write_text('{"Name": "t", "BIDSVersion": "1.8.0"}')


def reference(root: Path, *, pipeline: Pipeline = "dwi", t1w: str | None = None) -> Reference:
    """The scans of the dataset in a folder, from pybids' index of it."""
    # The contents of the JSON sidecars are not needed.
    layout = BIDSLayout(root, indexer=BIDSLayoutIndexer(validate=True, index_metadata=False))
    files = {
        PurePosixPath(path).relative_to(root.as_posix()).as_posix(): dict(file.get_entities())
        for path, file in layout.get_files().items()
    }
    usable = {path: entities for path, entities in files.items() if _is_magnitude(entities)}
    images = {path: entities for path, entities in usable.items() if _is_image(entities, _SUFFIXES[pipeline])}
    scans = set()
    for path, entities in images.items():
        inputs = {"dwi" if entities["suffix"] == "dwi" else "bold": path, "T1w": _t1w(usable, entities, t1w)}
        if entities["suffix"] == "dwi":
            inputs |= {kind: _sidecar(files, path, f".{kind}") for kind in ("bval", "bvec")}
        # With the same image as .nii and as .nii.gz, it is unclear which one is meant.
        doubled = sum(_stem(path) == _stem(other) for other in images if (root / other).stat().st_size) > 1
        if not doubled and all(file is not None and (root / file).stat().st_size for file in inputs.values()):
            metadata = _metadata(files, path) if entities["suffix"] == "bold" else ()
            sidecars = {("bold_json", file) for file in metadata if (root / file).stat().st_size}
            scans.add((entities["subject"], entities.get("session"), frozenset(inputs.items() | sidecars)))
    taken = {path for _, _, inputs in scans for _, path in inputs}
    paths = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    return Reference(frozenset(scans), frozenset(primary(paths, pipeline)) - taken)


def _stem(path: str) -> str:
    return path.split(".")[0]


def _is_image(entities: Mapping[str, Any], suffixes: Collection[str]) -> bool:
    return entities.get("suffix") in suffixes and entities.get("extension") in IMAGES


def _is_magnitude(entities: Mapping[str, Any]) -> bool:
    return entities.get("part", "mag") == "mag"


def _sidecar(files: Mapping[str, Mapping[str, Any]], image: str, extension: str) -> str | None:
    """The sidecar of the nearest folder with the most entities; None where none or several fit best."""
    image_entities = {name: value for name, value in files[image].items() if name != "extension"}
    for folder in PurePosixPath(image).parents:
        fitting = {
            path: len(entities)
            for path, entities in files.items()
            if PurePosixPath(path).parent == folder
            and entities.get("extension") == extension
            and all(image_entities.get(name) == value for name, value in entities.items() if name != "extension")
        }
        if fitting:
            best = [path for path, count in fitting.items() if count == max(fitting.values())]
            # `run-1` and `run-01` are one run: the sidecar that is written as the image is the image's own.
            best = [path for path in best if _pairs_of(path) <= _pairs_of(image)] or best
            return best[0] if len(best) == 1 else None
    return None


def _metadata(files: Mapping[str, Mapping[str, Any]], image: str) -> list[str]:
    """The JSON sidecars above an image that have no entity which it lacks."""
    image_entities = {name: value for name, value in files[image].items() if name != "extension"}
    return [
        path
        for path, entities in files.items()
        if PurePosixPath(path).parent in PurePosixPath(image).parents
        and entities.get("extension") == ".json"
        and entities.get("suffix") == "bold"
        and all(image_entities.get(name) == value for name, value in entities.items() if name != "extension")
    ]


def _pairs_of(path: str) -> set[str]:
    return set(PurePosixPath(path).name.split("_")[:-1])


def _t1w(files: Mapping[str, Mapping[str, Any]], image_entities: Mapping[str, Any], t1w: str | None) -> str | None:
    subjects = {
        path: entities
        for path, entities in files.items()
        if _is_image(entities, ("T1w",)) and entities.get("subject") == image_entities["subject"]
    }
    sessions = {
        path: entities
        for path, entities in subjects.items()
        if entities.get("session") == image_entities.get("session")
    }
    if t1w == "any-session":
        sessions = sessions or subjects
    elif t1w is not None:
        sessions = {path: entities for path, entities in sessions.items() if fnmatchcase(PurePosixPath(path).name, t1w)}
    return min(sessions, key=lambda path: (sessions[path].get("run", 0), path), default=None)


_VALUES = {
    "acq": ("x", "y"),
    "rec": ("n",),
    "dir": ("AP", "PA"),
    "run": ("1", "01", "2", "10"),
    "part": ("mag", "phase"),
    "chunk": ("1", "2"),
}
_NOISE = (
    "README",
    ".bidsignore",
    ".git/sub-01/dwi/sub-01_dwi.nii.gz",
    "derivatives/m2g/sub-01/dwi/sub-01_dwi.nii.gz",
    "sourcedata/sub-01/dwi/sub-01_dwi.nii.gz",
    "code/sub-01/dwi/sub-01_dwi.nii.gz",
    "stimuli/sub-01_dwi.bval",
    "dwi.json",
    "T1w.json",
    "task-rest_bold.json",
    "participants.tsv",
    "sub-01_dwi.bval",
    "dwi/dwi.bval",
    "sub-01/.old/dwi/sub-01_dwi.nii.gz",
    "sub-01/dwi/.sub-01_dwi.nii.gz",
    "sub-01/dwi/sub-01_sbref.nii.gz",
    "sub-01/dwi/sub-01_sbref.bval",
    "sub-01/perf/sub-01_asl.nii.gz",
    "sub-01/fmap/sub-01_dir-AP_epi.nii.gz",
    "sub-01/anat/sub-01_T2w.nii.gz",
    "sub-01/anat/sub-01_T1w.bval",
    "sub-01/sub-01_scans.tsv",
    "sub-01/derivatives/dwi/sub-01_dwi.nii.gz",
)


def _some(choices: Iterable[str], largest: int = 3) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(list(choices)), unique=True, max_size=largest)


@st.composite
def _pairs(draw: st.DrawFn, names: Collection[str] = tuple(_VALUES)) -> tuple[str, ...]:
    """Entities in BIDS's order."""
    chosen = draw(_some(names, 2))
    return tuple(f"{name}-{draw(st.sampled_from(_VALUES[name]))}" for name in _VALUES if name in chosen)


@st.composite
def _session(draw: st.DrawFn, subject: str, session: str | None) -> list[str]:
    """A session's images, and sidecars beside and above them, each with a subset of some image's entities."""
    pairs = [f"sub-{subject}", *([f"ses-{session}"] if session else [])]
    folder = "/".join(pairs)
    tails = draw(st.lists(_pairs(), max_size=3, unique=True))
    paths = []
    for tail in tails:
        stem = f"{folder}/dwi/{'_'.join([*pairs, *tail])}_dwi"
        paths += [stem + end for end in draw(st.sampled_from([IMAGES[:1], IMAGES[:1], IMAGES[1:], IMAGES]))]
        paths += [stem + end for end in draw(_some([".bval", ".bvec", ".json"]))]
    levels = [("", []), (f"sub-{subject}/", pairs[:1]), (f"{folder}/", pairs), (f"{folder}/dwi/", pairs)]
    for place, above in draw(st.lists(st.sampled_from(levels), max_size=3)):
        subset = [pair for pair in draw(st.sampled_from([(), *tails])) if draw(st.booleans())]
        if draw(st.integers(0, 4)) == 0:
            subset = list(draw(_pairs()))
        name = "_".join([*above, *subset, "dwi"])
        paths += [f"{place}{name}{end}" for end in draw(st.sampled_from([(".bval", ".bvec"), (".bval",), (".bvec",)]))]
    for tail in draw(st.lists(_pairs(("acq", "rec", "run", "part")), min_size=1, max_size=3)):
        anatomical = f"{folder}/anat/{'_'.join([*pairs, *tail])}_T1w"
        paths += [anatomical + draw(st.sampled_from([".nii.gz", ".nii.gz", ".nii", ".json"]))]
    for tail in draw(st.lists(_pairs(("acq", "dir", "run", "part", "chunk")), max_size=2)):
        paths.append(f"{folder}/func/{'_'.join([*pairs, 'task-rest', *tail])}_bold{draw(st.sampled_from(IMAGES))}")
    if draw(st.integers(0, 3)) == 0:
        paths.append(draw(_wrong(folder, "_".join(pairs))))
    return paths


def _wrong(folder: str, pairs: str) -> st.SearchStrategy[str]:
    return st.sampled_from(
        [
            f"{folder}/dwi/{pairs}_run-1_acq-x_dwi.nii.gz",
            f"{folder}/dwi/{pairs}_acq-1.5_dwi.nii.gz",
            f"{folder}/dwi/{pairs}_acq-é_dwi.nii.gz",
            f"{folder}/dwi/{pairs}_run-\N{ARABIC-INDIC DIGIT ONE}_dwi.nii.gz",
            f"{folder}/dwi/{pairs}_run-a_dwi.nii.gz",
            f"{folder}/dwi/{pairs}_dwi.NII.GZ",
            f"{folder}/dwi/{pairs}_DWI.nii.gz",
            f"{folder}/dwi/{pairs} copy_dwi.nii.gz",
            f"{folder}/dwi/{pairs}_ses-9_dwi.nii.gz",
            f"{folder}/dwi/sub-99_dwi.nii.gz",
            f"{folder}/dwi/{pairs}__dwi.nii.gz",
            f"{folder}/dwi/old/{pairs}_dwi.nii.gz",
            f"{folder}/func/{pairs}_dwi.nii.gz",
            f"{folder}/{pairs}_dwi.nii.gz",
            f"{folder}/func/{pairs}_bold.nii.gz",
        ]
    )


@st.composite
def datasets(draw: st.DrawFn) -> list[str]:
    """Paths of a dataset: mostly valid, with files missing, duplicated, inherited and misnamed."""
    labels = ("01", "2a", "2b", "test", "A+b", "1")
    paths: list[str] = draw(_some(_NOISE, 5))
    for subject in draw(st.lists(st.sampled_from(labels), min_size=1, max_size=2, unique=True)):
        plain = st.just([None])
        worded = st.lists(st.sampled_from(labels), min_size=1, max_size=2, unique=True)
        for session in draw(plain | worded | st.tuples(plain, worded).map(lambda two: [*two[0], *two[1]])):
            paths += draw(_session(subject, session))
    return sorted(set(paths))
