"""Who the job is: its credentials must be the job role's, and nobody else's."""

from __future__ import annotations

import re
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from m2g_job.selftest_check import Failed, NotChecked


def role_of(arn: str) -> tuple[str, str]:
    """The account and the name of a role, from its own ARN or that of a session of it; ("", "") for anybody else.

    The ARN of a session has no path: `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`.
    """
    session = re.match(r"^arn:[^:]+:sts::([0-9]*):assumed-role/([^/]+)/", arn)
    role = re.match(r"^arn:[^:]+:iam::([0-9]*):role/(?:.*/)?([^/]+)$", arn)
    match = session or role
    return (match.group(1), match.group(2)) if match else ("", "")


def identity(sts: Any, *, role: str) -> str:
    """Ask AWS who sends the job's requests.

    Parameters
    ----------
    sts
        A client with the job's own credentials.
    role
        The ARN of the role that the job definition names; "" where it is not known.
    """
    try:
        arn = str(sts.get_caller_identity()["Arn"])
    except ClientError as error:
        raise Failed(f"AWS does not take the job's credentials: {error}") from error
    except BotoCoreError as error:
        # A network of private subnets may have no way to STS; the checks of the storage use the same credentials.
        raise NotChecked(f"AWS did not answer who the job is: {type(error).__name__}: {error}") from error
    if not role:
        raise NotChecked(f"The job is {arn}; which role it must have was not visible to whoever submitted it.")
    if role_of(arn) != role_of(role):
        raise Failed(f"the job is {arn}, and its definition names the role {role}")
    return f"The job's credentials are those of the role {role_of(role)[1]}."
