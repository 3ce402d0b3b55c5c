"""A run of two scans in S3, whose results a test publishes."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from opsctl.aws.s3.storage import Storage
from opsctl.commands.results.dataset_runs import read_dataset
from opsctl.commands.results.description import describe
from opsctl.commands.results.download import Downloaded, download, open_folder
from opsctl.commands.results.download_plan import Download, DownloadPlan, plan_download
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_reader import RunReader
from opsctl.core.errors import Problem
from opsctl.core.location import Location
from opsctl.core.results.connectome import GraphSize, parse_connectome
from opsctl.core.results.connectome_table import atlas_of, kind_of
from opsctl.core.results.request import ResultsRequest
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.output_kinds import What
from support.record_examples import outputs_of_failed

RUN = "HNU1-20261122-120000-ab12"
SCANS = ("sub-01/ses-1", "sub-02")
EARLIER = "HNU1-20261121-120000-cd34"
OUTPUT = "s3://data/HNU1/derivatives/m2g-csa-native"
PLACE = "sub-01/ses-1/connectomes_d/Desikan/sub-01_ses-1_dwi_Desikan_connectome.csv"
QA = "sub-01/ses-1/qa_d/graphs_plotting/a.png"
OTHER = "sub-01/ses-1/dwi/fiber/streamlines.trk"
ABOUT = {"dataset_description.json", "README.md", ".bidsignore", f".opsctl-files-{os.geteuid()}"}
DESCRIPTION = {
    "Name": "m2g-csa-native",
    "BIDSVersion": "1.9.0",
    "DatasetType": "derivative",
    "GeneratedBy": [{"Name": "m2g"}],
    "SourceDatasets": [{"URL": "s3://data/HNU1"}],
}


class World:
    """A run of two scans in S3."""

    def __init__(self, s3: Any, storage: Storage, records: Records) -> None:
        self.s3, self.storage, self.records = s3, storage, records
        storage.put_json("data", f"{OUTPUT.removeprefix('s3://data/')}/dataset_description.json", DESCRIPTION)
        self.put_run(RUN)

    def put_run(self, run_id: str, **changes: Any) -> None:
        defaults: dict[str, Any] = {
            "run_id": run_id,
            "dataset": "s3://data/HNU1",
            "output": OUTPUT,
            "m2g": M2gOptions().as_dict(),
            "model": "csa",
            "image": "repo:0.1.0",
            "platform": "m2g",
            "region": "us-east-1",
            "scans": SCANS,
            "created_at": "2026-11-22T12:00:00Z",
            "created_by": "ada",
            "command_line": ("opsctl", "run", "HNU1"),
            "opsctl_version": "0.1.0",
            "keys": ("k1", "k2"),
            "sizes": (2,),
            "resources": "csa",
            "attempt_timeout_seconds": 21_600,
        }
        run = Run(**{**defaults, **changes})
        self.storage.put_json("data", f"opsctl/runs/{run_id}/run.json", run.as_json())

    def publish(
        self,
        index: int,
        files: Mapping[str, bytes],
        *,
        run_id: str = RUN,
        graphs: Sequence[Mapping[str, Any]] = (),
        **changes: Any,
    ) -> None:
        """Publish a result and its files, given by their paths below the output.

        Parameters
        ----------
        graphs
            What some of the files hold, each with its `uri`; other connectomes are counted.
        """
        sizes = {graph["uri"]: {name: graph[name] for name in graph if name != "uri"} for graph in graphs}
        scan = changes.get("scan") or SCANS[index]
        if changes.get("status") != "failed" and not any(place.endswith(".csv") for place in files):
            # A scan is done only with a connectome.
            files = {**files, f"{scan}/connectomes_d/A/x.csv": b"1 2 5.0\n"}
        listed = []
        for place, body in files.items():
            entry: dict[str, Any] = {
                "path": posixpath.relpath(place, scan),
                "size_bytes": len(body),
                "sha256": hashlib.sha256(body).hexdigest(),
                "etag": hashlib.md5(body).hexdigest(),
            }
            if _is_connectome(place):
                entry["graph"] = sizes.pop(f"{OUTPUT}/{place}", None) or _graph(place, body)
            listed.append(entry)
            self.s3.put_object(Bucket="data", Key=self.key(place), Body=body)
        assert not sizes, "a graph of no file"
        value = {
            "schema_version": 1,
            "run_id": run_id,
            "index": index,
            "scan": scan,
            "key": "k",
            "status": "succeeded",
            "cause": "",
            "cause_code": "",
            "facts": {},
            "exit_code": 0,
            "attempt": 1,
            "started_at": "2026-11-22T12:00:00Z",
            "stopped_at": "2026-11-22T13:01:05Z",
            "seconds": {"pull": 1.0, "m2g": 2.0, "push": 0.5},
            "peak_memory_mib": 812,
            "job_id": "j",
            "log_stream": "l",
            "outputs": {"folder": f"{OUTPUT}/{scan}", "files": listed}
            if changes.get("status") != "failed"
            else outputs_of_failed(index, run_id),
            **changes,
        }
        self.storage.put_json("data", f"opsctl/runs/{run_id}/results/{index:05d}.json", value)

    def key(self, place: str) -> str:
        return f"{OUTPUT}/{place}".removeprefix("s3://data/")

    def plan(self, folder: Path, what: What = "connectomes", *, run_id: str = RUN, **options: Any) -> DownloadPlan:
        request = ResultsRequest(folder=str(folder), what=what, **options)
        return plan_download(RunReader(self.records.run(run_id), records=self.records), request)

    def dataset_plan(self, folder: Path, *, output_name: str | None = None) -> DownloadPlan:
        """Of the dataset over all its runs."""
        read = read_dataset(
            Location("data", "HNU1"), output_name=output_name, records=self.records, storage=self.storage
        )
        request = ResultsRequest(folder=str(folder), dataset="HNU1", output_name=output_name)
        return plan_download(RunReader(read.run, records=self.records), request, origins=read.origins)

    def download(self, folder: Path, what: What = "connectomes", **options: Any) -> Downloaded:
        """Download into a folder as the verb does, without the tables."""
        plan = self.plan(folder, what)
        with open_folder(folder) as target:
            describe(target, plan, self.storage)
            return download(plan, self.storage, target, **{"on_file": lambda _: None, **options})

    def fetched(self, folder: Path, what: What = "connectomes", **options: Any) -> list[str]:
        """Download, and return the paths of the files that were reported; raises as the verb does."""
        completed: list[Download] = []
        downloaded = self.download(folder, what, on_file=completed.append, **options)
        if downloaded.faults:
            raise downloaded.faults.summary()
        assert {item.place for item in completed} == {item.place for item in downloaded.present}
        return sorted(item.place for item in completed)


def _graph(place: str, body: bytes) -> dict[str, Any]:
    """What a job says of a connectome of an atlas that it does not know."""
    try:
        size = parse_connectome(body.decode(), nodes=None if body.strip() else 2).size
    except Problem:
        # What somebody made of the file later.
        size = GraphSize(nodes=2, edges=1)
    kind = kind_of(place) or "streamlines"
    return {
        "atlas": atlas_of(place),
        "kind": kind,
        "nodes": size.nodes,
        "edges": size.edges,
        "regions": None,
        "lost": 0,
    }


def _is_connectome(uri: str) -> bool:
    return uri.endswith(".csv") and not uri.endswith("lost_roi.csv")


def names(folder: Path) -> set[str]:
    """The files below a folder, each by its path from there."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
