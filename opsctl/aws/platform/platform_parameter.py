"""The platform's record in the SSM Parameter Store, for users who did not run `up` themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.core.platform.platform import Platform, record_parameter

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


def read_record(client: SSMClient, name: str) -> Platform | None:
    """The platform `name` in the client's region; None if there is none."""
    with translated("reading the platform's record"):
        try:
            value = client.get_parameter(Name=record_parameter(name))["Parameter"]["Value"]
        except ClientError as error:
            if code_of(error) == "ParameterNotFound":
                return None
            raise
    return Platform.decode(value, f"The SSM parameter {record_parameter(name)}")
