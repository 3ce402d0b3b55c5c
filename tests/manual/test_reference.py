"""The generated pages of the manual are what the program would generate now."""

from __future__ import annotations

import ast
import re

from support.repository import ROOT

from manual.pages import DOCS, outdated, pages, terraform_variables
from manual.pages.exit_codes import EXIT_CODES, JOB_CODES
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.settings import SETTINGS


def test_every_page_is_current() -> None:
    assert outdated() == [], "`make reference` writes them again"


def test_a_change_of_the_program_makes_a_page_outdated(monkeypatch) -> None:
    monkeypatch.setattr("manual.pages.settings.SETTINGS", SETTINGS[1:])
    assert outdated() == ["reference/settings.md"]


def test_no_option_lacks_a_description() -> None:
    texts = {name: text for name, text in pages().items() if "/commands/" in name}
    assert len(texts) > 25
    options = [(name, line) for name, text in texts.items() for line in re.findall(r"^- `-.*`  \n.*$", text, re.M)]
    assert len(options) > 150
    assert [entry for entry in options if not entry[1].split("\n")[1].strip()] == []


def test_every_cause_and_every_variable_is_on_its_page() -> None:
    causes = (DOCS / "reference/causes.md").read_text()
    assert [cause for cause in CauseCode if f"- `{cause.value}`: " not in causes] == []
    page = (DOCS / "reference/terraform-variables.md").read_text()
    for root in ("platform", "storage"):
        declared = re.findall(r'^variable "(\w+)"', (ROOT / "terraform" / root / "variables.tf").read_text(), re.M)
        read = terraform_variables.variables(ROOT / "terraform" / root)
        assert [variable.name for variable in read] == declared
        assert all(variable.type and variable.description for variable in read)
        assert [name for name in declared if f"- `{name}` (" not in page] == []


def test_exit_codes_are_those_of_the_code() -> None:
    """A verb that ends by an exit code of its own has an entry."""
    own = {
        path.stem
        for path in (ROOT / "opsctl/cli/verbs").glob("*.py")
        if re.search(r"typer\.Exit\((?:_[A-Z_]+|[1-9])", path.read_text())
    }
    assert own - set(EXIT_CODES) == set()
    faults = ast.parse((ROOT / "container/m2g_job/faults.py").read_text())
    codes = {
        node.value.value
        for node in ast.walk(faults)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and any(isinstance(target, ast.Name) and target.id == "exit_code" for target in node.targets)
    }
    assert codes == set(JOB_CODES) - {0}
