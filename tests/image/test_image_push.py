"""Push with a real engine to a real registry that needs a login."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from support.engine_world import BASE, EngineWorld, opsctl
from support.example_platform import platform
from support.registry_account import REPOSITORY, URL, Account
from support.registry_world import HOST

from opsctl.aws.ecr.registry import Registry
from opsctl.commands.platform.image_push import PushedImage
from opsctl.core.errors import Problem
from opsctl.engine import find_engine
from opsctl.home import Home

pytestmark = pytest.mark.e2e


def test_what_is_pushed_lies_there_under_the_digest_and_the_tag_that_are_told(account: Account, built: str) -> None:
    account.name(built, "1.2.3")
    pushed = account.push("1.2.3", named=False)
    image_id = json.loads(account.world.podman("image", "inspect", built))[0]["Id"]
    assert (pushed.tag, pushed.is_new) == (f"1.2.3-{image_id[:12]}", True)
    stored = account.place.manifest(REPOSITORY, pushed.tag)
    assert stored is not None
    assert pushed.image == f"{URL}@{stored[2]}"


def test_the_same_image_again_is_nothing_to_push(account: Account, built: str) -> None:
    account.name(built, "same")
    first = account.push("same")
    account.tell_ecr("same")
    assert account.push("same") == PushedImage(image=first.image, tag="same", is_new=False)


def test_a_tag_is_never_written_over(account: Account, built: str) -> None:
    account.name(built, "fixed")
    account.push("fixed")
    account.tell_ecr("fixed")
    held = account.place.manifest(REPOSITORY, "fixed")
    account.name(BASE, "fixed")
    with pytest.raises(Problem, match="fixed is another image already"):
        account.push("fixed")
    assert account.place.manifest(REPOSITORY, "fixed") == held


def test_what_was_pushed_can_be_pulled_by_its_digest(account: Account, built: str) -> None:
    account.name(built, "pull")
    image = account.push("pull").image
    login = account.folder / "pull.json"
    login.write_text(json.dumps({"auths": {HOST: {"auth": Registry(account.ecr, URL).login()}}}))
    world = EngineWorld(account.world.folder, {**account.world.environment, "REGISTRY_AUTH_FILE": str(login)})
    pulled = world.podman("pull", "--quiet", image).splitlines()[-1]
    assert pulled == json.loads(account.world.podman("image", "inspect", built))[0]["Id"]


def test_the_registry_wants_the_login_and_it_is_left_nowhere(account: Account, built: str) -> None:
    account.name(built, "login")
    name = f"{URL}:login"
    engine = find_engine(account.world.environment)
    engine.ask("tag", built, name)
    with pytest.raises(Problem, match="unauthorized"):
        engine.ask("push", name)
    account.push("login")
    with pytest.raises(Problem, match="unauthorized"):
        engine.ask("push", f"{URL}:login")
    home = Path(account.world.environment["HOME"])
    assert [path for path in home.rglob("*") if path.is_file() and b"auth" in path.read_bytes()] == []


def test_a_login_that_is_refused_is_said_and_nothing_is_there(account: Account, built: str) -> None:
    account.name(built, "refused")
    passwords = account.folder / "htpasswd"
    original = passwords.read_text()
    passwords.write_text(original.replace("$2b$04$8", "$2b$04$9"))
    # The registry reads it again when its time is another.
    os.utime(passwords, (1, 1))
    try:
        with pytest.raises(Problem, match="podman push failed"):
            account.push("refused")
    finally:
        passwords.write_text(original)
    assert account.place.manifest(REPOSITORY, "refused") is None


def test_what_was_never_built_is_said_with_what_to_type(account: Account) -> None:
    with pytest.raises(Problem, match="There is no image opsctl-m2g:never on this machine"):
        account.push("never")


def test_on_the_local_platform_nothing_is_pushed_and_the_image_goes_in(
    account: Account, built: str, tmp_path: Path
) -> None:
    Home(account.home).keep(platform(name="local", endpoint_url="http://127.0.0.1:1"))
    # All but Terraform, so that what would be carried out is shown.
    for name in ("podman", "runc", "crun", "conmon"):
        if program := shutil.which(name):
            (tmp_path / name).symlink_to(program)
    environment = {**account.world.environment, "OPSCTL_HOME": str(account.home), "PATH": str(tmp_path)}
    result = opsctl(environment, "image", "push", "--tag", built.rpartition(":")[2])
    assert result.returncode == 0, result.stderr
    assert "there is nothing to push" in result.stderr
    command = "opsctl up --name local --image opsctl-m2g:built-once --local --engine podman"
    assert command in " ".join(result.stderr.split())
