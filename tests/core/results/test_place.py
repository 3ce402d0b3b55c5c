"""Where a file that a result names goes: below its own scan's folder, under a name that m2g may have given it."""

from __future__ import annotations

import pytest
from support.core_examples import run

from opsctl.core.results.place import WrongPlace, colliding, local_place
from opsctl.core.results.written_files import WrittenFiles, file_line

RUN = run(4, scans=("sub-01/ses-1", ".ssh", "nodes", "sub-01/../.."))
SCAN = "sub-01/ses-1"

#: Paths below the output folder.
HOSTILE_PLACES = [
    *(".bashrc", ".ssh/authorized_keys", ".git/config", ".git/hooks/pre-commit", "README.md", "connectomes.tsv"),
    *("dataset_description.json", "nodes/README.md", ".opsctl-files-0", "sub-01/x.csv", "sub-01/ses-10/x.csv", ""),
    *("sub-01", "sub-02/x.csv", "SUB-01/ses-1/x.csv", "../x.csv", "../../.bashrc", "/etc/passwd", "~/.bashrc", "$HOME"),
    *(f"{SCAN}{end}" for end in ("", "/", "//x.csv", "/..", "/../x.csv", "/../../x", "/./x.csv", "/a/../../../x")),
    *(f"{SCAN}/{name}" for name in (".bashrc", "..x", ".", "a/.b/c", ".git/config", ".opsctl-0123456789abcdef.part")),
    *(f"{SCAN}/{name}" for name in ("a\0b", "a\nb", "a\tb", "a\rb", "a\x1b[31mb", "a\x7fb", "a\x85b", "a\x9b31mb")),
    *(f"{SCAN}/{name}" for name in ("a\u202egnp.csv", "a\u2066b", "a\u200bb", "a\u00adb", "\ufeffa", "a\ue000b")),
    *(f"{SCAN}/{name}" for name in ("a\U000f0000b", "a\u2028b", "a\u2029b", "a\u00a0b", "a\ud800b", "a\uffffb")),
    *(f"{SCAN}/{name}" for name in ("a\\b", "..\\..\\x", "C:\\x", "a ", "a.", "a./b", "a /b", "...")),
    *(f"{SCAN}/{name}" for name in ("con", "NUL.csv", "Aux/x.csv", "com1.txt", "lpt9", "PRN")),
]
HOSTILE_URIS = [
    *("s3://evil/HNU1/derivatives/m2g-csa-native/sub-01/ses-1/x.csv", "s3://data/HNU1/sub-01/ses-1/x.csv"),
    *(f"{RUN.output}-2/{SCAN}/x.csv", f"{RUN.output}", f"{RUN.output}/", f"{RUN.output}\\{SCAN}\\x.csv"),
    *(f"S3://data/HNU1/derivatives/m2g-csa-native/{SCAN}/x.csv", f"s3:///{SCAN}/x.csv", f"file:///{SCAN}/x.csv"),
    *(f"https://data.s3.amazonaws.com/{SCAN}/x.csv", f"{SCAN}/x.csv", "/etc/passwd", "", "s3://", "s3://data"),
    *(f"{RUN.output}/{SCAN}?versionId=1/../x", f" {RUN.output}/{SCAN}/x.csv", f"{RUN.output}%2f{SCAN}/x.csv"),
    *("s3://data/HNU1/derivatives/m2g-csa-native/../../sub-01/ses-1/x.csv", "s3://data@evil/HNU1/derivatives/x.csv"),
]


@pytest.mark.parametrize("is_connectome", [False, True])
@pytest.mark.parametrize("uri", [*(f"{RUN.output}/{place}" for place in HOSTILE_PLACES), *HOSTILE_URIS])
def test_what_m2g_never_writes_has_no_place(uri: str, is_connectome: bool) -> None:
    with pytest.raises(WrongPlace):
        local_place(RUN, uri, 0, is_connectome=is_connectome)


@pytest.mark.parametrize("index", [1, 2, 3])
def test_the_name_of_a_scan_may_be_altered_too(index: int) -> None:
    with pytest.raises(WrongPlace):
        local_place(RUN, f"{RUN.output}/{RUN.scans[index]}/authorized_keys", index, is_connectome=False)


@pytest.mark.parametrize(
    "name",
    [
        *("x.csv", "qa_d/x.csv", "connectomes/A/x.csv", "connectomes_d.csv", "connectomes_d/A/x.txt"),
        *("connectomes_d/A/x.csv.sh", "connectomes_d_/A/x.csv", "CONNECTOMES_D/A/x.csv", "a/connectomes_d/A/x.csv"),
        *("connectomes_d/A/x.CSV", "connectomes_d/A/.csv", "connectomes_e/A/x.csv", "connectomes_d//x.csv"),
    ],
)
def test_a_connectome_lies_where_m2g_writes_it(name: str) -> None:
    with pytest.raises(WrongPlace):
        local_place(RUN, f"{RUN.output}/{SCAN}/{name}", 0, is_connectome=True)


@pytest.mark.parametrize(
    ("name", "is_connectome"),
    [
        ("connectomes_d/JHU_space-MNI152NLin6_res-4x4x4/sub-01_ses-1_dwi_JHU_connectome.csv", True),
        ("connectomes_f/JHU.nii.gz/sub-01_ses-1_func_JHU.nii.gz_abs_edgelist.csv", True),
        ("connectomes_d/JHU/lost_roi.csv", False),
        ("qa_d/skull_strip/qa_skullstrip__sub-01_ses-1_T1w_reor_RAS_res.png", False),
        ("log/pipeline_analysis/scan 1/größe_日本.log", False),
        ("dwi/console.txt", False),
    ],
)
def test_what_m2g_writes_has_its_place(name: str, is_connectome: bool) -> None:
    assert local_place(RUN, f"{RUN.output}/{SCAN}/{name}", 0, is_connectome=is_connectome) == f"{SCAN}/{name}"


def test_places_that_are_one_file_on_some_disk() -> None:
    places = [
        "a/x.csv",
        "a/y.csv",
        "a/X.csv",
        "b/x.csv",
        "A/x.csv",
        "a/caf\u00e9",
        "a/cafe\u0301",
        "a/CAFE\u0301",
        "ß",
        "SS",
    ]
    assert colliding(places) == {2, 4, 6, 7, 9}


SHA256 = "ab" * 32


def test_only_the_same_bytes_of_the_same_place_were_written() -> None:
    files = WrittenFiles(f"# header\n\n{SHA256} 3 a/b c\n{'cd' * 32} 4 cut o")
    assert files.has("a/b c", SHA256, 3)
    assert files.may_have("a/b c", 3)
    assert not any([files.has("a/b", SHA256, 3), files.has("a/b c", "cd" * 32, 3), files.may_have("a/b c", 4)])


def test_a_line_is_added_once_and_none_is_made_of_another_text() -> None:
    files = WrittenFiles()
    line = file_line("a", SHA256, 1)
    assert files.added([line, line]) == f"\n{line}\n"
    assert files.added([line]) == ""
    assert files.has("a", SHA256, 1)
    # A record's SHA-256 is foreign text.
    broken = [("a", f"{SHA256} 1 mine\n{SHA256}", 1), ("a\nb", SHA256, 1), ("a", "", 1)]
    assert [file_line(*values) for values in broken] == ["", "", ""]
    assert files.added([""]) == ""
    assert not WrittenFiles("\n\n").has("a", "", 0)
