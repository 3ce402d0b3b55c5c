"""Changes that somebody makes in the console, and the sentence that must report each."""

from __future__ import annotations

from shared_world import ACCOUNT, REGION, Server


def sentences(name: str) -> list[str]:
    """What `up --plan` says of the changes that `change_by_hand` makes."""
    role = f"opsctl-{name}-{REGION}-job"
    return [
        "versioning of the data bucket is suspended",
        "the csd queue was disabled by hand",
        "the job definition csd was deregistered",
        "the log group keeps lines for ever instead of 30 days",
        "the security group lets port 22 in from 0.0.0.0/0",
        f"the policy data of the role {role} is gone",
        f"the role {role} has the tag owner (bob), which is not opsctl's",
        f"the platform's record /opsctl/{name}/platform is gone",
    ]


def change_by_hand(server: Server, name: str) -> None:
    prefix = f"opsctl-{name}"
    role = f"{prefix}-{REGION}-job"
    server.client("s3").put_bucket_versioning(
        Bucket=f"{prefix}-{ACCOUNT}-{REGION}", VersioningConfiguration={"Status": "Suspended"}
    )
    batch = server.client("batch")
    batch.update_job_queue(jobQueue=f"{prefix}-csd", state="DISABLED")
    for definition in batch.describe_job_definitions(jobDefinitionName=f"{prefix}-csd", status="ACTIVE")[
        "jobDefinitions"
    ]:
        batch.deregister_job_definition(jobDefinition=definition["jobDefinitionArn"])
    server.client("logs").delete_retention_policy(logGroupName=f"/opsctl/{name}")
    ec2 = server.client("ec2")
    groups = ec2.describe_security_groups(Filters=[{"Name": "tag:Name", "Values": [f"{prefix}-jobs"]}])
    ec2.authorize_security_group_ingress(
        GroupId=groups["SecurityGroups"][0]["GroupId"],
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    )
    iam = server.client("iam")
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)
    iam.tag_role(RoleName=role, Tags=[{"Key": "owner", "Value": "bob"}])
    server.client("ssm").delete_parameter(Name=f"/opsctl/{name}/platform")
