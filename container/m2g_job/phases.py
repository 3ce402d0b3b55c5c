"""Which phase a job is in: told by the runner itself, and by the lines that m2g prints."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Callable

from m2g_job.result import timestamp

PULLING = "pulling"
PUBLISHING = "publishing"

_ATLASES = "atlases"
_GRAPHS = "graphs"
#: The phases of m2g's two pipelines in their order, each with what m2g prints when it begins. Where m2g skips the phase
#: before, it prints something else.
_BEGINNINGS = (
    ("C-PAC", r"Running shell command: chmod \+x \S*/cpac_script\.sh$"),
    ("sorting outputs", r"Functional Pipeline completed!$"),
    ("eddy correction", r"Calling eddy_correct\.$"),
    ("skull strip", r"Extracting brain from raw T1w image\.\.\.$|Calling t1w_skullstrip\.$"),
    ("tissue segmentation", r"Calling segment_t1w\.$"),
    ("nonlinear registration", r"Function 'gen_tissue' finished in |Found existing gentissue run!$"),
    ("T1w to DWI", r"Running FLIRT BBR registration: DWI-->T1W"),
    ("tissue to DWI", r"Function 't1w2dwi_align' finished in |Found existing t1w2dwi run!$"),
    (_ATLASES, r"Function 'tissue2dwi_align' finished in |Found existing tissue2dwi run!$"),
    ("model fit", r"Using \d+ seeds\.\.\.$"),
    ("tractography", r"Reconstructing tractogram streamlines\.\.\.$"),
    (_GRAPHS, r"Generating graph for "),
)
#: What begins with each atlas, by the phase.
_NEXT_ATLAS = {_ATLASES: r"Reorienting \S+/label/\S+ to RAS\+\.\.\.$", _GRAPHS: r"Generating graph for "}
_ATLAS_LIST = re.compile(r"parcellations = \[(.+)\]$")


@dataclass(frozen=True)
class Phase:
    """What a job is doing.

    Attributes
    ----------
    started_at
        UTC, ISO 8601.
    number, count
        Of the phases `atlases` and `graphs`: which atlas, from 1, and how many there are. 0 where that is not known,
        and in all other phases.
    """

    name: str
    started_at: str
    number: int = 0
    count: int = 0

    def as_json(self) -> dict[str, Any]:
        """The phase in the attempt's record."""
        return {"name": self.name, "started_at": self.started_at, "number": self.number, "count": self.count}


class PhaseReader:
    """Recognises m2g's phases from its output.

    m2g never goes back: a line of an earlier phase that comes late is not taken for its beginning.

    Parameters
    ----------
    enter
        Called with each new phase, and with each atlas of a phase.
    atlas_count
        How many atlases the scan asks for; 0 where that is not known. m2g's own list replaces it.
    now
        The time, as in results.
    """

    def __init__(
        self, enter: Callable[[Phase], None], *, atlas_count: int = 0, now: Callable[[], str] = timestamp
    ) -> None:
        self._enter = enter
        self._atlas_count = atlas_count
        self._now = now
        self._next = 0
        self._phase: Phase | None = None

    def read(self, line: str) -> None:
        """Take a line of m2g's output, without the blanks around it."""
        atlases = _ATLAS_LIST.match(line)
        if atlases:
            self._atlas_count = len(re.findall(r"'[^']+'", atlases.group(1))) or self._atlas_count
        phase = self._new_phase(line) or self._phase
        if phase is not None and phase.name in _NEXT_ATLAS and re.match(_NEXT_ATLAS[phase.name], line):
            phase = replace(phase, number=phase.number + 1)
        if phase is not None and phase != self._phase:
            self._phase = phase
            self._enter(phase)

    def _new_phase(self, line: str) -> Phase | None:
        """The phase that begins with the line, if any."""
        for order, (name, pattern) in enumerate(_BEGINNINGS[self._next :], start=self._next):
            if re.match(pattern, line):
                self._next = order + 1
                return Phase(name, self._now(), count=self._atlas_count if name in _NEXT_ATLAS else 0)
        return None
