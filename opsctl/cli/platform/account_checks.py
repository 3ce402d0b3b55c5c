"""What stands in the way of scans on AWS: `up` says it before its question, `run` and `selftest` refuse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from opsctl.cli.context import Context

if TYPE_CHECKING:
    from opsctl.aws.clients import Clients
    from opsctl.core.diagnosis.account.obstacles import Obstacle
    from opsctl.core.platform.options import PlatformOptions
    from opsctl.core.platform.platform import Platform

#: Terraform's plans take at least as long.
_SECONDS = 10.0


def start_account_check(context: Context, clients: Clients, options: PlatformOptions) -> Callable[[bool], None]:
    """Start to ask AWS about the account; returns a function that says what stands in the way of a scan.

    The function takes whether `up` has anything to do: if not, it only warns. The local platform has no account.
    """
    if options.is_local:
        return lambda _: None
    from opsctl.commands.diagnosis.account_look import start_account, start_denied
    from opsctl.commands.diagnosis.checks import Checks
    from opsctl.core.diagnosis.account.at_once import MODEL_SIZES, ROOT_VOLUME_GIB
    from opsctl.core.diagnosis.account.up_notes import up_notes

    checks = Checks(_SECONDS)
    has_fallback = options.variables.get("spot_fallback") is True
    account = start_account(checks, clients, is_spot=options.spot, has_fallback=has_fallback)
    denied = start_denied(checks, clients, None, name=options.name)

    def say(has_work: bool) -> None:
        notes = up_notes(
            account(),
            denied(),
            max_vcpus={
                model: options.whole_number(f"{model}_max_vcpus", size.max_vcpus) for model, size in MODEL_SIZES.items()
            },
            root_volume_gib=options.whole_number("root_volume_gib", ROOT_VOLUME_GIB),
        )
        if has_work and notes.quota:
            context.screen.say(notes.quota)
        for warning in notes.warnings:
            context.screen.warn(warning)

    return say


def refuse_obstacles(context: Context, obstacles: Sequence[Obstacle]) -> None:
    """End the command with the first obstacle; the others are named too, so that all can be mended at once.

    Raises
    ------
    Problem
        When there is an obstacle.
    """
    for obstacle in obstacles[1:]:
        context.screen.warn(str(obstacle.problem))
    if obstacles:
        raise obstacles[0].problem


def refuse_what_aws_refuses(context: Context, models: Sequence[str]) -> None:
    """Refuse jobs that could never start: image, job definition, account.

    Raises
    ------
    Problem
        Names what is in the way.
    """
    from opsctl.commands.diagnosis.account_look import start_run_facts
    from opsctl.core.diagnosis.account.obstacles import run_obstacles

    facts = start_run_facts(context.clients, context.platform)()
    obstacles = [obstacle for model in models for obstacle in run_obstacles(facts, context.platform, model=model)]
    # An image that is missing is missing for both models.
    refuse_obstacles(context, list(dict.fromkeys(obstacles)))


def missing_image_steps(context: Context, clients: Clients, platform: Platform) -> dict[str, str]:
    """Say what is known of the jobs' image, and return the commands that bring it to ECR; none where it is there."""
    from opsctl.aws.ecr.image import find_image
    from opsctl.core.diagnosis.queue_snapshot import NotVisible

    if platform.is_local or not platform.image.startswith(platform.repository_url):
        return {}
    steps = {
        "opsctl image build": "make the image that the jobs run, with Docker or Podman",
        "opsctl image push": "bring it to ECR; `opsctl run` refuses until it is there",
    }
    image = find_image(clients.ecr, platform.image)
    if isinstance(image, NotVisible):
        context.screen.warn(f"Whether the jobs' image {platform.image} is on ECR {image.sentence}.")
        return steps
    if image.exists is not False:
        return {}
    context.screen.say(f"Next: the jobs' image {platform.image} is not on ECR yet.")
    return steps
