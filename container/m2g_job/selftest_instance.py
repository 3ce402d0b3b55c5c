"""What a job could do as its instance: Batch on EC2 gives jobs the host's network, and with it the instance's role."""

from __future__ import annotations

import urllib.error
from typing import Callable, Mapping

from m2g_job import link_local, record
from m2g_job.selftest_check import Check, NotChecked
from m2g_job.selftest_clients import Clients
from m2g_job.selftest_refusals import must_be_refused
from m2g_job.selftest_settings import Settings

_GROUP = "instance"
_DEFAULT_ENDPOINT = "http://169.254.169.254"
_ROLES = "/latest/meta-data/iam/security-credentials/"
#: A cluster that nobody has: where the role may act on it after all, ECS answers that there is none.
_CLUSTER = "opsctl-selftest-foreign"
_CONTAINER_INSTANCE = "0" * 32
_UNREACHABLE = "A job cannot reach the instance's metadata service."

Credentials = Mapping[str, str]


class InstanceRole:
    """The checks of the instance's role.

    Parameters
    ----------
    variables
        The job's environment variables.
    """

    def __init__(self, settings: Settings, variables: Mapping[str, str], clients: Clients) -> None:
        self._settings = settings
        self._variables = variables
        self._clients = clients
        self._fetched: Credentials | None = None

    def checks(self) -> list[Check]:
        """The checks."""
        looks = {"instance_ecs": self._ecs, "instance_s3": self._s3, "instance_ecr": self._ecr}
        return [Check(name, _GROUP, self._with_credentials(look)) for name, look in looks.items()]

    def _with_credentials(self, look: Callable[[Credentials], str]) -> Callable[[], str]:
        def look_with_credentials() -> str:
            if self._fetched is None:
                self._fetched = self._fetch()
            return look(self._fetched) if self._fetched else _UNREACHABLE

        return look_with_credentials

    def _fetch(self) -> Credentials:
        """The credentials of the instance's role, as any process in the job gets them; empty where none can."""
        endpoint = self._variables.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "").rstrip("/")
        if not endpoint and (self._settings.is_local or not self._settings.uri):
            raise NotChecked("There is no instance here: this machine runs the jobs.")
        endpoint = endpoint or _DEFAULT_ENDPOINT
        try:
            token = link_local.request(
                f"{endpoint}/latest/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"}
            )
            headers = {"X-aws-ec2-metadata-token": token}
            role = link_local.request(endpoint + _ROLES, headers=headers).splitlines()[0]
            credentials = record.parse(link_local.request(f"{endpoint}{_ROLES}{role}", headers=headers).encode())
        except urllib.error.HTTPError as error:
            if error.code == 404:  # the instance has no role
                return {}
            raise NotChecked(f"The instance's metadata service answered with {error.code}.") from error
        except OSError:
            return {}
        except (ValueError, IndexError) as error:
            raise NotChecked(f"The instance's metadata service gave no credentials: {error}.") from error
        if not isinstance(credentials, dict) or "AccessKeyId" not in credentials:
            raise NotChecked("The instance's metadata service gave no credentials.")
        return credentials

    def _ecs(self, credentials: Credentials) -> str:
        client = self._clients.make("ecs", credentials)
        must_be_refused(
            lambda: client.deregister_container_instance(
                cluster=_CLUSTER, containerInstance=_CONTAINER_INSTANCE, force=False
            ),
            "removing a machine from another ECS cluster, as the instance,",
        )
        return "The instance's role cannot act on another ECS cluster."

    def _s3(self, credentials: Credentials) -> str:
        client = self._clients.make("s3", credentials)
        must_be_refused(
            lambda: client.list_objects_v2(Bucket=self._settings.bucket, MaxKeys=1),
            "listing the data bucket, as the instance,",
        )
        return "The instance's role cannot read the data."

    def _ecr(self, credentials: Credentials) -> str:
        registry, _, repository = self._settings.repository.partition("/")
        if not repository:
            raise NotChecked("The platform has no image repository of its own.")
        client = self._clients.make("ecr", credentials)
        # An upload that is begun and never completed leaves nothing.
        must_be_refused(
            lambda: client.initiate_layer_upload(registryId=registry.split(".")[0], repositoryName=repository),
            f"pushing to the repository {repository}, as the instance,",
        )
        return "The instance's role cannot push an image."
