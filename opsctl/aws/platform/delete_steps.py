"""How each kind of a platform's resources is deleted: one step per call, repeated until the resource is gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from opsctl.aws.clients import Clients
from opsctl.core.platform.inventory import TAG, Resource, ResourceKind, role_names

_SERVICE_POLICY = "service-role/AWSBatchServiceRole"


class DeleteSteps:
    """Takes the next step in deleting a resource. Each step returns what it waits for; empty when the resource is gone.

    Attributes
    ----------
    recreated_roles
        Roles created again because AWS Batch deletes nothing without them.
    """

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name
        self.recreated_roles: list[Resource] = []
        self._steps: Mapping[ResourceKind, Callable[[Resource], str]] = {
            ResourceKind.QUEUE: self._queue,
            ResourceKind.ENVIRONMENT: self._environment,
            ResourceKind.INSTANCE: self._instance,
            ResourceKind.DEFINITION: self._definition,
            ResourceKind.ENDPOINT: self._endpoint,
            ResourceKind.INTERFACE: self._interface,
            ResourceKind.GATEWAY: self._gateway,
            ResourceKind.ROUTES: self._routes,
            ResourceKind.PROFILE: self._profile,
            ResourceKind.ROLE: self._role,
        }

    def take(self, resource: Resource) -> str:
        """Take the next step in deleting a resource.

        Returns
        -------
        str
            What the deletion waits for; empty when the resource is gone.

        Raises
        ------
        botocore.exceptions.ClientError
            As AWS raises it, also when the resource is gone already or in use.
        """
        return self._steps.get(resource.kind, self._delete_at_once)(resource)

    def _queue(self, resource: Resource) -> str:
        batch = self._clients.batch
        queues: Any = batch.describe_job_queues(jobQueues=[resource.id])["jobQueues"]
        if not queues or queues[0].get("status") == "DELETED":
            return ""
        if queues[0]["status"] in ("VALID", "INVALID"):
            if queues[0]["state"] != "DISABLED":
                batch.update_job_queue(jobQueue=resource.id, state="DISABLED")
            else:
                batch.delete_job_queue(jobQueue=resource.id)
        return "AWS Batch ends a queue in about a minute"

    def _environment(self, resource: Resource) -> str:
        batch = self._clients.batch
        reply: Any = batch.describe_compute_environments(computeEnvironments=[resource.id])
        environments = reply["computeEnvironments"]
        if not environments or environments[0].get("status") == "DELETED":
            return ""
        environment = environments[0]
        if environment["status"] == "INVALID":
            self._recreate_role(environment.get("serviceRole", ""))
        if environment["status"] in ("VALID", "INVALID"):
            if environment["state"] != "DISABLED":
                batch.update_compute_environment(computeEnvironment=resource.id, state="DISABLED")
            else:
                batch.delete_compute_environment(computeEnvironment=resource.id)
        if environment["status"] == "INVALID":
            return f"AWS says: {environment.get('statusReason', 'INVALID')}"
        return "AWS Batch ends its instances first"

    def _recreate_role(self, arn: str) -> None:
        """Create an environment's service role again: AWS Batch deletes nothing without it, and turns INVALID.

        https://docs.aws.amazon.com/batch/latest/userguide/invalid_compute_environment.html
        """
        iam, (path, role_name) = self._clients.iam, _path_and_name(arn)
        if not role_names(self._name, region=self._clients.region or "").fullmatch(role_name):
            return
        account, partition = arn.split(":")[4], arn.split(":")[1]
        statement = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "batch.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": account}},
        }
        try:
            iam.create_role(
                RoleName=role_name,
                # The environment names the role with its path.
                Path=path,
                AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
                Tags=[{"Key": TAG, "Value": self._name}],
                **self._boundary(role_name.rpartition("-")[0]),
            )
            self.recreated_roles.append(Resource(kind=ResourceKind.ROLE, id=role_name, name=role_name, arn=arn))
        except iam.exceptions.EntityAlreadyExistsException:
            pass
        iam.attach_role_policy(RoleName=role_name, PolicyArn=f"arn:{partition}:iam::aws:policy/{_SERVICE_POLICY}")

    def _boundary(self, prefix: str) -> Any:
        """The permissions boundary of the platform's other roles; an account may refuse a role without it."""
        iam = self._clients.iam
        for kind in ("job", "instance"):
            try:
                boundary = iam.get_role(RoleName=f"{prefix}-{kind}")["Role"].get("PermissionsBoundary")
            except iam.exceptions.NoSuchEntityException:
                continue
            return {"PermissionsBoundary": boundary["PermissionsBoundaryArn"]} if boundary else {}
        return {}

    def _interface(self, resource: Resource) -> str:
        # EC2 deletes it with the instance that it belongs to.
        reply = self._clients.ec2.describe_network_interfaces(NetworkInterfaceIds=[resource.id])
        return f"{resource.reason or 'something uses it'}, which has to end first" if reply["NetworkInterfaces"] else ""

    def _instance(self, resource: Resource) -> str:
        ec2 = self._clients.ec2
        reservations = ec2.describe_instances(InstanceIds=[resource.id])["Reservations"]
        states = {instance["State"]["Name"] for reservation in reservations for instance in reservation["Instances"]}
        if states <= {"terminated"}:
            return ""
        if "shutting-down" not in states:
            ec2.terminate_instances(InstanceIds=[resource.id])
        return "EC2 ends it"

    def _definition(self, resource: Resource) -> str:
        batch = self._clients.batch
        reply = batch.describe_job_definitions(jobDefinitions=[resource.arn or resource.id])
        if any(definition["status"] == "ACTIVE" for definition in reply["jobDefinitions"]):
            batch.deregister_job_definition(jobDefinition=resource.arn or resource.id)
        return ""

    def _endpoint(self, resource: Resource) -> str:
        ec2 = self._clients.ec2
        reply = ec2.delete_vpc_endpoints(VpcEndpointIds=[resource.id])
        errors = [error["Error"] for error in reply.get("Unsuccessful", ())]
        if any(means_gone(error.get("Code", "")) for error in errors):
            return ""
        endpoints = ec2.describe_vpc_endpoints(VpcEndpointIds=[resource.id])["VpcEndpoints"]
        if all(str(endpoint.get("State", "")).lower() == "deleted" for endpoint in endpoints):
            return ""
        return (errors[0].get("Message", "") if errors else "") or "AWS takes it down"

    def _gateway(self, resource: Resource) -> str:
        ec2 = self._clients.ec2
        for gateway in ec2.describe_internet_gateways(InternetGatewayIds=[resource.id])["InternetGateways"]:
            for attachment in gateway.get("Attachments", ()):
                ec2.detach_internet_gateway(InternetGatewayId=resource.id, VpcId=attachment["VpcId"])
        ec2.delete_internet_gateway(InternetGatewayId=resource.id)
        return ""

    def _routes(self, resource: Resource) -> str:
        ec2 = self._clients.ec2
        for table in ec2.describe_route_tables(RouteTableIds=[resource.id])["RouteTables"]:
            for association in table.get("Associations", ()):
                ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])
        ec2.delete_route_table(RouteTableId=resource.id)
        return ""

    def _profile(self, resource: Resource) -> str:
        iam = self._clients.iam
        for role in iam.get_instance_profile(InstanceProfileName=resource.id)["InstanceProfile"]["Roles"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=resource.id, RoleName=role["RoleName"])
        iam.delete_instance_profile(InstanceProfileName=resource.id)
        return ""

    def _role(self, resource: Resource) -> str:
        iam = self._clients.iam
        for attached in iam.get_paginator("list_attached_role_policies").paginate(RoleName=resource.id):
            for policy in attached["AttachedPolicies"]:
                iam.detach_role_policy(RoleName=resource.id, PolicyArn=policy["PolicyArn"])
        for inline in iam.get_paginator("list_role_policies").paginate(RoleName=resource.id):
            for policy_name in inline["PolicyNames"]:
                iam.delete_role_policy(RoleName=resource.id, PolicyName=policy_name)
        iam.delete_role(RoleName=resource.id)
        return ""

    def _delete_at_once(self, resource: Resource) -> str:
        clients = self._clients
        deletes: Mapping[ResourceKind, Callable[[], Any]] = {
            ResourceKind.VOLUME: lambda: clients.ec2.delete_volume(VolumeId=resource.id),
            ResourceKind.TEMPLATE: lambda: clients.ec2.delete_launch_template(LaunchTemplateId=resource.id),
            ResourceKind.SECURITY_GROUP: lambda: clients.ec2.delete_security_group(GroupId=resource.id),
            ResourceKind.SUBNET: lambda: clients.ec2.delete_subnet(SubnetId=resource.id),
            ResourceKind.VPC: lambda: clients.ec2.delete_vpc(VpcId=resource.id),
            ResourceKind.LOG_GROUP: lambda: clients.logs.delete_log_group(logGroupName=resource.id),
            ResourceKind.RECORD: lambda: clients.ssm.delete_parameter(Name=resource.id),
            ResourceKind.CLAIM: lambda: clients.ssm.delete_parameter(Name=resource.id),
        }
        deletes[resource.kind]()
        return ""


def _path_and_name(role_arn: str) -> tuple[str, str]:
    """`/lab/` and `NAME` of `arn:aws:iam::ACCOUNT:role/lab/NAME`; the path of most roles is `/`."""
    path, _, name = role_arn.partition(":role")[2].rpartition("/")
    return f"{path}/", name


def means_gone(code: str) -> bool:
    """Whether a code means that the resource does not exist; EC2 has one per kind: `InvalidSubnetID.NotFound`."""
    return ".NotFound" in code or code in ("NoSuchEntity", "ParameterNotFound", "ResourceNotFoundException")
