"""Compute environments whose machine image (AMI) has aged: they work, but their instances lack later security fixes."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.core.diagnosis.finding import Finding
from opsctl.core.diagnosis.queue_snapshot import NotVisible, QueueSnapshot


def aged_environments(facts: QueueSnapshot) -> Iterator[Finding]:
    """A finding for each compute environment for which AWS has a newer machine image."""
    for environment in () if isinstance(facts.environments, NotVisible) else facts.environments:
        if environment.has_newer_image:
            yield Finding(
                f"AWS has a newer machine image (AMI) than the instances of {environment.name} get.",
                "`opsctl up` makes the environment anew with it, when no scan runs.",
            )
