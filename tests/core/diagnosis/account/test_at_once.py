"""How many scans run at once: the environment's limit, the quotas on vCPUs and on disks."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.repository import ROOT

from opsctl.core.diagnosis.account.account import VolumeQuota
from opsctl.core.diagnosis.account.at_once import MODEL_SIZES, ROOT_VOLUME_GIB, scans_at_once
from opsctl.core.diagnosis.queue_snapshot import ON_DEMAND_QUOTA, SPOT_QUOTA, NotVisible, Quota

HIDDEN = NotVisible("servicequotas:GetServiceQuota", "is not permitted")
DISKS = "L-7A658B76"


@pytest.mark.parametrize(
    ("limits", "scans", "by_vcpus"),
    [
        ({}, 256, None),
        ({"quotas": [Quota(ON_DEMAND_QUOTA, 32)]}, 16, 16),
        ({"quotas": [Quota(ON_DEMAND_QUOTA, 5)]}, 2, 2),
        ({"quotas": [Quota(ON_DEMAND_QUOTA, 1)]}, 0, 0),
        ({"quotas": [Quota(ON_DEMAND_QUOTA, 4000)]}, 256, 2000),
        # Spot 0 and 5 on demand: two scans, on demand; an odd vCPU of one kind does not help the other.
        ({"quotas": [Quota(SPOT_QUOTA, 0), Quota(ON_DEMAND_QUOTA, 5)]}, 2, 2),
        ({"quotas": [Quota(SPOT_QUOTA, 3), Quota(ON_DEMAND_QUOTA, 3)]}, 2, 2),
        ({"quotas": [HIDDEN]}, 256, None),
        ({"quotas": [Quota(SPOT_QUOTA, 8), HIDDEN]}, 256, None),
        ({"volumes": VolumeQuota(DISKS, 50.0)}, 256, None),
        ({"volumes": VolumeQuota(DISKS, 1.0)}, 10, None),
        ({"volumes": HIDDEN}, 256, None),
        ({"quotas": [Quota(ON_DEMAND_QUOTA, 8)], "volumes": VolumeQuota(DISKS, 1.0)}, 4, 4),
    ],
)
def test_the_smallest_limit_decides(limits: dict[str, Any], scans: int, by_vcpus: int | None) -> None:
    at_once = scans_at_once(max_vcpus=512, vcpus=2, root_volume_gib=100, **limits)
    assert (at_once.scans, at_once.platform_scans, at_once.by_vcpus) == (scans, 256, by_vcpus)


def test_the_sizes_are_those_of_terraforms_defaults() -> None:
    main = (ROOT / "terraform/platform/main.tf").read_text()
    variables = (ROOT / "terraform/platform/variables.tf").read_text()

    def default(variable: str) -> int:
        match = re.search(rf'variable "{variable}" {{.*?default\s*=\s*(\d+)', variables, re.DOTALL)
        assert match
        return int(match[1])

    for model, size in MODEL_SIZES.items():
        match = re.search(rf'{model} = {{ size = "(.+?)".*? vcpus = (\d+)', main)
        assert match and (f"r5.{match[1]}", int(match[2])) == (size.instance_type, size.vcpus)
        assert default(f"{model}_max_vcpus") == size.max_vcpus
    match = re.search(r"root_volume_gib == null\s*\? max\((\d+),", main)
    assert match and int(match[1]) == ROOT_VOLUME_GIB
