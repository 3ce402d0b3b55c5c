"""The claim on a platform's name, as an SSM parameter: SSM lets only one `up` create it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.core.platform.claim import Claim
from opsctl.core.platform.platform import claim_parameter

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class ClaimParameter:
    """The claim on one platform's name in the client's account and region.

    Parameters
    ----------
    name
        The platform's.
    tags
        Of the parameter.
    """

    def __init__(self, client: SSMClient, name: str, *, tags: Mapping[str, str]) -> None:
        self._client = client
        self._parameter = claim_parameter(name)
        self._tags = tags

    def read(self) -> Claim | None:
        """The claim; None where there is none."""
        with translated("reading the claim on the platform's name"):
            try:
                value = self._client.get_parameter(Name=self._parameter)["Parameter"]["Value"]
            except ClientError as error:
                if code_of(error) == "ParameterNotFound":
                    return None
                raise
        return Claim.decode(value, f"The SSM parameter {self._parameter}")

    def create(self, claim: Claim) -> bool:
        """Write the claim unless there is one; returns whether it was written.

        False may also mean that this call wrote it: after a lost reply botocore repeats the call.
        """
        with translated("claiming the platform's name"):
            try:
                self._client.put_parameter(
                    Name=self._parameter,
                    Value=json.dumps(asdict(claim)),
                    Type="String",
                    Tags=[{"Key": key, "Value": value} for key, value in self._tags.items()],
                )
            except ClientError as error:
                if code_of(error) == "ParameterAlreadyExists":
                    return False
                raise
        return True

    def replace(self, claim: Claim) -> None:
        """Write the claim in the place of another."""
        with translated("claiming the platform's name"):
            self._client.put_parameter(
                Name=self._parameter, Value=json.dumps(asdict(claim)), Type="String", Overwrite=True
            )
