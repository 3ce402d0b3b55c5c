"""A platform's folder: the code is replaced, states and providers are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from opsctl.commands.platform.terraform_workspace import (
    clear_pending_up,
    ensure_room,
    forget_local_repository,
    forget_platform_state,
    has_pending_down,
    has_platform_state,
    lay_out_code,
    mark_pending_down,
    pending_up_options,
    save_pending_up,
)
from opsctl.core.errors import Problem
from opsctl.core.platform.options import PlatformOptions
from opsctl.core.platform.provider_lock import LOCK_FILE
from opsctl.home import Home
from opsctl.terraform.provider import os_arch


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "terraform"
    for name in (
        "storage/main.tf",
        "platform/main.tf",
        "modules/vpc/main.tf",
        "tests/x.tftest.hcl",
        "platform/.terraform/providers/x",
        "platform/terraform.tfstate",
        "README.md",
    ):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("of the source")
    return source


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_only_code_is_laid_out(source: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    lay_out_code(home, name="m2g", source=source)
    folder = home.platform_dir("m2g") / "terraform"
    assert files(folder) == ["modules/vpc/main.tf", "platform/main.tf", "storage/main.tf"]


def test_a_new_version_replaces_the_code_and_keeps_state_variables_and_providers(source: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    lay_out_code(home, name="m2g", source=source)
    folder = home.platform_dir("m2g") / "terraform"
    kept_files = ["platform/terraform.tfstate", "platform/terraform.tfvars.json", "platform/.terraform/providers/y"]
    for name in (*kept_files, "platform/gone.tf", "modules/old/main.tf"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("of the platform")
    (source / "platform/main.tf").write_text("new")
    lay_out_code(home, name="m2g", source=source)
    assert files(folder) == sorted([*kept_files, "modules/vpc/main.tf", "platform/main.tf", "storage/main.tf"])
    assert (folder / "platform/main.tf").read_text() == "new"
    assert (folder / "platform/terraform.tfstate").read_text() == "of the platform"


LOCK = 'version = "5.100.0"\nhashes = ["h1:ours=", "zh:theirs"]'


@pytest.mark.parametrize(
    ("there", "stays"),
    [
        (None, False),
        (LOCK.replace('"]', '", "h1:of this machine="]'), True),
        (LOCK.replace("5.100.0", "5.99.0"), False),
        (LOCK.replace('"zh:theirs"', ""), False),
    ],
    ids=["none", "with this machine's own", "another version", "fewer checksums"],
)
def test_a_lock_stays_if_terraform_has_only_added_to_it(
    source: Path, tmp_path: Path, there: str | None, stays: bool
) -> None:
    home = Home(tmp_path / "home")
    lock = home.platform_dir("m2g") / "terraform" / "platform" / LOCK_FILE
    (source / "platform" / LOCK_FILE).write_text(LOCK)
    if there is not None:
        lock.parent.mkdir(parents=True)
        lock.write_text(there)
    lay_out_code(home, name="m2g", source=source)
    assert lock.read_text() == (there if stays else LOCK)


def test_the_state_of_a_local_platform_that_has_ended_is_dropped_but_not_the_storages(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    folder = home.platform_dir("local") / "terraform"
    assert not has_platform_state(home, name="local")
    for root in ("platform", "storage"):
        (folder / root).mkdir(parents=True)
        for name in ("terraform.tfstate", "terraform.tfstate.backup"):
            (folder / root / name).write_text("{}")
    assert has_platform_state(home, name="local")
    forget_platform_state(home, name="local")
    assert not has_platform_state(home, name="local")
    assert files(folder) == ["storage/terraform.tfstate", "storage/terraform.tfstate.backup"]


def test_the_repository_that_ended_with_the_local_platform_is_no_change_by_hand(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    forget_local_repository(home, name="local")
    path = home.platform_dir("local") / "terraform/storage/terraform.tfstate"
    path.parent.mkdir(parents=True)
    bucket, repository = ({"type": kind, "name": "data"} for kind in ("aws_s3_bucket", "aws_ecr_repository"))
    path.write_text(json.dumps({"serial": 4, "lineage": "a", "resources": [repository, bucket]}))
    forget_local_repository(home, name="local")
    assert json.loads(path.read_text()) == {"serial": 5, "lineage": "a", "resources": [bucket]}
    path.write_text("{damaged")
    forget_local_repository(home, name="local")
    assert path.read_text() == "{damaged"


@pytest.mark.parametrize("ends", [lambda home: home.forget("lab"), lambda home: clear_pending_up(home, name="lab")])
def test_a_down_that_has_begun_is_marked_until_it_or_an_up_has_ended(
    tmp_path: Path, ends: Callable[[Home], None]
) -> None:
    home = Home(tmp_path)
    mark_pending_down(home, name="lab")
    assert has_pending_down(home, name="lab")
    ends(home)
    assert not has_pending_down(home, name="lab")


def test_both_roots_get_the_options_as_variables() -> None:
    options = PlatformOptions(name="lab", region="eu-central-1", account_id="123456789012", version="0.1.0", spot=True)
    storage, platform = options.storage_variables(), options.platform_variables()
    assert storage["data_bucket"] is None
    assert platform["data_bucket"] == "opsctl-lab-123456789012-eu-central-1"
    assert platform["image"] == "123456789012.dkr.ecr.eu-central-1.amazonaws.com/opsctl-lab:0.1.0"
    assert platform["spot"] is True
    assert storage["path_style"] is platform["path_style"] is False
    typed = {"tags": {"lab": "a"}, "noncurrent_days": 30, "attempts": 2}
    with_variables = PlatformOptions(name="lab", region="r", account_id="1", variables=typed)
    storage, platform = with_variables.storage_variables(), with_variables.platform_variables()
    assert (storage["tags"], storage["noncurrent_days"], "attempts" in storage) == ({"lab": "a"}, 30, False)
    assert (platform["tags"], platform["attempts"], "noncurrent_days" in platform) == ({"lab": "a"}, 2, False)
    own = PlatformOptions(name="lab", region="r", account_id="1", data_bucket="mine", image="x:1", is_local=True)
    assert own.storage_variables()["data_bucket"] == own.platform_variables()["data_bucket"] == "mine"
    assert own.platform_variables()["image"] == "x:1"
    assert own.platform_variables()["path_style"] is True


@pytest.mark.parametrize("root", ["storage", "platform"])
def test_every_variable_is_one_that_the_root_declares(root: str) -> None:
    from opsctl.assets import terraform_dir

    declared = (terraform_dir() / root / "variables.tf").read_text()
    options = PlatformOptions(name="lab", region="us-east-1", account_id="123456789012", version="0.1.0")
    variables = options.storage_variables() if root == "storage" else options.platform_variables()
    assert [name for name in variables if f'variable "{name}"' not in declared] == []


def test_what_is_begun_is_remembered_until_it_is_made(tmp_path: Path) -> None:
    home = Home(tmp_path)
    options = PlatformOptions(name="lab", region="us-east-1", account_id="123456789012", spot=True)
    assert pending_up_options(home, name="lab") is None
    save_pending_up(home, options)
    assert pending_up_options(home, name="lab") == {"spot": True}
    clear_pending_up(home, name="lab")
    assert pending_up_options(home, name="lab") is None


def test_a_disk_that_is_nearly_full_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = {"bytes": 50_000_000}
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": free["bytes"]}))
    with pytest.raises(Problem, match="50 MB left, and 900 MB are needed"):
        ensure_room(Home(tmp_path), mirror=None)
    mirror = tmp_path / "mirror"
    (mirror / "registry.terraform.io/hashicorp/aws/5.100.0" / os_arch()).mkdir(parents=True)
    with pytest.raises(Problem, match="100 MB are needed"):
        ensure_room(Home(tmp_path), mirror=mirror)
    free["bytes"] = 100_000_000
    ensure_room(Home(tmp_path), mirror=mirror)
