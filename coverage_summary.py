"""Write the coverage of the core and of the job's runner into one small file: `make coverage` calls it."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Take the last line of coverage's report."""
    report, target = map(Path, sys.argv[1:])
    total = report.read_text(encoding="utf-8").splitlines()
    line = next(line for line in total if line.startswith("TOTAL"))
    target.write_text(
        f"{line.split()[-1]} of the lines and branches of opsctl/core and container/m2g_job\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
