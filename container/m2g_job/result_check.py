"""Whether opsctl can read a result, so that a job writes again what counts as missing there.

The rules are those of opsctl/core/runs/result.py; a test compares both on thousands of altered results.
"""

from __future__ import annotations

import re
from typing import Any

from m2g_job import record

_MOST_SCANS = 10_000_000
_MOST = 2**31 - 1
_LARGEST_FACT = 2**62 - 1
_LONGEST_SECONDS = 10**9
_KINDS = ("streamlines", "correlation", "absolute correlation")
_WARNINGS = ("regions_lost", "diagonal_only", "few_edges", "few_regions")
_DERIVATIVE = re.compile(r"s3://[^/]+/(?:[^/]+/)+derivatives/[^/]+")


def check(result: dict[str, Any], uri: str) -> None:
    """Raise `Unreadable` where opsctl could not read a result.

    Parameters
    ----------
    uri
        Where it lies: `s3://BUCKET/opsctl/runs/RUN_ID/results/00000.json`.
    """
    try:
        _check_fields(result)
        _check_places(result, uri)
    except KeyError as missing:
        raise record.Unreadable(f"{missing} is missing")


def _check_fields(result: dict[str, Any]) -> None:
    record.whole(result["schema_version"], 1, 1)
    record.whole(result["index"], 0, _MOST_SCANS - 1)
    record.whole(result["exit_code"], -(2**31), 2**32 - 1)
    record.whole(result["attempt"], 1, 1000)
    record.text(result["scan"], record.SCAN_NAME)
    record.text(result["key"])
    record.text(result["cause"], longest=2**62)
    record.text(result.get("cause_code", ""))
    record.text(result["job_id"], record.JOB_ID, longest=128)
    record.text(result["log_stream"], record.LOG_STREAM, longest=512)
    record.moment(result["started_at"])
    record.moment(result["stopped_at"])
    record.whole(result["peak_memory_mib"], 0, _MOST)
    record.whole(result.get("peak_disk_mib", 0), 0, _MOST)
    for phase, seconds in record.mapping(result["seconds"]).items():
        record.text(phase)
        record.number(seconds, 0, _LONGEST_SECONDS)
    facts = record.mapping(result.get("facts", {}))
    if len(facts) > 50:
        raise record.Unreadable("it has more than 50 facts")
    for name, value in facts.items():
        record.text(name)
        record.text(value) if isinstance(value, str) else record.whole(value, -_LARGEST_FACT, _LARGEST_FACT)
    for warning in map(record.mapping, record.items(result.get("warnings", []))):
        record.choice(warning["code"], *_WARNINGS)
        record.text(warning["atlas"], record.FOLDER_NAME, longest=255)
        record.text(warning["text"], longest=2**62)


def _check_places(result: dict[str, Any], uri: str) -> None:
    outputs = record.mapping(result["outputs"])
    folder = record.text(outputs["folder"], record.URI)
    files = [_file(record.mapping(entry)) for entry in record.items(outputs["files"])]
    run_uri, _, name = uri.rpartition("/results/")
    if name != f"{result['index']:05d}.json":
        raise record.Unreadable("it is of another scan")
    if record.choice(result["status"], "succeeded", "failed") == "failed":
        if folder != f"{run_uri}/failures/{result['index']:05d}":
            raise record.Unreadable("its files are not in the run's folder for this scan's failures")
        return
    derivative, _, after = folder.rpartition(f"/{result['scan']}")
    if after or not result["scan"] or not _DERIVATIVE.fullmatch(derivative):
        raise record.Unreadable("its files are not in the scan's folder in a derivative")
    if folder.split("/")[:3] != uri.split("/")[:3]:
        raise record.Unreadable("its files are in another bucket")
    # m2g writes an empty file for an atlas of which no two regions are connected.
    if not any(size_bytes for size_bytes, is_connectome in files if is_connectome):
        raise record.Unreadable("it says `succeeded`, but names no connectome that is not empty")


def is_plain_path(path: str) -> bool:
    """Whether a path with `/` leads downwards by plain names only: none is empty or begins with a dot."""
    return all(map(record.FOLDER_NAME.fullmatch, path.split("/")))


def _file(entry: dict[str, Any]) -> tuple[int, bool]:
    """Return the size of a file, and whether it is a connectome."""
    if not is_plain_path(record.text(entry["path"])):
        raise record.Unreadable(f"{record.shown(entry['path'])} is no path of a file in its folder")
    record.text(entry["sha256"], record.SHA256)
    record.text(entry.get("etag", ""))
    graph = entry.get("graph")
    if graph is not None:
        _check_graph(record.mapping(graph))
    return record.whole(entry["size_bytes"], 0, record.LARGEST_OBJECT), graph is not None


def _check_graph(graph: dict[str, Any]) -> None:
    record.text(graph["atlas"], record.FOLDER_NAME, longest=255)
    record.choice(graph["kind"], *_KINDS)
    for name in ("nodes", "edges", "lost"):
        record.whole(graph[name], 0, _MOST)
    if graph["regions"] is not None:
        record.whole(graph["regions"], 0, _MOST)
