"""Both roots, applied and destroyed for real, seen with boto3's eyes.

One apply serves every test: the fixture brings the platform up and down once and writes down what AWS described at each
step, so no test depends on another or on their order.
"""

from __future__ import annotations

import base64
import json

import pytest
from described import NAME, PREFIX
from life_of_a_platform import BUCKET, STORAGE, Seen, live_once
from support.local_aws import REGION, Aws
from support.real_terraform import Terraform

# Several workers of xdist would each make their own apply; `--dist loadfile` keeps them on one.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

NEEDS_AWS = True


@pytest.fixture(scope="module")
def seen(aws: Aws, terraform: Terraform) -> Seen:
    return live_once(aws, terraform)


def test_storage_is_called_as_was_known_beforehand(seen: Seen) -> None:
    assert seen.storage == STORAGE


def test_the_record_in_ssm_is_the_output(seen: Seen) -> None:
    assert json.loads(seen.parameter["Value"]) == seen.record
    # Colleagues read it without a key's permission, and the tier costs nothing.
    assert (seen.parameter["Type"], seen.parameter["Tier"]) == ("String", "Standard")


def test_the_record_names_what_batch_has(seen: Seen) -> None:
    sizes = {"csd": ("r5.large", 2, 15200, 512), "csa": ("r5.xlarge", 4, 30400, 1024)}
    models = seen.record["models"]
    assert set(models) == set(sizes)
    for model, (instance_type, vcpus, memory_mib, max_vcpus) in sizes.items():
        assert models[model] == {
            "job_queue": seen.queues[model]["jobQueueArn"],
            "compute_environment": seen.environments[model]["computeEnvironmentArn"],
            "job_definition": seen.definitions[model]["jobDefinitionArn"],
            "instance_type": instance_type,
            "vcpus": vcpus,
            "memory_mib": memory_mib,
            "max_vcpus": max_vcpus,
        }


def test_the_record_says_what_was_asked_for(seen: Seen) -> None:
    url = seen.repository["repositoryUri"]
    assert {key: value for key, value in seen.record.items() if key != "models"} == {
        "schema_version": 1,
        "name": NAME,
        "region": REGION,
        "account_id": "123456789012",
        "data_bucket": BUCKET,
        "repository_url": url,
        "image": f"{url}:0.1.0",
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
def test_compute_environments(seen: Seen, model: str, instance_type: str, max_vcpus: int) -> None:
    environment = seen.environments[model]
    resources = environment["computeResources"]
    assert (environment["state"], environment["status"], environment["type"]) == ("ENABLED", "VALID", "MANAGED")
    assert (resources["type"], resources["allocationStrategy"]) == ("EC2", "BEST_FIT_PROGRESSIVE")
    assert (resources["minvCpus"], resources["maxvCpus"], resources["instanceTypes"]) == (0, max_vcpus, [instance_type])
    assert resources["launchTemplate"]["version"] == str(seen.template["VersionNumber"])
    # The image whose root device the launch template names.
    assert [config["imageType"] for config in resources["ec2Configuration"]] == ["ECS_AL2023"]
    assert environment["serviceRole"].endswith(f"role/{PREFIX}-{REGION}-service")
    assert resources["instanceRole"].endswith(f"instance-profile/{PREFIX}-{REGION}-instance")
    assert resources["securityGroupIds"] == [seen.security_group["GroupId"]]
    assert set(resources["subnets"]) == {subnet["SubnetId"] for subnet in seen.subnets}
    assert "tags" not in resources
    assert "ec2KeyPair" not in resources


@pytest.mark.parametrize("model", ["csd", "csa"])
def test_job_queues(seen: Seen, model: str) -> None:
    queue = seen.queues[model]
    assert (queue["jobQueueName"], queue["state"], queue["priority"]) == (f"{PREFIX}-{model}", "ENABLED", 1)
    assert [order["computeEnvironment"] for order in queue["computeEnvironmentOrder"]] == [
        seen.environments[model]["computeEnvironmentArn"]
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
def test_job_definitions(seen: Seen, model: str, vcpus: int, memory_mib: int) -> None:
    definition = seen.definitions[model]
    container = definition["containerProperties"]
    needs = {need["type"]: need["value"] for need in container["resourceRequirements"]}
    assert (definition["jobDefinitionName"], definition["platformCapabilities"]) == (f"{PREFIX}-{model}", ["EC2"])
    assert needs == {"VCPU": str(vcpus), "MEMORY": str(memory_mib)}
    assert container["image"] == seen.record["image"]
    assert container["privileged"] is False
    assert not {"secrets", "volumes", "mountPoints", "linuxParameters", "executionRoleArn", "user"} & {
        name for name, value in container.items() if value
    }
    assert container["jobRoleArn"].endswith(f"role/{PREFIX}-{REGION}-job")
    assert container["environment"] == [{"name": "AWS_DEFAULT_REGION", "value": REGION}]
    assert container["logConfiguration"] == {
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": seen.record["log_group"],
            "awslogs-region": REGION,
            "awslogs-stream-prefix": model,
        },
    }
    assert definition["timeout"] == {"attemptDurationSeconds": 21600}
    assert definition["propagateTags"] is True


@pytest.mark.parametrize("model", ["csd", "csa"])
def test_only_passing_faults_are_tried_again(seen: Seen, model: str) -> None:
    strategy = seen.definitions[model]["retryStrategy"]
    # AWS reads the action without regard to case, and the provider sends it in small letters.
    rules = [
        {key: value.upper() if key == "action" else value for key, value in rule.items()}
        for rule in strategy["evaluateOnExit"]
    ]
    assert strategy["attempts"] == 3
    assert rules == [
        {"onStatusReason": "Host EC2*", "action": "RETRY"},
        {"onReason": "CannotPullContainer*", "action": "RETRY"},
        {"onExitCode": "75", "action": "RETRY"},
        {"onReason": "*", "action": "EXIT"},
    ]


def test_instances(seen: Seen) -> None:
    data = seen.template["LaunchTemplateData"]
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
    assert "\nECS_CONTAINER_CREATE_TIMEOUT=20m\n" in user_data


def test_network(seen: Seen) -> None:
    assert len(seen.subnets) > 1
    assert all(subnet["MapPublicIpOnLaunch"] for subnet in seen.subnets)
    assert len({subnet["AvailabilityZone"] for subnet in seen.subnets}) == len(seen.subnets)
    assert [(found["VpcEndpointType"], found["ServiceName"]) for found in seen.endpoints] == [
        ("Gateway", f"com.amazonaws.{REGION}.s3")
    ]
    assert seen.security_group["IpPermissions"] == []
    assert [
        (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in seen.security_group["IpPermissionsEgress"]
    ] == [("tcp", 443, 443)]


def test_log_lines_are_kept_for_a_limited_time(seen: Seen) -> None:
    assert [(group["logGroupName"], group["retentionInDays"]) for group in seen.log_groups] == [(f"/opsctl/{NAME}", 30)]


def test_roles_have_no_other_managed_policy(seen: Seen) -> None:
    # What their own policies and trust policies allow is decided in tests/policy.
    assert seen.managed_policies == {
        "service": ["AWSBatchServiceRole"],
        "instance": ["AmazonEC2ContainerServiceforEC2Role"],
        "job": [],
    }


def test_environments_go_before_their_policies(seen: Seen) -> None:
    # Terraform destroys in the reverse of this order; the other way round leaves an INVALID environment for ever.
    assert {
        "module.iam.aws_iam_role_policy_attachment.service",
        "module.iam.aws_iam_role_policy_attachment.instance",
    } <= seen.environments_wait_for


def test_a_second_plan_finds_nothing_to_do(seen: Seen) -> None:
    assert seen.second_plans == {"storage": 0, "platform": 0}


def test_another_disk_makes_the_environments_anew(seen: Seen) -> None:
    # AWS does not take another launch template into an environment with a role of our own; Terraform must not try to.
    assert seen.replaced_by["disk"] == {
        'module.batch.aws_batch_compute_environment.model["csd"]',
        'module.batch.aws_batch_compute_environment.model["csa"]',
    }


def test_other_tags_or_another_image_leave_the_environments_alone(seen: Seen) -> None:
    # Scans may be running in them.
    assert (seen.replaced_by["tags"], seen.replaced_by["image"]) == (set(), set())


def test_the_bucket_is_private(seen: Seen) -> None:
    assert set(seen.bucket["public_access"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert seen.bucket["ownership"]["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_the_bucket_is_encrypted_and_versioned(seen: Seen) -> None:
    (rule,) = seen.bucket["encryption"]["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert seen.bucket["versioning"]["Status"] == "Enabled"


def test_the_bucket_forgets_broken_uploads_and_nothing_else(seen: Seen) -> None:
    (rule,) = seen.bucket["lifecycle"]["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert set(rule) <= {"ID", "Status", "Filter", "Prefix", "AbortIncompleteMultipartUpload"}
    assert rule["Status"] == "Enabled"


def test_the_repository(seen: Seen) -> None:
    assert seen.repository["imageTagMutability"] == "IMMUTABLE"
    assert seen.repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert seen.repository["encryptionConfiguration"] == {"encryptionType": "AES256"}


def test_down_leaves_nothing_of_the_platform(seen: Seen) -> None:
    assert {kind: found for kind, found in seen.left_after_down.items() if found} == {}


def test_down_leaves_the_bucket_as_it_was(seen: Seen) -> None:
    assert [found["Key"] for found in seen.bucket["objects"]["Versions"]] == ["HNU1/dataset_description.json"]
    assert seen.bucket_after_down == seen.bucket


def test_the_data_cannot_be_destroyed(seen: Seen) -> None:
    assert "Instance cannot be destroyed" in seen.storage_destroy


def test_an_existing_bucket_is_never_changed(seen: Seen) -> None:
    assert seen.lab_storage["data_bucket"] == "lab-data"
    assert seen.lab_resources == ["aws_ecr_repository"]
    assert seen.lab_bucket_after == seen.lab_bucket
