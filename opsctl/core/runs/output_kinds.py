"""The kinds of a run's outputs, and of what is noticed about them: words that options and records share."""

from __future__ import annotations

from typing import Literal

#: Which of a run's outputs: the connectomes, the QA pictures and logs, or every file.
What = Literal["connectomes", "qa", "all"]
#: What a connectome's weights are: streamline counts (dwi), signed or absolute correlations (func).
GraphKind = Literal["streamlines", "correlation", "absolute correlation"]
#: The same as `--kind` takes it, without blanks.
TypedKind = Literal["streamlines", "correlation", "absolute-correlation"]
#: As what `--format` writes connectomes: dense tables, stacked arrays, graphs, or the names of BIDS's draft.
Format = Literal["tsv", "npz", "graphml", "bids"]
WarningCode = Literal["regions_lost", "diagonal_only", "few_edges", "few_regions"]
