"""What AWS still shows of a platform, service by service.

Terraform's word is not enough: a lost reply or a kill leaves resources that its state does not know. The tagging API
does not see IAM and Batch, so each service is asked itself, by name and tag. The storage root's things (the bucket, the
image repository) are never looked for: nothing that works from this inventory can touch them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from opsctl.aws.clients import Clients
from opsctl.aws.errors import code_of, translated
from opsctl.core.platform.inventory import TAG, Resource, ResourceKind, batch_names, is_ours, role_names
from opsctl.core.platform.platform import record_parameter

_GONE = ("DELETED", "INACTIVE")
_LIVING = ["pending", "running", "shutting-down", "stopping", "stopped"]
_IAM_PAGE = 1000


class Inventory:
    """The resources of one account and region."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def of(self, name: str) -> tuple[Resource, ...]:
        """Everything of the platform root that exists, in the order in which it can be removed."""
        clients = self._clients
        # A session is not made for threads; its clients are.
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
            found = [one for some in pool.map(lambda ask: list(ask(name)), services) for one in some]
        order = list(ResourceKind)
        return tuple(sorted(found, key=lambda one: (order.index(one.kind), one.name, one.id)))

    def is_empty(self) -> bool:
        """Whether nothing of any platform stands: no role, no network, no queue, no log lines."""
        clients = self._clients
        with translated("taking the inventory"):
            roles = clients.iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": _IAM_PAGE})
            if any(role["RoleName"].startswith("opsctl-") for page in roles for role in page["Roles"]):
                return False
            if clients.ec2.describe_vpcs(Filters=[{"Name": "tag-key", "Values": [TAG]}])["Vpcs"]:
                return False
            queues = clients.batch.get_paginator("describe_job_queues").paginate()
            if any(one["jobQueueName"].startswith("opsctl-") for page in queues for one in page["jobQueues"]):
                return False
            return not clients.logs.describe_log_groups(logGroupNamePrefix="/opsctl/")["logGroups"]

    def _queues(self, name: str) -> Iterator[Resource]:
        for page in self._clients.batch.get_paginator("describe_job_queues").paginate():
            for queue in page["jobQueues"]:
                ours = is_ours(queue["jobQueueName"], batch_names(name), queue.get("tags") or {}, platform=name)
                if ours is not None and queue.get("status") not in _GONE:
                    yield Resource(
                        kind=ResourceKind.QUEUE,
                        id=queue["jobQueueName"],
                        name=queue["jobQueueName"],
                        arn=queue["jobQueueArn"],
                        state=queue.get("status", ""),
                        reason=queue.get("statusReason", ""),
                        is_tagged=ours,
                        uses=tuple(one["computeEnvironment"] for one in queue.get("computeEnvironmentOrder", ())),
                    )

    def _environments(self, name: str) -> Iterator[Resource]:
        for page in self._clients.batch.get_paginator("describe_compute_environments").paginate():
            for one in page["computeEnvironments"]:
                named = one["computeEnvironmentName"]
                ours = is_ours(named, batch_names(name), one.get("tags") or {}, platform=name)
                if ours is not None and one.get("status") not in _GONE:
                    yield Resource(
                        kind=ResourceKind.ENVIRONMENT,
                        id=named,
                        name=named,
                        arn=one["computeEnvironmentArn"],
                        state=one.get("status", ""),
                        reason=one.get("statusReason", ""),
                        is_tagged=ours,
                        uses=_used_by(one),
                    )

    def _definitions(self, name: str) -> Iterator[Resource]:
        for page in self._clients.batch.get_paginator("describe_job_definitions").paginate(status="ACTIVE"):
            for one in page["jobDefinitions"]:
                ours = is_ours(one["jobDefinitionName"], batch_names(name), one.get("tags") or {}, platform=name)
                if ours is not None:
                    revision = f"{one['jobDefinitionName']}:{one['revision']}"
                    yield Resource(
                        kind=ResourceKind.DEFINITION,
                        id=revision,
                        name=revision,
                        arn=one["jobDefinitionArn"],
                        is_tagged=ours,
                    )

    def _templates(self, name: str) -> Iterator[Resource]:
        for page in self._clients.ec2.get_paginator("describe_launch_templates").paginate():
            for one in page["LaunchTemplates"]:
                ours = is_ours(one["LaunchTemplateName"], batch_names(name), _tags(one), platform=name)
                if ours is not None:
                    yield Resource(
                        kind=ResourceKind.TEMPLATE,
                        id=one["LaunchTemplateId"],
                        name=one["LaunchTemplateName"],
                        since=one.get("CreateTime"),
                        is_tagged=ours,
                    )

    def _instances(self, name: str) -> Iterator[Resource]:
        wanted = [*_tagged(name), {"Name": "instance-state-name", "Values": _LIVING}]
        for page in self._clients.ec2.get_paginator("describe_instances").paginate(Filters=wanted):  # type: ignore[arg-type]
            for one in (instance for some in page["Reservations"] for instance in some["Instances"]):
                yield Resource(
                    kind=ResourceKind.INSTANCE,
                    id=one["InstanceId"],
                    state=one["State"]["Name"],
                    since=one.get("LaunchTime"),
                )

    def _volumes(self, name: str) -> Iterator[Resource]:
        for page in self._clients.ec2.get_paginator("describe_volumes").paginate(Filters=_tagged(name)):  # type: ignore[arg-type]
            for one in page["Volumes"]:
                yield Resource(
                    kind=ResourceKind.VOLUME, id=one["VolumeId"], state=one["State"], since=one.get("CreateTime")
                )

    def _networks(self, name: str) -> Iterator[Resource]:
        """The VPCs by their tag and all that lies in them, by its tag or not: a VPC goes only when it is empty."""
        ec2 = self._clients.ec2
        pages = ec2.get_paginator("describe_vpcs").paginate(Filters=_tagged(name))  # type: ignore[arg-type]
        tagged = [vpc for page in pages for vpc in page["Vpcs"]]
        for vpc in tagged:
            yield Resource(kind=ResourceKind.VPC, id=vpc["VpcId"], name=_tags(vpc).get("Name", ""))
        inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"] for vpc in tagged]}] if tagged else None
        for call, key, kind, id_key in _IN_A_VPC:
            # A gateway is made before it is put into its VPC, and a kill comes in between.
            filters = [_tagged(name)] if kind == ResourceKind.GATEWAY else []
            where = "attachment.vpc-id" if kind == ResourceKind.GATEWAY else "vpc-id"
            filters += [[{**inside[0], "Name": where}]] if inside else []
            seen: dict[str, Any] = {}
            for one_filter in filters:
                paginator = ec2.get_paginator(call)  # type: ignore[call-overload]
                seen |= {one[id_key]: one for page in paginator.paginate(Filters=one_filter) for one in page[key]}
            yield from (_in_vpc(kind, one, id_key, name) for one in seen.values() if not _comes_with_vpc(one))

    def _roles(self, name: str) -> Iterator[Resource]:
        iam = self._clients.iam
        pattern = role_names(name, region=self._clients.region or "")
        for page in iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": _IAM_PAGE}):
            for named in (role["RoleName"] for role in page["Roles"] if pattern.fullmatch(role["RoleName"])):
                with _unless_gone():
                    yield from _of_iam(ResourceKind.ROLE, iam.get_role(RoleName=named)["Role"], named, platform=name)

    def _profiles(self, name: str) -> Iterator[Resource]:
        iam = self._clients.iam
        pattern = role_names(name, region=self._clients.region or "")
        for page in iam.get_paginator("list_instance_profiles").paginate(PaginationConfig={"PageSize": _IAM_PAGE}):
            for named in (one["InstanceProfileName"] for one in page["InstanceProfiles"]):
                if pattern.fullmatch(named):
                    with _unless_gone():
                        found = iam.get_instance_profile(InstanceProfileName=named)["InstanceProfile"]
                        yield from _of_iam(ResourceKind.PROFILE, found, named, platform=name)

    def _log_group(self, name: str) -> Iterator[Resource]:
        group = f"/opsctl/{name}"
        for page in self._clients.logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=group):
            for one in page["logGroups"]:
                if one["logGroupName"] == group:
                    made = one.get("creationTime")
                    yield Resource(
                        kind=ResourceKind.LOG_GROUP,
                        id=group,
                        # CloudWatch's own way to say "and its streams".
                        arn=one.get("arn", "").removesuffix(":*"),
                        since=datetime.fromtimestamp(made / 1000, UTC) if made else None,
                    )

    def _record(self, name: str) -> Iterator[Resource]:
        for one in self._clients.ssm.get_parameters(Names=[record_parameter(name)])["Parameters"]:
            yield Resource(
                kind=ResourceKind.RECORD, id=one["Name"], arn=one.get("ARN", ""), since=one.get("LastModifiedDate")
            )


#: Operation, its reply's list, and what it holds; each is filtered by the VPC.
_IN_A_VPC = (
    ("describe_vpc_endpoints", "VpcEndpoints", ResourceKind.ENDPOINT, "VpcEndpointId"),
    ("describe_network_interfaces", "NetworkInterfaces", ResourceKind.INTERFACE, "NetworkInterfaceId"),
    ("describe_security_groups", "SecurityGroups", ResourceKind.SECURITY_GROUP, "GroupId"),
    ("describe_internet_gateways", "InternetGateways", ResourceKind.GATEWAY, "InternetGatewayId"),
    ("describe_subnets", "Subnets", ResourceKind.SUBNET, "SubnetId"),
    ("describe_route_tables", "RouteTables", ResourceKind.ROUTES, "RouteTableId"),
)


def _comes_with_vpc(one: Mapping[str, Any]) -> bool:
    """Whether a thing is born and goes with its VPC, or goes already."""
    is_main = any(link.get("Main") for link in one.get("Associations", ()))
    is_going = str(one.get("State", "")).lower() in ("deleting", "deleted") and "VpcEndpointId" in one
    return one.get("GroupName") == "default" or is_main or is_going


def _in_vpc(kind: ResourceKind, one: Mapping[str, Any], id_key: str, name: str) -> Resource:
    tags = _tags(one)
    holder = one.get("Attachment", {})
    user = holder.get("InstanceId") or holder.get("InstanceOwnerId") or one.get("Description", "")
    return Resource(
        kind=kind,
        id=one[id_key],
        name=tags.get("Name", ""),
        state=str(one.get("State") or one.get("Status") or ""),
        reason=f"used by {user}" if kind == ResourceKind.INTERFACE and user else "",
        is_tagged=tags.get(TAG) == name,
        uses=(one["VpcId"],) if one.get("VpcId") else (),
    )


def _used_by(environment: Mapping[str, Any]) -> tuple[str, ...]:
    resources = environment.get("computeResources") or {}
    template = (resources.get("launchTemplate") or {}).get("launchTemplateId")
    found = [environment.get("serviceRole"), resources.get("instanceRole"), template]
    found += [*resources.get("subnets", ()), *resources.get("securityGroupIds", ())]
    return tuple(one for one in found if one)


def _of_iam(kind: ResourceKind, one: Mapping[str, Any], named: str, *, platform: str) -> Iterator[Resource]:
    """Of the reply about one thing: the lists tell no tags."""
    tags = _tags(one)
    if tags.get(TAG, platform) == platform:
        yield Resource(
            kind=kind,
            id=named,
            name=named,
            arn=one["Arn"],
            since=one.get("CreateDate"),
            is_tagged=TAG in tags,
            uses=tuple(role["Arn"] for role in one.get("Roles", ())),
        )


@contextmanager
def _unless_gone() -> Iterator[None]:
    """What was listed may be gone when it is asked about."""
    try:
        yield
    except ClientError as error:
        if code_of(error) != "NoSuchEntity":
            raise


def _tagged(name: str) -> list[dict[str, Any]]:
    return [{"Name": f"tag:{TAG}", "Values": [name]}]


def _tags(one: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in one.get("Tags", ())}
