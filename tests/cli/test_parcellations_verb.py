"""`opsctl parcellations`: neuroparc's atlases, without a platform."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from opsctl.completion import offers
from opsctl.completion.typed_line import TypedLine


def test_what_a_program_reads(opsctl: Callable[..., Any]) -> None:
    said = opsctl("parcellations", "--json", "--voxelsize", "4mm")
    document = json.loads(said.out)
    assert (said.code, document["voxelsize"]) == (0, "4mm")
    rows = {row["name"]: row for row in document["parcellations"]}
    assert len(rows) == 47
    assert rows["MICCAI"] == {
        "name": "MICCAI",
        "selects_it_alone": "MICCAI",
        "regions": 133,
        "kept": 64,
        "memory_mib": 1002,
        "default": True,
    }
    assert [name for name, row in rows.items() if not row["default"]] == ["DS16784", "DS72784"]


def test_the_configured_voxel_size_is_meant(opsctl: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSCTL_VOXELSIZE", "1mm")
    assert json.loads(opsctl("parcellations", "--json").out)["voxelsize"] == "1mm"


def test_every_completed_name_is_one_that_selects_one_atlas(opsctl: Callable[..., Any]) -> None:
    rows = json.loads(opsctl("parcellations", "--json").out)["parcellations"]
    assert offers.parcellations(TypedLine({})) == [row["selects_it_alone"] for row in rows]
