"""AWS clients for the calls that only a self-test makes: most of them AWS must refuse.

Their user agent is not that of a scan's calls, so that CloudTrail tells these refusals from a scan's.
"""

from __future__ import annotations

from typing import Any, Mapping

import boto3
from botocore.config import Config

#: A network without a way to a service must cost seconds, not minutes.
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 2},
    user_agent_extra="opsctl-selftest",
)


class Clients:
    """Makes clients of one session: a session reads AWS's descriptions of its services once."""

    def __init__(self) -> None:
        self._session = boto3.session.Session()
        # STS's one global address cannot be reached through a private network's endpoint.
        self._session._session.set_config_variable("sts_regional_endpoints", "regional")

    def make(self, service: str, credentials: Mapping[str, str] | None = None) -> Any:
        """Make a client.

        Parameters
        ----------
        service
            boto3's name of the service.
        credentials
            `AccessKeyId`, `SecretAccessKey` and `Token` of the instance's role; None: the job's own.
        """
        if credentials is None:
            return self._session.client(service, config=_CONFIG)
        return self._session.client(
            service,
            config=_CONFIG,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["Token"],
        )
