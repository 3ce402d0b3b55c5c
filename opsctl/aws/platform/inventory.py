"""Lists a platform's resources on AWS, service by service.

Terraform's state is not enough: after a lost reply or a kill some resources are missing from it. The tagging API does
not cover IAM and Batch, so each service is asked itself, by name and tag. The storage root's resources (bucket, image
repository) are never listed, so nothing that uses this inventory can touch them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from opsctl.aws.batch.machine_image import has_newer_image
from opsctl.aws.clients import Clients
from opsctl.aws.errors import code_of, translated
from opsctl.core.platform.inventory import (
    TAG,
    Resource,
    ResourceKind,
    batch_names,
    is_any_platforms,
    is_ours,
    role_names,
)
from opsctl.core.platform.platform import claim_parameter, record_parameter

_DELETED = ("DELETED", "INACTIVE")
_INSTANCE_STATES = ["pending", "running", "shutting-down", "stopping", "stopped"]
_IAM_PAGE = 1000


class Inventory:
    """The resources of one account and region."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def of(self, name: str) -> tuple[Resource, ...]:
        """The existing resources of the platform root, in the order in which they can be removed."""
        clients = self._clients
        # A session is not thread-safe; its clients are.
        _ = clients.batch, clients.ec2, clients.iam, clients.logs, clients.ssm
        services: Sequence[Callable[[str], Iterator[Resource]]] = (
            self._queues,
            self._environments,
            self._definitions,
            self._templates,
            self._instances,
            self._volumes,
            self._networks,
            self._roles,
            self._profiles,
            self._log_group,
            self._record,
        )
        with translated("taking the inventory"), ThreadPoolExecutor(len(services)) as pool:
            listings = list(pool.map(lambda listed: list(listed(name)), services))
        order = list(ResourceKind)
        resources = (resource for listing in listings for resource in listing)
        return tuple(sorted(resources, key=lambda resource: (order.index(resource.kind), resource.name, resource.id)))

    def is_empty(self) -> bool:
        """Whether no platform has any role, network, queue or log group."""
        clients = self._clients
        with translated("taking the inventory"):
            roles = clients.iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": _IAM_PAGE})
            if any(is_any_platforms(role["RoleName"]) for page in roles for role in page["Roles"]):
                return False
            if clients.ec2.describe_vpcs(Filters=[{"Name": "tag-key", "Values": [TAG]}])["Vpcs"]:
                return False
            queues = clients.batch.get_paginator("describe_job_queues").paginate()
            if any(is_any_platforms(queue["jobQueueName"]) for page in queues for queue in page["jobQueues"]):
                return False
            return not clients.logs.describe_log_groups(logGroupNamePrefix="/opsctl/")["logGroups"]

    def _queues(self, name: str) -> Iterator[Resource]:
        for page in self._clients.batch.get_paginator("describe_job_queues").paginate():
            for queue in page["jobQueues"]:
                ours = is_ours(queue["jobQueueName"], batch_names(name), queue.get("tags") or {}, platform=name)
                if ours is not None and queue.get("status") not in _DELETED:
                    yield Resource(
                        kind=ResourceKind.QUEUE,
                        id=queue["jobQueueName"],
                        name=queue["jobQueueName"],
                        arn=queue["jobQueueArn"],
                        state=queue.get("status", ""),
                        reason=queue.get("statusReason", ""),
                        is_tagged=ours,
                        uses=tuple(entry["computeEnvironment"] for entry in queue.get("computeEnvironmentOrder", ())),
                    )

    def _environments(self, name: str) -> Iterator[Resource]:
        for page in self._clients.batch.get_paginator("describe_compute_environments").paginate():
            for environment in page["computeEnvironments"]:
                environment_name = environment["computeEnvironmentName"]
                ours = is_ours(environment_name, batch_names(name), environment.get("tags") or {}, platform=name)
                if ours is not None and environment.get("status") not in _DELETED:
                    yield Resource(
                        kind=ResourceKind.ENVIRONMENT,
                        id=environment_name,
                        name=environment_name,
                        arn=environment["computeEnvironmentArn"],
                        state=environment.get("status", ""),
                        reason=environment.get("statusReason", ""),
                        is_tagged=ours,
                        uses=_used_by(environment),
                        has_newer_image=has_newer_image(environment),
                    )

    def _definitions(self, name: str) -> Iterator[Resource]:
        for page in self._clients.batch.get_paginator("describe_job_definitions").paginate(status="ACTIVE"):
            for definition in page["jobDefinitions"]:
                definition_name = definition["jobDefinitionName"]
                ours = is_ours(definition_name, batch_names(name), definition.get("tags") or {}, platform=name)
                if ours is not None:
                    revision = f"{definition_name}:{definition['revision']}"
                    yield Resource(
                        kind=ResourceKind.DEFINITION,
                        id=revision,
                        name=revision,
                        arn=definition["jobDefinitionArn"],
                        is_tagged=ours,
                    )

    def _templates(self, name: str) -> Iterator[Resource]:
        for page in self._clients.ec2.get_paginator("describe_launch_templates").paginate():
            for template in page["LaunchTemplates"]:
                ours = is_ours(template["LaunchTemplateName"], batch_names(name), _tags(template), platform=name)
                if ours is not None:
                    yield Resource(
                        kind=ResourceKind.TEMPLATE,
                        id=template["LaunchTemplateId"],
                        name=template["LaunchTemplateName"],
                        since=template.get("CreateTime"),
                        is_tagged=ours,
                    )

    def _instances(self, name: str) -> Iterator[Resource]:
        filters = [*_tagged(name), {"Name": "instance-state-name", "Values": _INSTANCE_STATES}]
        for page in self._clients.ec2.get_paginator("describe_instances").paginate(Filters=filters):  # type: ignore[arg-type]
            instances = (instance for reservation in page["Reservations"] for instance in reservation["Instances"])
            for instance in instances:
                yield Resource(
                    kind=ResourceKind.INSTANCE,
                    id=instance["InstanceId"],
                    state=instance["State"]["Name"],
                    since=instance.get("LaunchTime"),
                )

    def _volumes(self, name: str) -> Iterator[Resource]:
        for page in self._clients.ec2.get_paginator("describe_volumes").paginate(Filters=_tagged(name)):  # type: ignore[arg-type]
            for volume in page["Volumes"]:
                yield Resource(
                    kind=ResourceKind.VOLUME,
                    id=volume["VolumeId"],
                    state=volume["State"],
                    since=volume.get("CreateTime"),
                )

    def _networks(self, name: str) -> Iterator[Resource]:
        """The tagged VPCs and everything in them, tagged or not: only an empty VPC can be deleted.

        Of a VPC without the tag (`up --vpc-id`) only the platform's own security group.
        """
        ec2 = self._clients.ec2
        pages = ec2.get_paginator("describe_vpcs").paginate(Filters=_tagged(name))  # type: ignore[arg-type]
        tagged = [vpc for page in pages for vpc in page["Vpcs"]]
        for vpc in tagged:
            yield Resource(kind=ResourceKind.VPC, id=vpc["VpcId"], name=_tags(vpc).get("Name", ""))
        inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"] for vpc in tagged]}] if tagged else None
        for call, key, kind, id_key in _IN_A_VPC:
            filters = [_tagged(name)] if kind in _OUTSIDE_A_TAGGED_VPC else []
            where = "attachment.vpc-id" if kind == ResourceKind.GATEWAY else "vpc-id"
            filters += [[{**inside[0], "Name": where}]] if inside else []
            by_id: dict[str, Any] = {}
            for filter_list in filters:
                paginator = ec2.get_paginator(call)  # type: ignore[call-overload]
                pages = paginator.paginate(Filters=filter_list)
                by_id |= {reply[id_key]: reply for page in pages for reply in page[key]}
            yield from (_in_vpc(kind, reply, id_key, name) for reply in by_id.values() if not _comes_with_vpc(reply))

    def _roles(self, name: str) -> Iterator[Resource]:
        iam = self._clients.iam
        pattern = role_names(name, region=self._clients.region or "")
        for page in iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": _IAM_PAGE}):
            for role_name in (role["RoleName"] for role in page["Roles"] if pattern.fullmatch(role["RoleName"])):
                with _unless_gone():
                    role = iam.get_role(RoleName=role_name)["Role"]
                    yield from _of_iam(ResourceKind.ROLE, role, role_name, platform=name)

    def _profiles(self, name: str) -> Iterator[Resource]:
        iam = self._clients.iam
        pattern = role_names(name, region=self._clients.region or "")
        for page in iam.get_paginator("list_instance_profiles").paginate(PaginationConfig={"PageSize": _IAM_PAGE}):
            for profile_name in (profile["InstanceProfileName"] for profile in page["InstanceProfiles"]):
                if pattern.fullmatch(profile_name):
                    with _unless_gone():
                        profile = iam.get_instance_profile(InstanceProfileName=profile_name)["InstanceProfile"]
                        yield from _of_iam(ResourceKind.PROFILE, profile, profile_name, platform=name)

    def _log_group(self, name: str) -> Iterator[Resource]:
        group_name = f"/opsctl/{name}"
        for page in self._clients.logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=group_name):
            for group in page["logGroups"]:
                if group["logGroupName"] == group_name:
                    created_ms = group.get("creationTime")
                    yield Resource(
                        kind=ResourceKind.LOG_GROUP,
                        id=group_name,
                        # The suffix means "and its streams".
                        arn=group.get("arn", "").removesuffix(":*"),
                        since=datetime.fromtimestamp(created_ms / 1000, UTC) if created_ms else None,
                    )

    def _record(self, name: str) -> Iterator[Resource]:
        kinds = {record_parameter(name): ResourceKind.RECORD, claim_parameter(name): ResourceKind.CLAIM}
        for parameter in self._clients.ssm.get_parameters(Names=list(kinds))["Parameters"]:
            yield Resource(
                kind=kinds[parameter["Name"]],
                id=parameter["Name"],
                arn=parameter.get("ARN", ""),
                since=parameter.get("LastModifiedDate"),
            )


#: Operation, the list in its reply, the kind of its items, and the key of their id; each is filtered by the VPC.
_IN_A_VPC = (
    ("describe_vpc_endpoints", "VpcEndpoints", ResourceKind.ENDPOINT, "VpcEndpointId"),
    ("describe_network_interfaces", "NetworkInterfaces", ResourceKind.INTERFACE, "NetworkInterfaceId"),
    ("describe_security_groups", "SecurityGroups", ResourceKind.SECURITY_GROUP, "GroupId"),
    ("describe_internet_gateways", "InternetGateways", ResourceKind.GATEWAY, "InternetGatewayId"),
    ("describe_subnets", "Subnets", ResourceKind.SUBNET, "SubnetId"),
    ("describe_route_tables", "RouteTables", ResourceKind.ROUTES, "RouteTableId"),
)

#: A gateway is created before it is attached to its VPC, and a kill may come in between. In an existing network the
#: platform's security group lies in a VPC that is not the platform's.
_OUTSIDE_A_TAGGED_VPC = (ResourceKind.GATEWAY, ResourceKind.SECURITY_GROUP)


def _comes_with_vpc(reply: Mapping[str, Any]) -> bool:
    """Whether AWS creates and deletes a resource together with its VPC, or is deleting it already."""
    is_main = any(association.get("Main") for association in reply.get("Associations", ()))
    is_deleting = str(reply.get("State", "")).lower() in ("deleting", "deleted") and "VpcEndpointId" in reply
    return reply.get("GroupName") == "default" or is_main or is_deleting


def _in_vpc(kind: ResourceKind, reply: Mapping[str, Any], id_key: str, name: str) -> Resource:
    tags = _tags(reply)
    attachment = reply.get("Attachment", {})
    user = attachment.get("InstanceId") or attachment.get("InstanceOwnerId") or reply.get("Description", "")
    return Resource(
        kind=kind,
        id=reply[id_key],
        name=tags.get("Name", ""),
        state=str(reply.get("State") or reply.get("Status") or ""),
        reason=f"used by {user}" if kind == ResourceKind.INTERFACE and user else "",
        is_tagged=tags.get(TAG) == name,
        uses=(reply["VpcId"],) if reply.get("VpcId") else (),
    )


def _used_by(environment: Mapping[str, Any]) -> tuple[str, ...]:
    resources = environment.get("computeResources") or {}
    template = (resources.get("launchTemplate") or {}).get("launchTemplateId")
    used = [environment.get("serviceRole"), resources.get("instanceRole"), template]
    used += [*resources.get("subnets", ()), *resources.get("securityGroupIds", ())]
    return tuple(filter(None, used))


def _of_iam(kind: ResourceKind, reply: Mapping[str, Any], name: str, *, platform: str) -> Iterator[Resource]:
    """A role or profile from the reply about it alone: IAM's lists have no tags."""
    tags = _tags(reply)
    if tags.get(TAG) == platform or (TAG not in tags and name.startswith("opsctl-")):
        yield Resource(
            kind=kind,
            id=name,
            name=name,
            arn=reply["Arn"],
            since=reply.get("CreateDate"),
            is_tagged=TAG in tags,
            uses=tuple(role["Arn"] for role in reply.get("Roles", ())),
        )


@contextmanager
def _unless_gone() -> Iterator[None]:
    """A role that was listed may be deleted before it is asked about."""
    try:
        yield
    except ClientError as error:
        if code_of(error) != "NoSuchEntity":
            raise


def _tagged(name: str) -> list[dict[str, Any]]:
    return [{"Name": f"tag:{TAG}", "Values": [name]}]


def _tags(reply: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in reply.get("Tags", ())}
