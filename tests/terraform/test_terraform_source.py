"""What can be tested of the configuration without AWS: its form, its rules, its own tests."""

from __future__ import annotations

import re

import pytest
from support.real_terraform import SOURCE, Terraform

from opsctl.core.platform.options import PlatformOptions
from opsctl.core.platform.provider_lock import LOCK_FILE

BLOCK = re.compile(
    r'^(variable|output|resource|data|module) ("[^"]+"(?: "[^"]+")?) \{\n(.*?)^\}', re.MULTILINE | re.DOTALL
)
STATEMENT = re.compile(r"^  statement \{\n(.*?)^  \}", re.MULTILINE | re.DOTALL)
FILES = sorted(SOURCE.rglob("*.tf"))
OPTIONS = PlatformOptions(name="m2g", region="us-east-1", account_id="123456789012", variables={"tags": {"lab": "a"}})


def blocks(kind: str) -> list[tuple[str, str]]:
    """Return the name (file and labels) and the body of every block of a kind."""
    return [
        (f"{file.relative_to(SOURCE)} {match[2]}", match[3])
        for file in FILES
        for match in BLOCK.finditer(file.read_text())
        if match[1] == kind
    ]


def test_is_formatted(terraform: Terraform) -> None:
    assert terraform.run(".", "fmt", "-check", "-recursive", "-diff").stdout == ""


@pytest.mark.timeout(600)
def test_its_own_tests_pass(terraform: Terraform) -> None:
    terraform.init(".")
    output = terraform.run(".", "test").stdout
    runs = sum(
        len(re.findall(r'^run "', file.read_text(), re.MULTILINE)) for file in (SOURCE / "tests").glob("*.tftest.hcl")
    )

    # `terraform test` also succeeds if it finds no tests.
    assert f"Success! {runs} passed, 0 failed." in output
    assert runs > 30


def test_variables_and_outputs_are_described() -> None:
    described = re.compile(r'^  description = ".+"$', re.MULTILINE)
    bodies = [*blocks("variable"), *blocks("output")]
    violations = [name for name, body in bodies if not described.search(body)]
    assert not violations, "\n".join(violations)


def test_variables_are_typed() -> None:
    typed = re.compile(r"^  type +=\s+(?!any$)\S", re.MULTILINE)
    violations = [name for name, body in blocks("variable") if not typed.search(body)]
    assert not violations, "\n".join(violations)


@pytest.mark.parametrize(
    ("root", "given"), [("storage", OPTIONS.storage_variables()), ("platform", OPTIONS.platform_variables())]
)
def test_opsctl_gives_every_variable_that_a_root_requires_and_no_other(root: str, given: dict[str, object]) -> None:
    declared = {name.split('"')[1]: body for name, body in blocks("variable") if name.startswith(f"{root}/")}
    required = {name for name, body in declared.items() if not re.search(r"^  default +=", body, re.MULTILINE)}
    assert required <= set(given) <= set(declared)


def test_the_platforms_root_makes_only_its_record() -> None:
    # `opsctl up` counts what the root itself makes as "record".
    resources = [name for name, _ in blocks("resource") if name.startswith("platform/")]
    assert resources == ['platform/record.tf "aws_ssm_parameter" "record"']


def test_nothing_that_holds_data_is_deleted_while_it_is_full() -> None:
    assert [file for file in FILES if re.search(r"^ *force_(destroy|delete)", file.read_text(), re.MULTILINE)] == []


def test_every_statement_of_a_policy_is_named_and_narrow() -> None:
    documents = [(name, body) for name, body in blocks("data") if '"aws_iam_policy_document"' in name]
    statements = [(name, match[1]) for name, body in documents for match in STATEMENT.finditer(body)]

    assert len(statements) >= 8
    for name, statement in statements:
        assert re.search(r'^    sid +=\s"[A-Za-z0-9]+"$', statement, re.MULTILINE), name
        if re.search(r'^    resources +=\s\["\*"\]$', statement, re.MULTILINE):
            assert re.search(r"^    # .*resource form", statement, re.MULTILINE), name


def test_the_repository_holds_nothing_that_terraform_wrote() -> None:
    written = {path for pattern in (".terraform*", "*.tfstate*", "*.tfplan") for path in SOURCE.rglob(pattern)}
    assert written == {SOURCE / root / LOCK_FILE for root in ("storage", "platform")}
