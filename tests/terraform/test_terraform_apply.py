"""Both roots, really applied and destroyed, as boto3 describes them.

One apply serves every test: the fixture applies and destroys the platform once and records what AWS described at each
step, so no test depends on another or on their order.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from describe import NAME, PREFIX
from platform_lifecycle import BUCKET, STORAGE, Observations, apply_and_destroy
from support.local_aws import REGION, Aws
from support.real_terraform import Terraform

# One apply is enough: xdist's `--dist loadfile` runs a file's tests on one worker.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

NEEDS_AWS = True


@pytest.fixture(scope="module")
def observed(aws: Aws, terraform: Terraform) -> Iterator[Observations]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield apply_and_destroy(aws, terraform, monkeypatch)


def test_storages_names_are_known_in_advance(observed: Observations) -> None:
    # Of the rest nothing depends on the account.
    assert observed.storage == {**STORAGE, "tags": {"lab": "neuro"}}


def test_the_record_in_ssm_is_the_output(observed: Observations) -> None:
    assert json.loads(observed.parameter["Value"]) == observed.record
    # Colleagues read it without a key's permission, and the tier costs nothing.
    assert (observed.parameter["Type"], observed.parameter["Tier"]) == ("String", "Standard")


def test_the_record_names_what_batch_has(observed: Observations) -> None:
    sizes = {"csd": ("r5.large", 2, 15200, 512), "csa": ("r5.xlarge", 4, 30400, 1024)}
    models = observed.record["models"]
    assert set(models) == set(sizes)
    for model, (instance_type, vcpus, memory_mib, max_vcpus) in sizes.items():
        assert models[model] == {
            "job_queue": observed.queues[model]["jobQueueArn"],
            "compute_environment": observed.environments[model]["computeEnvironmentArn"],
            "job_definition": observed.definitions[model]["jobDefinitionArn"],
            "instance_type": instance_type,
            "vcpus": vcpus,
            "memory_mib": memory_mib,
            "max_vcpus": max_vcpus,
        }


def test_the_record_says_what_was_asked_for(observed: Observations) -> None:
    url = observed.repository["repositoryUri"]
    assert {key: value for key, value in observed.record.items() if key != "models"} == {
        "schema_version": 1,
        "name": NAME,
        "region": REGION,
        "account_id": "123456789012",
        "data_bucket": BUCKET,
        "repository_url": url,
        "image": f"{url}:0.1.0",
        "m2g_image": f"{url}:0.1.0",
        "log_group": f"/opsctl/{NAME}",
        "spot": False,
        "spot_fallback": False,
        "root_volume_gib": 100,
        "opsctl_version": "0.1.0",
        "options": {},
    }


@pytest.mark.parametrize(
    ("model", "instance_type", "max_vcpus"), [("csd", "r5.large", 512), ("csa", "r5.xlarge", 1024)]
)
def test_compute_environments(observed: Observations, model: str, instance_type: str, max_vcpus: int) -> None:
    environment = observed.environments[model]
    resources = environment["computeResources"]
    assert (environment["state"], environment["status"], environment["type"]) == ("ENABLED", "VALID", "MANAGED")
    assert (resources["type"], resources["allocationStrategy"]) == ("EC2", "BEST_FIT_PROGRESSIVE")
    assert (resources["minvCpus"], resources["maxvCpus"], resources["instanceTypes"]) == (0, max_vcpus, [instance_type])
    assert resources["launchTemplate"]["version"] == str(observed.template["VersionNumber"])
    # The image whose root device the launch template names.
    assert [config["imageType"] for config in resources["ec2Configuration"]] == ["ECS_AL2023"]
    assert environment["serviceRole"].endswith(f"role/{PREFIX}-{REGION}-service")
    assert resources["instanceRole"].endswith(f"instance-profile/{PREFIX}-{REGION}-instance")
    assert resources["securityGroupIds"] == [observed.security_group["GroupId"]]
    assert set(resources["subnets"]) == {subnet["SubnetId"] for subnet in observed.subnets}
    assert "tags" not in resources
    assert "ec2KeyPair" not in resources


@pytest.mark.parametrize("model", ["csd", "csa"])
def test_job_queues(observed: Observations, model: str) -> None:
    queue = observed.queues[model]
    assert (queue["jobQueueName"], queue["state"], queue["priority"]) == (f"{PREFIX}-{model}", "ENABLED", 1)
    assert [order["computeEnvironment"] for order in queue["computeEnvironmentOrder"]] == [
        observed.environments[model]["computeEnvironmentArn"]
    ]
    assert [
        (limit["reason"], limit["maxTimeSeconds"], limit["state"], limit["action"])
        for limit in queue["jobStateTimeLimitActions"]
    ] == [
        ("CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY", 86400, "RUNNABLE", "CANCEL"),
        ("MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE", 1800, "RUNNABLE", "CANCEL"),
        ("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", 1800, "RUNNABLE", "CANCEL"),
    ]


@pytest.mark.parametrize(("model", "vcpus", "memory_mib"), [("csd", 2, 15200), ("csa", 4, 30400)])
def test_job_definitions(observed: Observations, model: str, vcpus: int, memory_mib: int) -> None:
    definition = observed.definitions[model]
    container = definition["containerProperties"]
    needs = {need["type"]: need["value"] for need in container["resourceRequirements"]}
    assert (definition["jobDefinitionName"], definition["platformCapabilities"]) == (f"{PREFIX}-{model}", ["EC2"])
    assert needs == {"VCPU": str(vcpus), "MEMORY": str(memory_mib)}
    assert container["image"] == observed.record["image"]
    assert container["privileged"] is False
    assert not {"secrets", "volumes", "mountPoints", "linuxParameters", "executionRoleArn", "user"} & {
        name for name, value in container.items() if value
    }
    assert container["jobRoleArn"].endswith(f"role/{PREFIX}-{REGION}-job")
    assert container["environment"] == [{"name": "AWS_DEFAULT_REGION", "value": REGION}]
    assert container["logConfiguration"] == {
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": observed.record["log_group"],
            "awslogs-region": REGION,
            "awslogs-stream-prefix": model,
            # ECS's default drops lines.
            "mode": "blocking",
        },
    }
    assert definition["timeout"] == {"attemptDurationSeconds": 21600}
    assert definition["propagateTags"] is True


@pytest.mark.parametrize("model", ["csd", "csa"])
def test_only_transient_faults_are_retried(observed: Observations, model: str) -> None:
    strategy = observed.definitions[model]["retryStrategy"]
    # AWS ignores the action's case, and the provider sends it in lower case.
    rules = [
        {key: value.upper() if key == "action" else value for key, value in rule.items()}
        for rule in strategy["evaluateOnExit"]
    ]
    assert strategy["attempts"] == 5
    assert rules == [
        {"onStatusReason": "Host EC2*", "action": "RETRY"},
        {"onStatusReason": "Task failed to start*", "action": "RETRY"},
        {"onReason": "AGENT*", "action": "RETRY"},
        {"onExitCode": "75", "action": "RETRY"},
        {"onReason": "*", "action": "EXIT"},
    ]


def test_instances(observed: Observations) -> None:
    data = observed.template["LaunchTemplateData"]
    disk = data["BlockDeviceMappings"][0]
    assert data["MetadataOptions"] == {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
    }
    assert disk["DeviceName"] == "/dev/xvda"
    assert disk["Ebs"] == {"Encrypted": True, "DeleteOnTermination": True, "VolumeSize": 100, "VolumeType": "gp3"}
    tags = {
        spec["ResourceType"]: {tag["Key"]: tag["Value"] for tag in spec["Tags"]} for spec in data["TagSpecifications"]
    }
    for kind in ("instance", "volume"):
        assert tags[kind] == {"Name": f"{PREFIX}-job", "opsctl:platform": NAME, "lab": "neuro"}
    # Batch takes MIME only, and m2g's image needs longer than ECS waits by default.
    user_data = base64.b64decode(data["UserData"]).decode()
    assert user_data.startswith("MIME-Version: 1.0\n")
    for line in ("ECS_CONTAINER_CREATE_TIMEOUT=20m", "ECS_CONTAINER_START_TIMEOUT=10m"):
        assert f"\n{line}\n" in user_data


def test_network(observed: Observations) -> None:
    assert len(observed.subnets) > 1
    assert all(subnet["MapPublicIpOnLaunch"] for subnet in observed.subnets)
    assert len({subnet["AvailabilityZone"] for subnet in observed.subnets}) == len(observed.subnets)
    assert [(endpoint["VpcEndpointType"], endpoint["ServiceName"]) for endpoint in observed.endpoints] == [
        ("Gateway", f"com.amazonaws.{REGION}.s3")
    ]
    assert observed.security_group["IpPermissions"] == []
    assert [
        (rule["IpProtocol"], rule["FromPort"], rule["ToPort"])
        for rule in observed.security_group["IpPermissionsEgress"]
    ] == [("tcp", 443, 443)]


def test_log_lines_are_kept_for_a_limited_time(observed: Observations) -> None:
    assert [(group["logGroupName"], group["retentionInDays"]) for group in observed.log_groups] == [
        (f"/opsctl/{NAME}", 30)
    ]


def test_roles_have_no_other_managed_policy(observed: Observations) -> None:
    # What their own policies and trust policies allow is decided in tests/policy.
    assert observed.managed_policies == {
        "service": ["AWSBatchServiceRole"],
        "instance": ["AmazonEC2ContainerServiceforEC2Role"],
        "job": [],
    }


def test_environments_are_destroyed_before_their_policies(observed: Observations) -> None:
    # Terraform destroys in the reverse order. Otherwise an INVALID environment would be left for ever.
    assert {
        "module.iam.aws_iam_role_policy_attachment.service",
        "module.iam.aws_iam_role_policy_attachment.instance",
    } <= observed.environments_wait_for


def test_a_second_plan_has_no_changes(observed: Observations) -> None:
    assert observed.second_plans == {"storage": 0, "platform": 0}


def test_terraform_warns_of_nothing(observed: Observations) -> None:
    # A plan validates a root first, as `terraform validate` does.
    assert observed.warnings == []


def test_another_disk_size_replaces_the_environments(observed: Observations) -> None:
    # AWS does not update the launch template of an environment with our own service role; Terraform must not try.
    assert observed.replaced_by["disk"] == {
        'module.batch.aws_batch_compute_environment.model["csd"]',
        'module.batch.aws_batch_compute_environment.model["csa"]',
    }


def test_an_aged_machine_image_replaces_its_environment_and_moves_the_queue(observed: Observations) -> None:
    environment = 'module.batch.aws_batch_compute_environment.model["csd"]'
    assert [resource.arn for resource in observed.aged_report.aged] == [
        observed.environments["csd"]["computeEnvironmentArn"]
    ]
    assert observed.aged_report.replace == (environment,)
    # The new environment comes first: one that a queue uses cannot be deleted.
    assert observed.aged_actions == {
        environment: ["create", "delete"],
        'module.batch.aws_batch_job_queue.model["csd"]': ["update"],
        "aws_ssm_parameter.record": ["update"],
    }


def test_other_tags_or_another_image_replace_nothing(observed: Observations) -> None:
    # Scans may be running in the environments.
    assert (observed.replaced_by["tags"], observed.replaced_by["image"]) == (set(), set())


def test_the_bucket_is_private(observed: Observations) -> None:
    assert set(observed.bucket["public_access"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert observed.bucket["ownership"]["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_the_bucket_is_encrypted_and_versioned(observed: Observations) -> None:
    (rule,) = observed.bucket["encryption"]["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert observed.bucket["versioning"]["Status"] == "Enabled"


def test_the_bucket_deletes_interrupted_uploads_and_nothing_else(observed: Observations) -> None:
    (rule,) = observed.bucket["lifecycle"]["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert set(rule) <= {"ID", "Status", "Filter", "Prefix", "AbortIncompleteMultipartUpload"}
    assert rule["Status"] == "Enabled"


def test_the_repository(observed: Observations) -> None:
    assert observed.repository["imageTagMutability"] == "IMMUTABLE"
    assert observed.repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert observed.repository["encryptionConfiguration"] == {"encryptionType": "AES256"}


def test_down_leaves_nothing_of_the_platform(observed: Observations) -> None:
    assert {kind: names for kind, names in observed.remaining_after_down.items() if names} == {}


def test_down_leaves_the_bucket_as_it_was(observed: Observations) -> None:
    assert [version["Key"] for version in observed.bucket["objects"]["Versions"]] == ["HNU1/dataset_description.json"]
    assert observed.bucket_after_down == observed.bucket


def test_the_data_cannot_be_destroyed(observed: Observations) -> None:
    assert "Instance cannot be destroyed" in observed.storage_destroy


def test_an_existing_bucket_is_never_changed(observed: Observations) -> None:
    assert observed.lab_storage["data_bucket"] == "lab-data"
    assert observed.lab_resources == ["aws_ecr_repository"]
    assert observed.lab_bucket_after == observed.lab_bucket
