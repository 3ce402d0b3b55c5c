"""Whether a compute environment's machine image (AMI) has aged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def has_newer_image(environment: Mapping[str, Any]) -> bool:
    """Whether AWS has a newer image than the one that the environment's instances get.

    Batch never changes the image of an environment by itself: instances keep the one of the day on which it was made,
    without later security fixes.

    Parameters
    ----------
    environment
        An entry of DescribeComputeEnvironments. Batch says it only after the environment has started instances.
    """
    configurations = (environment.get("computeResources") or {}).get("ec2Configuration") or ()
    return any(configuration.get("batchImageStatus") == "UPDATE_AVAILABLE" for configuration in configurations)
