"""The titles of the preview's QA pictures: the scan's own labels, none that opsctl has made up for m2g."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import ImageDraw

from opsctl.core.runs.m2g_options import MADE_UP_SESSION
from opsctl.local.preview.__main__ import main
from opsctl.local.preview.pictures import CAPTION
from opsctl.local.sample import write_sample


def test_every_picture_names_the_scan_with_its_run_and_no_made_up_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged, sample = tmp_path / "staged", tmp_path / "sample"
    write_sample(sample)
    session = f"sub-01/ses-{MADE_UP_SESSION}"
    for path in (sample / "sub-01/ses-1").glob("*/*"):
        if path.suffix != ".json":
            run = "_run-2" if path.parent.name == "dwi" else ""
            name = path.name.replace("_ses-1", f"_ses-{MADE_UP_SESSION}{run}")
            target = staged / session / path.parent.name / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    texts: list[str] = []
    draw = ImageDraw.ImageDraw.text

    def record(self: Any, xy: Any, text: str, *arguments: Any, **options: Any) -> None:
        texts.append(text)
        draw(self, xy, text, *arguments, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", record)
    output = tmp_path / "out"
    arguments = [str(staged), str(output), "--participant_label", "01", "--session_label", MADE_UP_SESSION]
    assert main([*arguments, "--seeds", "1", "--parcellation", "Hemispheric"]) == 0
    pictures = list((output / session).glob("qa_d/**/*.png"))
    titles = [text for text in texts if text not in (CAPTION, *(text for text in texts if "nodes," in text))]
    assert len(titles) == len(pictures) > 5
    assert all(title.startswith(("sub-01_run-2_dwi, ", "sub-01_run-2_dwi: ")) for title in titles)
