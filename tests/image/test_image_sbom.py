"""`image sbom` with a real engine: what dpkg and pip know of an image, and what neither knows."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from support.engine_world import EngineWorld, opsctl

from opsctl.assets import container_dir
from opsctl.commands.image.contents import python_of, read_contents

pytestmark = pytest.mark.e2e

DPKG = """\
Package: fsl-5.0-core
Status: install ok installed
Architecture: amd64
Source: fsl
Version: 5.0.9-5~nd18.04+1
Description: library of analysis tools
 Version: 9 is not its version

Package: gone
Status: deinstall ok config-files
Version: 1
"""


@pytest.fixture(scope="module")
def listed(engine_world: EngineWorld, built: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The built image, with what m2g's own has: a system, packages, and AFNI without one; gives its tag."""
    folder = tmp_path_factory.mktemp("listed")
    (folder / "status").write_text(DPKG)
    (folder / "os-release").write_text('ID=ubuntu\nVERSION_ID="18.04"\nPRETTY_NAME="Ubuntu 18.04.6 LTS"\n')
    (folder / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: Some_Package\nVersion: 1.0\nLicense: MIT\n\nName: no\n"
    )
    (folder / "Dockerfile").write_text(
        f"FROM {built}\nCOPY status /var/lib/dpkg/status\nCOPY os-release /etc/os-release\n"
        "COPY METADATA /opt/opsctl/lib/some_package-1.0.dist-info/METADATA\nUSER 65534\n"
    )
    engine_world.podman("build", "--tag", "localhost/opsctl-m2g:listed", str(folder))
    return "listed"


def sbom(world: EngineWorld, tag: str, file: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return opsctl({**world.environment, **environment}, "image", "sbom", str(file), "--tag", tag, "--json")


def test_the_document_has_what_dpkg_and_pip_know_and_says_what_they_do_not(
    engine_world: EngineWorld, listed: str, tmp_path: Path
) -> None:
    file = tmp_path / "m2g.cdx.json"
    done = sbom(engine_world, listed, file)
    assert done.returncode == 0, done.stderr
    text = file.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    components: dict[str, Any] = {component["bom-ref"]: component for component in document["components"]}
    fsl = next(one for reference, one in components.items() if "fsl-5.0-core" in reference)
    assert (fsl["version"], fsl["purl"].partition("?")[0]) == (
        "5.0.9-5~nd18.04+1",
        "pkg:deb/ubuntu/fsl-5.0-core@5.0.9-5~nd18.04%2B1",
    )
    assert not any("gone" in reference for reference in components)
    assert components["pkg:pypi/some-package@1.0"]["licenses"] == [{"license": {"id": "MIT"}}]
    assert any(reference.startswith("pkg:pypi/boto3@1.33") for reference in components)
    assert (components["system"]["name"], components["system"]["version"]) == ("ubuntu", "18.04")
    assert document["metadata"]["component"]["type"] == "container"
    # AFNI and neuroparc are there without a package; FSL has one.
    copied = {component["name"] for component in document["components"] if "opsctl-copied" in component["bom-ref"]}
    assert "AFNI" in copied
    assert "FSL" not in copied
    assert "without a package" in done.stderr
    assert "AFNI (/opt/afni)" in " ".join(done.stderr.split())
    result = json.loads(done.stdout)
    assert (result["read_by"], result["system_packages"], result["schema_version"]) == ("opsctl", 1, 1)
    assert result["components"] == len(document["components"])


@pytest.mark.parametrize("is_working", [True, False])
def test_syft_reads_it_where_it_can(engine_world: EngineWorld, listed: str, tmp_path: Path, is_working: bool) -> None:
    (tmp_path / "bin").mkdir()
    script = (
        'for word; do case "$word" in cyclonedx-json=*) printf \'{"bomFormat":"CycloneDX","specVersion":"1.6",'
        '"components":[{"type":"library","name":"of-syft","version":"1"}]}\' > "${word#*=}";; esac; done'
        if is_working
        else "echo no socket >&2; exit 1"
    )
    (tmp_path / "bin" / "syft").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bin" / "syft").chmod(0o755)
    file = tmp_path / "out.json"
    done = sbom(engine_world, listed, file, PATH=f"{tmp_path / 'bin'}:{engine_world.environment['PATH']}")
    assert done.returncode == 0, done.stderr
    names = {component["name"] for component in json.loads(file.read_text())["components"]}
    assert "AFNI" in names
    assert ("of-syft" in names) is is_working
    assert ("syft did not read the image: no socket." in done.stderr) is not is_working
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read_text()) is None


def test_the_build_learns_the_bases_system_and_python(engine_world: EngineWorld, listed: str) -> None:
    contents = read_contents(
        engine_world.engine, container_dir(), "localhost/opsctl-m2g:listed", python=python_of(()), is_brief=True
    )
    assert contents.system == "ubuntu 18.04"
    assert contents.python.count(".") == 2
    assert contents.packages == []


def test_the_labels_have_them(engine_world: EngineWorld, built: str) -> None:
    labels = json.loads(engine_world.podman("image", "inspect", built))[0]["Labels"]
    assert labels["opsctl.base.python"].count(".") == 2
    # The tests' base has no os-release: said as unknown, and not inherited from a base.
    assert labels["opsctl.base.system"] == ""
