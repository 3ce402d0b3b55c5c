"""The permissions that ECS's operations need: what an instance may do to clusters, and what else could be tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsctl.local.rights.permission import Needs, UnknownCall

_ON_CLUSTER = (
    *("RegisterContainerInstance", "DeregisterContainerInstance", "ListContainerInstances", "ListAttributes"),
    *("SubmitContainerStateChange", "SubmitTaskStateChange", "SubmitAttachmentStateChanges", "DeleteCluster"),
    *("UpdateCluster", "UpdateClusterSettings", "PutClusterCapacityProviders"),
)
_ON_CONTAINER_INSTANCE = (
    *("Poll", "StartTelemetrySession", "UpdateContainerAgent", "UpdateContainerInstancesState"),
    *("DescribeContainerInstances", "ListTasks"),
)
_ON_TASK = ("DescribeTasks", "StopTask", "ExecuteCommand", "GetTaskProtection", "UpdateTaskProtection")
_ON_TASK_DEFINITION = ("RunTask", "StartTask")
_ON_SERVICE = ("CreateService", "UpdateService", "DeleteService", "DescribeServices")
_ON_TAGGED = ("TagResource", "UntagResource", "ListTagsForResource")
#: Actions that have no resource.
_ON_NOTHING = (
    *("DiscoverPollEndpoint", "ListClusters", "ListServices", "ListTaskDefinitions", "ListTaskDefinitionFamilies"),
    *("ListAccountSettings", "PutAccountSetting", "DescribeTaskDefinition", "DeregisterTaskDefinition"),
    *("RegisterTaskDefinition",),
)


def ecs_needs(operation: str, parameters: Mapping[str, Any], arn: str) -> Needs:
    """Yield the permissions that a call of ECS needs.

    Parameters
    ----------
    arn
        What the ARNs of ECS's resources begin with: `arn:aws:ecs:REGION:ACCOUNT`.

    Raises
    ------
    UnknownCall
        When the operation is not in this module's tables.
    """
    cluster = _arn_of(arn, "cluster", parameters.get("cluster") or parameters.get("clusterName") or "default")
    name = cluster.rpartition("/")[2]
    context = {"ecs:cluster": cluster}
    if operation == "DescribeClusters":
        resources = [_arn_of(arn, "cluster", given) for given in parameters.get("clusters") or ["default"]]
    elif operation == "CreateCluster" or operation in _ON_CLUSTER:
        resources = [cluster]
    elif operation in _ON_CONTAINER_INSTANCE:
        given = parameters.get("containerInstances") or [parameters.get("containerInstance") or "*"]
        resources = [_arn_of(arn, f"container-instance/{name}", instance) for instance in given]
    elif operation in _ON_TASK:
        given = parameters.get("tasks") or [parameters.get("task") or "*"]
        resources = [_arn_of(arn, f"task/{name}", task) for task in given]
    elif operation in _ON_SERVICE:
        given = parameters.get("services") or [parameters.get("service") or parameters.get("serviceName") or "*"]
        resources = [_arn_of(arn, f"service/{name}", service) for service in given]
    elif operation in _ON_TASK_DEFINITION:
        resources = [_arn_of(arn, "task-definition", parameters.get("taskDefinition") or "*")]
    elif operation in _ON_TAGGED:
        resources = [parameters.get("resourceArn") or "*"]
    elif operation in _ON_NOTHING:
        resources = ["*"]
    else:
        raise UnknownCall(operation)
    for resource in resources:
        yield f"ecs:{operation}", resource, context
    if parameters.get("tags") and operation != "TagResource":
        tags = {"ecs:CreateAction": operation, "aws:TagKeys": [tag["key"] for tag in parameters["tags"]]}
        yield "ecs:TagResource", resources[0], {**context, **tags}


def _arn_of(arn: str, kind: str, given: str) -> str:
    return given if given.startswith("arn:") else f"{arn}:{kind}/{given}"
