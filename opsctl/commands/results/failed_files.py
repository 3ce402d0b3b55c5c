"""What jobs kept of scans that failed, as far as a report shows it."""

from __future__ import annotations

from collections import defaultdict

from opsctl.aws.s3.storage import Storage
from opsctl.commands.results.report import Report
from opsctl.commands.results.report_asset import Asset, AssetKind
from opsctl.core.bounded import whole_number
from opsctl.core.location import Location, run_location
from opsctl.core.results.qa import is_qa_picture

#: m2g's log of an attempt that failed, in the folder of its files.
_LOG_NAME = "m2g.log"


def failed_files(report: Report, storage: Storage, *, data_bucket: str) -> dict[int, list[Asset]]:
    """The QA pictures and the log of each failed scan's last attempt, by the scan's index.

    They lie with the run's records.
    """
    failed: dict[str, dict[int, int]] = defaultdict(dict)
    for scan in report.status.scans:
        if scan.state != "FAILED":
            continue
        origin = report.run.origin(scan.index)
        failed[origin.run_id][origin.index] = scan.index
    files: dict[int, dict[str, list[Asset]]] = defaultdict(lambda: defaultdict(list))
    for run_id, indices in failed.items():
        folder = Location(data_bucket, f"{run_location(run_id, data_bucket=data_bucket).prefix}/failures")
        for obj in storage.below(folder):
            origin_index, _, place = obj.key.removeprefix(folder.key_prefix).partition("/")
            attempt, *rest = place.split("/")
            number = whole_number(origin_index)
            index = indices.get(number) if number is not None else None
            kind: AssetKind | None = (
                "log" if rest == [_LOG_NAME] and obj.size_bytes else "QA" if is_qa_picture(obj.key) else None
            )
            if index is not None and rest and kind is not None:
                uri = f"s3://{data_bucket}/{obj.key}"
                files[index][attempt].append(
                    Asset(index=index, kind=kind, name=rest[-1], uri=uri, size_bytes=obj.size_bytes)
                )
    return {index: attempts[max(attempts, key=lambda name: (len(name), name))] for index, attempts in files.items()}
