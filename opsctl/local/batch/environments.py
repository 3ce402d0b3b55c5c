"""AWS's rules for changing and deleting a compute environment, which moto does not have."""

from __future__ import annotations

import json
from typing import Any

from moto.batch.exceptions import ClientException
from moto.batch.responses import BatchResponse

#: What Batch changes in an environment with a service role of its own; all else needs AWSServiceRoleForBatch.
_UPDATABLE = {"minvCpus", "maxvCpus", "desiredvCpus"}


class EnvironmentRules(BatchResponse):
    """DescribeComputeEnvironments, UpdateComputeEnvironment and DeleteComputeEnvironment as AWS answers them.

    https://docs.aws.amazon.com/batch/latest/APIReference/API_UpdateComputeEnvironment.html,
    https://docs.aws.amazon.com/batch/latest/APIReference/API_DeleteComputeEnvironment.html and
    https://docs.aws.amazon.com/batch/latest/userguide/invalid_compute_environment.html
    """

    __module__ = "moto.batch.responses"

    def describecomputeenvironments(self) -> str:
        """Answer DescribeComputeEnvironments: an environment without its service role is INVALID."""
        answer = json.loads(super().describecomputeenvironments())
        for environment in answer["computeEnvironments"]:
            if self._lacks_role(environment.get("serviceRole")):
                role = environment["serviceRole"]
                environment["status"] = "INVALID"
                environment["statusReason"] = f"CLIENT_ERROR - The role {role} does not exist or may not be assumed."
        return json.dumps(answer)

    def updatecomputeenvironment(self) -> str:
        """Answer UpdateComputeEnvironment: the numbers of vCPUs are changed."""
        request = json.loads(self.body)
        changes = request.get("computeResources") or {}
        refused = ", ".join(sorted(changes.keys() - _UPDATABLE))
        if refused:
            raise ClientException(f"{refused}: only environments of the role AWSServiceRoleForBatch are updated so.")
        answer = super().updatecomputeenvironment()
        environment: Any = self.batch_backend.get_compute_environment(request["computeEnvironment"])
        environment.compute_resources.update(changes)
        return answer

    def deletecomputeenvironment(self) -> str:
        """Answer DeleteComputeEnvironment: refused unless disabled and unused; without its role nothing is deleted."""
        environment: Any = self.batch_backend.get_compute_environment(json.loads(self.body)["computeEnvironment"])
        if environment is None:
            return super().deletecomputeenvironment()
        if environment.state != "DISABLED":
            raise ClientException("Cannot delete, compute environment must be disabled first.")
        queues = self.batch_backend._job_queues.values()
        if any(used is environment for queue in queues for used in queue.environments):
            raise ClientException("Cannot delete, found existing JobQueue relationship.")
        if self._lacks_role(environment.service_role):
            return "{}"
        return super().deletecomputeenvironment()

    def _lacks_role(self, arn: str | None) -> bool:
        roles = self.batch_backend.iam_backend.roles.values()
        return arn is not None and all(role.arn != arn for role in roles)
