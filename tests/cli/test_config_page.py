"""The page about the configuration says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from support.repository import ROOT

from opsctl.config import load
from opsctl.core.config import OTHER_VARIABLES
from opsctl.core.settings import BY_VARIABLE, SETTINGS

PAGE = (ROOT / "docs/configuration.md").read_text()


def test_its_example_is_a_file_without_faults(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
    (tmp_path / "opsctl.toml").write_text(example)
    found = load({"OPSCTL_CONFIG": str(tmp_path / "opsctl.toml")}, None)
    assert found.problems == ()
    assert sum(not value.is_default for value in found.values.values()) == 11


def test_it_names_every_key_and_every_variable() -> None:
    assert [one.key for one in SETTINGS if f"`{one.names[0]}`" not in PAGE and f"\n{one.names[0]} = " not in PAGE] == []
    assert [name for name in (*BY_VARIABLE, *OTHER_VARIABLES) if f"`{name}`" not in PAGE] == []


def test_it_names_no_variable_that_is_none() -> None:
    named = set(re.findall(r"`(OPSCTL_[A-Z_]+)`", PAGE))
    assert named - {*BY_VARIABLE, *OTHER_VARIABLES} == {"OPSCTL_SPAEC"}
