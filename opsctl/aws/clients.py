"""AWS clients, each made on its first use (two hundred milliseconds apiece), all from one session."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config

from opsctl.aws.errors import translated
from opsctl.core.platform import LOCAL_CREDENTIALS, LOCAL_REGION, Platform

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient

_PARALLEL_REQUESTS = 32


class Clients:
    """The services that opsctl asks.

    Parameters
    ----------
    region, profile
        None: the person's own AWS configuration says.
    endpoint_url
        The local platform's address; None for AWS.
    """

    def __init__(
        self, *, region: str | None = None, profile: str | None = None, endpoint_url: str | None = None
    ) -> None:
        self._endpoint_url = endpoint_url
        keys: dict[str, Any] = {"region_name": region, "profile_name": profile}
        if endpoint_url is not None:
            keys = {
                # An AWS_PROFILE that is not there would break a platform that needs none.
                "botocore_session": botocore.session.Session({"profile": (None, None, None, None)}),
                "region_name": region or LOCAL_REGION,
                "aws_access_key_id": LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"],
                "aws_secret_access_key": LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            }
        with translated("reading the AWS configuration"):
            self._session = boto3.Session(**keys)

    @classmethod
    def of(cls, platform: Platform, *, profile: str | None = None) -> Clients:
        """The clients that speak to a platform."""
        return cls(region=platform.region, profile=profile, endpoint_url=platform.endpoint_url)

    @property
    def region(self) -> str | None:
        """The region that the session settled on."""
        return self._session.region_name

    @property
    def credentials(self) -> dict[str, str]:
        """The session's credentials as environment variables, for Terraform, which must use the very same ones."""
        with translated("reading the credentials"):
            found = self._session.get_credentials()
        if found is None:
            return {}
        frozen = found.get_frozen_credentials()
        keys = {"AWS_ACCESS_KEY_ID": frozen.access_key or "", "AWS_SECRET_ACCESS_KEY": frozen.secret_key or ""}
        return {**keys, **({"AWS_SESSION_TOKEN": frozen.token} if frozen.token else {})}

    def _client(self, service: str, *, attempts: int = 5, signature: Any = None) -> Any:
        with translated("reading the AWS configuration"):
            return self._session.client(
                service,  # type: ignore[call-overload]  # the stubs want a literal; the properties below are typed
                endpoint_url=self._endpoint_url,
                config=Config(
                    retries={"mode": "standard", "total_max_attempts": attempts},
                    max_pool_connections=_PARALLEL_REQUESTS,
                    signature_version=signature,
                    s3={"addressing_style": "path"} if self._endpoint_url else None,
                ),
            )

    @cached_property
    def s3(self) -> S3Client:
        """S3."""
        return self._client("s3")  # type: ignore[no-any-return]

    @cached_property
    def s3_unsigned(self) -> S3Client:
        """S3 without credentials, for public buckets."""
        return self._client("s3", signature=UNSIGNED)  # type: ignore[no-any-return]

    @cached_property
    def batch(self) -> BatchClient:
        """AWS Batch, for everything but submission."""
        return self._client("batch")  # type: ignore[no-any-return]

    @cached_property
    def batch_once(self) -> BatchClient:
        """AWS Batch without retries: SubmitJob has no idempotency token, a retried call submits twice."""
        return self._client("batch", attempts=1)  # type: ignore[no-any-return]

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        """CloudWatch Logs."""
        return self._client("logs")  # type: ignore[no-any-return]

    @cached_property
    def ssm(self) -> SSMClient:
        """The parameter store."""
        return self._client("ssm")  # type: ignore[no-any-return]

    @cached_property
    def sts(self) -> STSClient:
        """Who am I."""
        return self._client("sts")  # type: ignore[no-any-return]

    @cached_property
    def ec2(self) -> EC2Client:
        """Networks and launch templates."""
        return self._client("ec2")  # type: ignore[no-any-return]

    @cached_property
    def iam(self) -> IAMClient:
        """Roles."""
        return self._client("iam")  # type: ignore[no-any-return]
