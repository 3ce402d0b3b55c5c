"""A result's JSON, as the job writes it. What is refused: `tests/core/test_record.py`."""

from __future__ import annotations

import dataclasses
import random
from contextlib import nullcontext
from typing import Any

import pytest
from m2g_job.record import Unreadable
from m2g_job.result_check import check as check_in_job
from support.record_examples import FILE, OUTPUT, RESULT, encoded, result_uri

from opsctl.core.dataset.scan import S3Object
from opsctl.core.location import is_plain_path
from opsctl.core.record import UnreadableRecord
from opsctl.core.runs.output_texts import _are_plain_below
from opsctl.core.runs.result import OutputFile, Result

OTHER_FILE = f"{OUTPUT}/sub-01/ses-1/qa_d/x.png"


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


def test_a_result_that_is_read_without_its_files_is_the_one_whose_files_are_left_out() -> None:
    for record in (RESULT, {**RESULT, "outputs": {**RESULT["outputs"], "graphs": []}}):
        data = encoded(record)
        short = Result.decode_without_files(data, result_uri(3))
        assert short == Result.decode(data, result_uri(3)).without_files()
        assert Result.decode_short(short.short_body(), result_uri(3)) == short
        assert (short.file_count, len(short.files_digest)) == (len(RESULT["outputs"]["files"]), 32)


#: Whatever a name may have: what separates, what is hidden, controls, and letters that need several bytes.
_PIECES = ("a", "b.csv", ".", "..", "/", "//", "\\", "\n", "\x1b", "\x7f", "\x85", "\u2028", "\xa0", "\u0301", "\u6587")


def test_addresses_that_are_looked_at_together_get_the_verdict_of_each_by_itself() -> None:
    source, start = random.Random(17), "s3://data/D/derivatives/m/sub-1/"
    verdicts = set()
    for _ in range(5_000):
        uris = set()
        for _ in range(source.randint(1, 3)):
            place = "".join(source.choices(_PIECES, k=source.randint(0, 3)))
            uris.add(source.choice((start, start, start, "", f"x\n{start}", f"{start}b\n{start}")) + place)
        each = [uri.startswith(start) and is_plain_path(uri[len(start) :]) for uri in uris]
        assert _are_plain_below(uris, start) is all(each), uris
        verdicts.add(all(each))
    assert verdicts == {True, False}


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


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *(("sha256", text) for text in ("F" * 64, "f" * 63, "f" * 65, "f" * 63 + "g", " " + "f" * 63, "é" * 64, "")),
        *(("atlas", text) for text in ("a/b", ".a", "", "a\\b", "a\x1b", "a" * 256, "..", "/")),
    ],
)
def test_a_wrong_text_among_right_ones_is_refused(field: str, text: str) -> None:
    """The checksums of a result, and its atlases, are checked in one piece: no other text makes up for a wrong one."""
    name, right = {"sha256": ("files", "f" * 64), "atlas": ("graphs", "b")}[field]
    (example,) = RESULT["outputs"][name]
    for texts in ([right, text, right], [text], [text, text]):
        outputs = {**RESULT["outputs"], name: [{**example, field: value} for value in texts]}
        with pytest.raises(UnreadableRecord, match=f"`outputs.{name}` is wrong"):
            decoded(outputs=outputs)
        with pytest.raises(Unreadable):
            check_in_job({**RESULT, "outputs": outputs}, result_uri(3))
    decoded(outputs={**RESULT["outputs"], name: [{**example, field: right}] * 3})


@pytest.mark.parametrize(
    ("status", "connectomes", "sizes", "is_read"),
    [
        ("succeeded", [FILE], {FILE: 5}, True),
        ("succeeded", [FILE], {FILE: 5, OTHER_FILE: 0}, True),
        ("succeeded", [], {}, False),
        ("succeeded", [], {FILE: 5}, False),
        ("succeeded", [FILE], {}, False),
        ("succeeded", [FILE], {FILE: 0}, False),
        ("succeeded", [FILE, OTHER_FILE], {FILE: 5, OTHER_FILE: 0}, True),
        ("succeeded", [FILE, OTHER_FILE], {FILE: 0, OTHER_FILE: 0}, False),
        ("failed", [], {}, True),
    ],
)
def test_what_makes_a_scan_done(status: str, connectomes: list[str], sizes: dict[str, int], *, is_read: bool) -> None:
    """A succeeded result without a connectome is not read: opsctl counts it as missing, and a job does the scan."""
    files = [{"uri": uri, "size_bytes": size, "sha256": "f" * 64} for uri, size in sizes.items()]
    value = {**RESULT, "status": status, "outputs": {"connectomes": connectomes, "files": files}}
    for check in (lambda: Result.decode(encoded(value), result_uri(3)), lambda: check_in_job(value, result_uri(3))):
        with nullcontext() if is_read else pytest.raises((UnreadableRecord, Unreadable)):
            check()


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
