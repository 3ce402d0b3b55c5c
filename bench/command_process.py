"""Measures one verb over a run whose scans are done: `python -m bench.command_process URL SCANS VERB HOME`."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.growth_process import peak_mib
from opsctl.process_start import collect_seldom

if TYPE_CHECKING:
    from bench.platform import BenchPlatform


def main() -> None:
    # As opsctl begins.
    collect_seldom()
    url, scans, verb, home = sys.argv[1], int(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    started = time.perf_counter()
    count = carry_out(url, scans, verb, home)
    seconds = time.perf_counter() - started
    if count != scans:
        raise SystemExit(f"{verb} counts {count} scans as done instead of {scans}.")
    print(json.dumps({"seconds": seconds, "mib": peak_mib()}))


def carry_out(url: str, scans: int, verb: str, home: Path) -> int:
    """Do what a verb does between its options and its screen; returns how many scans it says are done."""
    from bench.platform import BenchPlatform
    from bench.server.dataset import done_bucket_of

    bench = BenchPlatform(url, home, scans, done_bucket_of(scans))
    count = _done_count(bench, verb)
    if unreadable := bench.records.unreadable():
        raise SystemExit(f"{len(unreadable)} records cannot be read, first {unreadable[0]}")
    return count


def _done_count(bench: BenchPlatform, verb: str) -> int:
    from opsctl.assets import atlas_table, bids_config
    from opsctl.commands.runs.audit import audit
    from opsctl.commands.runs.run_list import runs
    from opsctl.core.dataset.discovery import SUFFIXES
    from opsctl.core.dataset.entities import EntityPatterns
    from opsctl.core.location import Location

    def now() -> datetime:
        return datetime.now(UTC)

    if verb == "run":
        return bench.plan().done_count
    if verb == "runs":
        return runs(records=bench.records, batch=bench.batch, atlases=atlas_table(), now=now).lines[0].done
    if verb == "audit":
        rows = audit(
            Location(bench.dataset_bucket, "DS1"),
            output_name=None,
            source=bench.storage,
            storage=bench.storage,
            records=bench.records,
            batch=bench.batch,
            patterns=EntityPatterns(bids_config(), suffixes=SUFFIXES),
            now=now,
        ).rows
        return sum(row.state == "complete" for row in rows)
    snapshot = bench.snapshots(bench.records.run(None)).progress(wait_reason=True)
    return len(json.dumps(snapshot.status.as_json())) and snapshot.status.counts["DONE"]


if __name__ == "__main__":
    main()
