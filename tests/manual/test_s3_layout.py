"""The page of the layout on S3 names every kind of object that runs write, and none that is not there."""

from __future__ import annotations

import re

from support.repository import ROOT

PAGE = (ROOT / "docs/reference/s3-layout.md").read_text()
#: The folders and files below a run, as the code names them.
_WRITERS = [
    *(ROOT / "opsctl").rglob("*.py"),
    *(ROOT / "container/m2g_job").rglob("*.py"),
]


def below_a_run() -> set[str]:
    return set(re.findall(r"`opsctl/runs/RUN/([a-z_]+)(?:/|\.json)", PAGE))


def test_each_kind_that_the_page_names_is_in_the_code() -> None:
    code = "\n".join(path.read_text() for path in _WRITERS)
    assert len(below_a_run()) >= 10
    assert [kind for kind in below_a_run() if not re.search(rf"[\"'/]{kind}(?:/|\.json|\"|')", code)] == []


def test_each_folder_that_runs_are_read_from_is_on_the_page() -> None:
    reader = "\n".join(path.read_text() for path in (ROOT / "opsctl/commands/runs").glob("*.py"))
    named = set(re.findall(r"\}/([a-z_]+)/", reader)) | set(re.findall(r"\}/([a-z_]+)\.json", reader))
    assert named
    # Outputs are not below a run.
    assert named - below_a_run() <= {"derivatives"}
