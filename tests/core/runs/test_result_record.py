"""A result's JSON, as the job writes it. What is refused: `tests/core/test_record.py`."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from support.record_examples import FILE, OUTPUT, RESULT, encoded, result_uri

from opsctl.core.record import UnreadableRecord
from opsctl.core.runs.result import OutputFile, Result


def decoded(**changes: Any) -> Result:
    return Result.decode(encoded({**RESULT, **changes}), result_uri(3))


def test_a_result_is_read() -> None:
    result = decoded()
    assert result.succeeded
    assert result.total_seconds == pytest.approx(5.1)
    assert result.connectomes == (FILE,)
    assert result.files == (OutputFile(uri=FILE, size_bytes=5, sha256="f" * 64, etag="ee"),)
    (graph,), (warning,) = result.graphs, result.warnings
    assert (graph.uri, graph.kind, graph.nodes, graph.edges, graph.regions, graph.lost) == (
        *(FILE, "streamlines"),
        *(68, 812, 70, 2),
    )
    assert (warning.code, warning.atlas, warning.text) == ("regions_lost", graph.atlas, "2 regions lost.")
    assert result.peak_disk_mib == 2048
    assert (result.index, result.scan, result.log_stream, result.job_id) == (3, "sub-01/ses-1", "csa/default/t", "j:3")


def test_a_connectome_of_an_atlas_that_opsctl_did_not_name_has_no_number_of_regions() -> None:
    graph = {**RESULT["outputs"]["graphs"][0], "regions": None}
    (read,) = decoded(outputs={**RESULT["outputs"], "graphs": [graph]}).graphs
    assert read.regions is None


def test_a_job_may_not_have_learnt_an_etag() -> None:
    file = {"uri": FILE, "size_bytes": 5, "sha256": "f" * 64}
    result = decoded(outputs={**RESULT["outputs"], "files": [file]})
    assert result.files == (OutputFile(uri=FILE, size_bytes=5, sha256="f" * 64, etag=""),)


def test_files_that_were_left_out_are_not_taken_for_none() -> None:
    result = dataclasses.replace(decoded().without_files(), index=7)
    assert (result.index, result.succeeded, result.scan) == (7, True, "sub-01/ses-1")
    assert result.warnings == decoded().warnings
    for files in (result.files, result.connectomes, result.graphs):
        for look in (len, list, set, sorted, bool, lambda value: value[:2], lambda value: "x" in value):
            with pytest.raises(ValueError, match="read without their files"):
                look(files)


@pytest.mark.parametrize(
    "uri",
    [
        f"{FILE}/../../../x",
        f"{FILE.rpartition('/')[0]}/.bashrc",
        f"{FILE.rpartition('/')[0]}//x",
        FILE.replace("s3://data/", "s3://evil/"),
        FILE.replace("/sub-01/ses-1/", "/sub-02/ses-1/"),
        FILE.replace("/derivatives/", "/x/"),
        "s3://data/opsctl/runs/R/run.json",
        f"{FILE}\x1b[31m",
    ],
)
def test_a_result_whose_files_are_not_its_scans_is_refused(uri: str) -> None:
    for files in ([uri], [FILE, uri]):
        listed = [{"uri": file, "size_bytes": 5, "sha256": "f" * 64} for file in files]
        with pytest.raises(UnreadableRecord, match="`outputs"):
            decoded(outputs={"connectomes": [], "files": listed})
    with pytest.raises(UnreadableRecord, match="`outputs"):
        decoded(outputs={**RESULT["outputs"], "connectomes": [uri]})


def test_a_result_is_not_believed_for_another_scan_or_folder() -> None:
    result = decoded()
    assert result.contradiction("sub-01/ses-1", f"{OUTPUT}/sub-01/ses-1") == ""
    assert "not of sub-02" in result.contradiction("sub-02", f"{OUTPUT}/sub-02")
    assert "not in" in result.contradiction("sub-01/ses-1", "s3://data/HNU1/derivatives/other/sub-01/ses-1")
