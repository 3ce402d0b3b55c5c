"""The Python examples of the how-to guide run as they stand on the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.formats_world import ResultsFolder, chain
from support.repository import ROOT

EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs/how-to/other-formats.md").read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("how_to")
    results = ResultsFolder(top / "connectomes")
    atlas = "Desikan_space-MNI152NLin6_res-2x2x2"
    results.add("sub-01/ses-1", chain(70, without=(3,)), atlas=atlas, lost=1, lost_labels=(3,))
    results.add("sub-02/ses-1", chain(70, weight=2.0), atlas=atlas)
    results.write("npz", "tsv", "graphml")
    return top


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split("\n")[0].replace(" ", "_"))
def test_an_example_runs(example: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    monkeypatch.chdir(folder)
    exec(compile(example, "other-formats.md", "exec"), {})


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 4
