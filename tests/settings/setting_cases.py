"""Every setting that a user of `opsctl up` can change, with another value and where AWS shows it.

A variable of terraform/platform or terraform/storage without a case here fails a test: add a line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from settings_world import Lab


@dataclass(frozen=True)
class Case:
    """A setting that is changed on an applied platform, and taken back.

    Attributes
    ----------
    variable
        Of terraform/platform or terraform/storage.
    value
        What is typed for it: another one than the default.
    seen
        What AWS shows of it.
    together
        `make test` changes the settings of one number at the same time. Two that change the same resource in place have
        different numbers: one may hide that the other alone fails, as `attempts` did with `attempt_timeout_seconds`.
    option, undo
        How it is typed and taken back, where it has an option of its own.
    needs
        Another case, without which it cannot be changed.
    """

    variable: str
    value: str
    seen: Callable[[Lab], Any]
    together: int
    option: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    needs: str = ""

    @property
    def there(self) -> tuple[str, ...]:
        """The arguments that change it."""
        return self.option or ("--set", f"{self.variable}={self.value}")

    @property
    def back(self) -> tuple[str, ...]:
        """The arguments that take it back."""
        return self.undo or ("--set", f"{self.variable}=default")


# fmt: off
# ruff: noqa: E501 a case a line
CASES = (
    # Job definition.
    Case("attempt_timeout_seconds", "3600", lambda lab: lab.definition["timeout"], 1),
    Case("attempts", "2", lambda lab: lab.definition["retryStrategy"]["attempts"], 2),
    Case("csd_scans_per_instance", "2", lambda lab: lab.definition["containerProperties"]["resourceRequirements"], 2),
    Case("csa_scans_per_instance", "2", lambda lab: lab.definition_of("csa")["containerProperties"]["resourceRequirements"], 2),
    Case("image", "", lambda lab: lab.definition["containerProperties"]["image"], 3, ("--image", "docker.io/lab/m2g:2"), ("--image", "default")),
    # Compute environments, made anew.
    Case("root_volume_gib", "120", lambda lab: lab.disk["VolumeSize"], 1),
    Case("key_pair", "lab-key", lambda lab: lab.environment["computeResources"].get("ec2KeyPair"), 1),
    Case("zones", '["us-east-1a", "us-east-1b"]', lambda lab: len(lab.environment["computeResources"]["subnets"]), 1),
    Case("more_instance_families", '["r5a"]', lambda lab: lab.environment["computeResources"]["instanceTypes"], 1),
    Case("more_instance_sizes", '["2xlarge"]', lambda lab: lab.environment["computeResources"]["instanceTypes"], 1),
    Case("root_volume_throughput", "250", lambda lab: lab.disk.get("Throughput"), 1),
    Case("spot", "", lambda lab: lab.environment["computeResources"]["type"], 3, ("--spot",), ("--no-spot",)),
    Case("spot_fallback", "true", lambda lab: len(lab.queue["computeEnvironmentOrder"]), 3, needs="spot"),
    Case("vpc_id", "", lambda lab: (lab.network["VpcId"], set(lab.environment["computeResources"]["subnets"])) == (lab.institute.vpc, set(lab.institute.subnets)), 5, ("--vpc-id", "@vpc", "--subnet-id", "@subnet-a", "--subnet-id", "@subnet-b"), ("--vpc-id", "default")),
    Case("kms_key_arn", "", lambda lab: lab.keys, 4, ("--kms-key", "@key"), ("--kms-key", "default")),
    Case("vpc_cidr", "10.8.0.0/16", lambda lab: lab.network["CidrBlock"], 4),
    # Compute environments, as they are.
    Case("csd_max_vcpus", "64", lambda lab: lab.environment["computeResources"]["maxvCpus"], 2),
    Case("csa_max_vcpus", "128", lambda lab: lab.environment_of("csa")["computeResources"]["maxvCpus"], 2),
    # Queue.
    Case("misfit_wait_seconds", "3600", lambda lab: lab.limits["MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"], 1),
    Case("no_capacity_wait_seconds", "7200", lambda lab: lab.limits["CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"], 2),
    # The rest.
    Case("log_retention_days", "14", lambda lab: lab.log_group["retentionInDays"], 1),
    Case("tags", '{"lab":"neuro"}', lambda lab: lab.queue["tags"].get("lab"), 1),
    Case("source_buckets", "", lambda lab: "lab-raw" in lab.job_policy, 1, ("--source-bucket", "lab-raw"), ("--source-bucket", "none")),
    Case("notify_emails", "", lambda lab: lab.told, 2, ("--notify-email", "someone@lab.org"), ("--notify-email", "none")),
    Case("monthly_budget", "", lambda lab: lab.budgets, 2, ("--monthly-budget", "200"), ("--monthly-budget", "none"), needs="notify_emails"),
    Case("permissions_boundary", "", lambda lab: lab.boundary, 1, ("--permissions-boundary", "@boundary"), ("--permissions-boundary", "default")),
    Case("unfinished_upload_days", "3", lambda lab: lab.lifecycle_rules[0]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"], 1),
    Case("noncurrent_days", "30", lambda lab: len(lab.lifecycle_rules), 2),
)
# fmt: on

#: Not changed on an applied platform: they say which platform it is, or opsctl sets them by itself.
FIXED = {
    "name": "another name is another platform",
    "region": "another region is another platform",
    "data_bucket": "the data stays where it is: `up` refuses another bucket",
    "repository_arn": "follows from name and region",
    "repository_url": "follows from name and region",
    "path_style": "follows from the endpoint",
    "m2g_image": "read from the image",
    "opsctl_version": "of the opsctl that is installed",
    "options": "what was typed",
    "subnet_ids": "typed with --vpc-id, whose case changes both",
    "name_prefix": "AWS cannot rename a bucket or a repository: `up` refuses another prefix",
    "role_path": "IAM cannot move a role: `up` refuses another path while the platform is up",
}
