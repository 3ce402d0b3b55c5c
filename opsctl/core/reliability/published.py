"""The discriminability that m2g's authors publish for some datasets, as the bar for changes of m2g.

Source: m2g 0.3.0 (commit 95d271f7), CONTRIBUTING.md, "Improvement Criteria": deploy metrics with the settings `local`,
`native`, `csa` and `det`. It names neither the parcellation nor what was done to the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SOURCE = "m2g's CONTRIBUTING.md, which does not name the parcellation"

#: D by the name of the dataset.
_VALUES = {"BNU1": 0.927, "HNU1": 0.969, "NKI1": 0.936, "NKI24": 0.937, "SWU4": 0.785}
_SETTINGS = {"track_type": "local", "space": "native", "diffusion_model": "csa", "mod": "det"}


def published_value(dataset: str, m2g: Mapping[str, Any]) -> float | None:
    """The published D of a dataset; None where there is none for it, or not with these options.

    Parameters
    ----------
    dataset
        Its name.
    m2g
        m2g's options, under m2g's names.
    """
    if any(m2g.get(name) != value for name, value in _SETTINGS.items()):
        return None
    return _VALUES.get(dataset)
