"""`upload` or `results` in a process of its own, as the tool beside it has its own.

    python -m bench.transfer_process URL upload FOLDER BUCKET
    python -m bench.transfer_process URL results FOLDER FILES

prints how many files were sent or fetched. FILES is JSON: the fields of each file's record.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from opsctl.process_start import collect_seldom

collect_seldom()

from opsctl.aws.clients import Clients  # noqa: E402  # as in the product, after the collector is told to wait
from opsctl.aws.s3.storage import Storage  # noqa: E402


def upload(storage: Storage, folder: Path, bucket: str) -> int:
    """What `opsctl upload` does; returns how many files were sent."""
    from opsctl.commands.dataset.upload import Sending, compare, send
    from opsctl.core.location import Location

    difference = compare(folder, Location(bucket, "DS"), storage)
    sending = Sending()
    send(difference, storage, sending)
    return len(sending.sent)


def results(storage: Storage, folder: Path, files: Path) -> int:
    """What `opsctl results` does when it knows a run's files; returns how many were fetched."""
    from opsctl.commands.results.download import download, open_folder
    from opsctl.commands.results.download_plan import Download, DownloadPlan
    from opsctl.core.location import parse_uri
    from opsctl.core.results.request import ResultsRequest
    from opsctl.core.runs.result import OutputFile

    downloads = []
    for record in json.loads(files.read_text()):
        file = OutputFile(**record)
        place = parse_uri(file.uri).prefix
        downloads.append(Download(index=0, scan="x", file=file, place=place, folder=folder, is_connectome=True))
    rest = dict.fromkeys(DownloadPlan.__dataclass_fields__, ())
    values = {**rest, "downloads": tuple(downloads), "request": ResultsRequest(folder=str(folder))}
    plan = DownloadPlan(**values)  # type: ignore[arg-type]
    with open_folder(folder) as target:
        return download(plan, storage, target, on_file=lambda _: None).fetched


def main() -> None:
    url, verb, folder, third = sys.argv[1:]
    clients = Clients(endpoint_url=url)
    storage = Storage(clients.s3, clients.s3_direct)
    print(upload(storage, Path(folder), third) if verb == "upload" else results(storage, Path(folder), Path(third)))


if __name__ == "__main__":
    main()
