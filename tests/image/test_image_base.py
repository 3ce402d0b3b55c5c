"""`image build` on a base that cannot run m2g, and on one with a user of its own, with a real engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.base_image import VARIABLES
from support.engine_world import BASE, LACKING, OTHER_USER, EngineWorld, OtherImage, opsctl

pytestmark = pytest.mark.e2e


def changed_base(world: EngineWorld, folder: Path, name: str, *instructions: str) -> str:
    """The base with something changed; returns its name."""
    (folder / "Dockerfile").write_text("\n".join((f"FROM {BASE}", *instructions)) + "\n")
    world.podman("build", "--network", "host", "--tag", f"localhost/{name}:1", str(folder))
    return f"localhost/{name}:1"


@pytest.mark.parametrize(
    ("name", "instruction", "sentences"),
    [
        (
            "no-fsl",
            "RUN rm -r /usr/lib/fsl /usr/share/fsl",
            [
                "These programs of FSL that m2g calls are not on its PATH: applywarp, bet, convert_xfm, eddy_correct, ",
                "FSL's standard brain is missing: /usr/share/fsl/5.0/data/standard/MNI152_T1_2mm_brain.nii.gz.",
            ],
        ),
        pytest.param(
            "no-afni",
            "RUN rm -r /opt/afni",
            [
                "afni is not on its PATH, and m2g does not start without AFNI.",
                "These programs of AFNI that m2g calls are not on its PATH: 3dSkullStrip.",
            ],
            marks=pytest.mark.campaign,
        ),
        pytest.param(
            "broken-m2g",
            r"RUN printf '#!/bin/sh\necho No module named umap; exit 1\n' > /usr/local/bin/m2g",
            ["`m2g --help` ends with exit code 1: No module named umap."],
            marks=pytest.mark.campaign,
        ),
    ],
)
def test_a_base_that_cannot_run_m2g_is_refused_by_name(
    engine_world: EngineWorld, tmp_path: Path, name: str, instruction: str, sentences: list[str]
) -> None:
    base = changed_base(engine_world, tmp_path, name, instruction)
    result = opsctl(engine_world.environment, "image", "build", "--base", base, "--tag", name, "--json")
    assert result.returncode == 1, result.stdout
    error = json.loads(result.stdout)["error"]
    assert error["code"] == "image_unfit"
    assert error["message"].startswith(f"m2g cannot run in {base}: {sentences[0]}")
    assert [sentence for sentence in sentences if sentence not in error["message"]] == []
    assert "PROGRAMS=optional" in error["hint"]
    assert f"opsctl-m2g:{name}" not in engine_world.podman("images", "--format", "{{.Repository}}:{{.Tag}}")


def test_the_hint_for_an_m2g_that_calls_other_programs_works(on_other_base: OtherImage) -> None:
    # It was built with what the hint of the test above names.
    assert f"not on its PATH: {LACKING}." in on_other_base.said


def test_a_bases_own_user_stays_the_images(engine_world: EngineWorld, on_other_base: OtherImage) -> None:
    assert inspected(engine_world, on_other_base.name)["User"] == OTHER_USER


def test_what_the_base_sets_stays(engine_world: EngineWorld, built: str) -> None:
    settings = inspected(engine_world, built)
    environment = dict(entry.split("=", 1) for entry in settings["Env"])
    assert environment.items() >= VARIABLES.items()
    assert not {"PYTHONPATH", "HOME", "PYTHON"} & set(environment)
    assert settings["User"] == "0"
    assert settings.get("WorkingDir", "/") == inspected(engine_world, BASE).get("WorkingDir", "/")


def inspected(world: EngineWorld, image: str) -> dict[str, object]:
    details: dict[str, object] = json.loads(world.podman("image", "inspect", image))[0]["Config"]
    return details
