"""The record of what `up` created. Every other command reads only this."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from opsctl.core.errors import Problem, UsageProblem

SCHEMA_VERSION = 1
DEFAULT_NAME = "m2g"
LOCAL_NAME = "local"
LOCAL_REGION = "us-east-1"

#: The local platform's credentials; the user's own are never sent to it.
LOCAL_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}

# ECR does not allow a hyphen at the end, or two in a row.
_NAME = re.compile(r"^(?=.{2,20}$)[a-z](?:-?[a-z0-9])+$")


@dataclass(frozen=True, kw_only=True)
class ModelResources:
    """Where the jobs of one diffusion model run.

    Attributes
    ----------
    job_queue, compute_environment, job_definition
        ARNs; the job definition's with its revision.
    instance_type
        EC2's name; each instance runs one scan.
    vcpus, memory_mib
        What one job gets.
    max_vcpus
        Upper limit of the compute environment: at most `max_vcpus // vcpus` scans run at a time.
    more_instance_types
        Further types of the same size on which scans may run.
    """

    job_queue: str
    compute_environment: str
    job_definition: str
    instance_type: str
    vcpus: int
    memory_mib: int
    max_vcpus: int
    more_instance_types: tuple[str, ...] = ()


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

    name: str
    region: str
    account_id: str
    data_bucket: str
    repository_url: str
    image: str
    m2g_image: str
    log_group: str
    spot: bool
    root_volume_gib: int
    opsctl_version: str
    models: Mapping[str, ModelResources]
    endpoint_url: str | None = None
    spot_fallback: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """Whether the platform runs on this machine."""
        return self.endpoint_url is not None

    @classmethod
    def from_record(cls, record: Mapping[str, Any], *, endpoint_url: str | None = None) -> Platform:
        """Parse Terraform's output, the SSM parameter, or this machine's copy of it.

        Raises
        ------
        Problem
            If the record was written by another version of opsctl and cannot be read.
        """
        try:
            if record["schema_version"] != SCHEMA_VERSION:
                raise KeyError(f"schema_version {record['schema_version']}")
            models = {name: _model(fields) for name, fields in record["models"].items()}
            return cls(
                name=record["name"],
                region=record["region"],
                account_id=record["account_id"],
                data_bucket=record["data_bucket"],
                repository_url=record["repository_url"],
                image=record["image"],
                m2g_image=record["m2g_image"],
                log_group=record["log_group"],
                spot=record["spot"],
                root_volume_gib=record["root_volume_gib"],
                opsctl_version=record["opsctl_version"],
                models=models,
                endpoint_url=endpoint_url or record.get("endpoint_url"),
                spot_fallback=record.get("spot_fallback", False),
                options=dict(record.get("options") or {}),
            )
        except (KeyError, TypeError) as error:
            raise Problem(
                f"The platform's record was written by another version of opsctl ({error}).",
                "Run `opsctl up` to bring the platform to this version.",
            ) from error

    def as_record(self) -> dict[str, Any]:
        """The record as JSON."""
        models = {name: asdict(resources) for name, resources in self.models.items()}
        return {"schema_version": SCHEMA_VERSION, **asdict(self), "models": models}


def _model(fields: Mapping[str, Any]) -> ModelResources:
    # JSON has lists instead of tuples.
    return ModelResources(**{**fields, "more_instance_types": tuple(fields.get("more_instance_types", ()))})


def check_name(name: str) -> str:
    """Return the name of a platform if it is valid.

    Raises
    ------
    UsageProblem
        If AWS would not accept a resource with this name.
    """
    if not _NAME.fullmatch(name):
        raise UsageProblem(
            f"{name!r} cannot name a platform: 2 to 20 lower-case letters and digits, a letter first, "
            "single hyphens between."
        )
    return name


def resource_prefix(name: str) -> str:
    """The beginning of the names of all of a platform's resources."""
    return f"opsctl-{name}"


def record_parameter(name: str) -> str:
    """The SSM parameter that holds a platform's record, for users who did not run `up` themselves."""
    return f"/opsctl/{name}/platform"


def data_bucket_name(name: str, *, account_id: str, region: str) -> str:
    """The data bucket that the storage root creates. Bucket names are global, so the name has account and region."""
    return f"{resource_prefix(name)}-{account_id}-{region}"


def repository_arn(name: str, *, account_id: str, region: str) -> str:
    """The image repository's ARN; the platform's plan needs it before Terraform creates the repository."""
    return f"arn:{_partition(region)}:ecr:{region}:{account_id}:repository/{resource_prefix(name)}"


def repository_url(name: str, *, account_id: str, region: str) -> str:
    """The image repository's address, also before Terraform creates it."""
    suffix = "amazonaws.com.cn" if _partition(region) == "aws-cn" else "amazonaws.com"
    return f"{account_id}.dkr.ecr.{region}.{suffix}/{resource_prefix(name)}"


def _partition(region: str) -> str:
    """The AWS partition of a region, which is part of every ARN.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rpartition("-")[0].rpartition("-")[0], "aws")
