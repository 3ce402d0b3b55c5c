"""Images built with real Podman: another runner on the same base is the same m2g, another base is another m2g."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from support.engine_world import BASE, OTHER_BASE, EngineWorld, OtherImage
from support.run_world import RunWorld, put_dataset

from opsctl.assets import container_dir
from opsctl.aws.s3.storage import Storage
from opsctl.commands.image.known_bases import KnownBases
from opsctl.commands.platform.image import BuiltImage, build
from opsctl.commands.platform.m2g_image import m2g_image_of
from opsctl.home import Home

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Images:
    """Two images of one base with different runners, the first's on another base, and somebody's own."""

    first: BuiltImage
    new_runner: BuiltImage
    new_m2g: str
    own: str


def built_from(world: EngineWorld, folder: Path, *, tag: str) -> BuiltImage:
    return build(
        world.engine,
        folder,
        version="0.1.0",
        base=BASE,
        accept_base=False,
        find_archived=None,
        known_bases=KnownBases(Home(world.folder)),
        day="2026-11-29",
        tag=tag,
        options=(),
        environment={},
        on_line=lambda _: None,
    )


@pytest.fixture(scope="module")
def images(
    engine_world: EngineWorld, built: str, on_other_base: OtherImage, tmp_path_factory: pytest.TempPathFactory
) -> Images:
    changed = tmp_path_factory.mktemp("changed") / "container"
    shutil.copytree(container_dir(), changed, ignore=shutil.ignore_patterns("__pycache__"))
    with (changed / "m2g_job" / "job.py").open("a") as file:
        file.write("\n# A runner of another version.\n")
    context = tmp_path_factory.mktemp("base")
    # It inherits all labels of its base, but nobody built it with `image build`: its label says what it stands on.
    (context / "Dockerfile").write_text(f"FROM {OTHER_BASE}\nLABEL org.opencontainers.image.base.digest=sha256:0\n")
    engine_world.podman("build", "--tag", "localhost/own:1", str(context))
    return Images(
        first=built_from(engine_world, container_dir(), tag="runner-1"),
        new_runner=built_from(engine_world, changed, tag="runner-2"),
        new_m2g=on_other_base.name,
        own="localhost/own:1",
    )


def use(world: RunWorld, engine_world: EngineWorld, image: str) -> str:
    """Let the platform's jobs run an image of the engine, as the local platform does; gives m2g's own image in it."""
    local = replace(world.platform, image=image, endpoint_url="http://127.0.0.1:1", options={"engine": "podman"})
    world.platform = replace(local, m2g_image=m2g_image_of(local, engine_world.environment))
    return world.platform.m2g_image


def test_another_runner_submits_nothing_again_and_another_m2g_is_told(
    images: Images,
    engine_world: EngineWorld,
    storage: Storage,
    s3: Any,
    tmp_path: Path,
) -> None:
    world = RunWorld(storage, tmp_path)
    put_dataset(s3, "sub-01", "sub-02")
    m2g_image = use(world, engine_world, images.first.image)
    assert m2g_image.startswith("sha256:")
    run_id = world.run().run_id
    world.finish(run_id, 0, 1)
    world.batch.end("job-0", "SUCCEEDED")

    assert images.new_runner.image_id != images.first.image_id
    assert use(world, engine_world, images.new_runner.image) == m2g_image
    plan = world.plan()
    assert tuple(scan.key for scan in plan.dispositions) == world.records.run(run_id).keys
    assert (plan.counts, plan.to_submit()) == ({"done": 2}, [])

    assert use(world, engine_world, images.new_m2g) != m2g_image
    plan = world.plan()
    assert (plan.counts, plan.earlier_m2g(), plan.to_submit()) == ({"other_m2g": 2}, {m2g_image: 2}, [])
    assert len(world.plan(only="changed").to_submit()) == 2


def test_an_image_that_opsctl_did_not_build_is_its_own_m2g(images: Images, engine_world: EngineWorld) -> None:
    world = RunWorld(None, Path())  # type: ignore[arg-type]  # nothing is stored
    image_id = engine_world.podman("image", "inspect", "--format", "{{.Id}}", images.own)
    assert use(world, engine_world, images.own) == f"sha256:{image_id.removeprefix('sha256:')}"
    assert use(world, engine_world, "localhost/nowhere:1") == "localhost/nowhere:1"
