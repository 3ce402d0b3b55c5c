"""Properties of discovery that hold for every dataset."""

from __future__ import annotations

import re
from collections import Counter

from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.bids_trees import PATTERNS, PREFIX, Tree, discovered, images, inputs, listing, trees

from opsctl.core.dataset.discovery import Discoverer
from opsctl.core.dataset.scan import Discovery, Scan
from opsctl.core.errors import Problem


@settings(max_examples=60)
@given(trees())
def test_what_holds_for_every_dataset(tree: Tree) -> None:
    discovery = discovered(tree.paths)
    _every_image_is_in_one_scan_or_in_one_exclusion(tree, discovery)
    _names_are_unique_and_no_output_lies_inside_another([scan.name for scan in discovery.scans])
    for scan in discovery.scans:
        _a_scan_has_its_files_once_and_all_of_its_own_subject(tree, scan)


def _every_image_is_in_one_scan_or_in_one_exclusion(tree: Tree, discovery: Discovery) -> None:
    assert images(discovery) == sorted(PREFIX + path for path in tree.primary)


def _names_are_unique_and_no_output_lies_inside_another(names: list[str]) -> None:
    # Also on a disk that does not know upper from lower case.
    assert len({name.lower() for name in names}) == len(names)
    assert not [(a, b) for a in names for b in names if b.startswith(f"{a}/")]
    assert names == sorted(names)


def _a_scan_has_its_files_once_and_all_of_its_own_subject(tree: Tree, scan: Scan) -> None:
    assert [file.role for file in scan.inputs] == ["dwi", "bval", "bvec", "T1w"]
    for path in inputs(scan).values():
        assert path in tree.paths
        assert "/" not in path or path.startswith(f"sub-{scan.subject}/")
        assert scan.session is None or f"_ses-{scan.session}_" in path or path in ("dwi.bval", "dwi.bvec")


@settings(max_examples=25)
@given(trees(), st.randoms(use_true_random=False))
def test_the_order_of_the_listing_means_nothing(tree: Tree, random: object) -> None:
    shuffled = list(tree.paths)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert discovered(shuffled) == discovered(tree.paths)


@settings(max_examples=25)
@given(trees(), st.randoms(use_true_random=False))
def test_subjects_in_any_groups_are_those_of_the_whole_dataset(tree: Tree, random: object) -> None:
    discoverer = Discoverer(PATTERNS, bucket="data", prefix=PREFIX, pipeline="dwi")
    discoverer.add_root(listing(path for path in tree.paths if "/" not in path))
    folders = sorted({path.partition("/")[0] for path in tree.paths if "/" in path})
    random.shuffle(folders)  # type: ignore[attr-defined]
    cut = random.randint(0, len(folders))  # type: ignore[attr-defined]
    groups = [
        discoverer.group(listing(path for folder in part for path in tree.paths if path.startswith(f"{folder}/")))
        for part in (folders[:cut], folders[cut:])
    ]
    assert discoverer.discovery(groups) == discovered(tree.paths)


# The empty name is S3's folder marker.
_TEXT = st.text(
    st.characters(blacklist_categories=["Cs"]) | st.sampled_from("-_./ subedwi0"),
    max_size=12,
)


@settings(max_examples=150)
@given(st.lists(st.tuples(_TEXT, _TEXT), max_size=6, unique=True))
@example([("01;rm -rf", "sub-01"), ("$(x)", "sub-$(x)"), ("01", "sub-01"), ("..", "x")])
@example([("", ""), ("\n", "\n"), ("\x00", "\x1b[2J"), ("é", "sub-é")])
def test_odd_names_are_excluded_or_run_never_lost(names: list[tuple[str, str]]) -> None:
    keys = sorted({f"sub-{folder}/dwi/{name}_dwi.nii.gz" for folder, name in names})
    seen = [key for key in keys if "/." not in key]
    try:
        discovery = discovered([*keys, "dwi.bval", "dwi.bvec"])
    except Problem as problem:
        assert "upper and lower case" in problem.what  # noqa: PT017  # the one refusal that there is
        return
    assert Counter(images(discovery)) == Counter(PREFIX + key for key in seen)
    for scan in discovery.scans:
        assert re.fullmatch(r"[A-Za-z0-9+]+", scan.subject)
    for exclusion in discovery.excluded:
        assert exclusion.reason
