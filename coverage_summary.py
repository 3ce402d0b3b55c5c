"""Hold the coverage of the core and of the runner against their floors, and write it down: `make coverage` calls it.

The floors stand in pyproject.toml, under `[tool.coverage-floors]`. coverage itself knows only one floor for everything.
"""

from __future__ import annotations

import json
import math
import sys
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
#: Between these the README has its sentence; nothing before the first measurement.
BEGIN, END = "<!-- coverage -->", "<!-- /coverage -->"


def main() -> None:
    """Read coverage's JSON report, write the percentages into a small file, and fail where one is below its floor."""
    report, target = map(Path, sys.argv[1:])
    floors = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["coverage-floors"]
    covered = {folder: percentage(json.loads(report.read_text(encoding="utf-8")), folder) for folder in floors}
    target.write_text(summary(covered), encoding="utf-8")
    readme = ROOT / "README.md"
    readme.write_text(with_sentence(readme.read_text(encoding="utf-8"), sentence(covered)), encoding="utf-8")
    print(summary(covered), end="")
    if low := below(covered, floors):
        sys.exit("".join(f"{line}\n" for line in low).strip())


def percentage(report: Mapping[str, Any], folder: str) -> float:
    """The share of a folder's lines and branches that ran, in percent; 0 where the report has nothing of it."""
    sums: Counter[str] = Counter()
    for name, file in report["files"].items():
        if name.startswith(f"{folder}/"):
            sums.update({key: value for key, value in file["summary"].items() if isinstance(value, int)})
    possible = sums["num_statements"] + sums["num_branches"]
    return 100 * (sums["covered_lines"] + sums["covered_branches"]) / possible if possible else 0.0


def summary(covered: Mapping[str, float]) -> str:
    """A line for each folder. Whole percents, rounded down: a digit more would change with every commit."""
    return "".join(f"{folder}: {math.floor(share)} % of lines and branches\n" for folder, share in covered.items())


def sentence(covered: Mapping[str, float]) -> str:
    """What the README says of the same figures."""
    shares = " and ".join(f"{math.floor(share)} % of `{folder}`" for folder, share in covered.items())
    return f"The tests run {shares}, lines and branches\n([docs/coverage.txt](docs/coverage.txt), by `make coverage`)."


def with_sentence(readme: str, words: str) -> str:
    """The README with these words between its two marks."""
    head, rest = readme.split(BEGIN)
    return f"{head}{BEGIN}{words}{END}{rest.split(END)[1]}"


def below(covered: Mapping[str, float], floors: Mapping[str, float]) -> list[str]:
    """A sentence for each folder below its floor."""
    return [
        f"The tests run {covered[folder]:.1f} % of {folder}, and its floor in pyproject.toml is {floor} %."
        for folder, floor in floors.items()
        if covered[folder] < floor
    ]


if __name__ == "__main__":
    main()
