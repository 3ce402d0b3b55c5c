"""`image push` and `image status` on a platform that is treated as AWS, with a real engine, registry and Terraform."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from support.engine_world import BASE, EngineWorld, opsctl
from support.registry_world import HOST, RegistryWorld, registry

from opsctl import __version__
from opsctl.local import control

pytestmark = [pytest.mark.e2e, pytest.mark.campaign, pytest.mark.timeout(1200)]

NAME = "img"
REPOSITORY = f"opsctl-{NAME}"
URL = f"{HOST}/{REPOSITORY}"


@dataclass(frozen=True)
class Lab:
    """A machine with an engine, an account whose services answer, and a registry in ECR's place."""

    world: EngineWorld
    registry: RegistryWorld
    environment: dict[str, str]
    endpoint_url: str

    def run(self, *arguments: str, **more: str) -> Any:
        return opsctl({**self.environment, **more}, *arguments)

    def client(self, service: str) -> Any:
        return boto3.client(
            *(service, "us-east-1"),
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
        )

    def tell_ecr(self, tag: str) -> None:
        """What ECR knows by itself: the registry here is another process."""
        manifest = self.registry.manifest(REPOSITORY, tag)
        assert manifest is not None
        text, kind, digest = manifest
        self.client("ecr").put_image(
            repositoryName=REPOSITORY, imageManifest=text, imageManifestMediaType=kind, imageTag=tag, imageDigest=digest
        )

    def definitions(self) -> dict[str, str]:
        """The image of each queue's newest job definition, by its name."""
        definitions = self.client("batch").describe_job_definitions(status="ACTIVE")["jobDefinitions"]
        newest: dict[str, tuple[int, str]] = {}
        for definition in definitions:
            revision = (definition["revision"], definition["containerProperties"]["image"])
            newest[definition["jobDefinitionName"]] = max(
                revision, newest.get(definition["jobDefinitionName"], revision)
            )
        return {name: image for name, (_, image) in newest.items() if name.startswith(REPOSITORY)}

    def logins(self) -> list[Path]:
        """Files in which a login was left behind."""
        home = Path(self.environment["HOME"])
        return [path for path in home.rglob("*") if path.is_file() and b"auth" in path.read_bytes()]


@pytest.fixture(scope="module")
def lab(engine_world: EngineWorld, built: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    home = tmp_path_factory.mktemp("account")
    (folder / "tmp").mkdir()
    server = control.start(home)
    try:
        with registry(folder) as place:
            own = {
                "OPSCTL_HOME": str(folder / "home"),
                "TMPDIR": str(folder / "tmp"),
                "AWS_ENDPOINT_URL": server.endpoint_url,
                **server.credentials,
                "AWS_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "COLUMNS": "100",
            }
            mirror = (
                {"OPSCTL_PROVIDER_MIRROR": provider_mirror}
                if (provider_mirror := os.environ.get("OPSCTL_PROVIDER_MIRROR"))
                else {}
            )
            engine = engine_world.with_registry(HOST, place.location, name=NAME)
            lab = Lab(engine_world, place, {**engine, **own, **mirror}, server.endpoint_url)
            result = lab.run("up", "--name", NAME, "--yes")
            assert result.returncode == 0, result.stdout + result.stderr
            yield lab
    finally:
        control.stop(home)


@pytest.fixture(scope="module")
def pushed(lab: Lab) -> tuple[Any, Any, Any, list[Path]]:
    """The status before and after a push, the push, and the logins that it left behind."""
    engine = lab.world.podman("tag", "localhost/opsctl-m2g:built-once", f"localhost/opsctl-m2g:{__version__}")
    assert engine == ""
    before = lab.run("image", "status", "--json")
    push = lab.run("image", "push", "--yes")
    tag = re.search(rf"Pushed as {re.escape(URL)}:(\S+?)\.\n", push.stderr)
    assert push.returncode == 0 and tag, push.stderr
    lab.tell_ecr(tag[1])
    return before, push, tag[1], lab.logins()


def test_before_a_push_no_job_could_start_and_status_says_so(lab: Lab, pushed: Any) -> None:
    status = json.loads(pushed[0].stdout)
    assert status["stored"] is None and status["is_pinned"] is False
    assert {definition["image"] for definition in status["definitions"]} == {f"{URL}:{__version__}"}


def test_the_digest_in_the_registry_is_the_one_that_all_job_definitions_name(lab: Lab, pushed: Any) -> None:
    manifest = lab.registry.manifest(REPOSITORY, pushed[2])
    assert manifest is not None
    definitions = lab.definitions()
    assert len(definitions) >= 2
    assert set(definitions.values()) == {f"{URL}@{manifest[2]}"}


def test_the_login_is_left_nowhere(lab: Lab, pushed: Any) -> None:
    assert pushed[3] == []
    assert list((Path(lab.environment["TMPDIR"])).glob("opsctl-login-*")) == []


def test_a_second_push_changes_nothing(lab: Lab, pushed: Any) -> None:
    before = lab.definitions()
    result = lab.run("image", "push", "--yes")
    assert result.returncode == 0, result.stderr
    assert "is this very image already: nothing to push." in result.stderr
    assert f"The platform {NAME} runs it already." in result.stderr
    assert lab.definitions() == before


def test_a_later_plain_up_keeps_the_image(lab: Lab, pushed: Any) -> None:
    result = lab.run("up", "--name", NAME, "--plan")
    assert result.returncode == 0, result.stderr
    assert "nothing to do" in result.stderr


def test_status_knows_where_it_lies_and_what_it_was_made_from(lab: Lab, pushed: Any) -> None:
    result = lab.run("image", "status")
    assert result.returncode == 0, result.stderr
    assert f"In the repository as {pushed[2]}, pushed " in result.stdout
    assert f"Built by opsctl {__version__} on {BASE} (sha256:" in result.stdout
    assert "build and push again" not in result.stdout
    status = json.loads(lab.run("image", "status", "--json").stdout)
    assert status["is_pinned"] is True and status["is_outdated"] is False


def test_status_without_an_engine_says_what_aws_knows(lab: Lab, pushed: Any) -> None:
    result = lab.run("image", "status", OPSCTL_ENGINE="/nowhere/podman")
    assert result.returncode == 0, result.stderr
    assert f"In the repository as {pushed[2]}, pushed " in result.stdout
    assert "What it was made from is not known on this machine." in result.stdout


def test_without_terraform_a_push_says_who_can_go_on(lab: Lab, pushed: Any, tmp_path: Path) -> None:
    for name in ("podman", "runc", "conmon", "sh"):
        paths = [Path(folder) / name for folder in os.environ["PATH"].split(":") if (Path(folder) / name).exists()]
        if paths:
            (tmp_path / name).symlink_to(paths[0])
    before = lab.definitions()
    lab.world.podman("tag", "localhost/m2g-stand-in:1", "localhost/opsctl-m2g:other")
    result = lab.run("image", "push", "--tag", "other", PATH=str(tmp_path))
    assert result.returncode == 0, result.stderr
    digest = lab.registry.manifest(REPOSITORY, "other")[2]  # type: ignore[index]
    assert f"opsctl up --name {NAME} --image {URL}@{digest} --region us-east-1" in result.stderr
    assert lab.definitions() == before
