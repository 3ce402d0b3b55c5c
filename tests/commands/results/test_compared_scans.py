"""The scans that a report compares: it reads them once, and says of them what `reliability` says."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from commands.results.test_report_command import chosen, gathered
from support.repeated_scans import repeated_scans
from support.results_world import RUN, World

from opsctl.assets import atlas_nodes, atlas_table
from opsctl.aws.s3.storage import Storage
from opsctl.commands.reliability.graph_stacks import Atlases, read_stack, stack_files
from opsctl.commands.reliability.reliability import assess
from opsctl.commands.reliability.run_graphs import RunGraphs
from opsctl.commands.results import compared_scans
from opsctl.commands.results.compared_scans import compare_all, compare_pictured
from opsctl.commands.results.report_asset import Asset
from opsctl.commands.results.report_graphs import ReportGraphs
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_reader import RunReader
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.reliability.distances import distances

ATLAS, OTHER = "Desikan_space-MNI152NLin6_res-2x2x2", "Glasser_space-MNI152NLin6_res-2x2x2"
TEXTS = repeated_scans(subjects=3, noise=0.9)


@pytest.fixture
def atlases() -> Atlases:
    return Atlases(table=atlas_table(), nodes=atlas_nodes())


@pytest.fixture
def world(s3: Any, storage: Storage, records: Records) -> World:
    """Three subjects with two sessions."""
    world = World(s3, storage, records)
    names = tuple(TEXTS)
    world.put_run(RUN, scans=names, keys=("k",) * len(names), sizes=(len(names),))
    for index, (name, text) in enumerate(TEXTS.items()):
        folder = f"{name}/connectomes_d/{ATLAS}"
        files = {f"{folder}/x_connectome.csv": text.encode(), f"{name}/qa_d/skull/a.png": b"p"}
        files[f"{name}/connectomes_d/{OTHER}/x_connectome.csv"] = text.encode()
        world.publish(index, files, scan=name)
    return world


class Reader:
    """A report's files; each is counted when it is decoded."""

    def __init__(self, world: World) -> None:
        report = gathered(world)
        self.choice, self.subject = chosen(world, report), report.subject
        self.decoded: Counter[Asset] = Counter()
        self.advanced: list[Asset] = []
        self.graphs = ReportGraphs(
            self.choice, world.storage, run=report.run, decode=self._decode, on_file=self.advanced.append
        )

    def _decode(self, asset: Asset, body: bytes) -> int:
        self.decoded[asset] += 1
        if asset.kind == "QA":
            raise Problem("no picture", code=ErrorCode.FILE_UNREADABLE)
        return len(body)


def test_every_file_is_read_once_for_its_picture_and_the_figures(world: World, atlases: Atlases) -> None:
    reader = Reader(world)
    comparison = compare_pictured(reader.graphs, reader.choice, reader.subject, atlases=atlases)
    assert comparison.figures is not None and comparison.figures.scans == tuple(range(6))
    assert set(reader.decoded.values()) == {1} and len(reader.decoded) == len(reader.choice.assets) == 12
    assert reader.advanced and len(reader.advanced) == 12
    # The report's own files are those, in its order; what cannot be drawn is a problem of its own.
    decoded = reader.graphs.decoded
    assert list(decoded) == list(reader.choice.assets) and set(reader.decoded.values()) == {1}
    assert [isinstance(file, Problem) for file in decoded.values()] == [a.kind == "QA" for a in decoded]


def test_it_says_what_reliability_says(world: World, atlases: Atlases) -> None:
    reader = Reader(world)
    source = RunGraphs(RunReader(reader.subject.run, records=world.records), world.storage)
    (files,) = stack_files(source, atlases, atlas="Desikan")
    stack = read_stack(source, files, atlases=atlases)
    expected = assess(stack, distances(stack), transform="ranks", permutations=0, seed=0)
    for comparison in (
        compare_pictured(reader.graphs, reader.choice, reader.subject, atlases=atlases),
        compare_all(source, reader.choice, reader.subject, atlases=atlases, on_file=lambda _: None),
    ):
        assert comparison.figures is not None and expected.result is not None
        result = comparison.figures.pictured.result
        assert result is not None and result.value == expected.result.value
        assert comparison.figures.own.tolist() == expected.result.per_scan.tolist()
        assert comparison.figures.pictured.interval == expected.interval


def test_all_parcellations_are_told_when_asked_for(world: World, atlases: Atlases) -> None:
    reader = Reader(world)
    source = RunGraphs(RunReader(reader.subject.run, records=world.records), world.storage)
    read: list[str] = []
    comparison = compare_all(
        source, reader.choice, reader.subject, atlases=atlases, on_file=lambda file: read.append(file.address)
    )
    assert comparison.figures is not None
    assert [row.atlas for row in comparison.figures.rows] == [ATLAS, OTHER] and len(read) == 12
    pictured = compare_pictured(reader.graphs, reader.choice, reader.subject, atlases=atlases)
    assert pictured.notes[-1].startswith("For the other parcellation, `opsctl reliability --run ")
    assert comparison.notes == ()


def test_a_connectome_that_cannot_be_read_is_left_out_with_its_reason(world: World, atlases: Atlases) -> None:
    key = f"HNU1/derivatives/m2g-csa-native/{[*TEXTS][2]}/connectomes_d/{ATLAS}/x_connectome.csv"
    world.s3.put_object(Bucket="data", Key=key, Body=b"something else")
    reader = Reader(world)
    comparison = compare_pictured(reader.graphs, reader.choice, reader.subject, atlases=atlases)
    assert comparison.figures is not None and comparison.figures.scans == (0, 1, 3, 4, 5)
    assert comparison.notes[0].startswith("Not compared, 1 scan: It is not the file that the job published")


def test_too_many_weights_are_left_to_reliability(
    world: World, atlases: Atlases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compared_scans, "_MOST_WEIGHTS", 1000)
    reader = Reader(world)
    comparison = compare_pictured(reader.graphs, reader.choice, reader.subject, atlases=atlases)
    assert comparison.figures is None and not reader.decoded
    assert comparison.notes[0].startswith("6 connectomes of 70 regions are not compared here")
    assert len(reader.graphs.decoded) == 12


def test_of_many_scans_the_first_ones_are_compared_without_those_to_look_at(
    world: World, atlases: Atlases, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opsctl.commands.results import report_assets

    monkeypatch.setattr(report_assets, "_ALL_PICTURED", 5)
    monkeypatch.setattr(report_assets, "_FIRST_PICTURED", 4)
    folder = f"{[*TEXTS][5]}/connectomes_d/{ATLAS}"
    warning = {"code": "few_edges", "atlas": ATLAS, "text": "Few edges."}
    world.publish(
        5, {f"{folder}/x_connectome.csv": [*TEXTS.values()][5].encode()}, warnings=[warning], scan=[*TEXTS][5]
    )
    reader = Reader(world)
    assert reader.choice.pictured == {0, 1, 2, 3, 5}
    comparison = compare_pictured(reader.graphs, reader.choice, reader.subject, atlases=atlases)
    assert comparison.figures is not None and comparison.figures.scans == (0, 1, 2, 3)
    assert any(note.startswith("The figures are of the first 4 scans that are done.") for note in comparison.notes)
