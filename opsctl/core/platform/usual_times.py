"""How long the slow resources of a platform usually take, for whoever waits for one.

Most are waits of Terraform's provider, which are as long on AWS as on this machine: it asks for the first time after 10
or 30 s. A compute environment has none: AWS removes it when its instances have ended, and says nothing of how long.
"""

from __future__ import annotations

import re

_TYPE = re.compile(r"(?:^|\.)(aws_\w+)\.\w+(?:\[.*\])?$")

_CREATE = {
    "aws_batch_job_queue": "30 s",
    "aws_launch_template": "5 s",
    "aws_iam_instance_profile": "5 s",
    "aws_s3_bucket_lifecycle_configuration": "1 min",
    "aws_subnet": "10 s",
    "aws_vpc": "10 s",
    "aws_vpc_endpoint": "5 s",
}
_DELETE = {
    "aws_batch_job_queue": "1 min",
    "aws_vpc_endpoint": "5 s",
}


def usual_time(address: str, action: str) -> str:
    """How long an action on a resource usually takes, such as `30 s`; empty where it takes a second or two.

    Parameters
    ----------
    address
        Terraform's address of the resource.
    action
        `create`, `delete`, or another of Terraform's actions.
    """
    resource_type = _TYPE.search(address)
    table = {"create": _CREATE, "delete": _DELETE}.get(action, {})
    return table.get(resource_type[1], "") if resource_type else ""
