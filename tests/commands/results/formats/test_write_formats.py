"""`results --format`: what is not known is said, one bad file stops no other, and a second time changes nothing."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import numpy as np
import pandas
import pytest
from support.formats_world import MICCAI, YEO, ResultsFolder, chain, correlations

from opsctl.commands.reliability.folder_graphs import FolderGraphs
from opsctl.commands.results.formats import format_folder
from opsctl.core.errors import Problem, UsageProblem
from opsctl.core.results.request import ResultsRequest

STACK = f"{YEO}_streamlines_csa"
ALL = ("tsv", "npz", "graphml", "bids")


@pytest.fixture
def results(tmp_path: Path) -> ResultsFolder:
    folder = ResultsFolder(tmp_path / "connectomes")
    for subject in ("01", "02"):
        folder.add(f"sub-{subject}/ses-1", chain(7, weight=int(subject)))
    return folder


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted((folder / "formats").rglob("*"))
        if path.is_file()
    }


def test_only_their_owner_reads_them(results: ResultsFolder) -> None:
    results.write(*ALL)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (results.path / "formats").rglob("*") if path.is_file()}
    folders = [results.path / "formats", *(p for p in (results.path / "formats").rglob("*") if p.is_dir())]
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


def test_a_second_time_writes_nothing(results: ResultsFolder) -> None:
    first, _ = results.write(*ALL)
    before = files(results.path)
    again, faults = results.write(*ALL)
    assert (first.written, again.written) == (len(first.places), 0)
    assert first.places == again.places and not faults
    assert files(results.path) == before
    assert set(first.places) == set(before)


def test_what_changed_is_written_again_and_nothing_else(results: ResultsFolder) -> None:
    results.write("tsv", "npz")
    before = files(results.path)
    results.add("sub-03/ses-1", chain(7))
    written, _ = results.write("tsv", "npz")
    after = files(results.path)
    changed = {place for place in after if after[place] != before.get(place)}
    assert changed == {
        f"formats/npz/{STACK}.npz",
        f"formats/npz/{STACK}_scans.tsv",
        f"formats/tsv/{STACK}/scans.tsv",
        f"formats/tsv/{STACK}/sub-03_ses-1.tsv",
    }
    assert written.written == len(changed)


def test_a_file_that_opsctl_did_not_write_stays(results: ResultsFolder) -> None:
    taken = results.path / f"formats/tsv/{STACK}/sub-01_ses-1.tsv"
    taken.parent.mkdir(parents=True)
    taken.write_text("mine")
    (results.path / "formats/npz").mkdir()
    (results.path / f"formats/npz/{STACK}.npz").write_bytes(b"mine as well")
    written, faults = results.write("tsv", "npz")
    assert taken.read_text() == "mine"
    assert len(faults) == 2 and all("as opsctl wrote it" in problem.what for problem in faults)
    assert f"formats/tsv/{STACK}/sub-02_ses-1.tsv" in written.places
    assert not list((results.path / "formats").rglob("*.part"))


def test_nothing_is_written_through_a_link(results: ResultsFolder, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (results.path / "formats").mkdir()
    (results.path / "formats/npz").symlink_to(tmp_path / "elsewhere")
    _, faults = results.write("npz", "tsv")
    assert faults and not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize(
    "content", ["words\n", "1 2 5.0\n1 9 1.0\n2 3 1.0\n3 4 1.0\n", "1 2 inf\n2 3 1\n3 4 1\n4 5 1\n"]
)
def test_one_bad_file_is_counted_and_the_others_are_written(results: ResultsFolder, content: str) -> None:
    results.add("sub-00/ses-1", content)
    written, faults = results.write("npz", "tsv", "graphml", "bids")
    (problem,) = faults
    assert problem.what.startswith(f"sub-00/ses-1 is not among the formats of {STACK}. ")
    # Repeating the command would not help.
    assert "goes on where this stopped" not in str(faults.summary())
    assert written.scans == 2
    with np.load(results.path / f"formats/npz/{STACK}.npz") as arrays:
        assert arrays["scan"].tolist() == ["sub-01/ses-1", "sub-02/ses-1"]
        about = json.loads(str(arrays["about"]))
    assert [entry["scan"] for entry in about["left_out"]] == ["sub-00/ses-1"]
    assert not [place for place in written.places if "sub-00" in place]


def test_a_scan_whose_file_is_gone_is_counted(results: ResultsFolder) -> None:
    results.add("sub-03/ses-1", chain(7)).unlink()
    written, faults = results.write("npz")
    assert len(faults) == 1 and written.scans == 2


def test_lost_regions_of_which_only_the_number_is_known_are_said(results: ResultsFolder) -> None:
    # Three nodes have no edge, one region is lost: which of the three is not known.
    results.add("sub-03/ses-1", chain(7, without=(2, 3, 7)), lost=1)
    written, faults = results.write(*ALL)
    assert written.unplaced == 1 and not faults
    top = results.path / "formats"
    scans = pandas.read_csv(top / f"tsv/{STACK}/scans.tsv", sep="\t")
    assert scans[["lost", "lost_rows", "lost_unplaced"]].to_numpy().tolist()[-1] == [1, 0, 1]
    matrix = pandas.read_csv(top / f"tsv/{STACK}/sub-03_ses-1.tsv", sep="\t", index_col=0)
    assert not matrix.isna().any().any()
    about = json.loads((top / f"tsv/{STACK}/about.json").read_text())
    assert any("only the number is known" in note for note in about["notes"])
    assert [entry["scan"] for entry in about["unplaced"]] == ["sub-03/ses-1"]
    sidecar = next((top / "bids/sub-03/ses-1/dwi").glob("*.json"))
    assert json.loads(sidecar.read_text())["LostRegionsUnplaced"] == 1
    with np.load(top / f"npz/{STACK}.npz") as arrays:
        assert arrays["lost_unplaced"].tolist() == [0, 0, 1]


def test_a_functional_scan_with_lost_regions_is_not_stacked(results: ResultsFolder) -> None:
    results.add("sub-01/ses-2", correlations(7), kind="correlation")
    results.add("sub-02/ses-2", correlations(6), kind="correlation", lost=1)
    written, faults = results.write("npz", kinds=("correlation",))
    assert [problem.what.partition(" is ")[0] for problem in faults] == ["sub-02/ses-2"]
    assert written.scans == 1


def test_a_parcellation_that_is_too_large_is_named_and_is_no_fault(results: ResultsFolder) -> None:
    large = "DS06481_space-MNI152NLin6_res-2x2x2"
    results.add("sub-01/ses-1", chain(5), atlas=large)
    written, faults = results.write("npz")
    assert (written.too_large, written.stacks, len(faults)) == ((large,), 1, 0)
    with pytest.raises(Problem, match="lists no connectome") as caught:
        results.write("npz", parcellations=("DS06481",))
    assert "at most 4,096 regions" in caught.value.hint


def test_an_atlas_without_names_has_its_nodes_numbers_and_says_so(tmp_path: Path) -> None:
    results = ResultsFolder(tmp_path / "out")
    results.add("sub-01", chain(5), atlas="mine", lost=0)
    results.write("tsv", "graphml")
    top = tmp_path / "out/formats/tsv/mine_streamlines_csa"
    nodes = pandas.read_csv(top / "nodes.tsv", sep="\t")
    assert nodes["label"].isna().all()
    assert nodes["name"].tolist() == [f"node-{number}" for number in range(1, 6)]
    assert any(
        "labels of this atlas are not known" in note for note in json.loads((top / "about.json").read_text())["notes"]
    )


def test_the_preview_says_so_in_every_format(tmp_path: Path) -> None:
    results = ResultsFolder(tmp_path / "out", is_preview=True)
    results.add("sub-01", chain(7))
    written, _ = results.write(*ALL)
    said = [place for place in written.places if b"PREVIEW" in (tmp_path / "out" / place).read_bytes()]
    assert {place.split("/")[1] for place in said} == {"README.md", "tsv", "npz", "bids"}
    graph = next(place for place in written.places if place.endswith(".graphml"))
    assert '<data key="graph_is_preview">true</data>' in (tmp_path / "out" / graph).read_text()


def test_options_select_parcellations_and_kinds(results: ResultsFolder) -> None:
    results.add("sub-01/ses-1", chain(134), atlas=MICCAI, lost=0)
    results.add("sub-01/ses-2", correlations(7), kind="correlation")
    written, _ = results.write("npz", parcellations=("Yeo-7_",), kinds=("streamlines",))
    assert [place for place in written.places if place.endswith(".npz")] == [f"formats/npz/{STACK}.npz"]
    with pytest.raises(Problem, match="--parcellation Foo selects no connectome"):
        results.write("npz", parcellations=("Foo",))
    with pytest.raises(Problem, match="lists no connectome"):
        results.write("npz", parcellations=("MICCAI",), kinds=("correlation",))


def test_a_large_file_is_not_held_in_memory(results: ResultsFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same files come from either way of writing."""
    results.write("tsv", "graphml")
    before = {place: content for place, (_, content) in files(results.path).items()}
    monkeypatch.setattr("opsctl.commands.results.formats.write_formats._MOST_CELLS_IN_MEMORY", 0)
    again, _ = results.write("tsv", "graphml")
    assert again.written == 0
    for path in (results.path / "formats").rglob("*.tsv"):
        path.unlink()
    results.write("tsv", "graphml")
    assert {place: content for place, (_, content) in files(results.path).items()} == before


def test_small_files_are_announced_together(results: ResultsFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(format_folder.DownloadFolder, "announce", lambda self, rows: synced.append(len(list(rows))))
    results.write("tsv")
    # One stack, and the README.
    assert synced == [5, 1]


def test_a_table_of_a_hostile_folder_leads_nowhere_else(tmp_path: Path) -> None:
    results = ResultsFolder(tmp_path / "out")
    results.add("sub-01", chain(7))
    table = tmp_path / "out/connectomes.tsv"
    table.write_text(table.read_text().replace("sub-01\t", "sub-01/../../../x\t", 1))
    try:
        written, _ = results.write(*ALL)
    except Problem:
        return
    assert not [path for path in tmp_path.rglob("*x*") if path.is_file() and "out" not in path.parts]
    assert all(".." not in place.split("/") for place in written.places)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"formats": ()}, "--no-download is for --format"),
        ({"run_id": "R"}, "--no-download and --run exclude"),
        ({"dataset": "HNU1"}, "--no-download and --dataset exclude"),
        ({"scans": ("sub-01",)}, "--no-download and --scan exclude"),
        ({"participants": ("01",)}, "--no-download and --participant-label exclude"),
        ({"what": "all"}, "--no-download and --what exclude"),
        ({"what": "qa", "is_download": True}, "--format is for connectomes"),
    ],
)
def test_options_that_contradict_each_other(options: dict[str, object], message: str) -> None:
    values: dict[str, object] = {"folder": "x", "formats": ("npz",), "is_download": False, **options}
    with pytest.raises(UsageProblem, match=message):
        ResultsRequest(**values).check()  # type: ignore[arg-type]


def test_the_command_is_repeated_whole() -> None:
    request = ResultsRequest(folder="x", formats=("npz", "bids"), is_download=False)
    assert request.command == "opsctl results x --format npz --format bids --no-download"


def test_the_model_is_read_from_the_table(results: ResultsFolder) -> None:
    assert {file.model for file in FolderGraphs(results.path).files()} == {"csa"}
