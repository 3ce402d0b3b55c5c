"""The long campaign: `python tests/chaos/run_campaign.py --scans 1000 --kills 50 [--seed N] [--json FILE]`.

Exit code 1 when a scan is lost, a result doubled, an output mixed or damaged, or fewer faults and kills happened than
were asked for.
"""

from __future__ import annotations

import argparse
import json
import secrets
import signal
import sys
import tempfile
from pathlib import Path

# As pyproject.toml does it for the tests.
sys.path[:0] = [str(Path(__file__).parents[1])]


def main() -> int:
    """Carry it out and say what came of it."""
    from campaign import sized
    from chaos_report import run_campaign

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    # By default it would leave the platform's server behind.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="opsctl-chaos-") as folder:
        report = run_campaign(Path(folder), sized(options.scans, options.kills), seed=options.seed)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report.as_json(), indent=1) + "\n")
    print("\n".join(report.lines()), flush=True)
    faults, kills = sum(report.faults.values()), sum(report.kills.values())
    if faults < options.scans or kills < options.kills:
        print(f"too little happened: {faults} faults, {kills} kills")
        return 1
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
