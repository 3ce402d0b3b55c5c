"""AWS clients of one session, each created on first use: creating the first takes 50 ms.

They are botocore's: boto3, which takes 20 ms to import, adds nothing that opsctl needs but the transfer of large files.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import RefreshableCredentials

from opsctl import __version__
from opsctl.aws.call_log import log_calls
from opsctl.aws.errors import translated
from opsctl.aws.service_models import use_fast_models
from opsctl.aws.unchecked_events import UncheckedEvents
from opsctl.core.platform.platform_name import LOCAL_REGION

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_pricing import PricingClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_service_quotas import ServiceQuotasClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient

    from opsctl.aws.s3.direct import Direct
    from opsctl.core.platform.platform import Platform

#: More than the 64 threads that read a run's records: other calls at the same time need connections too.
_PARALLEL_REQUESTS = 72
_HURRIED_SECONDS = 3.0
#: botocore's names for credentials that it fetches anew in each process.
_SESSION_METHODS = ("assume-role", "assume-role-with-web-identity", "sso", "login")

#: Timeout of SubmitJob. Shorter than a submission lease (`opsctl.commands.runs.submission_lease`), so that no call
#: is still under way when the lease ends.
SUBMIT_SECONDS = 20.0

#: Signs requests to an endpoint whose key is not given: the user's own credentials are never sent to one.
NO_KEY = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}


class Clients:
    """The AWS services that opsctl calls.

    Parameters
    ----------
    region, profile
        None: as in the user's own AWS configuration.
    endpoint_url
        The local platform's endpoint; None for AWS.
    local_key
        The local platform's key (`opsctl.local.control.credentials`), without which it refuses every request.
    is_hurried
        Give up after some seconds, for checks that must not keep the user waiting.
    verb
        The verb that was typed. Each call's user agent names it, so that CloudTrail shows what a call was for.
    """

    def __init__(
        self,
        *,
        region: str | None = None,
        profile: str | None = None,
        endpoint_url: str | None = None,
        local_key: Mapping[str, str] | None = None,
        is_hurried: bool = False,
        verb: str = "",
    ) -> None:
        self._endpoint_url = endpoint_url
        self._is_hurried = is_hurried
        # The SDKs' format of this header: product/version, then metadata.
        self._user_agent = f"opsctl/{__version__}" + (f" md/verb#{verb}" if verb else "")
        with translated("reading the AWS configuration"):
            if endpoint_url is None:
                self._session = _session(profile)
                # botocore reads AWS_DEFAULT_REGION only; every other SDK reads AWS_REGION.
                region = region or os.environ.get("AWS_REGION")
            else:
                self._session = _local_session(local_key or NO_KEY)
                region = region or LOCAL_REGION
            if region is not None:
                self._session.set_config_variable("region", region)
            use_fast_models(self._session)

    @classmethod
    def of(
        cls,
        platform: Platform,
        *,
        profile: str | None = None,
        verb: str = "",
        local_key: Mapping[str, str] | None = None,
    ) -> Clients:
        """The clients of a platform."""
        return cls(
            region=platform.region,
            profile=profile,
            endpoint_url=platform.endpoint_url,
            local_key=local_key,
            verb=verb,
        )

    @property
    def region(self) -> str | None:
        """The session's region; None if none is configured."""
        region: str | None = self._session.get_config_variable("region")
        return region

    @property
    def credentials(self) -> dict[str, str]:
        """The session's credentials as environment variables: Terraform must use the same ones."""
        with translated("reading the credentials"):
            credentials = self._session.get_credentials()
        if credentials is None:
            return {}
        frozen = credentials.get_frozen_credentials()
        keys = {"AWS_ACCESS_KEY_ID": frozen.access_key or "", "AWS_SECRET_ACCESS_KEY": frozen.secret_key or ""}
        return {**keys, **({"AWS_SESSION_TOKEN": frozen.token} if frozen.token else {})}

    def expire_within(self, seconds: int) -> bool:
        """Whether the session's credentials expire within this time; permanent ones never do."""
        with translated("reading the credentials"):
            credentials = self._session.get_credentials()
        return isinstance(credentials, RefreshableCredentials) and credentials.refresh_needed(refresh_in=seconds)

    @property
    def has_fresh_session(self) -> bool:
        """Whether the session began with this process: it may last one hour in all."""
        with translated("reading the credentials"):
            credentials = self._session.get_credentials()
        return credentials is not None and credentials.method in _SESSION_METHODS

    def _client(
        self,
        service: str,
        *,
        attempts: int = 5,
        signature: Any = None,
        region: str | None = None,
        read_timeout: float = 60.0,
    ) -> Any:
        if self._is_hurried:
            attempts, read_timeout = min(attempts, 2), min(read_timeout, _HURRIED_SECONDS)
        with translated("reading the AWS configuration"):
            client = self._session.create_client(
                service,
                endpoint_url=self._endpoint_url,
                region_name=region,
                config=Config(
                    connect_timeout=_HURRIED_SECONDS if self._is_hurried else 10.0,
                    read_timeout=read_timeout,
                    retries={"mode": "standard", "total_max_attempts": attempts},
                    max_pool_connections=_PARALLEL_REQUESTS,
                    signature_version=signature,
                    user_agent_extra=self._user_agent,
                    s3={"addressing_style": "path"} if self._endpoint_url else None,
                    # A proxy cannot reach this machine's 127.0.0.1.
                    proxies={} if self._endpoint_url else None,
                ),
            )
        if service == "s3":
            client.meta.events.register_last("before-call.s3", _skip_expect_header)
        else:
            # botocore notices a truncated XML reply by itself; of JSON it does not.
            client.meta.events.register("before-parse", _mark_truncated_reply)
            client.meta.events.register("after-call", _raise_truncated_reply)
        log_calls(client)
        return client

    @cached_property
    def s3(self) -> S3Client:
        """S3."""
        # Thousands of records per run: if one call in five fails, five attempts would fail for three of ten thousand.
        return self._client("s3", attempts=9)  # type: ignore[no-any-return]

    @cached_property
    def s3_direct(self) -> Direct:
        """S3 for many objects at once, beside `s3`."""
        from opsctl.aws.s3.direct import Direct

        def credentials() -> Any:
            login = self._session.get_credentials()
            return None if login is None else login.get_frozen_credentials()

        with translated("reading the AWS configuration"):
            ca_bundle = self._session.get_config_variable("ca_bundle")
        return Direct(self.s3, credentials, ca_bundle=ca_bundle or os.environ.get("REQUESTS_CA_BUNDLE"))

    @cached_property
    def s3_unsigned(self) -> S3Client:
        """S3 without credentials, for public buckets. The local platform takes no request without its key."""
        return self.s3 if self._endpoint_url else self._client("s3", signature=UNSIGNED)

    @cached_property
    def batch(self) -> BatchClient:
        """AWS Batch, for everything but submission."""
        return self._client("batch")  # type: ignore[no-any-return]

    @cached_property
    def batch_once(self) -> BatchClient:
        """AWS Batch without retries: SubmitJob has no idempotency token, a retried call submits twice."""
        return self._client("batch", attempts=1, read_timeout=SUBMIT_SECONDS)  # type: ignore[no-any-return]

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
        """The caller's identity."""
        return self._client("sts")  # type: ignore[no-any-return]

    @cached_property
    def ec2(self) -> EC2Client:
        """Networks, instances and launch templates."""
        return self._client("ec2")  # type: ignore[no-any-return]

    @cached_property
    def iam(self) -> IAMClient:
        """Roles."""
        return self._client("iam")  # type: ignore[no-any-return]

    @cached_property
    def kms(self) -> Any:
        """Encryption keys."""
        return self._client("kms")

    @cached_property
    def ecr(self) -> ECRClient:
        """Image repositories."""
        return self._client("ecr")  # type: ignore[no-any-return]

    @cached_property
    def service_quotas(self) -> ServiceQuotasClient:
        """The account's quotas."""
        return self._client("service-quotas")  # type: ignore[no-any-return]

    @cached_property
    def autoscaling(self) -> Any:
        """Auto Scaling groups, in which Batch launches its instances."""
        return self._client("autoscaling", attempts=2)

    @cached_property
    def sns(self) -> Any:
        """The topic of `up --notify-email`."""
        return self._client("sns", attempts=2)

    @cached_property
    def budgets(self) -> Any:
        """AWS Budgets, which one region serves."""
        return self._client("budgets", attempts=2, region="us-east-1", read_timeout=10.0)

    @cached_property
    def freetier(self) -> Any:
        """The account's plan, which one region serves."""
        return self._client("freetier", attempts=2, region="us-east-1", read_timeout=10.0)

    @cached_property
    def pricing(self) -> PricingClient:
        """AWS's price list, which only some regions serve."""
        return self._client("pricing", attempts=2, region="us-east-1", read_timeout=10.0)  # type: ignore[no-any-return]


def _session(profile: str | None) -> botocore.session.Session:
    session = botocore.session.Session(event_hooks=UncheckedEvents())
    if profile is not None:
        session.set_config_variable("profile", profile)
    return session


def _local_session(key: Mapping[str, str]) -> botocore.session.Session:
    # An AWS_PROFILE that does not exist must not break a platform that needs none.
    session = botocore.session.Session({"profile": (None, None, None, None)}, UncheckedEvents())
    session.set_credentials(key["AWS_ACCESS_KEY_ID"], key["AWS_SECRET_ACCESS_KEY"])
    return session


def _skip_expect_header(params: dict[str, Any], **_: Any) -> None:
    """Send small bodies without the header `Expect: 100-continue`, which costs a second round trip.

    botocore adds it in a handler of `before-call.s3`, so this handler must run last.
    """
    if isinstance(params.get("body"), io.BytesIO):
        params["headers"].pop("Expect", None)


def _mark_truncated_reply(response_dict: dict[str, Any], **_: Any) -> None:
    """Turn a truncated reply into an error, which botocore retries.

    botocore does not compare a reply's length with Content-Length, and reads a truncated JSON document as an empty
    one: a job that exists would not be found by its name and would be submitted a second time.
    """
    body, headers = response_dict["body"], response_dict["headers"]
    length = headers.get("content-length", "")
    if (
        isinstance(body, bytes)
        and length.isdigit()
        and len(length) < 19
        and len(body) < int(length)
        and "content-encoding" not in headers
    ):
        response_dict["status_code"] = 500
        response_dict["body"] = b'{"message": "The reply broke off."}'
        # A code that botocore retries whatever the HTTP status is.
        response_dict["headers"] = {**headers, "x-amzn-errortype": "RequestTimeout"}


def _raise_truncated_reply(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
    """Let the caller see the parser's error when all retries have failed."""
    if parsed.get("Error"):
        http_response.status_code = parsed["ResponseMetadata"]["HTTPStatusCode"]
