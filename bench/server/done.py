"""The records of a run whose scans are all done, as its jobs leave them; the server makes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bench.server.dataset import etag_of, input_keys, output_keys, scans_of, size_of


def records(bucket: str, run: dict[str, Any], job_id: str) -> Iterator[tuple[str, bytes]]:
    """The keys and bodies of the scans' JSONs, attempts and results.

    Parameters
    ----------
    bucket
        Where dataset, outputs and records lie.
    run
        `run.json`.
    job_id
        Of the run's array job.
    """
    folder = f"opsctl/runs/{run['run_id']}"
    for index, name in enumerate(scans_of(len(run["scans"]))):
        job = f"{job_id}:{index % 10_000}"
        for place, record in (
            (f"scans/{index:05d}.json", _document(bucket, run, index, name)),
            (f"attempts/{index:05d}.1.{index:08x}.json", _attempt(index, job)),
            (f"results/{index:05d}.json", _result(bucket, run, index, name, job)),
        ):
            value = {"schema_version": 1, "run_id": run["run_id"], **record}
            yield f"{folder}/{place}", json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _document(bucket: str, run: dict[str, Any], index: int, name: str) -> dict[str, Any]:
    roles = {"_T1w.nii.gz": "T1w", "_dwi.nii.gz": "dwi", "_dwi.bval": "bval", "_dwi.bvec": "bvec"}
    inputs = [
        {"uri": f"s3://{bucket}/{key}", "role": role, "size_bytes": size_of(key), "etag": etag_of(key)}
        for key in input_keys(name)
        for end, role in roles.items()
        if key.endswith(end)
    ]
    return {
        "index": index,
        "dataset": run["dataset"],
        "scan": {"name": name, "subject": name.split("/")[0][4:]},
        "inputs": inputs,
        "output": f"{run['output']}/{name}",
        "key": run["keys"][index],
        "image_digest": None,
    }


def _attempt(index: int, job_id: str) -> dict[str, Any]:
    return {
        "index": index,
        "attempt": 1,
        "job_id": job_id,
        "started_at": "2026-01-02T03:04:05Z",
        "stopped_at": "2026-01-02T05:04:05Z",
        "exit_code": 0,
        "cause": "",
        "log_stream": f"csa/default/{index:032x}",
        "cause_code": "",
        "facts": {},
        "phase": {"name": "publishing", "started_at": "2026-01-02T05:03:45Z"},
    }


def _result(bucket: str, run: dict[str, Any], index: int, name: str, job_id: str) -> dict[str, Any]:
    folder = f"{run['output']}/{name}"
    start = len(folder) - len(f"s3://{bucket}/") + 1
    size = {"kind": "streamlines", "nodes": 70, "edges": 2_000, "regions": 70, "lost": 0}
    files = [
        {
            "path": key[start:],
            "size_bytes": size_of(key),
            "sha256": etag_of(key) * 2,
            "etag": etag_of(key),
            **({"graph": {"atlas": key.split("/")[-2], **size}} if key.endswith(".csv") else {}),
        }
        for key in output_keys(name)
    ]
    return {
        "index": index,
        "scan": name,
        "key": run["keys"][index],
        "status": "succeeded",
        "cause": "",
        "cause_code": "",
        "facts": {},
        "exit_code": 0,
        "attempt": 1,
        "started_at": "2026-01-02T03:04:05Z",
        "stopped_at": "2026-01-02T05:04:05Z",
        "seconds": {"pull": 10.0, "m2g": 7_000.0, "push": 20.0},
        "peak_memory_mib": 9_000,
        "peak_disk_mib": 20_000,
        "outputs": {"folder": folder, "files": files},
        "warnings": [],
        "image": run["image"],
        "job_id": job_id,
        "log_stream": f"csa/default/{index:032x}",
    }
