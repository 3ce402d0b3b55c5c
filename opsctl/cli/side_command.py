"""The command that runs all scans of a dataset with the settings of one side of a comparison."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from opsctl.cli.option_groups import M2gFlags

if TYPE_CHECKING:
    from opsctl.core.comparison.side import Side


def run_command(side: Side, *, data_bucket: str) -> str:
    """`opsctl run` with a side's options and derivatives folder: it keeps the scans that are done.

    Parameters
    ----------
    data_bucket
        A dataset in it is named without its address.

    Returns
    -------
    str
        Empty of a folder of results, whose options are not known.
    """
    from opsctl.assets import atlas_table
    from opsctl.commands.runs.request import RunRequest
    from opsctl.core.dataset_argument import typed_dataset
    from opsctl.core.location import parse_uri
    from opsctl.core.runs.m2g_options import M2gOptions

    if side.options is None:
        return ""
    table = atlas_table()
    options = {**M2gOptions().as_dict(), **side.options, "seeds": int(side.options.get("seeds", M2gOptions.seeds))}
    atlases = tuple(options["parcellation"])
    is_default = set(atlases) == {atlas.name for atlas in table.default}
    values = {**options, "parcellation": None if is_default else list(map(table.spelling, atlases))}
    values["model"] = values.pop("diffusion_model")
    words = ["opsctl", "run", typed_dataset(side.dataset, data_bucket=data_bucket), *M2gFlags(**values).words()]
    if "--model" not in words and options["pipeline"] != "func":
        # A file of the configuration may have another default.
        words += ["--model", options["diffusion_model"]]
    request = RunRequest(dataset=parse_uri(side.dataset), options=M2gOptions(**{**options, "parcellation": atlases}))
    if request.output_name != side.output_name:
        words += ["--modif", side.output_name]
    return shlex.join(words)
