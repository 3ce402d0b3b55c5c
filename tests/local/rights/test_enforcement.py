"""The local server decides a job's requests by its role's policies: over HTTP, with boto3, the keys of a real job."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.local_servers import Platform, client
from support.rights_world import ACCOUNT, BUCKET, JOB_POLICY, OTHER_BUCKET, JobKeys, RightsWorld, document

OUTPUT = "HNU1/derivatives/m2g/out.csv"
RAW = "HNU1/scan.nii.gz"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"


@pytest.fixture(scope="module")
def world(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> RightsWorld:
    return RightsWorld(platform, tmp_path_factory.mktemp("jobs"))


@pytest.fixture(scope="module")
def job(world: RightsWorld) -> Iterator[JobKeys]:
    """A running job with the role of real jobs."""
    keys = world.start(world.job_role)
    yield keys
    keys.end()


@pytest.fixture
def other_job(world: RightsWorld) -> Iterator[Callable[[str | None], JobKeys]]:
    """Starts jobs that end with the test."""
    started: list[JobKeys] = []

    def start(role: str | None) -> JobKeys:
        started.append(world.start(role))
        return started[-1]

    yield start
    for keys in started:
        keys.end()
        world.platform.wait(keys.job_id)


def error_of(call: Callable[..., Any], **parameters: Any) -> tuple[str, int, str]:
    """The code, the HTTP status and the message with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


def test_a_job_reads_lists_and_writes_what_its_role_may(job: JobKeys) -> None:
    s3 = job.client("s3")
    assert s3.get_object(Bucket=BUCKET, Key=RAW)["Body"].read() == b"scan"
    assert s3.head_object(Bucket=BUCKET, Key=RAW)["ContentLength"] == 4
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix="HNU1/")["KeyCount"] >= 1
    s3.put_object(Bucket=BUCKET, Key=OUTPUT, Body=b"1")
    assert error_of(s3.put_object, Bucket=BUCKET, Key=OUTPUT, Body=b"2", IfNoneMatch="*")[0] == "PreconditionFailed"


def test_a_multipart_upload_goes_through_and_can_be_aborted(job: JobKeys) -> None:
    s3 = job.client("s3")
    upload = {"Bucket": BUCKET, "Key": "opsctl/runs/r/large"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    etag = s3.upload_part(PartNumber=1, Body=b"x" * 10, **upload)["ETag"]
    s3.complete_multipart_upload(MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}, **upload)
    again = {**upload, "UploadId": s3.create_multipart_upload(Bucket=BUCKET, Key=upload["Key"])["UploadId"]}
    s3.abort_multipart_upload(**again)
    assert error_of(s3.create_multipart_upload, Bucket=BUCKET, Key="HNU1/large")[:2] == ("AccessDenied", 403)


@pytest.mark.parametrize(
    ("operation", "parameters", "action"),
    [
        ("put_object", {"Key": RAW, "Body": b"x"}, "s3:PutObject"),
        ("put_object", {"Key": OUTPUT, "Body": b"x", "ACL": "public-read"}, "s3:PutObjectAcl"),
        ("put_object", {"Key": OUTPUT, "Body": b"x", "Tagging": "a=b"}, "s3:PutObjectTagging"),
        ("put_object_acl", {"Key": OUTPUT, "ACL": "public-read"}, "s3:PutObjectAcl"),
        ("delete_object", {"Key": RAW}, "s3:DeleteObject"),
        ("delete_object", {"Key": RAW, "VersionId": "null"}, "s3:DeleteObjectVersion"),
        ("get_object", {"Key": RAW, "VersionId": "null"}, "s3:GetObjectVersion"),
        ("copy_object", {"Key": OUTPUT, "CopySource": f"{OTHER_BUCKET}/{RAW}"}, "s3:GetObject"),
        ("list_object_versions", {}, "s3:ListBucketVersions"),
        ("get_bucket_policy", {}, "s3:GetBucketPolicy"),
        ("put_bucket_policy", {"Policy": "{}"}, "s3:PutBucketPolicy"),
        ("delete_bucket", {}, "s3:DeleteBucket"),
    ],
)
def test_what_the_role_may_not_is_refused_in_s3s_words(
    job: JobKeys, operation: str, parameters: dict[str, Any], action: str
) -> None:
    code, status, message = error_of(getattr(job.client("s3"), operation), Bucket=BUCKET, **parameters)
    assert (code, status) == ("AccessDenied", 403)
    key = parameters.get("Key")
    bucket = OTHER_BUCKET if operation == "copy_object" else BUCKET
    path = RAW if operation == "copy_object" else key
    resource = f"arn:aws:s3:::{bucket}/{path}" if key else f"arn:aws:s3:::{bucket}"
    start = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/job/"
    assert message.startswith(start)
    assert message.endswith(
        f'is not authorized to perform: {action} on resource: "{resource}" because no identity-based policy allows the'
        f" {action} action"
    )


def test_nothing_is_written_by_a_refused_request(world: RightsWorld, job: JobKeys) -> None:
    error_of(job.client("s3").put_object, Bucket=BUCKET, Key=RAW, Body=b"y" * 3_000_000)
    error_of(job.client("s3").copy_object, Bucket=BUCKET, Key="HNU1/copy", CopySource=f"{BUCKET}/{RAW}")
    assert world.s3.get_object(Bucket=BUCKET, Key=RAW)["Body"].read() == b"scan"
    assert error_of(world.s3.head_object, Bucket=BUCKET, Key="HNU1/copy")[0] == "404"


def test_another_bucket_is_refused_and_a_missing_one_is_missing(job: JobKeys) -> None:
    s3 = job.client("s3")
    assert error_of(s3.get_object, Bucket=OTHER_BUCKET, Key=RAW)[:2] == ("AccessDenied", 403)
    assert error_of(s3.head_object, Bucket=OTHER_BUCKET, Key=RAW)[:2] == ("403", 403)
    assert error_of(s3.list_objects_v2, Bucket=OTHER_BUCKET)[:2] == ("AccessDenied", 403)
    assert error_of(s3.list_buckets)[0] == "AccessDenied"
    assert error_of(s3.get_object, Bucket="missing", Key=RAW)[:2] == ("NoSuchBucket", 404)
    assert error_of(s3.create_bucket, Bucket="mine")[0] == "AccessDenied"


def test_a_missing_object_looks_forbidden_to_who_may_not_list(world: RightsWorld, job: JobKeys, other_job) -> None:  # type: ignore[no-untyped-def]
    assert error_of(job.client("s3").get_object, Bucket=BUCKET, Key="missing")[:2] == ("NoSuchKey", 404)
    reads = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}]
    s3 = other_job(world.role("reader", reads)).client("s3")
    assert s3.get_object(Bucket=BUCKET, Key=RAW)["Body"].read() == b"scan"
    code, status, message = error_of(s3.get_object, Bucket=BUCKET, Key="missing")
    assert (code, status) == ("AccessDenied", 403)
    assert "s3:ListBucket" in message


def test_of_several_deletions_only_the_allowed_ones_happen(world: RightsWorld, other_job) -> None:  # type: ignore[no-untyped-def]
    for key in ("opsctl/a", "opsctl/b", "HNU1/c"):
        world.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    statement = {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{BUCKET}/opsctl/*"}
    s3 = other_job(world.role("cleaner", [statement])).client("s3")
    names = [{"Key": "opsctl/a"}, {"Key": "HNU1/c"}, {"Key": "opsctl/b", "VersionId": "null"}]
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": names})
    assert [entry["Key"] for entry in answer["Deleted"]] == ["opsctl/a"]
    assert {(entry["Key"], entry["Code"]) for entry in answer["Errors"]} == {
        ("HNU1/c", "AccessDenied"),
        ("opsctl/b", "AccessDenied"),
    }
    left = {entry["Key"] for entry in world.s3.list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert {"HNU1/c", "opsctl/b"} <= left
    assert "opsctl/a" not in left


def test_a_presigned_url_may_what_its_signer_may(job: JobKeys) -> None:
    def read(bucket: str, version: str = "s3v4") -> bytes:
        s3 = job.client("s3", signature_version=version)
        url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": RAW})
        with urllib.request.urlopen(url) as reply:
            body: bytes = reply.read()
            return body

    assert read(BUCKET) == b"scan"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        read(OTHER_BUCKET)
    # The old form of a signature, which buckets made since 2020 refuse.
    with pytest.raises(urllib.error.HTTPError, match="400"):
        read(BUCKET, "s3")


def test_without_a_key_nothing_is_read_whatever_a_bucket_allows_everybody(world: RightsWorld) -> None:
    url = f"{world.platform.server.endpoint_url}/open/{RAW}"
    world.s3.create_bucket(Bucket="open")
    world.s3.put_object(Bucket="open", Key=RAW, Body=b"open")
    public = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::open/*"}
    world.s3.put_bucket_policy(Bucket="open", Policy=document([public]))
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url)


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code", "status"),
    [
        ("ecr", "put_image", {"repositoryName": "m2g", "imageManifest": "{}"}, "AccessDeniedException", 400),
        ("ecs", "register_container_instance", {"cluster": "foreign"}, "AccessDeniedException", 400),
        ("logs", "describe_log_groups", {}, "AccessDeniedException", 400),
        ("ssm", "get_parameter", {"Name": "/opsctl/local/platform"}, "AccessDeniedException", 400),
        ("batch", "describe_job_queues", {}, "AccessDeniedException", 403),
        ("batch", "submit_job", {"jobName": "j", "jobQueue": "q", "jobDefinition": "d"}, "AccessDeniedException", 403),
        ("iam", "list_roles", {}, "AccessDenied", 403),
        ("iam", "delete_role_policy", {"RoleName": "job", "PolicyName": "data"}, "AccessDenied", 403),
        ("sts", "assume_role", {"RoleArn": ROLE, "RoleSessionName": "session"}, "AccessDenied", 403),
        ("ec2", "describe_instances", {}, "UnauthorizedOperation", 403),
        ("ec2", "run_instances", {"MinCount": 1, "MaxCount": 1, "ImageId": "ami-1"}, "UnauthorizedOperation", 403),
        ("autoscaling", "describe_auto_scaling_groups", {}, "AccessDenied", 403),
        # Services of which no permission is known.
        ("dynamodb", "list_tables", {}, "AccessDeniedException", 400),
        ("sns", "list_topics", {}, "AccessDenied", 403),
    ],
)  # fmt: skip
def test_every_other_service_refuses_in_its_own_protocol(
    job: JobKeys, service: str, operation: str, parameters: dict[str, Any], code: str, status: int
) -> None:
    client = job.client(service)
    assert error_of(getattr(client, operation), **parameters)[:2] == (code, status)


def test_who_a_job_is(world: RightsWorld, job: JobKeys) -> None:
    identity = job.client("sts").get_caller_identity()
    # The session is named after the task, as by ECS.
    task = world.platform.job(job.job_id)["container"]["taskArn"].rpartition("/")[2]
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/job/{task}"
    assert identity["Account"] == ACCOUNT


def test_a_call_that_is_not_known_is_refused_whatever_the_role_may(world: RightsWorld, other_job) -> None:  # type: ignore[no-untyped-def]
    job = other_job(world.role("everything", [{"Effect": "Allow", "Action": "*", "Resource": "*"}]))
    job.client("s3").put_object(Bucket=BUCKET, Key=RAW, Body=b"scan")
    code, _, message = error_of(job.client("s3").rename_object, Bucket=BUCKET, Key="b", RenameSource=f"{BUCKET}/{RAW}")
    assert code == "AccessDenied"
    assert "does not know which permissions" in message
    assert error_of(job.client("dynamodb").list_tables)[0] == "AccessDeniedException"
    role = {"RoleArn": world.job_role, "RoleSessionName": "session"}
    assert error_of(job.client("sts").assume_role, **role)[0] == "AccessDenied"


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        # Two operations in one query.
        ("PUT", f"/{BUCKET}/{OUTPUT}?acl&tagging", {}),
        # Two actions.
        ("POST", "/?Action=GetCallerIdentity", {"X-Amz-Target": "AmazonSSM.GetParameter"}),
        ("POST", "/", {"body": "Action=GetCallerIdentity&Action=AssumeRole"}),
    ],
)
def test_a_request_that_could_mean_two_things_is_refused(
    world: RightsWorld, job: JobKeys, method: str, path: str, headers: dict[str, str]
) -> None:
    headers = dict(headers)
    body = headers.pop("body", None)
    service = "s3" if path.startswith(("/data", "/HNU1")) else "sts"
    scope = f"{job.variables['AWS_ACCESS_KEY_ID']}/20260101/us-east-1/{service}/aws4_request"
    signature = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"
    signed = {
        "Authorization": signature,
        "X-Amz-Date": f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}",
        "X-Amz-Security-Token": job.variables["AWS_SESSION_TOKEN"],
        **headers,
    }
    connection = HTTPConnection("127.0.0.1", world.platform.server.port, timeout=10)
    connection.request(method, path, body=body, headers=signed)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    assert reply.status in (400, 403)
    assert "does not know which permissions" in text


def test_a_change_of_the_roles_policy_counts_at_once(world: RightsWorld, other_job) -> None:  # type: ignore[no-untyped-def]
    reads = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    s3 = other_job(world.role("changed", [reads])).client("s3")
    assert s3.get_object(Bucket=OTHER_BUCKET, Key=RAW)["Body"].read() == b"scan"
    denial = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}
    world.iam.put_role_policy(RoleName="changed", PolicyName="more", PolicyDocument=document([denial]))
    message = error_of(s3.get_object, Bucket=OTHER_BUCKET, Key=RAW)[2]
    assert message.endswith("with an explicit deny in an identity-based policy")
    world.iam.delete_role_policy(RoleName="changed", PolicyName="more")
    s3.get_object(Bucket=OTHER_BUCKET, Key=RAW)
    boundary = world.iam.create_policy(
        PolicyName="boundary",
        PolicyDocument=document([{**reads, "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]}]),
    )["Policy"]["Arn"]
    world.iam.put_role_permissions_boundary(RoleName="changed", PermissionsBoundary=boundary)
    s3.get_object(Bucket=BUCKET, Key=RAW)
    message = error_of(s3.get_object, Bucket=OTHER_BUCKET, Key=RAW)[2]
    assert message.endswith("because no permissions boundary allows the s3:GetObject action")


def test_the_buckets_policy_counts(world: RightsWorld, job: JobKeys) -> None:
    world.s3.create_bucket(Bucket="granted")
    world.s3.put_object(Bucket="granted", Key=RAW, Body=b"scan")
    s3 = job.client("s3")
    allow = {
        "Effect": "Allow",
        "Principal": {"AWS": world.job_role},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::granted/*",
    }
    tls = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::granted/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    world.s3.put_bucket_policy(Bucket="granted", Policy=document([allow, tls]))
    assert s3.get_object(Bucket="granted", Key=RAW)["Body"].read() == b"scan"
    tls["Condition"] = {"Bool": {"aws:SecureTransport": "true"}}
    world.s3.put_bucket_policy(Bucket="granted", Policy=document([allow, tls]))
    message = error_of(s3.get_object, Bucket="granted", Key=RAW)[2]
    assert message.endswith("with an explicit deny in a resource-based policy")


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("ssm", "describe_parameters", "UnrecognizedClientException"),
        ("batch", "describe_job_queues", "UnrecognizedClientException"),
        ("iam", "list_roles", "InvalidClientTokenId"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("ec2", "describe_vpcs", "AuthFailure"),
    ],
)
def test_a_key_that_nobody_has_given_out_is_refused(job: JobKeys, service: str, operation: str, code: str) -> None:
    client = job.client(service, aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="x")
    assert error_of(getattr(client, operation))[0] == code


def test_a_key_without_its_token_is_refused(job: JobKeys) -> None:
    pair = {"aws_access_key_id": job.variables["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": "x"}
    assert error_of(job.client("s3", **pair).list_buckets)[0] == "InvalidAccessKeyId"
    assert error_of(job.client("s3", **pair, aws_session_token="wrong").list_buckets)[0] == "InvalidToken"


def test_the_keys_of_an_ended_attempt_are_refused(world: RightsWorld) -> None:
    ended = world.start(world.job_role)
    s3, instance = ended.client("s3"), ended.instance_client("sts")
    s3.get_object(Bucket=BUCKET, Key=RAW)
    instance.get_caller_identity()
    ended.end()
    world.platform.wait(ended.job_id)
    assert error_of(s3.get_object, Bucket=BUCKET, Key=RAW)[0] == "InvalidAccessKeyId"
    assert error_of(instance.get_caller_identity)[0] == "InvalidClientTokenId"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{ended.variables['AWS_EC2_METADATA_SERVICE_ENDPOINT']}/latest/meta-data/instance-id")


def test_the_users_own_key_may_everything(world: RightsWorld) -> None:
    world.s3.put_object(Bucket=OTHER_BUCKET, Key="mine", Body=b"x")
    assert world.s3.list_buckets()["Buckets"]
    assert json.dumps(world.iam.list_roles()["Roles"], default=str)


def test_a_dry_run_does_nothing_and_says_whether_it_may(world: RightsWorld, other_job) -> None:  # type: ignore[no-untyped-def]
    ec2 = client(world.platform.server, "ec2")
    before = ec2.describe_vpcs()["Vpcs"]
    assert error_of(ec2.create_vpc, CidrBlock="10.9.0.0/16", DryRun=True)[:2] == ("DryRunOperation", 412)
    of_job = other_job(world.job_role).client("ec2")
    assert error_of(of_job.create_vpc, CidrBlock="10.9.0.0/16", DryRun=True)[:2] == ("UnauthorizedOperation", 403)
    assert ec2.describe_vpcs()["Vpcs"] == before
    made = ec2.create_vpc(CidrBlock="10.9.0.0/16", DryRun=False)["Vpc"]["VpcId"]
    ec2.delete_vpc(VpcId=made)


@pytest.mark.parametrize("trusts", ["lambda", None])
def test_a_role_that_ecs_cannot_assume_starts_no_job(world: RightsWorld, trusts: str | None) -> None:
    role = world.role("foreign", JOB_POLICY, trusts=trusts) if trusts else f"arn:aws:iam::{ACCOUNT}:role/missing"
    ended = world.platform.wait(world.run(role, "true"))
    assert ended["status"] == "FAILED"
    reason = ended["attempts"][0]["container"]["reason"]
    assert reason.startswith(f"ECS was unable to assume the role '{role}' that was provided for this task.")


def test_the_keys_are_on_no_command_line(job: JobKeys, world: RightsWorld) -> None:
    secret = job.variables["AWS_SECRET_ACCESS_KEY"].encode()
    lines = [line.read_bytes() for line in Path("/proc").glob("[0-9]*/cmdline") if line.parent.exists()]
    assert lines
    assert not any(secret in line for line in lines)
