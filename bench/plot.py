"""The plot of how time and memory grow with the number of scans."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

Lines = Mapping[str, Mapping[int, float]]


def draw(seconds: Lines, mebibytes: Lines, target: Path) -> None:
    """Draw time and memory of each verb by the number of scans, both on logarithmic axes, into a PNG.

    The same figures and the same matplotlib give the same bytes.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter, NullFormatter

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for axes, values, title, unit in (
        (left, seconds, "Time", "seconds"),
        (right, mebibytes, "Peak memory of the process", "MiB"),
    ):
        for verb, line in values.items():
            sizes = sorted(line)
            axes.loglog(sizes, [line[size] for size in sizes], marker="o", linewidth=2, label=verb)
        every_size = [size for line in values.values() for size in line]
        every_value = [value for line in values.values() for value in line.values()]
        axes.set(title=title, xlabel="scans", ylabel=unit)
        axes.set_xlim(min(every_size, default=1) / 2, max(every_size, default=10) * 2)
        axes.set_ylim(min(every_value, default=1) / 2, max(every_value, default=10) * 2)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(which="major", color="#dddddd")
        axes.spines[["top", "right"]].set_visible(False)
    if seconds:
        left.legend(frameon=False)
    figure.savefig(target, dpi=120, metadata={"Software": None})
    pyplot.close(figure)
