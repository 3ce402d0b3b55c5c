"""Each fault as boto3 meets it: in the service's words, carried out or not as its name says, and recorded."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    HTTPClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from fault_plan import Fault, Plan, everywhere
from fault_proxy import FaultProxy
from support.local_servers import Homes, Platform, client

from opsctl.core.platform.platform_name import LOCAL_REGION


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    homes = Homes(tmp_path_factory.mktemp("homes"))
    made = Platform(*homes.start())
    client(made.server, "s3").create_bucket(Bucket="data")
    yield made
    homes.close()


@pytest.fixture
def proxy(platform: Platform) -> Iterator[FaultProxy]:
    with FaultProxy(platform.server.port) as made:
        yield made


def through(proxy: FaultProxy, platform: Platform, service: str, *, attempts: int = 1, read_seconds: float = 30) -> Any:
    return boto3.client(
        service,
        endpoint_url=proxy.url,
        region_name=LOCAL_REGION,
        aws_access_key_id=platform.server.credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=platform.server.credentials["AWS_SECRET_ACCESS_KEY"],
        config=Config(
            retries={"total_max_attempts": attempts, "mode": "standard"},
            read_timeout=read_seconds,
            max_pool_connections=16,
            s3={"addressing_style": "path"},
        ),
    )


def there(platform: Platform, key: str) -> bool:
    listed = client(platform.server, "s3").list_objects_v2(Bucket="data", Prefix=key)
    return bool(listed["KeyCount"])


def refusal(call: Callable[..., Any], **request: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


CALLS = {
    "s3": ("ListObjectsV2", "list_objects_v2", {"Bucket": "data"}),
    "batch": ("DescribeJobQueues", "describe_job_queues", {}),
    "logs": ("DescribeLogGroups", "describe_log_groups", {}),
    "ssm": ("GetParameter", "get_parameter", {"Name": "/x"}),
    "iam": ("ListRoles", "list_roles", {}),
    "sts": ("GetCallerIdentity", "get_caller_identity", {}),
    "ec2": ("DescribeSubnets", "describe_subnets", {}),
    "ecr": ("DescribeRepositories", "describe_repositories", {}),
}


@pytest.mark.parametrize(
    ("service", "throttled", "error_500", "error_503"),
    [
        ("s3", ("SlowDown", 503), "InternalError", "ServiceUnavailable"),
        ("batch", ("TooManyRequestsException", 429), "InternalFailure", "ServiceUnavailable"),
        ("logs", ("ThrottlingException", 400), "InternalFailure", "ServiceUnavailable"),
        ("ssm", ("ThrottlingException", 400), "InternalFailure", "ServiceUnavailable"),
        ("ecr", ("ThrottlingException", 400), "InternalFailure", "ServiceUnavailable"),
        ("iam", ("Throttling", 400), "InternalFailure", "ServiceUnavailable"),
        ("sts", ("Throttling", 400), "InternalFailure", "ServiceUnavailable"),
        ("ec2", ("RequestLimitExceeded", 503), "InternalError", "Unavailable"),
    ],
)
def test_each_service_speaks_its_own_words(
    platform: Platform, proxy: FaultProxy, service: str, throttled: tuple[str, int], error_500: str, error_503: str
) -> None:
    operation, method, request = CALLS[service]
    name = f"{service}.{operation}"
    faults = (Fault.THROTTLED, Fault.ERROR_500_BEFORE, Fault.ERROR_503_BEFORE)
    proxy.plan = Plan(exact={(name, number): fault for number, fault in enumerate(faults, 1)})
    call = getattr(through(proxy, platform, service), method)
    assert [refusal(call, **request) for _ in faults] == [throttled, (error_500, 500), (error_503, 503)]
    assert [(one.name, one.number, one.fault, one.arrived, one.status) for one in proxy.log] == [
        (name, number, fault, False, None) for number, fault in enumerate(faults, 1)
    ]
    assert [one.answered for one in proxy.log] == [throttled[1], 500, 503]
    # boto3's own retries take each of them for passing.
    proxy.plan = Plan(exact={(name, number): fault for number, fault in enumerate(faults, 1)})
    again = getattr(through(proxy, platform, service, attempts=4), method)
    if service == "ssm":
        assert refusal(again, **request)[0] == "ParameterNotFound"
    else:
        again(**request)
    assert len(proxy.log) == 7


# What boto3 raises, and whether the platform has done it nevertheless.
SEEN: dict[Fault, tuple[type[Exception], bool]] = {
    Fault.THROTTLED: (ClientError, False),
    Fault.ERROR_500_BEFORE: (ClientError, False),
    Fault.ERROR_503_BEFORE: (ClientError, False),
    Fault.RESET_BEFORE: (ConnectionClosedError, False),
    Fault.ERROR_500_AFTER: (ClientError, True),
    Fault.ERROR_503_AFTER: (ClientError, True),
    Fault.RESET_AFTER: (ConnectionClosedError, True),
    Fault.SLOW: (ReadTimeoutError, True),
}


@pytest.mark.parametrize("fault", SEEN)
def test_before_means_not_done_and_after_means_done(platform: Platform, proxy: FaultProxy, fault: Fault) -> None:
    raised, done = SEEN[fault]
    proxy.plan = Plan(exact={("s3.PutObject", 1): fault, ("batch.SubmitJob", 1): fault}, slow_seconds=60)
    s3, batch = through(proxy, platform, "s3", read_seconds=1), through(proxy, platform, "batch", read_seconds=1)
    with pytest.raises(raised):
        s3.put_object(Bucket="data", Key=f"put-{fault}", Body=b"x" * 100_000)
    definition = platform.define()
    with pytest.raises(raised):
        batch.submit_job(jobName=f"job-{fault}", jobQueue="q", jobDefinition=definition)
    mine = [{"name": "JOB_NAME", "values": [f"job-{fault}"]}]
    submitted = platform.batch.list_jobs(jobQueue="q", filters=mine)["jobSummaryList"]
    assert there(platform, f"put-{fault}") is done
    assert len(submitted) == done
    assert proxy.carried_out("batch.SubmitJob") == len(submitted)
    assert proxy.carried_out("s3.PutObject") == len(submitted)
    assert proxy.faults() == {fault: 2}
    # The next one is untouched, on the same client.
    s3.put_object(Bucket="data", Key=f"put-{fault}", Body=b"y")
    assert s3.get_object(Bucket="data", Key=f"put-{fault}")["Body"].read() == b"y"


@pytest.mark.parametrize("size", [1, 10, 5_000_000])
def test_a_truncated_body_is_noticed_and_never_the_whole(platform: Platform, proxy: FaultProxy, size: int) -> None:
    s3 = through(proxy, platform, "s3")
    s3.put_object(Bucket="data", Key="cut", Body=b"z" * size)
    proxy.plan = Plan(exact={("s3.GetObject", 1): Fault.TRUNCATED})
    body = s3.get_object(Bucket="data", Key="cut")["Body"]
    assert int(body._content_length) == size
    with pytest.raises((ResponseStreamingError, IncompleteReadError)):
        body.read()
    assert s3.get_object(Bucket="data", Key="cut")["Body"].read() == b"z" * size
    assert [one.fault for one in proxy.log if one.operation == "GetObject"] == [Fault.TRUNCATED, None]


def test_a_truncated_answer_of_a_call_is_cut_short_of_its_length(platform: Platform, proxy: FaultProxy) -> None:
    cut = ("batch.DescribeJobQueues", "s3.ListObjectsV2", "s3.HeadBucket")
    proxy.plan = Plan(exact={(name, 1): Fault.TRUNCATED for name in cut})
    # boto3 itself takes half a JSON for an empty answer without a word (it asks urllib3 not to compare lengths):
    # a program that must not believe in empty queues has to look for itself.
    answer = through(proxy, platform, "batch").describe_job_queues()
    assert "jobQueues" not in answer
    assert int(answer["ResponseMetadata"]["HTTPHeaders"]["content-length"]) > 100
    # Half an XML of S3's it takes for a 500.
    assert refusal(through(proxy, platform, "s3").list_objects_v2, Bucket="data")[0] == "500"
    # Where there is no body there is nothing to cut, and the record does not count it.
    through(proxy, platform, "s3").head_bucket(Bucket="data")
    assert [(one.name, one.fault) for one in proxy.log] == [
        ("batch.DescribeJobQueues", Fault.TRUNCATED),
        ("s3.ListObjectsV2", Fault.TRUNCATED),
        ("s3.HeadBucket", None),
    ]


def test_a_platform_that_is_gone_is_a_reset_and_no_fault_of_the_plan(platform: Platform, proxy: FaultProxy) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        proxy.upstream_port = free.getsockname()[1]
    with pytest.raises(ConnectionClosedError):
        through(proxy, platform, "s3").list_buckets()
    assert [(one.name, one.fault, one.arrived, one.status) for one in proxy.log] == [
        ("s3.ListBuckets", None, False, None)
    ]


def test_faults_can_be_switched_off_and_on_and_the_plan_changed(platform: Platform, proxy: FaultProxy) -> None:
    proxy.plan = Plan(rates={"s3": {Fault.THROTTLED: 1.0}})
    s3 = through(proxy, platform, "s3")
    assert refusal(s3.list_buckets) == ("SlowDown", 503)
    proxy.on = False
    s3.list_buckets()
    proxy.on = True
    assert refusal(s3.list_buckets) == ("SlowDown", 503)
    through(proxy, platform, "sts").get_caller_identity()
    proxy.plan = replace(proxy.plan, rates={"s3": {Fault.ERROR_500_AFTER: 1.0}, "s3.ListBuckets": {}})
    s3.list_buckets()
    assert proxy.faults() == {Fault.THROTTLED: 2}
    assert len(proxy.log) == 5


def test_what_the_proxy_counts_is_what_batch_got(platform: Platform, proxy: FaultProxy) -> None:
    platform.queue("counted", priority=1)
    definition = platform.define("true")
    proxy.plan = Plan(seed=11, rates=everywhere(0.6), slow_seconds=0.01)
    batch = through(proxy, platform, "batch")

    def submit(number: int) -> bool:
        try:
            batch.submit_job(jobName=f"j{number}", jobQueue="counted", jobDefinition=definition)
        except (ClientError, HTTPClientError, ResponseStreamingError):
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        told = sum(pool.map(submit, range(120)))
    everything = [{"name": "JOB_NAME", "values": ["j*"]}]
    pages = platform.batch.get_paginator("list_jobs").paginate(jobQueue="counted", filters=everything)
    jobs = [job["jobName"] for page in pages for job in page["jobSummaryList"]]
    assert proxy.carried_out("batch.SubmitJob") == len(jobs) > told
    planned = [proxy.plan.fault("batch", "SubmitJob", number) for number in range(1, 121)]
    assert proxy.faults() == {fault: planned.count(fault) for fault in Fault}
    assert all(planned.count(fault) for fault in Fault)


def test_the_same_seed_gives_the_same_faults_and_another_others() -> None:
    def drawn(seed: int) -> list[Fault | None]:
        plan = Plan(seed=seed, rates=everywhere(0.3))
        return [plan.fault("s3", "GetObject", number) for number in range(1, 3001)]

    assert drawn(7) == drawn(7) != drawn(8)
    assert abs(sum(fault is not None for fault in drawn(7)) / 3000 - 0.3) < 0.03
    assert {fault for fault in drawn(7) if fault is not None} == set(Fault)
    with pytest.raises(ValueError, match="chances"):
        Plan(rates={"*": {Fault.SLOW: 0.7, Fault.THROTTLED: 0.7}})
