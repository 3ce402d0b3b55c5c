"""`datasets`: list the datasets of the data bucket."""

from __future__ import annotations

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile
from opsctl.completion.offers import DATASETS


def datasets(
    *,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """List the datasets in the data bucket and what they hold.

    Example: opsctl datasets
    """
    from datetime import UTC, datetime

    from opsctl.assets import entity_patterns
    from opsctl.commands.dataset.datasets import as_json as json_of
    from opsctl.commands.dataset.datasets import datasets as command
    from opsctl.render.datasets import show_datasets

    context = Context(platform_name=platform, profile=profile)
    bucket = context.platform.data_bucket
    configured = {
        key.removeprefix(DATASETS): value.value
        for key, value in context.configuration.values.items()
        if key.startswith(DATASETS)
    }
    with context.screen.waiting("listing the datasets"):
        lines = command(
            context.storage,
            data_bucket=bucket,
            completion_cache=context.records.completion_cache,
            patterns=entity_patterns(),
            named=configured,
        )
    if as_json:
        context.screen.json(json_of(lines, data_bucket=bucket))
    else:
        show_datasets(context.screen, lines, data_bucket=bucket, now=datetime.now(UTC))
