"""A result's JSON, as the job writes it. What is refused: `tests/core/test_record.py`."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest
from m2g_job.record import Unreadable
from m2g_job.result_check import check as check_in_job
from support.record_examples import FILE, FOLDER, GRAPH, OUTPUT, PATH, RESULT, encoded, outputs_of_failed, result_uri

from opsctl.core.dataset.scan import S3Object
from opsctl.core.location import is_plain_path
from opsctl.core.record import UnreadableRecord
from opsctl.core.runs.result import OutputFile, Result
from opsctl.core.runs.result_record import _is_plain

#: A connectome's, as a result lists it.
(ENTRY,) = RESULT["outputs"]["files"]
OTHER_CONNECTOME = {**ENTRY, "path": "connectomes_d/y.csv"}
PICTURE = {"path": "qa_d/x.png", "size_bytes": 9, "sha256": "e" * 64}
EMPTY = {"size_bytes": 0}


def decoded(**changes: Any) -> Result:
    return Result.decode(encoded({**RESULT, **changes}), result_uri(3))


def outputs(*files: dict[str, Any], folder: str = FOLDER) -> dict[str, Any]:
    return {"folder": folder, "files": list(files)}


def ensure_refused(match: str, **changes: Any) -> None:
    """Neither opsctl nor a job reads it."""
    with pytest.raises(UnreadableRecord, match=match):
        decoded(**changes)
    with pytest.raises(Unreadable):
        check_in_job({**RESULT, **changes}, result_uri(3))


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
    (read,) = decoded(outputs=outputs({**ENTRY, "graph": {**GRAPH, "regions": None}})).graphs
    assert read.regions is None


def test_files_that_are_no_connectomes_have_no_graph() -> None:
    result = decoded(outputs=outputs(ENTRY, PICTURE))
    assert [file.uri for file in result.files] == [FILE, f"{FOLDER}/qa_d/x.png"]
    assert result.connectomes == tuple(graph.uri for graph in result.graphs) == (FILE,)


def test_a_failed_scan_has_no_outputs_and_the_connectomes_that_it_finished() -> None:
    kept = {**ENTRY, "path": f"attempt-1/{PATH}"}
    failed = {"status": "failed", "exit_code": 1, "outputs": {**outputs_of_failed(3), "files": [kept]}}
    result = decoded(**failed)
    (graph,) = result.graphs
    assert graph.uri == f"{outputs_of_failed(3)['folder']}/attempt-1/{PATH}"
    assert (result.files, result.connectomes, result.folder) == ((), (), "")
    check_in_job({**RESULT, **failed}, result_uri(3))
    ensure_refused("`outputs.folder`", **{**failed, "outputs": outputs(kept)})
    ensure_refused("`outputs.folder`", **{**failed, "outputs": {**outputs_of_failed(4), "files": []}})


def test_a_job_may_not_have_learnt_an_etag() -> None:
    result = decoded(outputs=outputs({name: value for name, value in ENTRY.items() if name != "etag"}))
    assert result.files == (OutputFile(uri=FILE, size_bytes=5, sha256="f" * 64, etag=""),)


def test_files_that_were_left_out_are_not_taken_for_none() -> None:
    result = dataclasses.replace(decoded().without_files(), index=7)
    assert (result.index, result.succeeded, result.scan) == (7, True, "sub-01/ses-1")
    assert result.warnings == decoded().warnings
    for files in (result.files, result.connectomes, result.graphs):
        for look in (len, list, set, sorted, bool, lambda value: value[:2], lambda value: "x" in value):
            with pytest.raises(ValueError, match="read without their files"):
                look(files)


def test_a_result_that_is_read_without_its_files_is_the_one_whose_files_are_left_out() -> None:
    kept = {**outputs_of_failed(3), "files": [ENTRY]}
    failed = {"status": "failed", "outputs": kept}
    for changes, count in (({}, 1), ({"outputs": outputs(ENTRY, PICTURE)}, 2), (failed, 0)):
        data = encoded({**RESULT, **changes})
        short = Result.decode_without_files(data, result_uri(3))
        assert short == Result.decode(data, result_uri(3)).without_files()
        assert Result.decode_short(short.short_body(), result_uri(3)) == short
        assert (short.file_count, len(short.files_digest)) == (count, 32 if count else 0)


#: Whatever a name may have: what separates, what is hidden, controls, and letters that need several bytes.
_PIECES = ("a", "b.csv", ".", "..", "/", "//", "\\", "\n", "\x1b", "\x7f", "\x85", "\u2028", "\xa0", "\u0301", "\u6587")


def test_paths_that_are_looked_at_together_get_the_verdict_of_each_by_itself() -> None:
    source = random.Random(17)
    verdicts = set()
    for _ in range(5_000):
        paths = ["".join(source.choices(_PIECES, k=source.randint(0, 3))) for _ in range(source.randint(1, 3))]
        each = list(map(is_plain_path, paths))
        assert _is_plain("/".join(paths)) is all(each), paths
        verdicts.add(all(each))
    assert verdicts == {True, False}


@pytest.mark.parametrize(
    "path",
    ["../x", f"{PATH}/../../../x", "connectomes_d/.bashrc", "connectomes_d//x", f"/{PATH}", "", f"{PATH}\x1b[31m"],
)
def test_a_file_outside_of_its_folder_is_refused(path: str) -> None:
    for files in ([{**ENTRY, "path": path}], [ENTRY, {**ENTRY, "path": path}]):
        ensure_refused("`outputs.files` is wrong", outputs=outputs(*files))


@pytest.mark.parametrize(
    "folder",
    [
        *("", "x", FOLDER.removesuffix("/ses-1"), f"{FOLDER}/", f"{FOLDER}/connectomes_d", f"{FOLDER}\x1b[31m"),
        *(FOLDER.replace("s3://data/", "s3://evil/"), FOLDER.replace("/sub-01/ses-1", "/sub-02/ses-1")),
        *(FOLDER.replace("/derivatives/", "/x/"), FOLDER.replace("/derivatives/", "/derivatives/x/")),
        *("s3://data/opsctl/runs/R", outputs_of_failed(3)["folder"]),
    ],
)
def test_a_result_whose_folder_is_not_its_scans_is_refused(folder: str) -> None:
    ensure_refused("`outputs.folder` is wrong", outputs=outputs(ENTRY, folder=folder))


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *(("sha256", text) for text in ("F" * 64, "f" * 63, "f" * 65, "f" * 63 + "g", " " + "f" * 63, "é" * 64, "")),
        *(("atlas", text) for text in ("a/b", ".a", "", "a\\b", "a\x1b", "a" * 256, "..", "/")),
    ],
)
def test_a_wrong_text_among_right_ones_is_refused(field: str, text: str) -> None:
    """The checksums of a result, and its atlases, are checked in one piece: no other text makes up for a wrong one."""

    def entry(value: str) -> dict[str, Any]:
        return {**ENTRY, "graph": {**GRAPH, field: value}} if field == "atlas" else {**ENTRY, field: value}

    right = {"sha256": "f" * 64, "atlas": "b"}[field]
    for texts in ([right, text, right], [text], [text, text]):
        ensure_refused("`outputs.files` is wrong", outputs=outputs(*map(entry, texts)))
    decoded(outputs=outputs(*[entry(right)] * 3))


@pytest.mark.parametrize(
    ("files", "is_read"),
    [
        ([ENTRY], True),
        ([ENTRY, {**PICTURE, **EMPTY}], True),
        ([], False),
        ([PICTURE], False),
        ([{**ENTRY, **EMPTY}], False),
        # m2g leaves an empty file for an atlas of which no two regions are connected.
        ([ENTRY, {**OTHER_CONNECTOME, **EMPTY}], True),
        ([{**ENTRY, **EMPTY}, {**OTHER_CONNECTOME, **EMPTY}, PICTURE], False),
    ],
)
def test_what_makes_a_scan_done(files: list[dict[str, Any]], *, is_read: bool) -> None:
    """A succeeded result without a connectome is not read: opsctl counts it as missing, and a job does the scan."""
    if not is_read:
        ensure_refused("no connectome that is not empty", outputs=outputs(*files))
        return
    decoded(outputs=outputs(*files))
    check_in_job({**RESULT, "outputs": outputs(*files)}, result_uri(3))


def test_a_file_is_intact_where_size_and_etag_are_its_own() -> None:
    file = OutputFile(uri=FILE, size_bytes=5, sha256="f" * 64, etag="ee")
    assert file.is_intact(S3Object(key="k", size_bytes=5, etag="ee"))
    assert not any(
        file.is_intact(obj)
        for obj in (None, S3Object(key="k", size_bytes=4, etag="ee"), S3Object(key="k", size_bytes=5, etag="ef"))
    )


def test_a_result_is_not_believed_for_another_scan_or_folder() -> None:
    result = decoded()
    assert result.contradiction("sub-01/ses-1", f"{OUTPUT}/sub-01/ses-1") == ""
    assert "not of sub-02" in result.contradiction("sub-02", f"{OUTPUT}/sub-02")
    assert "not in" in result.contradiction("sub-01/ses-1", "s3://data/HNU1/derivatives/other/sub-01/ses-1")
