"""What the outputs say of their own making: a provenance a scan, and the derivative's description."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from m2g_job import derivative, environment, provenance, scan, version
from m2g_job.version import M2gPackage
from support.job_python import find_python37
from support.job_s3 import LocalS3
from support.job_world import BUCKET, DIGEST, IMAGE, OUTPUT, RUN_ID, World
from support.waiting import until

DERIVATIVE = "HNU1/derivatives/m2g-csa-native"
PROVENANCE = f"{OUTPUT}/sub-0025427_ses-1_provenance.json"
PACKAGE = {"__init__.py": "", "utils/a.py": "A = 1\n", "graph.py": "B = 2\n", "table.yaml": "of no program"}
#: As anyone can calculate it from an installed m2g.
PACKAGE_SHA256 = hashlib.sha256(b"__init__.py\0\0graph.py\0B = 2\n\0utils/a.py\0A = 1\n\0").hexdigest()
REPOSITORY = IMAGE.removesuffix(":1")


def read(world: World, index: int = 0) -> scan.Scan:
    job = environment.read({"OPSCTL_RUN_URI": world.scan["output"].split("/HNU1")[0] + f"/opsctl/runs/{RUN_ID}"})
    return scan.parse(json.dumps({**world.scan, "index": index}).encode(), job)


def install_m2g(world: World, installed_version: str, *, python: str = "") -> None:
    """Put a Python with a package m2g, and its command, on the jobs' PATH: as pip leaves them."""
    home = world.folder / "m2g-env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", str(home)], check=True)
    (site,) = home.glob("lib/python*/site-packages")
    (site / "m2g-0.dist-info").mkdir()
    (site / "m2g-0.dist-info" / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: m2g\nVersion: {installed_version}\n"
    )
    package = site / "m2g"
    (package / "utils").mkdir(parents=True)
    for name, text in PACKAGE.items():
        (package / name).write_text(text)
    command = world.folder / "bin" / "m2g"
    command.write_text(f"#!{python or home / 'bin' / 'python'}\n{(world.folder / 'fake_m2g.py').read_text()}")


def test_the_provenance_says_from_what_and_by_what(world: World) -> None:
    install_m2g(world, "0.3.0")
    code, output = world.run()
    assert code == 0, output

    document = json.loads(world.get(PROVENANCE))
    at = "bids:source:sub-0025427/ses-1"
    assert document["Sources"] == [
        f"{at}/dwi/sub-0025427_ses-1_dwi.nii.gz",
        f"{at}/dwi/sub-0025427_ses-1_dwi.bval",
        f"{at}/dwi/sub-0025427_ses-1_dwi.bvec",
        f"{at}/anat/sub-0025427_ses-1_T1w.nii.gz",
    ]
    assert sorted(document["inputs"], key=str) == sorted(world.scan["inputs"], key=str)
    assert document["SourceDatasets"] == [{"URL": f"s3://{BUCKET}/HNU1"}]
    assert document["GeneratedBy"][0] == {
        "Name": "m2g",
        "Version": "0.3.0",
        "CodeURL": "https://github.com/neurodata/m2g",
        "Container": {"Type": "docker", "Tag": IMAGE, "URI": f"docker://{REPOSITORY}@{DIGEST}"},
    }
    assert (document["GeneratedBy"][1]["Name"], document["GeneratedBy"][1]["Version"]) == ("opsctl", "0.1.0")
    expected = {name: world.scan[name] for name in ("key", "m2g", "argv", "image", "image_digest", "dataset")}
    assert {name: document[name] for name in expected} == expected
    result = world.result()
    assert document["seconds"] == {name: result["seconds"][name] for name in ("pull", "m2g")}
    for name in ("run_id", "index", "job_id", "attempt", "started_at", "scan"):
        assert document[name] == result[name]
    assert (document["m2g_version"], document["opsctl_version"]) == ("0.3.0", "0.1.0")
    assert document["m2g_package_sha256"] == PACKAGE_SHA256
    assert f"s3://{BUCKET}/{PROVENANCE}" in [entry["uri"] for entry in world.files()]
    assert world.keys(f"{DERIVATIVE}/dataset_description.json")
    description = json.loads(world.get(f"{DERIVATIVE}/dataset_description.json"))
    assert description["DatasetLinks"] == {"source": f"s3://{BUCKET}/HNU1"}
    assert description["GeneratedBy"] == document["GeneratedBy"]


def test_every_entity_is_in_its_name(world: World) -> None:
    world.scan["scan"]["name"] = "sub-0025427/ses-1/acq-x_run-2"
    world.scan["output"] += "/acq-x_run-2"
    world.submit()
    code, output = world.run()

    assert code == 0, output
    key = f"{OUTPUT}/acq-x_run-2/sub-0025427_ses-1_acq-x_run-2_provenance.json"
    assert json.loads(world.get(key))["scan"] == "sub-0025427/ses-1/acq-x_run-2"


def test_a_failed_scan_has_none(world: World) -> None:
    assert world.run(OPSCTL_FAKE_M2G="exit-1")[0] == 1
    assert world.keys("HNU1/derivatives") == []


def test_it_comes_after_every_other_output(world: World, s3: LocalS3) -> None:
    push = s3.hold(lambda request: request.method == "PUT" and "/qa_d/" in request.key)
    job = world.start()
    push.wait()
    until(lambda: len(world.keys(f"{OUTPUT}/")) == 7)
    assert world.keys(PROVENANCE) == []
    push.released.set()

    assert job.wait() == 0
    pushed = [request.key for request in s3.writes() if request.key.startswith(OUTPUT)]
    assert pushed.index(PROVENANCE) == len(pushed) - 1 == 8


def test_an_m2g_of_unknown_version_is_none_of_the_scans_business(world: World) -> None:
    code, output = world.run()  # the command is a shell script

    assert code == 0, output
    document = json.loads(world.get(PROVENANCE))
    assert (document["m2g_version"], document["m2g_package_sha256"]) == (None, None)
    assert "Version" not in document["GeneratedBy"][0]


@pytest.mark.parametrize("first", ["#!/no/python3.7", "#!/bin/sh", "", "#!", "#!/usr/bin/env", "\x7fELF"])
def test_a_command_that_tells_no_version(world: World, first: str) -> None:
    command = world.folder / "bin" / "m2g"
    command.write_text(f"{first}\n")
    assert version.find("m2g", {"PATH": str(command.parent)}) == M2gPackage()


def test_a_python_that_hangs_or_talks_is_cut_short(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "_TIMEOUT_SECONDS", 0.5)
    python = world.folder / "bin" / "python3.7"
    variables = {"PATH": f"{python.parent}:/usr/bin:/bin"}
    install_m2g(world, "0", python=str(python))
    sha256 = "ab" * 32
    for body, expected in {
        "exec sleep 60": M2gPackage(),
        "echo <html>": M2gPackage(),
        "echo 3": M2gPackage(),
        f'echo noise; echo \'["0.3.0", "{sha256}"]\'': M2gPackage("0.3.0", sha256),
        "echo '[\"<b>\", null]'": M2gPackage(),
        f"echo '[null, \"{sha256}\"]'; exit 1": M2gPackage(),
    }.items():
        python.write_text(f"#!/bin/sh\n{body}\n")
        python.chmod(0o755)
        assert version.find("m2g", variables) == expected


def test_the_command_may_name_its_python_through_env(world: World) -> None:
    install_m2g(world, "0.3.0.post1", python="/usr/bin/env python3.x")
    python = world.folder / "bin" / "python3.x"
    python.write_text(f'#!/bin/sh\nexec "{world.folder / "m2g-env" / "bin" / "python"}" "$@"\n')
    python.chmod(0o755)
    assert version.find("m2g", {"PATH": f"{python.parent}:/usr/bin:/bin"}) == M2gPackage("0.3.0.post1", PACKAGE_SHA256)


@pytest.mark.skipif(find_python37() is None, reason="no Python 3.7 here")
def test_the_images_python_says_it_without_importlib_metadata(world: World) -> None:
    folder = Path(world.folder, "site", "m2g-0.3.0.egg-info")
    folder.mkdir(parents=True)
    (folder / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: m2g\nVersion: 0.3.0\n")
    python = world.folder / "bin" / "python-of-m2g"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={folder.parent} exec {find_python37()} "$@"\n')
    python.chmod(0o755)
    install_m2g(world, "0", python=str(python))
    variables = {**os.environ, "PATH": f"{world.folder / 'bin'}:{os.environ['PATH']}"}
    assert version.find("m2g", variables).version == "0.3.0"


def test_the_hash_is_of_the_package_that_the_command_imports(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_m2g(world, "0.3.0")
    variables = {"PATH": f"{world.folder / 'bin'}:/usr/bin:/bin"}
    working_folder = tmp_path / "elsewhere"
    (working_folder / "m2g").mkdir(parents=True)
    (working_folder / "m2g" / "__init__.py").write_text("another m2g, in the working folder")
    monkeypatch.chdir(working_folder)
    assert version.find("m2g", variables).sha256 == PACKAGE_SHA256

    (site,) = (world.folder / "m2g-env").glob("lib/python*/site-packages")
    (site / "m2g" / "graph.py").write_text("B = 3\n")
    changed = version.find("m2g", variables)
    assert changed.version == "0.3.0"
    assert changed.sha256 not in (None, PACKAGE_SHA256), "two programs of one version are told apart"


def test_the_preview_says_that_it_is_one(world: World) -> None:
    world.scan["image"], world.scan["image_digest"] = "opsctl-preview:1", None
    world.submit()
    assert world.run()[0] == 0

    document = json.loads(world.get(PROVENANCE))
    description = json.loads(world.get(f"{DERIVATIVE}/dataset_description.json"))
    assert document["Description"] == derivative.PREVIEW_WARNING
    assert document["GeneratedBy"] == description["GeneratedBy"]
    assert document["GeneratedBy"][0]["Name"] == "opsctl preview"
    assert description["Name"].endswith(" (opsctl's preview)")
    assert "Container" not in document["GeneratedBy"][0]
    assert "https://github.com/neurodata/m2g" not in json.dumps(document)


@pytest.mark.parametrize(
    ("image", "uri"),
    [
        ("neurodata/m2g:latest", "docker://neurodata/m2g"),
        ("localhost:5000/a/m2g", "docker://localhost:5000/a/m2g"),
        ("localhost:5000/a/m2g:v1", "docker://localhost:5000/a/m2g"),
        ("r/m2g:v1@sha256:00", "docker://r/m2g"),
    ],
)
def test_a_digest_names_the_image_for_good(world: World, image: str, uri: str) -> None:
    world.scan["image"] = image
    assert derivative.generators(read(world), m2g_version=None)[0]["Container"]["URI"] == f"{uri}@{DIGEST}"
    world.scan["image_digest"] = None
    assert derivative.generators(read(world), m2g_version=None)[0]["Container"] == {"Type": "docker", "Tag": image}


def test_sources_are_bids_uris_where_they_can_be(world: World) -> None:
    world.scan["dataset"] = f"s3://{BUCKET}/HNU1/"
    parsed_scan = read(world)
    entry = scan.Input(f"s3://{BUCKET}/HNU1/sub-0+1/a b%.nii", "dwi", 1, "e")
    assert provenance.bids_uri(entry, parsed_scan) == "bids:source:sub-0+1/a%20b%25.nii"
    elsewhere = scan.Input(f"s3://{BUCKET}/HNU10/x.nii", "dwi", 1, "e")
    assert provenance.bids_uri(elsewhere, parsed_scan) == elsewhere.uri


def test_a_snapshot_of_openneuro_is_named_with_version_and_doi(world: World) -> None:
    world.scan.update(dataset_version="1.0.2", dataset_doi="10.18112/openneuro.ds000114.v1.0.2")
    named = read(world)
    source = {
        "URL": f"s3://{BUCKET}/HNU1",
        "DOI": "doi:10.18112/openneuro.ds000114.v1.0.2",
        "Version": "1.0.2",
    }
    assert derivative.description(named, m2g_version=None)["SourceDatasets"] == [source]
    job = environment.read({"OPSCTL_RUN_URI": world.scan["output"].split("/HNU1")[0] + f"/opsctl/runs/{RUN_ID}"})
    written = provenance.output(
        named, job, package=M2gPackage(), started_at="2026-11-22T12:00:00Z", seconds={"pull": 1.0, "m2g": 1.0}
    )
    assert json.loads(written.data or b"")["SourceDatasets"] == [source]
