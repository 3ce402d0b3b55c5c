"""An image's labels, read from ECR without pulling the image, and what they say of m2g's own image."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.stub import Stubber
from support.scripted_http import Reply, ScriptedServer

from opsctl.aws.clients import Clients
from opsctl.aws.ecr.image_config import ImageConfig, read_config
from opsctl.aws.ecr.registry import MANIFEST_TYPES
from opsctl.commands.platform.m2g_image import m2g_image_on_ecr
from opsctl.core.errors import Problem

DIGEST, BASE = "sha256:" + "a" * 64, "sha256:" + "b" * 64
REPOSITORY = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/opsctl-m2g"
PINNED, TAGGED = f"{REPOSITORY}@{DIGEST}", f"{REPOSITORY}:0.1.0"
PLACE = {"registryId": "123456789012", "repositoryName": "opsctl-m2g"}
BUILT = {"opsctl.source": "0123", "org.opencontainers.image.base.digest": BASE}


@dataclass
class Ecr:
    """A repository with one image, whose configuration a server on this machine gives out."""

    client: Any
    stubber: Stubber
    server: ScriptedServer

    def answers(self, **image_id: str) -> None:
        """Expect a question for the image's manifest."""
        self.expect({"images": [{"imageId": {"imageDigest": DIGEST}, "imageManifest": self.manifest}]}, image_id)

    def expect(self, reply: dict[str, Any], image_id: dict[str, str]) -> None:
        asked = {**PLACE, "imageIds": [image_id], "acceptedMediaTypes": list(MANIFEST_TYPES)}
        self.stubber.add_response("batch_get_image", reply, asked)

    def holds(self, config: Any, *, sent: bytes | None = None) -> None:
        """Give out a configuration; `sent`: other bytes in its place."""
        content = json.dumps(config).encode()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.manifest = json.dumps({"config": {"digest": digest}, "layers": []})
        self.server.reply = lambda _: Reply(body=content if sent is None else sent)
        self.answers(imageDigest=DIGEST)
        url = {"downloadUrl": f"{self.server.url}/signed", "layerDigest": digest}
        self.stubber.add_response("get_download_url_for_layer", url, {**PLACE, "layerDigest": digest})


@pytest.fixture
def ecr() -> Iterator[Ecr]:
    client = Clients(endpoint_url="http://127.0.0.1:1").ecr
    with Stubber(client) as stubber, ScriptedServer(lambda _: Reply(404)) as server:
        yield Ecr(client, stubber, server)
        stubber.assert_no_pending_responses()


def test_labels_are_read_by_digest(ecr: Ecr) -> None:
    ecr.holds({"config": {"Labels": BUILT}})
    assert read_config(ecr.client, PINNED) == ImageConfig(DIGEST, BUILT)


@pytest.mark.parametrize("config", [{"config": {"Labels": None}}, {"config": {}}, {}])
def test_an_image_may_have_no_labels(ecr: Ecr, config: Any) -> None:
    ecr.holds(config)
    assert read_config(ecr.client, PINNED) == ImageConfig(DIGEST, {})


def test_an_index_of_images_has_no_labels(ecr: Ecr) -> None:
    ecr.manifest = json.dumps({"manifests": []})
    ecr.answers(imageTag="0.1.0")
    assert read_config(ecr.client, TAGGED) == ImageConfig(DIGEST, {})


@pytest.mark.parametrize("code", ["ImageNotFoundException", "RepositoryNotFoundException"])
def test_what_is_not_pushed_yet_has_none(ecr: Ecr, code: str) -> None:
    ecr.stubber.add_client_error("batch_get_image", code)
    assert read_config(ecr.client, TAGGED) is None
    ecr.expect({"images": [], "failures": [{"failureCode": "ImageNotFound"}]}, {"imageTag": "0.1.0"})
    assert read_config(ecr.client, TAGGED) is None


def test_other_bytes_than_the_digests_are_refused(ecr: Ecr) -> None:
    ecr.holds({"config": {"Labels": BUILT}}, sent=b"<html>log in to this network</html>")
    with pytest.raises(Problem, match="is not the image's configuration"):
        read_config(ecr.client, PINNED)


def test_a_download_that_fails_is_a_problem_without_the_signed_address(ecr: Ecr) -> None:
    ecr.holds({"config": {}})
    ecr.server.reply = lambda _: Reply(403)
    with pytest.raises(Problem) as problem:
        read_config(ecr.client, PINNED)
    assert "signed" not in f"{problem.value} {problem.value.hint}"


def test_who_may_not_look_is_told(ecr: Ecr) -> None:
    ecr.stubber.add_client_error("batch_get_image", "AccessDeniedException")
    with pytest.raises(Problem, match="reading the image's labels"):
        read_config(ecr.client, PINNED)


@pytest.mark.parametrize(
    ("labels", "m2g_image"),
    [
        (BUILT, BASE),
        # Its base has no digest, or somebody else built it: what is below it need not be m2g.
        ({"opsctl.source": "0123", "org.opencontainers.image.base.digest": ""}, DIGEST),
        ({"org.opencontainers.image.base.digest": BASE}, DIGEST),
        ({}, DIGEST),
    ],
)
def test_the_base_is_m2gs_own_image_only_of_images_that_opsctl_built(
    ecr: Ecr, labels: dict[str, str], m2g_image: str
) -> None:
    ecr.holds({"config": {"Labels": labels}})
    assert m2g_image_on_ecr(ecr.client, PINNED) == m2g_image


@pytest.mark.parametrize(
    ("image", "m2g_image"),
    [(f"docker.io/neurodata/m2g@{DIGEST}", DIGEST), ("docker.io/neurodata/m2g:latest",) * 2],
)
def test_elsewhere_than_on_ecr_the_image_stands_for_itself(ecr: Ecr, image: str, m2g_image: str) -> None:
    assert m2g_image_on_ecr(ecr.client, image) == m2g_image
