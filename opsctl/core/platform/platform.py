"""The record of what `up` created. Every other command reads only this."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from opsctl.core import bounded
from opsctl.core.platform.platform_name import LOCAL_NAME
from opsctl.core.record import SCHEMA_VERSION, RecordReader

#: Terraform's defaults of the variables of these names.
ATTEMPT_TIMEOUT_SECONDS = 21_600
ATTEMPTS = 5


@dataclass(frozen=True, kw_only=True)
class ModelResources:
    """Where the jobs of one diffusion model run.

    Attributes
    ----------
    job_queue, compute_environment, job_definition
        ARNs; the job definition's with its revision.
    instance_type
        EC2's name.
    vcpus, memory_mib
        What one job gets.
    max_vcpus
        Upper limit of the compute environment: at most `max_vcpus // vcpus` scans run at a time.
    more_instance_types
        Further types on which scans may run.
    instance_vcpus, instance_memory_mib
        What the jobs of one instance of `instance_type` may have together; 0: what one job gets.
    """

    job_queue: bounded.Arn
    compute_environment: bounded.Arn
    job_definition: bounded.Arn
    instance_type: bounded.Name
    vcpus: bounded.Count
    memory_mib: bounded.Mib
    max_vcpus: bounded.Count
    more_instance_types: tuple[bounded.Name, ...] = ()
    instance_vcpus: bounded.Count = 0
    instance_memory_mib: bounded.Mib = 0

    @property
    def whole_vcpus(self) -> int:
        """The vCPUs that the jobs of one instance may have together."""
        return max(self.vcpus, self.instance_vcpus)

    @property
    def whole_memory_mib(self) -> int:
        """The memory that the jobs of one instance may have together."""
        return max(self.memory_mib, self.instance_memory_mib)

    @property
    def scans_per_instance(self) -> int:
        """How many jobs an instance holds."""
        if not self.vcpus or not self.memory_mib:
            return 1
        return min(self.whole_vcpus // self.vcpus, self.whole_memory_mib // self.memory_mib)


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What `up` created, from Terraform's output or the SSM parameter.

    Attributes
    ----------
    endpoint_url
        The local platform's address; None on AWS. It is valid on this machine only, so the SSM parameter lacks it.
    image, m2g_image
        What the jobs run, and m2g's own image in it: the digest of the image that it is built on. Where that is
        unknown, its own digest, or else its name.
    models
        `csd` and `csa`.
    spot_fallback
        Whether scans may also run on demand where Spot has no capacity.
    options
        The options of `up` that differ from the defaults.
    """

    name: bounded.Name
    region: bounded.Name
    account_id: bounded.Text
    data_bucket: bounded.Name
    repository_url: bounded.Text
    image: bounded.Name
    m2g_image: bounded.Name
    log_group: bounded.Text
    spot: bool
    root_volume_gib: bounded.Count
    opsctl_version: bounded.Text
    models: Mapping[bounded.Model, ModelResources]
    endpoint_url: bounded.Text | None = None
    spot_fallback: bool = False
    options: bounded.PlatformOptions = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """Whether the platform runs on this machine."""
        return self.endpoint_url is not None

    @property
    def notify_emails(self) -> tuple[str, ...]:
        """Who is told by mail when a job of a run ends."""
        return tuple(self.options.get("notify_emails") or ())

    @property
    def mail_topic_arn(self) -> str:
        """ARN of the topic that their addresses are subscribed to (terraform/modules/notices)."""
        prefix = resource_prefix(self.name, self.options.get("name_prefix") or "")
        return f"arn:{_partition(self.region)}:sns:{self.region}:{self.account_id}:{prefix}-notices"

    @property
    def monthly_budget(self) -> float | None:
        """USD a month, of which AWS Budgets sends mail; None: there is no budget."""
        recorded = self.options.get("monthly_budget")
        try:
            return None if recorded is None else float(recorded)
        except ValueError:
            return None

    @property
    def budget_name(self) -> str:
        """Name of that budget (terraform/modules/budget)."""
        return monthly_budget_name(self.name, region=self.region, name_prefix=self.options.get("name_prefix") or "")

    @property
    def readable_buckets(self) -> tuple[str, ...]:
        """The buckets whose datasets the jobs may read."""
        return (self.data_bucket, *self.options.get("source_buckets", ()))

    @property
    def largest_memory_mib(self) -> int:
        """The most memory that a job can have: all that an instance leaves for jobs."""
        return max(resources.whole_memory_mib for resources in self.models.values())

    @property
    def attempts(self) -> int:
        """How often Batch tries a scan."""
        recorded = self.options.get("variables", {}).get("attempts", ATTEMPTS)
        try:
            return int(float(recorded))
        except (TypeError, ValueError, OverflowError):
            return ATTEMPTS

    @property
    def attempt_timeout_seconds(self) -> int:
        """How long Batch lets one attempt run."""
        recorded = self.options.get("variables", {}).get("attempt_timeout_seconds", ATTEMPT_TIMEOUT_SECONDS)
        try:
            # Terraform takes 3600.0 and "3600" for 3600.
            return int(float(recorded))
        except (TypeError, ValueError, OverflowError):
            return ATTEMPT_TIMEOUT_SECONDS

    @classmethod
    def decode(cls, data: bytes | str, source: str) -> Platform:
        """Read the record from the SSM parameter, or this machine's copy of it.

        Parameters
        ----------
        source
            Where the record is, for messages.

        Raises
        ------
        UnreadableRecord
            If it is damaged, or of another version.
        """
        return _READER.decode(data, source)

    @classmethod
    def from_record(cls, record: Mapping[str, Any], *, endpoint_url: str | None = None) -> Platform:
        """Read Terraform's output.

        Raises
        ------
        UnreadableRecord
            If it is of another version.
        """
        platform = cls.decode(json.dumps(record), "The platform's record in Terraform's output")
        return platform if endpoint_url is None else replace(platform, endpoint_url=endpoint_url)

    def as_record(self) -> dict[str, Any]:
        """The record as JSON."""
        models = {name: asdict(resources) for name, resources in self.models.items()}
        return {"schema_version": SCHEMA_VERSION, **asdict(self), "models": models}


def _inconsistency(platform: Platform, _source: str) -> str:
    missing = {"csd", "csa"} - set(platform.models)
    return f"`models.{min(missing)}` is missing" if missing else ""


_READER = RecordReader(Platform, hint="`opsctl up` writes it anew.", check=_inconsistency)


def up_command(name: str, *, is_local: bool) -> str:
    """The command that brings a platform up."""
    if is_local:
        return "opsctl up --local" if name == LOCAL_NAME else f"opsctl up --local --name {name}"
    return f"opsctl up --name {name}"


def resource_prefix(name: str, name_prefix: str = "") -> str:
    """The beginning of the names of all of a platform's resources; `name_prefix` is the option of `up`."""
    return f"{name_prefix}opsctl-{name}"


def monthly_budget_name(name: str, *, region: str, name_prefix: str = "") -> str:
    """The name of a platform's budget. Budgets belong to an account, so the name has the region."""
    return f"{resource_prefix(name, name_prefix)}-{region}-monthly"


def record_parameter(name: str) -> str:
    """The SSM parameter that holds a platform's record, for users who did not run `up` themselves."""
    return f"/opsctl/{name}/platform"


def claim_parameter(name: str) -> str:
    """The SSM parameter that says which state makes a platform (`opsctl.core.platform.claim`)."""
    return f"/opsctl/{name}/claim"


def data_bucket_name(name: str, *, account_id: str, region: str, name_prefix: str = "") -> str:
    """The data bucket that the storage root creates. Bucket names are global, so the name has account and region."""
    return f"{resource_prefix(name, name_prefix)}-{account_id}-{region}"


def repository_arn(name: str, *, account_id: str, region: str, name_prefix: str = "") -> str:
    """The image repository's ARN; the platform's plan needs it before Terraform creates the repository."""
    return f"arn:{_partition(region)}:ecr:{region}:{account_id}:repository/{resource_prefix(name, name_prefix)}"


def repository_url(name: str, *, account_id: str, region: str, name_prefix: str = "") -> str:
    """The image repository's address, also before Terraform creates it."""
    suffix = "amazonaws.com.cn" if _partition(region) == "aws-cn" else "amazonaws.com"
    return f"{account_id}.dkr.ecr.{region}.{suffix}/{resource_prefix(name, name_prefix)}"


def _partition(region: str) -> str:
    """The AWS partition of a region, which is part of every ARN.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rpartition("-")[0].rpartition("-")[0], "aws")
