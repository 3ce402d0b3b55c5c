"""A release: its version from the tag, its notes from the changelog, and what its packages have."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest
from support.repository import ROOT

import opsctl
from release import NotReady, ensure_cited, notes

CHANGELOG = """\
# Changelog

Words.

## [Unreleased]

- Later.

## [0.1.0] - 2026-12-01

- `opsctl up`.

### Known

- None.

## [0.0.9] - 2026-01-01

- Old.

## [0.0.8]

- Without a date.
"""


def test_the_notes_are_the_section_of_the_version() -> None:
    assert notes(CHANGELOG, "0.1.0") == "# opsctl 0.1.0\n\n- `opsctl up`.\n\n### Known\n\n- None.\n"
    assert notes(CHANGELOG, "0.0.9") == "# opsctl 0.0.9\n\n- Old.\n"


def test_a_development_version_has_the_newest_notes() -> None:
    assert notes(CHANGELOG, "0.2.0.dev7") == "# opsctl 0.2.0.dev7\n\n- Later.\n"


@pytest.mark.parametrize("version", ["0.2.0", "0.0.8"])
def test_a_release_without_a_dated_section_is_not_ready(version: str) -> None:
    with pytest.raises(NotReady, match=re.escape(f"## [{version}] - ")):
        notes(CHANGELOG, version)


@pytest.mark.parametrize(
    ("fields", "is_ready"),
    [
        ("version: 0.1.0\ndate-released: 2026-12-01\n", True),
        ('version: "0.1.0"\ndate-released: "2026-12-01"\n', True),
        ("version: 0.0.9\ndate-released: 2026-12-01\n", False),
        ("version: 0.1.0\n", False),
        ("cff-version: 0.1.0\ndate-released: 2026-12-01\n", False),
    ],
)
def test_a_release_is_cited_by_its_version(fields: str, is_ready: bool) -> None:
    ensure_cited(fields, "0.2.0.dev7")
    if is_ready:
        ensure_cited(fields, "0.1.0")
    else:
        with pytest.raises(NotReady, match=r"CITATION\.cff"):
            ensure_cited(fields, "0.1.0")


def test_the_changelog_of_this_project_has_notes() -> None:
    assert len(notes((ROOT / "CHANGELOG.md").read_text(), opsctl.__version__).splitlines()) > 10


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def version(folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SETUPTOOLS_SCM", "GIT_"))}
    command = [sys.executable, "-m", "hatchling", "version"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_version_is_the_tags(tmp_path: Path) -> None:
    """Without git, without a tag, as CI's clone; at a tag of another kind; at the version's; after it; with changes."""
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    assert version(tmp_path) == "0.1.0.dev0"
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "First")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "Second")
    git(tmp_path, "tag", "demo-3")
    assert version(tmp_path) == "0.1.0.dev2"
    git(tmp_path, "tag", "v0.1.0")
    assert version(tmp_path) == "0.1.0"
    (tmp_path / "README.md").write_text("Changed.")
    assert version(tmp_path) == "0.1.1.dev0"
    git(tmp_path, "commit", "--quiet", "--all", "-m", "Third")
    assert version(tmp_path) == "0.1.1.dev1"


def test_a_checkout_that_was_never_installed_has_a_version_too() -> None:
    fallback = (ROOT / "opsctl" / "__init__.py").read_text()
    assert 'fallback-version = "0.1.0.dev0"' in (ROOT / "pyproject.toml").read_text()
    assert '__version__ = "0.1.0.dev0"' in fallback


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source's archive and the wheel made of it, of a copy in which Terraform has left files."""
    folder = tmp_path_factory.mktemp("packages")
    source = folder / "source"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, map(os.fsdecode, tracked)):
        if not name.startswith("tests/") and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    for name in ("platform/terraform.tfstate", "platform/.terraform/providers/aws", "storage/terraform.tfstate.backup"):
        (source / "terraform" / name).parent.mkdir(parents=True, exist_ok=True)
        (source / "terraform" / name).write_text("a secret")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source], check=True, capture_output=True
    )
    return folder


def test_the_wheel_has_what_a_user_needs_and_nothing_else(packages: Path) -> None:
    (wheel,) = packages.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0] for name in names} == {"opsctl", f"opsctl-{wheel.name.split('-')[1]}.dist-info"}
    assert {
        "opsctl/py.typed",
        "opsctl/_version.py",
        "opsctl/shipped/terraform/platform/.terraform.lock.hcl",
        "opsctl/shipped/container/Dockerfile",
    } <= names
    unwanted = (".tftest.", ".tfmock.", "tfstate", "/.terraform/", "__pycache__", "/tests/", ".pyc")
    assert [name for name in names if any(word in name for word in unwanted)] == []


def test_the_archive_of_the_source_has_no_state(packages: Path) -> None:
    (archive,) = packages.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = opened.getnames()
    assert [name for name in names if "tfstate" in name or "/.terraform/" in name] == []
    assert any(name.endswith("/docs/install.md") for name in names)


def test_the_index_page_has_no_link_that_leads_nowhere(packages: Path) -> None:
    (wheel,) = packages.glob("*.whl")
    archive = zipfile.ZipFile(wheel)
    (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = BytesParser().parsebytes(archive.read(name))
    page = str(metadata.get_payload())
    assert page.startswith("# opsctl")
    assert "](" in page
    assert [line for line in page.splitlines() if "](" in line.replace("](https://", "")] == []
    assert metadata.get_all("License-File") == ["LICENSE", "NOTICE"]
    assert {"Author", "License-Expression", "Keywords", "Requires-Python"} <= set(metadata.keys())


def test_the_licence_and_the_notice_of_what_others_made_are_inside(packages: Path) -> None:
    (wheel,) = packages.glob("*.whl")
    archive = zipfile.ZipFile(wheel)
    texts = {Path(name).name: archive.read(name).decode() for name in archive.namelist() if "/licenses/" in name}
    assert "Apache License" in texts["LICENSE"]
    # All that others made: what is data or text, but opsctl's own pages and table of options and Terraform's.
    tables = [name for name in archive.namelist() if name.endswith((".tsv", ".csv", ".json", ".nii.gz", ".npz", ".js"))]
    tables.remove("opsctl/completion/table.json")
    assert tables != []
    assert [name for name in tables if name not in texts["NOTICE"]] == []
