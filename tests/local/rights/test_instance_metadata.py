"""The instance metadata of jobs, and what the instance's role may do at the local server."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError
from support.local_servers import Homes, Platform, client
from support.rights_world import ACCOUNT, OTHER_BUCKET, JobKeys, RightsWorld, document

from opsctl.core.platform.platform_name import LOCAL_REGION

GROUP = "/opsctl/test"
MANAGED = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
OWN_CLUSTER = f"arn:aws:ecs:{LOCAL_REGION}:{ACCOUNT}:cluster/own"
#: As in terraform/modules/iam/instance_role.tf, for the names of these tests.
DENIALS = [
    {"Effect": "Deny", "Action": "s3:*", "Resource": "*"},
    {"Effect": "Deny", "Action": "ecs:RegisterContainerInstance", "NotResource": OWN_CLUSTER},
    {"Effect": "Deny", "Action": "logs:PutLogEvents", "NotResource": f"arn:aws:logs:*:*:log-group:{GROUP}:*"},
]


@pytest.fixture(scope="module")
def world(homes: Homes, tmp_path_factory: pytest.TempPathFactory) -> RightsWorld:
    world = RightsWorld(Platform(*homes.start()), tmp_path_factory.mktemp("jobs"))
    world.iam.attach_role_policy(RoleName="r", PolicyArn=MANAGED)
    world.iam.put_role_policy(RoleName="r", PolicyName="denials", PolicyDocument=document(DENIALS))
    for name in ("own", "foreign"):
        client(world.platform.server, "ecs").create_cluster(clusterName=name)
    client(world.platform.server, "ecr").create_repository(repositoryName="m2g")
    return world


@pytest.fixture(scope="module")
def job(world: RightsWorld) -> Iterator[JobKeys]:
    keys = world.start(world.job_role)
    yield keys
    keys.end()


def ask(job: JobKeys, path: str, *, method: str = "GET", **headers: str) -> tuple[int, str]:
    url = f"{job.variables['AWS_EC2_METADATA_SERVICE_ENDPOINT']}/latest/{path}"
    named = {f"X-aws-ec2-metadata-token{name}": value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method, headers=named)) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_metadata_need_a_token(job: JobKeys) -> None:
    assert ask(job, "meta-data/instance-id")[0] == 401
    assert ask(job, "meta-data/instance-id", **{"": "guessed"})[0] == 401
    assert ask(job, "api/token", method="PUT")[0] == 400
    assert ask(job, "api/token", method="PUT", **{"-ttl-seconds": "21601"})[0] == 400
    assert ask(job, "api/token")[0] == 405
    status, token = ask(job, "api/token", method="PUT", **{"-ttl-seconds": "60"})
    assert status == 200
    texts = {path: ask(job, path, **{"": token})[1] for path in (
        "meta-data/instance-type", "meta-data/placement/region", "meta-data/placement/availability-zone",
        "meta-data/placement/", "meta-data/iam/security-credentials/",
    )}  # fmt: skip
    assert texts == {
        "meta-data/instance-type": "r5.large",
        "meta-data/placement/region": LOCAL_REGION,
        "meta-data/placement/availability-zone": f"{LOCAL_REGION}a",
        "meta-data/placement/": "availability-zone\nregion",
        "meta-data/iam/security-credentials/": "r",
    }
    assert ask(job, "meta-data/instance-id", **{"": token})[1].startswith("i-")
    assert ask(job, "meta-data/iam/security-credentials/other", **{"": token})[0] == 404
    assert json.loads(ask(job, "meta-data/iam/security-credentials/r", **{"": token})[1])["Code"] == "Success"


def test_metadata_answer_only_below_the_jobs_own_path(world: RightsWorld) -> None:
    url = world.platform.server.endpoint_url
    # moto has an instance metadata service of its own, which asks for no token.
    for path in ("/latest/meta-data/iam/security-credentials/", "/_opsctl/instances/guessed/latest/meta-data/"):
        with pytest.raises(urllib.error.HTTPError, match="40[34]"):
            urllib.request.urlopen(f"{url}{path}")


def test_a_job_without_a_role_has_its_instances_credentials(
    world: RightsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = world.start(None)
    try:
        assert "AWS_ACCESS_KEY_ID" not in job.variables
        assert "AWS_EC2_METADATA_DISABLED" not in job.variables
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_EC2_METADATA_DISABLED"):
            monkeypatch.delenv(name, raising=False)
        for name, value in job.variables.items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        # The SDK's own chain of credentials, as a program in the container would use it.
        identity = boto3.Session().client("sts").get_caller_identity()
        assert identity["Arn"].startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/r/i-")
    finally:
        job.end()


def test_the_instances_role_may_what_its_policies_allow(job: JobKeys) -> None:
    ecs = job.instance_client("ecs")
    ecs.discover_poll_endpoint()
    document = json.dumps({"instanceId": "i-1234567890abcdef0"})
    registered = {"instanceIdentityDocument": document, "instanceIdentityDocumentSignature": "x"}
    with pytest.raises(ClientError) as caught:
        ecs.register_container_instance(cluster="foreign", **registered)
    error = caught.value.response["Error"]
    assert error["Code"] == "AccessDeniedException"
    foreign = OWN_CLUSTER.replace("own", "foreign")
    assert error["Message"].endswith(
        f"ecs:RegisterContainerInstance on resource: {foreign} with an explicit deny in an identity-based policy"
    )
    with pytest.raises(ClientError) as caught:
        ecs.register_container_instance(cluster="own", **registered)
    # The request has come to moto, which does not know the instance.
    assert caught.value.response["Error"]["Code"] != "AccessDeniedException"
    assert job.instance_client("ecr").get_authorization_token()["authorizationData"]


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("s3", "get_object", {"Bucket": OTHER_BUCKET, "Key": "HNU1/scan.nii.gz"}),
        ("s3", "list_buckets", {}),
        ("ecr", "put_image", {"repositoryName": "m2g", "imageManifest": "{}"}),
        ("logs", "create_log_group", {"logGroupName": "/mine"}),
        ("batch", "terminate_job", {"jobId": "x", "reason": "y"}),
    ],
)
def test_the_instances_role_may_nothing_else(job: JobKeys, service: str, operation: str, parameters: dict) -> None:  # type: ignore[type-arg]
    with pytest.raises(ClientError) as caught:
        getattr(job.instance_client(service), operation)(**parameters)
    assert caught.value.response["Error"]["Code"].startswith("AccessDenied")
