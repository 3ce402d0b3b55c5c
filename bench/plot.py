"""The plot of how time and memory grow with the number of scans."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def draw(seconds: Mapping[int, float], mebibytes: Mapping[int, float], target: Path) -> None:
    """Draw time and memory by the number of scans, both on logarithmic axes, into a PNG.

    The same figures and the same matplotlib give the same bytes.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter, NullFormatter

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for axes, values, title, unit in (
        (left, seconds, "Time to discover and submit", "seconds"),
        (right, mebibytes, "Peak memory of the process", "MiB"),
    ):
        sizes = sorted(values)
        axes.loglog(sizes, [values[size] for size in sizes], marker="o", color="#1f6f8b", linewidth=2)
        for size in sizes:
            axes.annotate(
                f"{values[size]:,.3g}" if values[size] < 100 else f"{values[size]:,.0f}",
                (size, values[size]),
                textcoords="offset points",
                xytext=(-6, 6),
                ha="right",
            )
        axes.set(title=title, xlabel="scans", ylabel=unit)
        axes.set_xlim(min(sizes, default=1) / 4, max(sizes, default=10) * 2)
        axes.set_ylim(min(values.values(), default=1) / 2, max(values.values(), default=10) * 3)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(which="major", color="#dddddd")
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, dpi=120, metadata={"Software": None})
    pyplot.close(figure)
