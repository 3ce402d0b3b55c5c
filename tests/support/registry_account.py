"""An account with a repository: the local platform's ECR API, and a real registry that Podman takes for ECR."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsctl.aws.clients import Clients
from opsctl.aws.ecr.registry import Registry
from opsctl.commands.platform.image_push import PushedImage, built_image
from opsctl.commands.platform.image_push import push as command
from opsctl.engine import find_engine
from opsctl.local import control
from support.engine_world import EngineWorld
from support.registry_world import HOST, RegistryWorld, registry

REPOSITORY = "opsctl-push"
URL = f"{HOST}/{REPOSITORY}"


@dataclass(frozen=True)
class Account:
    """An account whose ECR API is the local platform's, with a real registry."""

    world: EngineWorld
    place: RegistryWorld
    folder: Path
    home: Path
    ecr: Any

    def push(self, tag: str, *, named: bool = True) -> PushedImage:
        """Push the image of a tag on this machine."""
        engine = find_engine(self.world.environment)
        built = built_image(engine, version=tag, tag=None)
        return command(engine, self.registry, built, version=tag, tag=tag if named else None, on_line=lambda _: None)

    def name(self, image: str, tag: str) -> None:
        """Another name for an image."""
        self.world.podman("tag", image, f"localhost/opsctl-m2g:{tag}")

    @property
    def registry(self) -> Registry:
        """opsctl's view of the repository."""
        return Registry(self.ecr, URL)

    def logged_in(self) -> EngineWorld:
        """A Podman that may read and write the registry, as somebody who has logged in."""
        login = self.folder / "login.json"
        login.write_text(json.dumps({"auths": {HOST: {"auth": self.registry.login()}}}))
        return EngineWorld(self.world.folder, {**self.world.environment, "REGISTRY_AUTH_FILE": str(login)})

    def tell_ecr(self, tag: str) -> None:
        """What ECR knows by itself: the registry here is another process."""
        text, kind, digest = self.place.manifest(REPOSITORY, tag) or ("", "", "")
        self.ecr.put_image(
            repositoryName=REPOSITORY, imageManifest=text, imageManifestMediaType=kind, imageTag=tag, imageDigest=digest
        )


@contextmanager
def registry_account(world: EngineWorld, folder: Path, home: Path) -> Iterator[Account]:
    """Run both."""
    server = control.start(home)
    try:
        with registry(folder) as place:
            own = EngineWorld(world.folder, world.with_registry(HOST, place.location, name="push"))
            ecr = Clients(endpoint_url=server.endpoint_url, local_key=server.credentials).ecr
            ecr.create_repository(repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE")
            yield Account(own, place, folder, home, ecr)
    finally:
        control.stop(home)
