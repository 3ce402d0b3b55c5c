"""What one attempt may do: the session of its job role, and the metadata of the instance that it would run on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opsctl.local.batch.job import Job, JobAttempt
from opsctl.local.batch.scheduler import CannotStart
from opsctl.local.rights.instance_metadata import Instance, InstanceMetadata
from opsctl.local.rights.roles import account_of, find_role, trusts
from opsctl.local.rights.sessions import Session, Sessions

_TASKS = "ecs-tasks.amazonaws.com"


@dataclass(frozen=True)
class AttemptRights:
    """The rights of a running attempt.

    Attributes
    ----------
    session
        None: the job definition names no role, so the job has no credentials but its instance's, as on AWS.
    """

    session: Session | None
    instance: Instance

    def variables(self, endpoint_url: str) -> dict[str, str]:
        """The environment variables from which the SDKs have the credentials.

        Parameters
        ----------
        endpoint_url
            The server's address, as the attempt reaches it.
        """
        credentials = self.session.variables if self.session is not None else {}
        return {**credentials, "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{endpoint_url}{self.instance.path}"}


class RightsOfAttempts:
    """Gives each attempt its rights, and takes them back when it has ended.

    Parameters
    ----------
    sessions, metadata
        Where the server finds whose key a request is signed with.
    """

    def __init__(self, sessions: Sessions, metadata: InstanceMetadata) -> None:
        self._sessions = sessions
        self._metadata = metadata

    def begin(self, job: Job, attempt: JobAttempt) -> AttemptRights:
        """Assume the job's role, as ECS does for a task.

        Raises
        ------
        CannotStart
            When the role does not exist or does not trust ECS's tasks; the words are ECS's.
        """
        session = self._session(job.request.container.get("jobRoleArn"), attempt.task_arn)
        instance = _instance(job.request.queue)
        self._metadata.begin(instance)
        return AttemptRights(session, instance)

    def end(self, rights: AttemptRights) -> None:
        """Refuse the attempt's keys from now on."""
        self._metadata.end(rights.instance)
        if rights.session is not None:
            self._sessions.end(rights.session)

    def _session(self, role_arn: str | None, task_arn: str) -> Session | None:
        if not role_arn:
            return None
        role = find_role(role_arn)
        context = {"aws:SourceAccount": account_of(task_arn), "aws:SourceArn": task_arn}
        if role is None or not trusts(role, _TASKS, context):
            raise CannotStart(
                f"ECS was unable to assume the role '{role_arn}' that was provided for this task. Please verify that"
                " the role being passed has the proper trust relationship and permissions and that your IAM user has"
                " permissions to pass this role."
            )
        return self._sessions.begin(role_arn, task_arn.rpartition("/")[2])


def _instance(queue: Any) -> Instance:
    _, _, _, region, account, _ = queue.arn.split(":", 5)
    resources = queue.environments[0].compute_resources or {}
    types = resources.get("instanceTypes") or ["optimal"]
    return Instance(account, region, types[0], resources.get("instanceRole", ""))
