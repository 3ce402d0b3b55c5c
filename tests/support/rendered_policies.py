"""Every policy of a platform as the real Terraform renders it in a plan, and AWS's own policies beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from support.local_aws import Aws
from support.real_terraform import Terraform

NAME, REGION, ACCOUNT = "m2g", "eu-central-1", "123456789012"
DATA_BUCKET = f"opsctl-{NAME}-{ACCOUNT}-{REGION}"
SOURCE_BUCKET = "open-neuro"
_REPOSITORY = f"opsctl-{NAME}"

Document = dict[str, Any]


# One plan for all: storage, and the platform with and without another bucket to read from.
_ROOT = """
module "storage" {{
  source     = "../storage"
  name       = "{name}"
  region     = "{region}"
  path_style = true
}}

module "platform" {{
  source         = "../platform"
  source_buckets = ["{source}"]
{platform}
}}

module "plain" {{
  source = "../platform"
{platform}
}}

output "policies" {{
  value = {{
    for kind, root in {{ sources = module.platform, plain = module.plain }} :
    kind => {{ run = root.run_policy, up = root.up_policy, up-network = root.up_network_policy }}
  }}
}}
"""


@dataclass(frozen=True)
class Policies:
    """What hangs on whom, by role; and the texts for people, by their file in docs/policies.

    Parameters
    ----------
    texts, texts_with_source
        Of a platform without and with a bucket of its `source_buckets`.
    """

    trust: dict[str, Document]
    attached: dict[str, list[Document]]
    bucket: Document
    texts: dict[str, str]
    texts_with_source: dict[str, str]

    def parsed(self, file: str) -> Document:
        """A text for people, of the platform with a source bucket."""
        document: Document = json.loads(self.texts_with_source[file])
        return document


def render(aws: Aws, terraform: Terraform) -> Policies:
    """Plan storage and platform and read the policies out of the plan."""
    variables = {
        "name": NAME,
        "region": REGION,
        "data_bucket": DATA_BUCKET,
        "repository_arn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{_REPOSITORY}",
        "repository_url": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{_REPOSITORY}",
        "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{_REPOSITORY}@sha256:{'0' * 64}",
        "opsctl_version": "0.1.0",
    }
    platform = "\n".join(f'  {name} = "{value}"' for name, value in variables.items())
    root = terraform.tree / "policies"
    root.mkdir()
    (root / "main.tf").write_text(_ROOT.format(name=NAME, region=REGION, source=SOURCE_BUCKET, platform=platform))
    terraform.init("policies")
    terraform.run("policies", "plan", "-input=false", "-lock=false", "-out=plan")
    plan: Document = json.loads(terraform.run("policies", "show", "-json", "plan").stdout)
    texts = plan["planned_values"]["outputs"]["policies"]["value"]
    modules = {one["address"]: one for one in plan["planned_values"]["root_module"]["child_modules"]}
    roles = _resources(modules["module.platform"], "aws_iam_role")
    (bucket,) = _resources(modules["module.storage"], "aws_s3_bucket_policy")
    return Policies(
        trust={one["name"]: json.loads(one["values"]["assume_role_policy"]) for one in roles},
        attached=_attached(plan, modules["module.platform"], aws),
        bucket=json.loads(bucket["values"]["policy"]),
        texts=texts["plain"],
        texts_with_source=texts["sources"],
    )


def managed_policy(aws: Aws, arn: str) -> Document:
    """One of AWS's own policies, as the server carries it."""
    iam = aws.client("iam")
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document: Document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return document


def _attached(plan: Document, platform: Document, aws: Aws) -> dict[str, list[Document]]:
    """The roles' policies, by the role that each refers to: the names of roles are not known before they are made."""
    values = {
        f"{one['type']}.{one['name']}": one["values"]
        for kind in ("aws_iam_role_policy", "aws_iam_role_policy_attachment")
        for one in _resources(platform, kind)
    }
    found: dict[str, list[Document]] = {}
    root = plan["configuration"]["root_module"]["module_calls"]["platform"]["module"]
    for one in root["module_calls"]["iam"]["module"]["resources"]:
        key = f"{one['type']}.{one['name']}"
        if key not in values:
            continue
        role = one["expressions"]["role"]["references"][0].split(".")[1]
        known = values[key]
        document = json.loads(known["policy"]) if "policy" in known else managed_policy(aws, known["policy_arn"])
        found.setdefault(role, []).append(document)
    return found


def _resources(module: Document, kind: str) -> Iterator[Document]:
    modules = [module]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules", ())
        yield from (one for one in module.get("resources", ()) if one["type"] == kind)
