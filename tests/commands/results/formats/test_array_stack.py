"""An array is read back as the stack that it was written of; a file from anywhere is read within bounds."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.formats_world import ATLASES, YEO, ResultsFolder, chain, correlations

from opsctl.commands.reliability.folder_graphs import FolderGraphs
from opsctl.commands.reliability.graph_files import GraphSource
from opsctl.commands.reliability.graph_stacks import read_stacks
from opsctl.commands.results.formats.array_graphs import ArrayGraphs
from opsctl.commands.results.formats.array_stack import read_array
from opsctl.core.errors import ErrorCode, Problem


@pytest.fixture
def array(tmp_path: Path) -> Path:
    results = ResultsFolder(tmp_path / "out", is_preview=True)
    results.add("sub-01/ses-1", chain(7))
    results.add("sub-01/ses-2", chain(7, without=(2, 7)), lost=2, lost_labels=(2, 7))
    results.add("sub-02/ses-1", chain(7, without=(2, 3, 7)), lost=1)
    results.add("sub-03/ses-1", "words")
    results.write("npz")
    return tmp_path / "out/formats/npz" / f"{YEO}_streamlines_csa.npz"


def test_it_is_the_stack_of_the_folder(array: Path, tmp_path: Path) -> None:
    (of_folder,) = read_stacks(FolderGraphs(tmp_path / "out"), atlases=ATLASES)
    of_array = read_array(array)
    for name in ("atlas", "kind", "model", "scans", "labels", "regions", "left_out", "unplaced", "is_preview"):
        assert getattr(of_array, name) == getattr(of_folder, name), name
    np.testing.assert_array_equal(of_array.weights, of_folder.weights)
    np.testing.assert_array_equal(of_array.centres, of_folder.centres)
    np.testing.assert_array_equal(of_array.matrix(1), of_folder.matrix(1))


def test_it_is_a_source_of_the_same_stack(array: Path) -> None:
    of_array = read_array(array)
    source: GraphSource = ArrayGraphs(array)
    (stack,) = read_stacks(source, atlases=ATLASES)
    for name in ("atlas", "kind", "model", "scans", "labels", "regions", "unplaced", "is_preview"):
        assert getattr(stack, name) == getattr(of_array, name), name
    np.testing.assert_array_equal(stack.weights, of_array.weights)
    with pytest.raises(Problem, match="counts the lost regions of other scans"):
        ArrayGraphs(changed(array, lost_unplaced=np.zeros(2, dtype=int)))


def test_correlations_come_back_with_their_missing_signals(tmp_path: Path) -> None:
    results = ResultsFolder(tmp_path / "out")
    edges = {pair: float("nan") if 3 in pair else weight for pair, weight in correlations(7).items()}
    results.add("sub-01", edges, kind="correlation")
    results.add("sub-02", correlations(7), kind="correlation")
    results.write("npz")
    (stack,) = read_stacks(ArrayGraphs(tmp_path / f"out/formats/npz/{YEO}_correlation.npz"), atlases=ATLASES)
    (of_folder,) = read_stacks(FolderGraphs(tmp_path / "out"), atlases=ATLASES)
    assert not stack.left_out
    np.testing.assert_array_equal(stack.weights, of_folder.weights)


def changed(array: Path, **arrays: Any) -> Path:
    """The same file with other arrays; None leaves one out."""
    with np.load(array) as existing:
        values = {**{name: existing[name] for name in existing.files}, **arrays}
    np.savez(array, **{name: value for name, value in values.items() if value is not None})
    return array


@pytest.mark.parametrize(
    "arrays",
    [
        {"connectomes": None},
        {"about": None},
        {"about": np.array("[1]")},
        {"about": np.array('{"kind": "streamlines", "atlas": 1, "model": ""}')},
        {"about": np.array('{"kind": "words"}')},
        {"connectomes": np.zeros((3, 7, 6), dtype="<f4")},
        {"connectomes": np.zeros((3, 7, 7))},
        {"connectomes": np.asfortranarray(np.zeros((3, 7, 7), dtype="<f4"))},
        {"connectomes": np.arange(147, dtype="<f4").reshape(3, 7, 7)},
        {"connectomes": np.zeros((0, 5000, 5000), dtype="<f4")},
        {"scan": np.array(["sub-01"])},
        {"label": np.arange(6)},
        {"centre_mm": np.zeros((7, 2))},
        {"region": np.array([b"x"] * 7)},
    ],
    ids=str,
)
def test_another_content_is_refused(array: Path, arrays: dict[str, Any]) -> None:
    with pytest.raises(Problem, match="is no array that `opsctl results DIR --format npz` wrote") as caught:
        read_array(changed(array, **arrays))
    assert caught.value.code is ErrorCode.FILE_UNREADABLE


def test_a_pickle_is_never_loaded(array: Path) -> None:
    class Dangerous:
        def __reduce__(self) -> tuple[Any, ...]:
            return exec, ("raise SystemExit",)

    with pytest.raises(Problem):
        read_array(changed(array, about=np.array([Dangerous()], dtype=object)))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(Problem):
        read_array(tmp_path / "x.npz")
    with pytest.raises(Problem):
        read_array(tmp_path / "missing.npz")


def test_a_header_that_promises_more_than_there_is_takes_no_memory(array: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<U1000000", "fortran_order": False, "shape": (10**9,)})
    with zipfile.ZipFile(array) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(array, "w") as archive:
        for name, body in {**entries, "scan.npy": header.getvalue()}.items():
            archive.writestr(name, body)
    with pytest.raises(Problem, match="too large"):
        read_array(array)


def test_a_cut_off_file_is_refused(array: Path) -> None:
    body = array.read_bytes()
    for length in range(0, len(body), 97):
        array.write_bytes(body[:length])
        with pytest.raises(Problem):
            read_array(array)
