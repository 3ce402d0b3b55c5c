"""The plot of docs/cost-compared.md: each setting's cost as a share of the guide's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.cost_settings import GUIDE, MANY_VCPUS, MODELS, SCAN_COUNTS, SETTINGS, Compared

_BAR_HEIGHT = 0.26
_COLORS = ("#9ecae1", "#4292c6", "#084594")


def draw(compared: Sequence[Compared], target: Path) -> None:
    """Draw a group of bars for each setting, a bar for each number of scans, into a PNG."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    on_many = {
        (line.model, line.scans, line.setting.name): line.usd_per_scan
        for line in compared
        if line.vcpus == MANY_VCPUS[line.model]
    }
    figure, panels = pyplot.subplots(len(MODELS), 1, figsize=(9, 8), layout="constrained", sharex=True)
    for axes, model in zip(panels, MODELS, strict=True):
        names = [setting.name for setting in SETTINGS[model]]
        for number, scans in enumerate(SCAN_COUNTS):
            shares = [on_many[model, scans, name] / on_many[model, scans, GUIDE.name] for name in names]
            places = [place + (number - 1) * _BAR_HEIGHT for place in range(len(names))]
            bars = axes.barh(places, shares, _BAR_HEIGHT, color=_COLORS[number], label=f"{scans:,} scans")
            axes.bar_label(bars, labels=[f"{share:.2f}" for share in shares], padding=3, fontsize=7)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set(title=f"{model}, on {MANY_VCPUS[model]:,} vCPUs", xlim=(0, 1.1))
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False, loc="lower right")
    panels[-1].set_xlabel("bill, as a share of the guide's at the same number of scans")
    figure.savefig(target, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
