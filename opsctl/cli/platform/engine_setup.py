"""What `up --local` needs to know of the container engine before the local platform starts."""

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
    """The engine in whose containers the local platform's jobs run, tried with their image; None: processes.

    Parameters
    ----------
    name
        The platform's: what its last `up` asked for holds where nothing else is said.
    engine, image
        As typed; `default` takes an earlier one back.

    Raises
    ------
    UsageProblem
        When an engine is named for a platform on AWS.
    Problem
        When there is no such engine, or it cannot run the image, or a server runs already with another choice.
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

    earlier = _earlier(context, name)
    running = control.find(context.home.path)
    wanted = engine if engine is not None else earlier.get("engine")
    if running is not None:
        now = running.containers.name if running.containers is not None else None
        wanted = wanted if engine is not None else now
        control.refuse_another(running, None if wanted == DEFAULT else wanted)
    if wanted in (None, DEFAULT):
        return None
    with context.screen.waiting(f"trying a container of {wanted}"):
        found = find_engine(os.environ, name=wanted)
        of_jobs = image if image is not None else earlier.get("image")
        tried = try_engine(found, of_jobs if of_jobs not in (None, DEFAULT) else f"{NAME}:{__version__}")
    # Debian's `docker` may be Podman: the choice is called as the person calls it.
    return replace(tried, name=str(wanted))


def engine_option(containers: Containers | None) -> str:
    """The engine as a typed option, so that the platform's options name the engine that runs."""
    from opsctl.core.platform.options import DEFAULT

    return containers.name if containers is not None else DEFAULT


def say_where_jobs_run(context: Context, containers: Containers | None, image: str) -> None:
    """Say it of containers, and what the engine cannot do here."""
    if containers is None:
        return
    context.screen.say(f"Its jobs run in containers of {containers.name}: {image}.")
    if "memory" not in containers.limits:
        context.screen.warn(f"{containers.name} cannot limit memory here: a job may take all that this machine has.")


def _earlier(context: Context, name: str) -> dict[str, Any]:
    from opsctl.commands.platform.terraform_workspace import pending_up_options

    pending = pending_up_options(context.home, name=name)
    if pending is not None:
        return pending
    try:
        record = context.home.recall(name)
    except Problem:
        return {}
    return dict(record.options) if record is not None else {}
