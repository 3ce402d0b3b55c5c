"""What is made before what, and so removed after it: by the graph that Terraform makes of the platform."""

from __future__ import annotations

import re

import pytest
from support.real_terraform import Terraform

ENVIRONMENT = "module.batch.aws_batch_compute_environment.model"
DEFINITION = "module.batch.aws_batch_job_definition.model"
QUEUE = "module.batch.aws_batch_job_queue.model"
RECORD = "aws_ssm_parameter.record"


@pytest.fixture(scope="module")
def needs(terraform: Terraform) -> dict[str, set[str]]:
    """All that each resource waits for, directly or not."""
    terraform.init("platform")
    edges: dict[str, set[str]] = {}
    for source, target in re.findall(r'^ *"([^"]+)" -> "([^"]+)";', terraform.run("platform", "graph").stdout, re.M):
        edges.setdefault(source, set()).add(target)

    def reach(resource: str) -> set[str]:
        reached: set[str] = set()
        waiting = [resource]
        while waiting:
            new = edges.get(waiting.pop(), set()) - reached
            reached |= new
            waiting += new
        return reached

    return {resource: reach(resource) for resource in edges}


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        # An instance that starts before its subnet has a route never registers with ECS; and while it waits for its way
        # to S3, its image's layers come through the internet.
        (ENVIRONMENT, "module.vpc.aws_route_table_association.public"),
        (ENVIRONMENT, "module.vpc.aws_internet_gateway.main"),
        (ENVIRONMENT, "module.vpc.aws_vpc_endpoint.s3"),
        # An environment whose role has lost its policy becomes INVALID and can no longer be deleted.
        (ENVIRONMENT, "module.iam.aws_iam_role_policy_attachment.service"),
        (ENVIRONMENT, "module.iam.aws_iam_role_policy_attachment.instance"),
        (ENVIRONMENT, "module.iam.aws_iam_role_policy.instance"),
        # A job without its role's policy fails as if its inputs were refused.
        (DEFINITION, "module.iam.aws_iam_role_policy.job"),
        # A job without its log group does not start.
        (DEFINITION, "module.batch.aws_cloudwatch_log_group.jobs"),
        # The record says that there is a platform: it comes last, and `down` removes it first.
        (RECORD, QUEUE),
        (RECORD, DEFINITION),
        (RECORD, ENVIRONMENT),
    ],
)
def test_a_resource_waits_for_what_it_needs(needs: dict[str, set[str]], later: str, earlier: str) -> None:
    assert earlier in needs[later]


def test_nothing_is_made_after_the_record(needs: dict[str, set[str]]) -> None:
    assert [resource for resource, earlier in needs.items() if RECORD in earlier] == []
