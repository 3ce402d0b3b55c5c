"""Which environment variables reach Terraform, and what is said of those that do not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from opsctl.terraform.binary import find_binary
from opsctl.terraform.root import Root
from opsctl.terraform.variables import left_out, left_out_sentence, terraform_variables

#: All that Terraform 1.11 and its AWS provider know by name, and some that are only alike.
REFUSED = (
    "TF_WORKSPACE", "TF_DATA_DIR", "TF_VAR_name", "TF_VAR_region", "TF_LOG", "TF_LOG_CORE", "TF_LOG_PROVIDER",
    "TF_LOG_PATH", "TF_LOG_CLOUD", "TF_TEMP_LOG_PATH", "TF_REATTACH_PROVIDERS", "TF_CLI_ARGS", "TF_CLI_ARGS_apply",
    "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE", "TF_INPUT", "TF_STATE_PERSIST_INTERVAL", "TF_ENCRYPTION",
    "TF_REGISTRY_CLIENT_TIMEOUT", "TF_REGISTRY_DISCOVERY_RETRY", "TF_FORCE_LOCAL_BACKEND", "TF_WARN_OUTPUT_ERRORS",
    "TF_ACC", "TF_APPEND_USER_AGENT", "TF_AWS_DEFAULT_TAGS_owner", "TF_CLOUD_ORGANIZATION", "TF_CLOUD_HOSTNAME",
    "TF_DISABLE_PLUGIN_TLS", "TF_HTTP_ADDRESS", "TF_HTTP_PASSWORD", "TF_SCHEMA_PANIC_ON_ERROR", "TF_IN_AUTOMATION",
    "TF_TOKEN", "TF_", "TF_SOMETHING_NEW",
)  # fmt: skip
OTHER_IDENTITIES = (
    "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SSE_CUSTOMER_KEY", "AWS_S3_ENDPOINT", "AWS_IAM_ENDPOINT",
    "AWS_METADATA_URL", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_SHARED_CONFIG_FILE",
)  # fmt: skip
WAYS_TO_AWS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_USE_FIPS_ENDPOINT", "AWS_CONFIG_FILE", "AWS_RETRY_MODE")
ALWAYS = (
    "PATH", "HOME", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "SSL_CERT_FILE", "AWS_CA_BUNDLE",
    "TF_TOKEN_mirror_lab_org", "TFENV_VERSION",
)  # fmt: skip


@pytest.mark.parametrize("is_local", [True, False])
def test_what_never_reaches_terraform(is_local: bool) -> None:
    environment = dict.fromkeys((*REFUSED, *OTHER_IDENTITIES), "x")
    assert terraform_variables(environment, is_local=is_local) == {}


@pytest.mark.parametrize("is_local", [True, False])
def test_what_always_does(is_local: bool) -> None:
    environment = dict.fromkeys(ALWAYS, "x")
    assert terraform_variables(environment, is_local=is_local) == environment


def test_how_aws_is_reached_is_no_matter_of_the_local_platforms() -> None:
    environment = dict.fromkeys(WAYS_TO_AWS, "x")
    assert terraform_variables(environment) == environment
    assert terraform_variables(environment, is_local=True) == {}


def test_files_and_folders_of_the_providers_only_where_there_are_any(tmp_path: Path) -> None:
    file = tmp_path / "terraformrc"
    file.touch()
    there = {"TF_CLI_CONFIG_FILE": str(file), "TF_PLUGIN_CACHE_DIR": str(tmp_path)}
    assert terraform_variables(there) == there
    assert left_out({"TF_CLI_CONFIG_FILE": "/dev/null"}) == []
    assert left_out({"TF_CLI_CONFIG_FILE": str(tmp_path), "TF_PLUGIN_CACHE_DIR": str(file)}) == sorted(there)
    for value in ("/dev/null/x", "", str(tmp_path / "missing")):
        missing = dict.fromkeys(there, value)
        assert terraform_variables(missing) == {}
        assert left_out(missing) == sorted(missing)


@pytest.mark.parametrize("folder", ["/nowhere", "/etc/passwd", ""])
def test_a_folder_for_temporary_files_that_there_is_not(folder: str) -> None:
    assert terraform_variables({"TMPDIR": folder}) == {}


def test_one_that_is_too_long_for_the_providers_socket(tmp_path: Path) -> None:
    assert terraform_variables({"TMPDIR": "/tmp"}) == {"TMPDIR": "/tmp"}
    long = tmp_path / ("x" * 80)
    long.mkdir()
    assert terraform_variables({"TMPDIR": str(long)}) == {}


def test_what_is_left_out_is_said_by_name() -> None:
    environment = {**dict.fromkeys(ALWAYS, "x"), **dict.fromkeys(OTHER_IDENTITIES, "x")}
    assert left_out(environment) == []
    # As many a CI sets them, and as opsctl does.
    assert left_out({"TF_INPUT": "0", "TF_IN_AUTOMATION": "1"}) == []
    assert left_out({"TF_INPUT": "1", "TF_WORKSPACE": ""}) == ["TF_INPUT", "TF_WORKSPACE"]
    assert left_out_sentence(["TF_LOG"]) == "TF_LOG is set: opsctl runs Terraform without it."
    assert left_out_sentence(["TF_INPUT", "TF_LOG"]) == "TF_INPUT, TF_LOG are set: opsctl runs Terraform without them."
    many = [f"TF_VAR_{number}" for number in range(9)]
    assert left_out_sentence(many).startswith("TF_VAR_0, TF_VAR_1, TF_VAR_2, TF_VAR_3, TF_VAR_4 and 4 more are set:")


def test_the_real_terraform_keeps_its_state_where_it_always_does(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "root"
    hostile = {
        **os.environ,
        "TF_WORKSPACE": "evil",
        "TF_DATA_DIR": str(elsewhere),
        "TF_VAR_name": "evil",
        "TF_LOG": "TRACE",
        "TF_LOG_PATH": str(elsewhere),
        "TF_REATTACH_PROVIDERS": "nonsense",
        "TF_CLI_ARGS": "-nonsense",
        "TF_CLI_CONFIG_FILE": "/dev/null/nowhere",
        "TF_PLUGIN_CACHE_DIR": "/dev/null/nowhere",
        "TF_STATE_PERSIST_INTERVAL": "nonsense",
    }
    folder.mkdir()
    # Terraform's own kind of resource needs no provider.
    (folder / "main.tf").write_text(
        'variable "name" { default = "mine" }\nresource "terraform_data" "a" { input = var.name }\n'
        'output "name" { value = terraform_data.a.output }\n'
    )
    binary = find_binary(hostile)
    root = Root("platform", folder=folder, binary=binary, environment=terraform_variables(hostile))
    root.init(mirror=None)
    root.plan()
    root.apply(lambda step: None)
    assert root.outputs() == {"name": "mine"}
    assert json.loads((folder / "terraform.tfstate").read_text())["outputs"]["name"]["value"] == "mine"
    assert root.destroy(lambda step: None) == 1
    assert root.resource_count() == 0
    assert not elsewhere.exists() and not list(folder.rglob("terraform.tfstate.d"))
