"""The policies of a platform's roles and of its data bucket, as Terraform renders them in a plan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from support.local_aws import Aws
from support.policy_files import ACCOUNT, NAME, REGION, Policy
from support.real_terraform import Terraform

DATA_BUCKET = f"opsctl-{NAME}-{ACCOUNT}-{REGION}"
SOURCE_BUCKET = "open-neuro"

# Both roots in one plan.
_CONFIGURATION = f"""
module "storage" {{
  source     = "../storage"
  name       = "{NAME}"
  region     = "{REGION}"
  path_style = true
}}

module "platform" {{
  source         = "../platform"
  name           = "{NAME}"
  region         = "{REGION}"
  data_bucket    = "{DATA_BUCKET}"
  source_buckets = ["{SOURCE_BUCKET}"]
  repository_arn = "arn:aws:ecr:{REGION}:{ACCOUNT}:repository/opsctl-{NAME}"
  repository_url = "{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/opsctl-{NAME}"
  image          = "m2g:1"
  opsctl_version = "0.1.0"
}}
"""


@dataclass(frozen=True)
class Policies:
    """The rendered policies.

    Attributes
    ----------
    trust, attached
        By role: `job`, `instance`, `service`.
    bucket
        The data bucket's own policy.
    """

    trust: dict[str, Policy]
    attached: dict[str, list[Policy]]
    bucket: Policy


def render(aws: Aws, terraform: Terraform) -> Policies:
    """Plan storage and platform, and read the policies out of the plan."""
    root = terraform.tree / "policies"
    root.mkdir()
    (root / "main.tf").write_text(_CONFIGURATION)
    terraform.init("policies")
    terraform.run("policies", "plan", "-input=false", "-lock=false", "-out=plan")
    plan: Policy = json.loads(terraform.run("policies", "show", "-json", "plan").stdout)
    modules = {module["address"]: module for module in plan["planned_values"]["root_module"]["child_modules"]}
    roles = _resources(modules["module.platform"], "aws_iam_role")
    (bucket,) = _resources(modules["module.storage"], "aws_s3_bucket_policy")
    return Policies(
        trust={role["name"]: json.loads(role["values"]["assume_role_policy"]) for role in roles},
        attached=_attached(plan, modules["module.platform"], aws),
        bucket=json.loads(bucket["values"]["policy"]),
    )


def managed_policy(aws: Aws, arn: str) -> Policy:
    """Return one of AWS's managed policies, as the server carries it."""
    iam = aws.client("iam")
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    policy: Policy = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return policy


def _attached(plan: Policy, platform: Policy, aws: Aws) -> dict[str, list[Policy]]:
    """Return the roles' policies. A plan does not know a new role's id, so the configuration says whose each one is."""
    values = {
        f"{resource['type']}.{resource['name']}": resource["values"]
        for resource_type in ("aws_iam_role_policy", "aws_iam_role_policy_attachment")
        for resource in _resources(platform, resource_type)
    }
    policies: dict[str, list[Policy]] = {}
    root = plan["configuration"]["root_module"]["module_calls"]["platform"]["module"]
    for resource in root["module_calls"]["iam"]["module"]["resources"]:
        planned = values.get(f"{resource['type']}.{resource['name']}")
        if planned is None:
            continue
        role = resource["expressions"]["role"]["references"][0].split(".")[1]
        policy = json.loads(planned["policy"]) if "policy" in planned else managed_policy(aws, planned["policy_arn"])
        policies.setdefault(role, []).append(policy)
    return policies


def _resources(module: Policy, resource_type: str) -> Iterator[Policy]:
    modules = [module]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules", ())
        yield from (resource for resource in module.get("resources", ()) if resource["type"] == resource_type)
