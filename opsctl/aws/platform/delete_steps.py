"""How each kind of a platform's resources is removed: one step each, asked again until it is gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from opsctl.aws.clients import Clients
from opsctl.core.platform.inventory import TAG, Resource, ResourceKind

_SERVICE_POLICY = "service-role/AWSBatchServiceRole"


class DeleteSteps:
    """Asks AWS for what comes next with a resource, and tells what it waits for; nothing when it is gone.

    Attributes
    ----------
    given_back
        Roles made again for what could not be deleted without them.
    """

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name
        self.given_back: list[Resource] = []
        self._by_kind: Mapping[ResourceKind, Callable[[Resource], str]] = {
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

    def take(self, one: Resource) -> str:
        """Go one step towards a resource's end.

        Returns
        -------
        str
            What is waited for; empty when it is gone.

        Raises
        ------
        botocore.exceptions.ClientError
            As AWS refuses it: also when it is gone already, or busy.
        """
        return self._by_kind.get(one.kind, self._plain)(one)

    def _queue(self, one: Resource) -> str:
        batch = self._clients.batch
        found: Any = batch.describe_job_queues(jobQueues=[one.id])["jobQueues"]
        if not found or found[0].get("status") == "DELETED":
            return ""
        if found[0]["status"] in ("VALID", "INVALID"):
            if found[0]["state"] != "DISABLED":
                batch.update_job_queue(jobQueue=one.id, state="DISABLED")
            else:
                batch.delete_job_queue(jobQueue=one.id)
        return "AWS Batch ends a queue in about a minute"

    def _environment(self, one: Resource) -> str:
        batch = self._clients.batch
        found: Any = batch.describe_compute_environments(computeEnvironments=[one.id])["computeEnvironments"]
        if not found or found[0].get("status") == "DELETED":
            return ""
        now = found[0]
        if now["status"] == "INVALID":
            self._give_role_back(now.get("serviceRole", ""))
        if now["status"] in ("VALID", "INVALID"):
            if now["state"] != "DISABLED":
                batch.update_compute_environment(computeEnvironment=one.id, state="DISABLED")
            else:
                batch.delete_compute_environment(computeEnvironment=one.id)
        if now["status"] == "INVALID":
            return f"AWS says: {now.get('statusReason', 'INVALID')}"
        return "AWS Batch ends its instances first"

    def _give_role_back(self, arn: str) -> None:
        """AWS Batch deletes nothing without its role; what turned an environment INVALID is most often that it went.

        https://docs.aws.amazon.com/batch/latest/userguide/invalid_compute_environment.html
        """
        iam, role = self._clients.iam, arn.rpartition("/")[2]
        if not role.startswith(f"opsctl-{self._name}-{self._clients.region}-"):
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
                RoleName=role,
                AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
                Tags=[{"Key": TAG, "Value": self._name}],
            )
            self.given_back.append(Resource(kind=ResourceKind.ROLE, id=role, name=role, arn=arn))
        except iam.exceptions.EntityAlreadyExistsException:
            pass
        iam.attach_role_policy(RoleName=role, PolicyArn=f"arn:{partition}:iam::aws:policy/{_SERVICE_POLICY}")

    def _interface(self, one: Resource) -> str:
        # Whose it is lets go of it: an instance of Batch's that ends.
        found = self._clients.ec2.describe_network_interfaces(NetworkInterfaceIds=[one.id])["NetworkInterfaces"]
        return f"{one.reason or 'something uses it'}, which has to end first" if found else ""

    def _instance(self, one: Resource) -> str:
        ec2 = self._clients.ec2
        there = ec2.describe_instances(InstanceIds=[one.id])["Reservations"]
        states = {instance["State"]["Name"] for some in there for instance in some["Instances"]}
        if states <= {"terminated"}:
            return ""
        if "shutting-down" not in states:
            ec2.terminate_instances(InstanceIds=[one.id])
        return "EC2 ends it"

    def _definition(self, one: Resource) -> str:
        batch = self._clients.batch
        found = batch.describe_job_definitions(jobDefinitions=[one.arn or one.id])["jobDefinitions"]
        if any(definition["status"] == "ACTIVE" for definition in found):
            batch.deregister_job_definition(jobDefinition=one.arn or one.id)
        return ""

    def _endpoint(self, one: Resource) -> str:
        ec2 = self._clients.ec2
        reply = ec2.delete_vpc_endpoints(VpcEndpointIds=[one.id])
        errors = [error["Error"] for error in reply.get("Unsuccessful", ())]
        if any(says_gone(error.get("Code", "")) for error in errors):
            return ""
        found = ec2.describe_vpc_endpoints(VpcEndpointIds=[one.id])["VpcEndpoints"]
        there = [one for one in found if str(one.get("State", "")).lower() != "deleted"]
        return (errors[0].get("Message", "") if errors else "") or "AWS takes it down" if there else ""

    def _gateway(self, one: Resource) -> str:
        ec2 = self._clients.ec2
        for gateway in ec2.describe_internet_gateways(InternetGatewayIds=[one.id])["InternetGateways"]:
            for link in gateway.get("Attachments", ()):
                ec2.detach_internet_gateway(InternetGatewayId=one.id, VpcId=link["VpcId"])
        ec2.delete_internet_gateway(InternetGatewayId=one.id)
        return ""

    def _routes(self, one: Resource) -> str:
        ec2 = self._clients.ec2
        for table in ec2.describe_route_tables(RouteTableIds=[one.id])["RouteTables"]:
            for link in table.get("Associations", ()):
                ec2.disassociate_route_table(AssociationId=link["RouteTableAssociationId"])
        ec2.delete_route_table(RouteTableId=one.id)
        return ""

    def _profile(self, one: Resource) -> str:
        iam = self._clients.iam
        for role in iam.get_instance_profile(InstanceProfileName=one.id)["InstanceProfile"]["Roles"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=one.id, RoleName=role["RoleName"])
        iam.delete_instance_profile(InstanceProfileName=one.id)
        return ""

    def _role(self, one: Resource) -> str:
        iam = self._clients.iam
        for attached in iam.get_paginator("list_attached_role_policies").paginate(RoleName=one.id):
            for policy in attached["AttachedPolicies"]:
                iam.detach_role_policy(RoleName=one.id, PolicyArn=policy["PolicyArn"])
        for inline in iam.get_paginator("list_role_policies").paginate(RoleName=one.id):
            for policy_name in inline["PolicyNames"]:
                iam.delete_role_policy(RoleName=one.id, PolicyName=policy_name)
        iam.delete_role(RoleName=one.id)
        return ""

    def _plain(self, one: Resource) -> str:
        clients = self._clients
        deletes: Mapping[ResourceKind, Callable[[], Any]] = {
            ResourceKind.VOLUME: lambda: clients.ec2.delete_volume(VolumeId=one.id),
            ResourceKind.TEMPLATE: lambda: clients.ec2.delete_launch_template(LaunchTemplateId=one.id),
            ResourceKind.SECURITY_GROUP: lambda: clients.ec2.delete_security_group(GroupId=one.id),
            ResourceKind.SUBNET: lambda: clients.ec2.delete_subnet(SubnetId=one.id),
            ResourceKind.VPC: lambda: clients.ec2.delete_vpc(VpcId=one.id),
            ResourceKind.LOG_GROUP: lambda: clients.logs.delete_log_group(logGroupName=one.id),
            ResourceKind.RECORD: lambda: clients.ssm.delete_parameter(Name=one.id),
        }
        deletes[one.kind]()
        return ""


def says_gone(code: str) -> bool:
    """EC2 has a code for each kind: `InvalidSubnetID.NotFound`, `InvalidLaunchTemplateId.NotFoundException`."""
    return ".NotFound" in code or code in ("NoSuchEntity", "ParameterNotFound", "ResourceNotFoundException")
