"""docs/platform.md lists every variable of both roots, with its default and its description."""

from __future__ import annotations

import re

import pytest
from support.real_terraform import SOURCE

PAGE = (SOURCE.parent / "docs" / "platform.md").read_text()
VARIABLE = re.compile(r'^variable "([^"]+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
HEADINGS = {"platform": "Settings of the platform", "storage": "Settings of the storage"}


def rows_of(root: str) -> list[str]:
    """Return the table's rows as the code has them. Every default must be on one line."""
    rows = []
    for name, body in VARIABLE.findall((SOURCE / root / "variables.tf").read_text()):
        description = re.search(r'^  description = "(.+)"$', body, re.MULTILINE)
        default = re.search(r"^  default +=\s+(.+)$", body, re.MULTILINE)
        assert description, name
        meaning = description[1].replace('\\"', '"')
        rows.append(f"| `{name}` | {f'`{default[1]}`' if default else 'required'} | {meaning} |")
    return rows


@pytest.mark.parametrize("root", HEADINGS)
def test_the_page_has_every_variable_as_it_is(root: str) -> None:
    section = PAGE.split(f"## {HEADINGS[root]}\n")[1].split("\n## ")[0]
    assert [line for line in section.splitlines() if line.startswith("| `")] == rows_of(root)
