"""QA pictures that m2g misplaces: the runner makes the folder that m2g forgets, and brings them home."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from m2g_job import environment, qa_pictures, scan
from m2g_job.log import Log
from m2g_job.qa_pictures import QaPictures
from support.job_world import BUCKET, OUTPUT, RUN, RUN_ID, World


@pytest.mark.parametrize("mode", ["succeed", "fails-after-a-graph"])
def test_native_dsn_works_and_its_pictures_are_kept(world: World, mode: str) -> None:
    world.ask(space="native_dsn")
    world.submit()

    code, output = world.run(OPSCTL_FAKE_M2G=mode)

    assert code == (0 if mode == "succeed" else 1), output
    folder = OUTPUT if mode == "succeed" else f"{RUN}/failures/00000/attempt-1"
    assert world.keys(f"{folder}/qa_d/dsn/") == [
        f"{folder}/qa_d/dsn/transformed_{name}.png" for name in ("axial", "coronal", "sagittal")
    ]
    keys = world.keys()
    assert not [key for key in keys if "/tmp/" in key]


def test_other_spaces_get_no_folder(world: World) -> None:
    assert world.run()[0] == 0
    assert not (world.folder / "work-job-a" / "output" / "sub-0025427" / "ses-1" / "tmp").exists()


@pytest.fixture
def picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "root" / "Tractography_Model_Peak_Directions.png"
    path.parent.mkdir()
    monkeypatch.setattr(qa_pictures, "PEAK_DIRECTIONS", str(path))
    return path


def made_before_m2g(world: World, session_dir: Path, work_dir: str = "/") -> QaPictures:
    variables = {"OPSCTL_RUN_URI": f"s3://{BUCKET}/opsctl/runs/{RUN_ID}", "OPSCTL_WORK_DIR": work_dir}
    job = environment.read(variables)
    return QaPictures(scan.parse(json.dumps({**world.scan, "index": 0}).encode(), job), job, str(session_dir))


def test_the_picture_in_the_containers_root_is_kept(world: World, picture: Path, tmp_path: Path) -> None:
    pictures = made_before_m2g(world, tmp_path / "session")
    picture.write_text("peaks")

    pictures.move(Log(io.BytesIO()))

    assert (tmp_path / "session" / "qa_d" / "tensor" / picture.name).read_text() == "peaks"
    assert not picture.exists()


def test_a_picture_that_is_not_this_m2gs_stays(world: World, picture: Path, tmp_path: Path) -> None:
    in_image = made_before_m2g(world, tmp_path / "session")
    on_a_machine = made_before_m2g(world, tmp_path / "session", work_dir=str(tmp_path))
    in_image.move(Log(io.BytesIO()))
    picture.write_text("another job's")
    on_a_machine.move(Log(io.BytesIO()))
    os.utime(picture, (1e9, 1e9))
    in_image.move(Log(io.BytesIO()))

    assert picture.read_text() == "another job's"
    assert not (tmp_path / "session").exists()


def test_a_picture_that_cannot_be_moved_costs_a_line(world: World, picture: Path, tmp_path: Path) -> None:
    (tmp_path / "session").write_text("no folder")
    pictures = made_before_m2g(world, tmp_path / "session")
    picture.write_text("peaks")
    lines = io.BytesIO()

    pictures.move(Log(lines))

    assert lines.getvalue().startswith(b"opsctl: m2g's QA pictures could not all be kept: ")
