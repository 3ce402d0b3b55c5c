"""botocore's models, loaded by opsctl: the same as botocore loads them, from the same places."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import botocore.session
import msgspec
import pytest
from botocore.exceptions import DataNotFoundError, ProfileNotFound
from botocore.loaders import Loader

from opsctl.aws.service_models import ServiceModels, use_fast_models

SERVICES = ("autoscaling", "batch", "ec2", "ecr", "iam", "logs", "pricing", "s3", "service-quotas", "ssm", "sts")


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ServiceModels:
    """The loader of a session, with a folder that the user has named."""
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    session = botocore.session.get_session()
    use_fast_models(session)
    loader = session.get_component("data_loader")
    assert isinstance(loader, ServiceModels)
    return loader


@pytest.mark.parametrize("service", SERVICES)
def test_a_model_is_botocores(models: ServiceModels, service: str) -> None:
    theirs = Loader()
    for kind in ("service-2", "endpoint-rule-set-1"):
        ours = models.load_service_model(service, kind)
        expected = theirs.load_service_model(service, kind)
        # The order of fields too, in which parameters are sent.
        assert json.dumps(ours) == json.dumps(expected)


@pytest.mark.parametrize("name", ["endpoints", "partitions", "_retry", "sdk-default-configuration"])
def test_what_all_services_share_is_botocores(models: ServiceModels, name: str) -> None:
    assert json.dumps(models.load_data(name)) == json.dumps(Loader().load_data(name))


@pytest.mark.parametrize("text", ['{"partitions": [{"new": 1.5}]}', '{"other": {"form": []}}', "[1]"])
def test_endpoints_of_another_form_are_botocores(models: ServiceModels, tmp_path: Path, text: str) -> None:
    (tmp_path / "endpoints.json").write_text(text)
    assert models.load_data("endpoints") == json.loads(text)


def test_what_is_asked_for_is_parsed_and_may_be_changed(models: ServiceModels) -> None:
    shapes = models.load_service_model("s3", "service-2")["shapes"]
    is_parsed = {name: not isinstance(dict.__getitem__(shapes, name), msgspec.Raw) for name in shapes}
    # botocore's `service-2.sdk-extras.json` changes it.
    assert [name for name in shapes if is_parsed[name]] == ["Expires"]
    assert shapes["Expires"]["type"] == "timestamp"
    assert shapes["ObjectKey"] is shapes["ObjectKey"]
    assert shapes.get("Nothing") is None
    for copied in (dict(shapes), {**shapes}, shapes | {}, dict(shapes.items()), copy.deepcopy(shapes)):
        assert copied["ObjectKey"]["type"] == "string"
    assert shapes.pop("BucketName")["type"] == "string"
    assert "BucketName" not in shapes


def test_damaged_endpoints_are_botocores_to_refuse(models: ServiceModels, tmp_path: Path) -> None:
    (tmp_path / "endpoints.json").write_text('{"partitions": [{"services": {"s3": }}]}')
    with pytest.raises(ValueError, match="Expecting value"):
        models.load_data("endpoints")


def test_the_users_own_model_comes_first(models: ServiceModels, tmp_path: Path) -> None:
    folder = tmp_path / "batch" / "2099-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text('{"mine": 1}')
    assert models.load_service_model("batch", "service-2") == {"mine": 1}


def test_what_msgspec_refuses_botocore_reads(models: ServiceModels, tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text('{"number": NaN}')
    assert list(models.load_data("odd")) == ["number"]


def test_a_service_that_there_is_not(models: ServiceModels, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataNotFoundError):
        models.load_service_model("nothing", "service-2")


def test_a_profile_that_there_is_not_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ProfileNotFound):
        use_fast_models(botocore.session.get_session())
