"""What can be said of the configuration without AWS: its form, its rules, its own tests."""

from __future__ import annotations

import re

import pytest
from support.real_terraform import SOURCE, Terraform

BLOCK = re.compile(
    r'^(variable|output|resource|data|module) ("[^"]+"(?: "[^"]+")?) \{\n(.*?)^\}', re.MULTILINE | re.DOTALL
)
STATEMENT = re.compile(r"^  statement \{\n(.*?)^  \}", re.MULTILINE | re.DOTALL)
FILES = sorted(SOURCE.rglob("*.tf"))


def blocks(kind: str) -> list[tuple[str, str]]:
    return [
        (f"{file.relative_to(SOURCE)} {found[2]}", found[3])
        for file in FILES
        for found in BLOCK.finditer(file.read_text())
        if found[1] == kind
    ]


def test_is_formatted(terraform: Terraform) -> None:
    assert terraform.run(".", "fmt", "-check", "-recursive", "-diff").stdout == ""


@pytest.mark.parametrize("root", ["storage", "platform"])
def test_is_valid(terraform: Terraform, root: str) -> None:
    terraform.init(root)
    assert "The configuration is valid." in terraform.run(root, "validate").stdout


@pytest.mark.timeout(600)
def test_its_own_tests_pass(terraform: Terraform) -> None:
    terraform.init(".")
    said = terraform.run(".", "test").stdout
    written = sum(
        len(re.findall(r'^run "', file.read_text(), re.MULTILINE)) for file in (SOURCE / "tests").glob("*.tftest.hcl")
    )

    # `terraform test` is content with finding none.
    assert f"Success! {written} passed, 0 failed." in said
    assert written > 30


@pytest.mark.parametrize(("name", "body"), blocks("variable"))
def test_variables_are_typed_and_described(name: str, body: str) -> None:
    assert re.search(r'^  description = ".+"$', body, re.MULTILINE), name
    kind = re.search(r"^  type +=\s+(.+)$", body, re.MULTILINE)
    assert kind, name
    assert kind[1] != "any", name


@pytest.mark.parametrize(("name", "body"), blocks("output"))
def test_outputs_are_described(name: str, body: str) -> None:
    assert re.search(r'^  description = ".+"$', body, re.MULTILINE), name


@pytest.mark.parametrize("root", ["storage", "platform"])
def test_roots_take_the_variables_that_opsctl_gives(root: str) -> None:
    names = {name.split('"')[1] for name, _ in blocks("variable") if name.startswith(f"{root}/")}
    both = "name region path_style tags data_bucket"
    further = {
        "storage": "noncurrent_days",
        "platform": "repository_arn repository_url image source_buckets spot csd_max_vcpus csa_max_vcpus"
        " more_instance_families spot_fallback zones no_capacity_wait_seconds misfit_wait_seconds root_volume_gib"
        " key_pair log_retention_days attempt_timeout_seconds attempts vpc_cidr opsctl_version options",
    }
    assert names == {*both.split(), *further[root].split()}


def test_the_platforms_root_makes_only_its_record() -> None:
    # `opsctl up` counts what the root itself makes as "record".
    resources = [name for name, _ in blocks("resource") if name.startswith("platform/")]
    assert resources == ['platform/record.tf "aws_ssm_parameter" "record"']


def test_nothing_that_holds_data_is_deleted_while_it_is_full() -> None:
    assert [file for file in FILES if re.search(r"^ *force_(destroy|delete)", file.read_text(), re.MULTILINE)] == []


def test_every_statement_of_a_policy_is_named_and_narrow() -> None:
    documents = [(name, body) for name, body in blocks("data") if '"aws_iam_policy_document"' in name]
    statements = [(name, found[1]) for name, body in documents for found in STATEMENT.finditer(body)]

    assert len(statements) >= 8
    for name, statement in statements:
        assert re.search(r'^    sid +=\s"[A-Za-z0-9]+"$', statement, re.MULTILINE), name
        if re.search(r'^    resources +=\s\["\*"\]$', statement, re.MULTILINE):
            # AWS's reference is asked in tests/policy whether that is so.
            assert re.search(r"^    # .*resource form", statement, re.MULTILINE), name


def test_the_repository_holds_nothing_that_terraform_wrote() -> None:
    assert [found for pattern in (".terraform*", "*.tfstate*", "*.tfplan") for found in SOURCE.rglob(pattern)] == []
