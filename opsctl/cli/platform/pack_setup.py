"""`up --pack`: how many scans of each model share an instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.core.diagnosis.account.at_once import MODEL_SIZES
from opsctl.core.errors import Problem, UsageProblem
from opsctl.core.sizing.pack_option import AUTO, PACK_VARIABLE, parse_pack

if TYPE_CHECKING:
    from opsctl.cli.context import Context


def pack_variables(context: Context, typed: str | None) -> dict[str, Any]:
    """The variables of terraform/platform that `--pack` sets; None resets one.

    Raises
    ------
    UsageProblem
        If it is neither `auto` nor `off` nor a number that fits the instances of both models.
    """
    if typed is None:
        return {}
    pack = parse_pack(typed)
    if pack == AUTO:
        return {f"{model}{PACK_VARIABLE}": _proposed(context, model) for model in MODEL_SIZES}
    smallest = min(MODEL_SIZES.values())
    if pack > smallest.vcpus:
        raise UsageProblem(
            f"--pack {pack}: the smallest instance ({smallest.instance_type}) has {smallest.vcpus} vCPUs, and each scan"
            " needs one.",
            f"For csa alone: `opsctl up --set csa_scans_per_instance={pack}`.",
        )
    return {f"{model}{PACK_VARIABLE}": None if pack == 1 else pack for model in MODEL_SIZES}


def _proposed(context: Context, model: str) -> int | None:
    """What the newest measured run of a model proposes, said; None for one scan on each instance."""
    from opsctl.commands.sizing.size import latest_measured
    from opsctl.render.size import chosen_line

    try:
        rates = context.pricing_of_model(model).rates
        report = latest_measured(context.records, platform=context.platform, model=model, rates=rates)
    except Problem as problem:
        context.screen.warn(f"--pack auto: the earlier runs could not be read ({problem.what})")
        return None
    context.screen.say(chosen_line(report, f"model {model}"))
    scans = report.proposal.best.scans if report is not None and report.proposal is not None else 1
    return None if scans == 1 else scans
