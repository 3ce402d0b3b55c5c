"""`image sbom` without syft and without its extra says which extra it needs, before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opsctl.commands.image.sbom import write_sbom
from opsctl.commands.platform.image import BuiltImage
from opsctl.core.errors import ErrorCode, Problem

BUILT = BuiltImage(
    image="opsctl-m2g:1", image_id="a" * 64, base=None, base_digest=None, source=None, version=None, size_bytes=1
)


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("opsctl.installation._extras", tuple)
    engine: Any = None
    with pytest.raises(Problem, match="Lists of an image's packages need opsctl's extra \"sbom\"") as raised:
        write_sbom(engine, tmp_path, BUILT, tmp_path / "out.json", version="1", environment={"PATH": str(tmp_path)})
    assert raised.value.code is ErrorCode.INSTALLATION_INCOMPLETE
    assert not (tmp_path / "out.json").exists()
