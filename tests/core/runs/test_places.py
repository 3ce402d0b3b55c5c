"""A file of a result is believed only below its own scan's folder."""

from __future__ import annotations

import pytest
from support.core_examples import run

RUN = run(3, scans=("sub-01/ses-1", "sub-01/ses-10", ""))


def test_a_scans_own_file_has_a_place() -> None:
    uri = f"{RUN.output}/sub-01/ses-1/qa_d/reg/x y.png"
    assert RUN.place_of(uri, 0) == "sub-01/ses-1/qa_d/reg/x y.png"


@pytest.mark.parametrize(
    "uri",
    [
        "s3://evil/HNU1/derivatives/m2g-csa-native/sub-01/ses-1/x.csv",
        "s3://data/HNU1/derivatives/m2g-csa-native-2/sub-01/ses-1/x.csv",
        f"{RUN.output}/sub-01/ses-10/x.csv",
        f"{RUN.output}/sub-01/ses-1",
        f"{RUN.output}/sub-01/ses-1/",
        f"{RUN.output}/sub-01/ses-1//x.csv",
        f"{RUN.output}/sub-01/ses-1/../../x.csv",
        f"{RUN.output}/sub-01/ses-1/./x.csv",
        f"{RUN.output}/sub-01/ses-1/.bashrc",
        f"{RUN.output}/sub-01/ses-1/.git/config",
        f"{RUN.output}/sub-01/ses-1/a\\..\\x",
        f"{RUN.output}/sub-01/ses-1/x\0.csv",
        f"{RUN.output}/sub-01/ses-1/x\x1b[31m.csv",
        f"{RUN.output}/sub-01/ses-1/x\x9b31m.csv",
        f"{RUN.output}/.bashrc",
        "",
    ],
)
def test_what_is_not_the_scans_own_has_none(uri: str) -> None:
    assert RUN.place_of(uri, 0) is None


def test_a_deleted_scan_owns_nothing() -> None:
    assert RUN.place_of(f"{RUN.output}//x.csv", 2) is None
    assert RUN.place_of(f"{RUN.output}/sub-01/x.csv", 2) is None
