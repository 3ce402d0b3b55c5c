"""A fake Terraform, and a root that uses it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fake_terraform import FakeTerraform

from opsctl.terraform.binary import Binary
from opsctl.terraform.root import Root


@pytest.fixture
def terraform(tmp_path: Path) -> FakeTerraform:
    return FakeTerraform(tmp_path)


@pytest.fixture
def root(terraform: FakeTerraform, tmp_path: Path) -> Root:
    (tmp_path / "root").mkdir()
    binary = Binary(str(terraform.path), "1.11.4")
    return Root("platform", folder=tmp_path / "root", binary=binary, environment=terraform.environment)
