"""Looks at what a campaign left, past opsctl and the proxy: by S3's and Batch's own words, and every byte."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import chaos_dataset
import chaos_m2g
from chaos_world import BUCKET, World

from opsctl.core.results.written_files import PREFIX

_RUNS = "opsctl/runs/"
#: What `opsctl results` adds to a folder.
_ADDED = {
    *("dataset_description.json", "README.md", ".bidsignore", "connectomes.tsv", "connectomes.json"),
    f"{PREFIX}{os.geteuid()}",
}
_ADDED_FOLDER = "nodes/"


@dataclass(frozen=True)
class _Published:
    """A succeeded result as it stands."""

    run_id: str
    value: dict[str, Any]

    @property
    def files(self) -> list[dict[str, Any]]:
        outputs = self.value["outputs"]
        return [{"uri": f"{outputs['folder']}/{file['path']}", **file} for file in outputs["files"]]


def torn(world: World, brought: Path) -> list[str]:
    """The files of a download that was killed which have a right name and other bytes than S3 has."""
    place = f"{chaos_dataset.NAME}/derivatives/"
    on_s3 = {key.removeprefix(place).partition("/")[2]: etag for key, (_, etag) in world.keys(place).items()}
    found = []
    for path in brought.rglob("sub-*/**/*"):
        name = path.relative_to(brought).as_posix()
        if (
            path.is_file()
            and not name.endswith(".part")
            and hashlib.md5(path.read_bytes()).hexdigest() != on_s3.get(name)
        ):
            found.append(f"{name}: torn by a kill")
    return found


class Verdict:
    """What is lost, doubled, mixed or damaged.

    Parameters
    ----------
    brought
        The folder that `opsctl results` filled.
    torn
        What was found torn before it was whole.
    """

    def __init__(self, world: World, brought: Path, *, torn: list[str]) -> None:
        self._world = world
        self._brought = brought
        self._torn = torn
        self._keys = world.keys(f"{chaos_dataset.NAME}/derivatives/")

    @cached_property
    def _published(self) -> dict[str, list[_Published]]:
        found: dict[str, list[_Published]] = defaultdict(list)
        for key, value in self._world.documents(_RUNS, "/results/").items():
            if value["status"] == "succeeded":
                found[value["scan"]].append(_Published(key.split("/")[2], value))
        return found

    @cached_property
    def lost(self) -> list[str]:
        """The scans without a succeeded result."""
        return [name for name in self._world.scans if name not in self._published]

    @cached_property
    def doubled(self) -> list[str]:
        """The scans with more than one, over all runs, standing or written over."""
        written: dict[str, int] = defaultdict(int)
        for results in self._world.sightings.published.values():
            for one in results:
                written[one["scan"]] += 1
        return [name for name in self._world.scans if max(written[name], len(self._published.get(name, ()))) > 1]

    @cached_property
    def damaged(self) -> list[str]:
        """What is not as it should be, file by file: among the outputs, and in the folder that was brought home."""
        return [*self._torn, *self._outputs(), *self._home()]

    @property
    def submitted_twice(self) -> list[str]:
        """The job names that opsctl submitted more than once."""
        return sorted(name for name, count in self._world.sightings.submitted.items() if count > 1)

    def in_vain(self, scans: list[str]) -> list[str]:
        """The scans that were computed to the end and pushed by nobody's fault more than once."""
        ended = {
            (one["job_id"], str(one["attempt"]))
            for one in self._world.documents(_RUNS, "/attempts/").values()
            if one["exit_code"] == 0
        }
        computed: dict[str, int] = defaultdict(int)
        for line in self._world.ledger.read_text().splitlines():
            job, attempt, name = line.split(" ")
            computed[name] += (job, attempt) in ended
        return [name for name in scans if computed[name] > 1]

    @property
    def attempts(self) -> int:
        """How many attempts left a record."""
        return sum("/attempts/" in key for key in self._world.keys(_RUNS))

    def _outputs(self) -> Iterator[str]:
        place = f"{chaos_dataset.NAME}/derivatives/"
        listed: set[str] = set()
        for results in self._published.values():
            for one in results:
                for file in one.files:
                    key = file["uri"].removeprefix(f"s3://{BUCKET}/")
                    listed.add(key)
                    if wrong := self._wrong(key, file, one):
                        yield f"{key}: {wrong}"
        for key in self._keys.keys() - listed:
            # The derivative dataset's own description is nobody's.
            if key.removeprefix(place).count("/") > 1:
                yield f"{key}: no result lists it"

    def _wrong(self, key: str, file: dict[str, Any], one: _Published) -> str:
        if key not in self._keys:
            return "is gone"
        body = self._world.body(key)
        if (len(body), self._keys[key][1]) != (file["size_bytes"], file["etag"]):
            return "its size or etag is not what its result says"
        if hashlib.sha256(body).hexdigest() != file["sha256"]:
            return "its SHA-256 is not what its result says"
        if key.endswith("_provenance.json"):
            return "" if one.value["job_id"].encode() in body else "it is of another job"
        if body != self._expected(key, one):
            return "it is of another job, attempt or image"
        return ""

    def _expected(self, key: str, one: _Published) -> bytes:
        scan = one.value["scan"]
        stem = scan.replace("/", "_")
        image = self._world.body(f"{chaos_dataset.NAME}/{scan}/dwi/{stem}_dwi.nii.gz")
        return chaos_m2g.content(
            key.partition(f"/{scan}/")[2],
            job=one.value["job_id"],
            attempt=str(one.value["attempt"]),
            image=hashlib.sha256(image).hexdigest(),
        )

    def _home(self) -> Iterator[str]:
        """Every file of every result is there with its bytes, and no other."""
        expected = {}
        for results in self._published.values():
            for one in results:
                for file in one.files:
                    name = file["uri"].partition("/derivatives/")[2].partition("/")[2]
                    expected[name] = file["sha256"]
        there = {
            path.relative_to(self._brought).as_posix(): path for path in self._brought.rglob("*") if path.is_file()
        }
        yield from (f"{name}: not brought home" for name in sorted(expected.keys() - there.keys()))
        for name, path in sorted(there.items()):
            if name in expected and hashlib.sha256(path.read_bytes()).hexdigest() != expected[name]:
                yield f"{name}: other bytes at home"
            elif name not in expected and name not in _ADDED and not name.startswith(_ADDED_FOLDER):
                yield f"{name}: brought home, and no result lists it"
