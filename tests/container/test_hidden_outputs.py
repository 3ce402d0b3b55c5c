"""Hidden files are no outputs: `opsctl results` would not write them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from m2g_job.outputs import collect


def test_hidden_files_and_folders_are_not_published(tmp_path: Path) -> None:
    for place in ("qa_d/a.png", "qa_d/.a.png", ".cache/b", "log/.nipype/c", "log/d"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("x")
    names: Any = SimpleNamespace(output_key=lambda path: path)
    assert sorted(output.key for output in collect(str(tmp_path), names)) == ["log/d", "qa_d/a.png"]
