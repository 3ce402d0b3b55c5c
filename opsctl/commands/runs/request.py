"""What the user asks `run` for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from opsctl.commands.dataset.discovery import Query
from opsctl.core.atlases.atlas_table import AtlasTable
from opsctl.core.atlases.job_memory import ensure_atlases_fit
from opsctl.core.dataset.selection import EVERYTHING, Only, Selection
from opsctl.core.errors import UsageProblem
from opsctl.core.location import Location
from opsctl.core.openneuro.snapshot import Snapshot
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.m2g_options import M2gOptions, asked
from opsctl.core.sizing.job_size import JobSize, own_size, packed_size, size_with_memory

#: Longer lists of atlases are named by a digest.
_LONGEST_LABEL = 40


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """The arguments and options of one `opsctl run`.

    Attributes
    ----------
    options
        Their `parcellation` names the run's atlases: what was typed is resolved before (`AtlasTable.select`).
    snapshot
        Of a dataset of OpenNeuro's: what its bucket holds. None of other datasets.
    modif
        The derivatives folder's name; None: `m2g-<model>-<space>`, `m2g-func`, `m2g-both-…`, or with
        `--reuse-registration` `m2g-<model>-<space>-reuse-<atlases>`.
    selection
        Which of the dataset's scans are chosen.
    t1w
        Which T1w a scan gets; see `opsctl.core.dataset.discovery.Discoverer`.
    only
        Which chosen scans are submitted: the missing ones, only the failed ones, only those whose inputs or m2g have
        changed since they were done, or all of them again.
    redo
        Whether the scans that another m2g did are submitted as well; with `only` `changed` and `all` they are anyway.
    memory_mib
        Memory of each job; None: what the model's job definition says.
    pack
        How many scans share an instance; None: as many as the model's job definition says.
    grows
        Whether scans that outgrow their memory are run again by whichever command follows the run.
    max_spend_usd
        The budget, or None.
    """

    dataset: Location
    options: M2gOptions
    snapshot: Snapshot | None = None
    modif: str | None = None
    selection: Selection = EVERYTHING
    t1w: str | None = None
    only: Only = "missing"
    redo: bool = False
    memory_mib: int | None = None
    pack: int | None = None
    grows: bool = True
    max_spend_usd: float | None = None
    command_line: tuple[str, ...] = ()
    user: str = ""
    version: str = ""

    @property
    def query(self) -> Query:
        """The request's scans, as a query."""
        return Query(dataset=self.dataset, pipeline=self.options.pipeline, selection=self.selection, t1w=self.t1w)

    @property
    def output_name(self) -> str:
        """The derivatives folder's name: it differs by model and space, so that outputs never mix."""
        if self.modif is not None:
            return self.modif
        if self.options.pipeline == "func":
            return "m2g-func"
        base = "m2g-both" if self.options.pipeline == "both" else "m2g"
        name = f"{base}-{self.options.diffusion_model}-{self.options.space}"
        return f"{name}-reuse-{_reuse_label(self.options)}" if self.options.reuse_registration else name

    def job_memory_mib(self, platform: Platform) -> int:
        """Memory of each job."""
        return self.job_size(platform).memory_mib

    def job_size(self, platform: Platform) -> JobSize:
        """What each job gets.

        Raises
        ------
        UsageProblem
            When no job of the platform can have that much memory, or an instance has fewer vCPUs than scans to share
            it.
        """
        resources = platform.models[self.resources(platform)]
        if self.pack is not None:
            return packed_size(resources, self.pack)
        return own_size(resources) if self.memory_mib is None else size_with_memory(resources, self.memory_mib)

    def resources(self, platform: Platform) -> str:
        """The model whose queue the jobs use: its own, or with `--memory` the smallest with enough memory.

        Raises
        ------
        UsageProblem
            When no job of the platform can have that much memory.
        """
        model = self.options.diffusion_model
        memory_mib = self.memory_mib
        if memory_mib is None or memory_mib <= platform.models[model].whole_memory_mib:
            return model
        fitting = [name for name, resources in platform.models.items() if resources.whole_memory_mib >= memory_mib]
        if not fitting:
            most = platform.largest_memory_mib
            raise UsageProblem(f"--memory {memory_mib} is more than any job can get here: at most {most} MiB.")
        return min(fitting, key=lambda name: platform.models[name].whole_memory_mib)

    def ensure_atlases_fit(self, platform: Platform, table: AtlasTable) -> None:
        """Ensure that the jobs have the memory that the atlases need.

        Raises
        ------
        UsageProblem
            With the atlases that do not fit, and what would hold them.
        """
        options = self.options
        ensure_atlases_fit(
            [table[name] for name in options.parcellation],
            options.voxelsize,
            # Only m2g's own graphs (dwi) are made by several processes.
            workers=1 if options.pipeline == "func" else options.n_cpus or 1,
            memory_mib=self.job_memory_mib(platform),
            largest_mib=platform.largest_memory_mib,
        )


def _reuse_label(options: M2gOptions) -> str:
    """What is asked of m2g, as part of a folder's name: each further set of atlases gets a folder of its own.

    The atlases' names where they are few, and a digest where they are many or other options were typed.
    """
    further = asked(options.as_dict(), "dwi")
    for name in ("pipeline", "diffusion_model", "space", "reuse_registration"):
        further.pop(name, None)
    atlases = further.get("parcellation", [])
    label = "_".join(atlases)
    is_short = 0 < len(label) <= _LONGEST_LABEL
    if is_short and further.keys() == {"parcellation"}:
        return label
    digest = hashlib.sha256(json.dumps(further, sort_keys=True).encode()).hexdigest()[:8]
    return f"{label if is_short else f'{len(atlases)}-atlases'}-{digest}"
