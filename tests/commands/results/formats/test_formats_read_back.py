"""Each format is read back by the program that it is for, and says the same as m2g's file."""

from __future__ import annotations

import json
from pathlib import Path

import networkx
import numpy as np
import pandas
import pytest
from support.formats_world import MICCAI, YEO, ResultsFolder, chain, correlations

from opsctl.assets import atlas_nodes

NAMES = [node.region for node in atlas_nodes()["Yeo-7"]]
STACK = f"{YEO}_streamlines_csa"


@pytest.fixture
def results(tmp_path: Path) -> ResultsFolder:
    """Two scans: one whole, one that lost the labels 2 and 7."""
    folder = ResultsFolder(tmp_path / "connectomes")
    folder.add("sub-01/ses-1", {(1, 2): 92.0, (1, 3): 27.0, (4, 7): 3.0})
    folder.add("sub-02/ses-1", chain(7, weight=2.5, without=(2, 7)), lost=2, lost_labels=(2, 7))
    return folder


def expected(edges: dict[tuple[int, int], float], *, lost: tuple[int, ...] = ()) -> np.ndarray:
    matrix = np.zeros((7, 7))
    for (first, second), weight in edges.items():
        matrix[first - 1, second - 1] = matrix[second - 1, first - 1] = weight
    for node in lost:
        matrix[node - 1, :] = matrix[:, node - 1] = np.nan
    return matrix


FIRST = expected({(1, 2): 92.0, (1, 3): 27.0, (4, 7): 3.0})
SECOND = expected(dict(chain(7, weight=2.5, without=(2, 7))), lost=(2, 7))


def test_pandas_reads_the_dense_tables(results: ResultsFolder) -> None:
    results.write("tsv")
    top = results.path / "formats/tsv" / STACK
    for name, matrix in {"sub-01_ses-1": FIRST, "sub-02_ses-1": SECOND}.items():
        frame = pandas.read_csv(top / f"{name}.tsv", sep="\t", index_col="region")
        assert list(frame.columns) == list(frame.index) == NAMES
        np.testing.assert_array_equal(frame.to_numpy(dtype=float), matrix)
    assert frame.loc["2_Somatomotor_Area"].isna().all()
    nodes = pandas.read_csv(top / "nodes.tsv", sep="\t")
    assert nodes["label"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert nodes["name"].tolist() == NAMES
    assert nodes[["x_mm", "y_mm", "z_mm"]].notna().all().all()
    scans = pandas.read_csv(top / "scans.tsv", sep="\t")
    assert scans[["lost", "lost_rows", "lost_unplaced"]].to_numpy().tolist() == [[0, 0, 0], [2, 2, 0]]
    assert all((results.path / file).is_file() for file in scans["file"])


def test_numpy_reads_the_array_without_pickles(results: ResultsFolder) -> None:
    results.write("npz")
    top = results.path / "formats/npz"
    with np.load(top / f"{STACK}.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["connectomes"], np.stack([FIRST, SECOND]))
        assert arrays["connectomes"].dtype == np.float32
        assert arrays["scan"].tolist() == ["sub-01/ses-1", "sub-02/ses-1"]
        assert arrays["participant_id"].tolist() == ["sub-01", "sub-02"]
        assert arrays["session_id"].tolist() == ["ses-1", "ses-1"]
        assert arrays["label"].tolist() == [1, 2, 3, 4, 5, 6, 7]
        assert arrays["name"].tolist() == arrays["region"].tolist() == NAMES
        assert arrays["centre_mm"].shape == (7, 3)
        assert np.argwhere(arrays["lost"]).tolist() == [[1, 1], [1, 6]]
        about = json.loads(str(arrays["about"]))
    assert (about["atlas"], about["kind"], about["model"]) == (YEO, "streamlines", "csa")
    beside = json.loads((top / f"{STACK}.json").read_text())
    assert {name: beside[name] for name in about} == about
    scans, nodes = (pandas.read_csv(top / f"{STACK}_{name}.tsv", sep="\t") for name in ("scans", "nodes"))
    assert scans["index"].tolist() == [0, 1]
    assert nodes["index"].tolist() == list(range(7))
    assert set(beside["columns"]["scans"]) == set(scans) and set(beside["columns"]["nodes"]) == set(nodes)


def test_networkx_reads_the_graphs(results: ResultsFolder) -> None:
    results.write("graphml")
    top = results.path / "formats/graphml" / STACK
    graph = networkx.read_graphml(top / "sub-01_ses-1.graphml", node_type=int)
    assert not graph.is_directed()
    assert {(*sorted(ends), weight) for *ends, weight in graph.edges(data="weight")} == {
        (1, 2, 92.0),
        (1, 3, 27.0),
        (4, 7, 3.0),
    }
    node = atlas_nodes()["Yeo-7"][1]
    assert graph.nodes[2] == {
        "node": 2,
        "label": 2,
        "name": node.region,
        "x_mm": node.x_mm,
        "y_mm": node.y_mm,
        "z_mm": node.z_mm,
        "lost": False,
    }
    assert graph.graph["scan"] == "sub-01/ses-1" and graph.graph["model"] == "csa"
    other = networkx.read_graphml(top / "sub-02_ses-1.graphml", node_type=int)
    assert [label for label, is_lost in other.nodes(data="lost") if is_lost] == [2, 7]
    assert all(other.degree[label] == 0 for label in (2, 7))
    matrix = networkx.to_numpy_array(graph, nodelist=range(1, 8))
    np.testing.assert_array_equal(matrix, FIRST)


def test_nilearn_takes_the_array_and_the_centres(results: ResultsFolder) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    connectome = pytest.importorskip("nilearn.connectome")
    plotting = pytest.importorskip("nilearn.plotting")
    from matplotlib import pyplot

    results.write("npz")
    with np.load(results.path / "formats/npz" / f"{STACK}.npz") as arrays:
        matrices, names, centres = arrays["connectomes"], arrays["name"], arrays["centre_mm"]
        lost = arrays["lost"]
    vectors = connectome.sym_matrix_to_vec(matrices, discard_diagonal=True)
    assert vectors.shape == (2, 21)
    # The same pairs as opsctl's own, in the order of the lower triangle.
    np.testing.assert_array_equal(vectors[0], FIRST[np.tril_indices(7, k=-1)])
    axes = plotting.plot_matrix(matrices[0], labels=names.tolist(), colorbar=False)
    assert [label.get_text() for label in axes.axes.get_yticklabels()] == NAMES
    present = ~lost[1]
    display = plotting.plot_connectome(matrices[1][np.ix_(present, present)], centres[present])
    display.close()
    pyplot.close("all")


def test_the_draft_of_bids_is_read_by_numpy_and_pandas(results: ResultsFolder) -> None:
    results.write("bids")
    top = results.path / "formats/bids"
    stem = top / "sub-02/ses-1/dwi/sub-02_ses-1_atlas-Yeo7_res-2x2x2_meas-streamlineCount_relmat"
    matrix = pandas.read_csv(f"{stem}.dense.tsv", sep="\t", header=None).to_numpy(dtype=float)
    np.testing.assert_array_equal(matrix, SECOND)
    sidecar = json.loads(Path(f"{stem}.json").read_text())
    # What the draft's schema requires, and what it recommends.
    for key in ("Directed", "RelationshipMeasure", "Software", "ValidDiagonal", "Weighted", "NodeFiles", "NonNegative"):
        assert key in sidecar
    assert sidecar["Software"] == "docker://repo@sha256:ab"
    assert sidecar["LostLabels"] == [2, 7] and sidecar["LostRegionsUnplaced"] == 0
    assert (results.path / sidecar["Sources"][0].removeprefix("bids:m2g:")).is_file()
    indices = pandas.read_csv(top / sidecar["NodeIndicesFile"].removeprefix("bids::"), sep="\t")
    assert indices.columns.tolist()[:3] == ["matrix_index", "node_file", "node_index"]
    assert indices["matrix_index"].tolist() == list(range(7))
    regions = pandas.read_csv(top / sidecar["NodeFiles"][0].removeprefix("bids::"), sep="\t")
    assert regions["index"].tolist() == indices["node_index"].tolist()
    assert set(indices["node_file"]) == {sidecar["NodeFiles"][0].removeprefix("bids::")}
    description = json.loads((top / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative" and "draft" in description["Name"]
    assert (top / description["DatasetLinks"]["m2g"]).resolve() == results.path.resolve()
    assert [generator["Name"] for generator in description["GeneratedBy"]] == ["m2g", "opsctl"]
    assert "not part of BIDS" in (top / "README.md").read_text()


def test_rows_have_the_atlass_labels_and_not_m2gs_ranks(tmp_path: Path) -> None:
    results = ResultsFolder(tmp_path / "out")
    results.add("sub-01", {(14, 15): 5.0}, atlas=MICCAI, lost=0, model="csd")
    results.write("tsv", "graphml")
    stack = f"{MICCAI}_streamlines_csd"
    frame = pandas.read_csv(tmp_path / "out/formats/tsv" / stack / "sub-01.tsv", sep="\t", index_col=0)
    assert frame.loc["label-44"].loc[lambda row: row != 0].to_dict() == {"label-45": 5}
    graph = networkx.read_graphml(tmp_path / "out/formats/graphml" / stack / "sub-01.graphml", node_type=int)
    assert list(graph.edges) == [(44, 45)]
    assert graph.nodes[44]["node"] == 14


def test_correlations_keep_their_sign_and_their_digits(tmp_path: Path) -> None:
    results = ResultsFolder(tmp_path / "out")
    edges = correlations(7)
    for scan in ("sub-01/ses-1", "sub-02/ses-1"):
        results.add(scan, edges, kind="correlation")
        absolute = {pair: abs(weight) for pair, weight in edges.items()}
        results.add(scan, absolute, kind="absolute correlation")
    results.write("tsv", "bids", "npz")
    top = tmp_path / "out/formats"
    assert sorted(path.name for path in (top / "npz").glob("*.npz")) == [
        f"{YEO}_absolute-correlation.npz",
        f"{YEO}_correlation.npz",
    ]
    text = (top / "tsv" / f"{YEO}_correlation/sub-01_ses-1.tsv").read_text().splitlines()[1].split("\t")
    assert text[2:] == [f"{edges[1, other]:g}" for other in range(2, 8)]
    stem = top / "bids/sub-01/ses-1/func/sub-01_ses-1_atlas-Yeo7_res-2x2x2_meas-pearsonCorrelation_relmat.json"
    assert json.loads(stem.read_text())["NonNegative"] is False
