"""What a person orders with `run`."""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.commands.dataset.discovery import Query
from opsctl.core.dataset.selection import EVERYTHING, Only, Selection
from opsctl.core.errors import UsageProblem
from opsctl.core.location import Location
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.m2g_options import M2gOptions


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What was typed.

    Attributes
    ----------
    dataset
        Where the dataset lies.
    modif
        The derivatives folder's name, or None: `m2g-<model>-<space>`, `m2g-func` or `m2g-both`.
    selection
        Which of the dataset's scans are meant.
    t1w
        Which T1w a scan gets; see `opsctl.core.dataset.discovery.discover`.
    only
        Which of those are submitted: what is missing, only what has failed, or all of them again.
    memory_mib
        What each job gets; None: as the model's job definition says.
    max_spend_usd
        The budget, or None.
    """

    dataset: Location
    options: M2gOptions
    modif: str | None = None
    selection: Selection = EVERYTHING
    t1w: str | None = None
    only: Only = "missing"
    memory_mib: int | None = None
    max_spend_usd: float | None = None
    command_line: tuple[str, ...] = ()
    user: str = ""
    version: str = ""

    @property
    def query(self) -> Query:
        """Which scans that are."""
        return Query(dataset=self.dataset, pipeline=self.options.pipeline, selection=self.selection, t1w=self.t1w)

    @property
    def output_name(self) -> str:
        """The derivatives folder's name: other models and spaces never meet in one."""
        if self.modif is not None:
            return self.modif
        if self.options.pipeline == "func":
            return "m2g-func"
        base = "m2g-both" if self.options.pipeline == "both" else "m2g"
        return f"{base}-{self.options.diffusion_model}-{self.options.space}"

    def resources(self, platform: Platform) -> str:
        """Whose queue the jobs go to: the model's own, or with `--memory` the smallest that has so much.

        Raises
        ------
        UsageProblem
            When no instance of the platform has so much.
        """
        model = self.options.diffusion_model
        wanted = self.memory_mib
        if wanted is None or wanted <= platform.models[model].memory_mib:
            return model
        fitting = [name for name, one in platform.models.items() if one.memory_mib >= wanted]
        if not fitting:
            most = max(one.memory_mib for one in platform.models.values())
            raise UsageProblem(f"--memory {wanted} is more than any job can get here: at most {most} MiB.")
        return min(fitting, key=lambda name: platform.models[name].memory_mib)
