"""Chooses the container engine of the local platform before `up --local` starts it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl import __version__
from opsctl.cli.context import Context
from opsctl.core.errors import Problem, UsageProblem

if TYPE_CHECKING:
    from opsctl.local.control import Containers


def containers_of(
    context: Context, name: str, *, local: bool, engine: str | None, image: str | None
) -> Containers | None:
    """The engine that runs the local platform's jobs in containers, tested with their image; None: processes.

    Parameters
    ----------
    name
        The platform's name: without typed options those of its last `up` are used.
    engine, image
        As typed; `default` resets an earlier choice.

    Raises
    ------
    UsageProblem
        If an engine is named for a platform on AWS.
    Problem
        If there is no such engine, it cannot run the image, or a server runs already with another choice.
    """
    if not local:
        if engine is not None:
            raise UsageProblem("--engine is for the local platform only: `opsctl up --local --engine docker`.")
        return None
    from opsctl.commands.platform.containers import try_engine
    from opsctl.commands.platform.image import NAME
    from opsctl.core.platform.options import DEFAULT
    from opsctl.engine import find_engine
    from opsctl.local import control

    earlier = _earlier_options(context, name)
    running = control.find(context.home.path)
    chosen = engine if engine is not None else earlier.get("engine")
    if running is not None:
        if engine is None:
            chosen = running.containers.name if running.containers is not None else None
        control.refuse_other_engine(running, None if chosen == DEFAULT else chosen)
    if chosen in (None, DEFAULT):
        return None
    with context.screen.waiting(f"trying a container of {chosen}"):
        job_image = image if image is not None else earlier.get("image")
        job_image = f"{NAME}:{__version__}" if job_image in (None, DEFAULT) else job_image
        containers = try_engine(find_engine(os.environ, name=chosen), job_image)
    # Debian's `docker` may be Podman: keep the name that the user typed.
    return replace(containers, name=str(chosen))


def engine_option(containers: Containers | None) -> str:
    """The engine as the value of `--engine`, so that the platform's options name the engine that runs."""
    from opsctl.core.platform.options import DEFAULT

    return containers.name if containers is not None else DEFAULT


def say_where_jobs_run(context: Context, containers: Containers | None, image: str) -> None:
    """Say that jobs run in containers, and what the engine cannot do here."""
    if containers is None:
        return
    context.screen.say(f"Its jobs run in containers of {containers.name}: {image}.")
    if "memory" not in containers.limits:
        context.screen.warn(f"{containers.name} cannot limit memory here: a job may take all that this machine has.")


def _earlier_options(context: Context, name: str) -> dict[str, Any]:
    from opsctl.commands.platform.terraform_workspace import pending_up_options

    pending = pending_up_options(context.home, name=name)
    if pending is not None:
        return pending
    try:
        record = context.home.recall(name)
    except Problem:
        return {}
    return dict(record.options) if record is not None else {}
