"""The maintainers' pages name files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.repository import ROOT

from opsctl.cli.verb_table import SUMMARIES

PAGES = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: A source file or folder of the repository in backquotes: `opsctl/core/location.py`, `terraform/modules/iam/`.
PATH = re.compile(
    r"`((?:opsctl|container|terraform|tests|bench|docs)/[a-z0-9_./*-]*(?:\.(?:py|tf|hcl|md|tsv|jsonl|j2)|/))`"
)
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    on_s3 = ("opsctl/runs/", "opsctl/outputs/", "opsctl/deletions/")
    missing = [path for path in PATH.findall(text) if not path.startswith(on_s3) and not list(ROOT.glob(path))]
    missing += [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    assert missing == []


def test_the_page_of_commands_has_a_row_for_each_verb() -> None:
    rows = re.findall(r"^\| (`.*?) \| ", (ROOT / "docs/commands.md").read_text(), re.M)
    named = {verb for row in rows for verb in re.findall(r"`([a-z]+)", row)}
    assert sorted(set(SUMMARIES) - named) == []


def test_the_architecture_page_names_files_of_the_package_in_its_sequence_too() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    diagram = text[text.index("sequenceDiagram") : text.index("```", text.index("sequenceDiagram"))]
    named = re.findall(r"((?:cli|render|commands|core|aws)/[\w/]*\.py)", diagram)
    assert len(named) > 8
    assert [path for path in named if not (ROOT / "opsctl" / path).exists()] == []
    in_job = re.findall(r"(?<![/\w])(\w+\.py)", diagram)
    assert in_job
    assert [path for path in in_job if not (ROOT / "container/m2g_job" / path).exists()] == []
