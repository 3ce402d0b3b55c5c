"""`python -m support.checked_dataset URI PIPELINE`: `check` in a process that tells its own peak memory."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from opsctl import assets
from opsctl.aws.clients import Clients
from opsctl.aws.s3.storage import Storage
from opsctl.commands.dataset.check import check
from opsctl.commands.dataset.discovery import Query, find
from opsctl.commands.dataset.headers import Headers
from opsctl.core.location import parse_uri

#: No experiment may take the memory of others on the machine.
ADDRESS_SPACE_BYTES = 2 * 2**30


def peak_mib() -> float:
    """The largest resident memory of this program; `ru_maxrss` would include that of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    storage = Storage(Clients(region="us-east-1").s3)
    query = Query(dataset=parse_uri(sys.argv[1]), pipeline=sys.argv[2])  # type: ignore[arg-type]
    chosen = find(query, storage, patterns=assets.entity_patterns()).chosen
    before = peak_mib()
    verdicts = check(chosen, Headers(storage.files), root_volume_gib=100, on_scan=lambda: None)
    levels = {verdict.scan: [verdict.level, *verdict.findings] for verdict in verdicts}
    json.dump({"before_mib": before, "peak_mib": peak_mib(), "levels": levels}, sys.stdout)


if __name__ == "__main__":
    main()
