"""Scans that are done and need a look: what `status` and `status --scan` say of them."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest
from support.golden import golden
from support.repository import ROOT
from support.view_examples import detail, run, status

from opsctl.commands.runs.scan_detail import details_json
from opsctl.core.runs.result_record import ResultWarning
from opsctl.core.runs.scan_warnings import grouped_warnings
from opsctl.core.runs.status import RunStatus
from opsctl.render.scan_detail import show_detail
from opsctl.render.scan_warnings import warnings_text
from opsctl.render.screen import Screen
from opsctl.render.status import show_status

ATLAS = "Desikan_space-MNI152NLin6_res-2x2x2"
LOST = ResultWarning(
    code="regions_lost",
    atlas=ATLAS,
    text=f"{ATLAS}: 9 of 70 regions are lost. Look at the skull-strip picture first; `--skull` may help.",
)
FEW = ResultWarning(code="few_edges", atlas=ATLAS, text=f"{ATLAS}: the connectome has 3 edges for 70 regions.")
LOST_TOO = replace(LOST, atlas="AAL_space-MNI152NLin6_res-2x2x2")


def with_warnings() -> RunStatus:
    """Two of three scans need a look, one of them for two atlases and two reasons."""
    scans = status("DONE", "DONE", "DONE").scans
    first, second = replace(scans[0], warnings=(LOST, LOST_TOO, FEW)), replace(scans[2], warnings=(LOST,))
    return replace(status(), scans=(first, scans[1], second))


def test_status_counts_them_and_says_where_to_look(capsys: pytest.CaptureFixture[str]) -> None:
    show_status(Screen(), with_warnings())
    golden("status.warnings", *capsys.readouterr())


def test_each_scan_counts_once_and_the_worst_code_is_first() -> None:
    groups = grouped_warnings((scan.name, warning) for scan in with_warnings().scans for warning in scan.warnings)
    assert [(group.code, group.scans) for group in groups] == [
        ("few_edges", ("sub-00/ses-1",)),
        ("regions_lost", ("sub-00/ses-1", "sub-02/ses-1")),
    ]
    assert warnings_text(groups).startswith("2 scans are done, look at them: ")
    assert warnings_text(groups[:1]) == "1 scan is done, look at it: almost no edges (1)"
    assert warnings_text([]) == ""


def test_a_scans_details_have_the_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    show_detail(Screen(), detail("DONE", warnings=(LOST, FEW)), run=run())
    golden("status.scan_look", *capsys.readouterr())


def test_many_sentences_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    show_detail(Screen(), detail("DONE", warnings=(LOST,) * 12), run=run())
    out = capsys.readouterr().out
    assert out.count("look at ") == 10
    assert "and 2 more (`--json` has all)" in out


def test_json_has_them() -> None:
    schema = json.loads((ROOT / "docs/status.schema.json").read_text())
    whole, single = with_warnings().as_json(), details_json([detail("DONE", warnings=(LOST,))])
    assert [(group["code"], len(group["scans"])) for group in whole["warnings"]] == [
        ("few_edges", 1),
        ("regions_lost", 2),
    ]
    assert single["scans"][0]["warnings"] == [{"code": "regions_lost", "atlas": ATLAS, "text": LOST.text}]
    for value in (whole, single):
        jsonschema.validate(json.loads(json.dumps(value)), schema)
    whole["warnings"][0]["code"] = "odd"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(whole, schema)
