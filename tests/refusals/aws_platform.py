"""A platform that counts as AWS, before it a proxy that plays AWS's refusals, and the program typed at it."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest
from aws_account import usual_account
from support.aws_refusals import AwsRefusals, Rule, refusing
from support.golden import compare
from support.local_servers import client
from support.printed_commands import ensure_readable, follow
from support.small_platform import SmallPlatform

from opsctl.__main__ import main
from opsctl.home import Home

SCREENS = Path(__file__).with_name("screens")
NAME = "m2g"
REPOSITORY = f"opsctl-{NAME}"
#: The compute environment of both queues.
ENVIRONMENT = "env"
_TAG = "0.1.0"


#: What differs from one run of a test to the next, and what stands for it in a recorded screen.
_CHANGING = (
    (re.compile(r"HNU1-\d{8}-\d{6}-[0-9a-f]{4}"), "RUN"),
    (re.compile(r"selftest-\d{8}-\d{6}-[0-9a-f]{4}"), "SELFTEST"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\b(vpc|subnet|rtb|sg|igw|lt|vpce)-[0-9a-f]{8,}"), r"\1-ID"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?Z?"), "TIME"),
    (re.compile(r"\b(for|in) [\d.]+ (?:s|min)(?: \d\d s)?\b"), r"\1 DURATION"),
    (re.compile(r"\b[\d.]+ (?:s|min)(?: \d\d s)? ago"), "DURATION ago"),
)
#: What `doctor` finds to be in order, or of this machine, and its count of both.
_NOT_OF_AWS = re.compile(
    r"^(?:fine |\w+ +(?:Python|opsctl|terminal|Terraform|provider|containers|disk) |Nothing is wrong|\d+ wrong).*\n"
    r"(?:  .*\n)*",
    re.MULTILINE,
)


class AwsPlatform:
    """A real server whose jobs wait for a gate, seen by opsctl as AWS.

    Attributes
    ----------
    aws
        The proxy: `with aws.aws.playing(Refusal(…))`.
    run_id, last_run_id
        The first run that was submitted without a refusal, and the last.
    small
        The server, its gate and its dataset HNU1 of three scans.
    """

    def __init__(self, folder: Path, aws: AwsRefusals, small: SmallPlatform) -> None:
        self.folder, self.aws, self.small = folder, aws, small
        self.run_id = self.last_run_id = ""
        home = Home(small.home)
        registered = home.recall("local")
        assert registered is not None
        repository = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{REPOSITORY}"
        self.record = dataclasses.replace(
            registered,
            name=NAME,
            endpoint_url=None,
            repository_url=repository,
            image=f"{repository}:{_TAG}",
            m2g_image=f"{repository}:{_TAG}",
        )
        home.keep(self.record)
        self.environment = {
            **small.environment,
            "AWS_ENDPOINT_URL": aws.url,
            **small.server.credentials,
            "AWS_REGION": self.record.region,
            "COLUMNS": "120",
            "TERM": "dumb",
        }
        self._push_image()
        self._open_network()

    def _open_network(self) -> None:
        """Give the subnet a way out, as Terraform does."""
        ec2 = client(self.small.server, "ec2")
        subnet = ec2.describe_subnets()["Subnets"][0]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=subnet["VpcId"])
        tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}])["RouteTables"]
        for table in tables:
            ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)

    def _push_image(self) -> None:
        ecr = client(self.small.server, "ecr")
        ecr.create_repository(repositoryName=REPOSITORY)
        manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"})
        ecr.put_image(repositoryName=REPOSITORY, imageManifest=manifest, imageTag=_TAG)

    def run(self, *arguments: str) -> tuple[int, str]:
        """Type a command; its exit code and all that it printed.

        In this process: a new one for each command would take most of the tests' time.
        """
        printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        with (
            patch.dict(os.environ, self.environment, clear=True),
            patch.object(sys, "argv", ["opsctl", *arguments]),
            chdir(self.folder),
            redirect_stdout(printed),
            redirect_stderr(printed),
            pytest.raises(SystemExit) as end,
        ):
            main()
        printed.seek(0)
        return int(end.value.code or 0), printed.read()

    def screen(self, scenario: str, *arguments: str, rules: tuple[Rule, ...] = (), code: int) -> str:
        """Type a command while AWS refuses, and compare what it shows with the recorded screen.

        Parameters
        ----------
        scenario
            The screen is `VERB-SCENARIO.txt`.
        """
        with self.aws.playing(*rules, *usual_account(ENVIRONMENT)):
            result, text = self.run(*arguments)
            assert result == code, text
            ensure_readable(text)
            follow(text, self.run)
        shown = self.steady(f"$ opsctl {' '.join(arguments)}\n{text}(exit code {result})\n")
        compare(SCREENS / f"{arguments[0]}-{scenario}.txt", shown)
        return text

    def steady(self, text: str) -> str:
        """A text without what differs from one run to the next."""
        for place in (str(self.small.home), str(self.folder)):
            text = text.replace(place, "HOME")
        for pattern, name in _CHANGING:
            text = pattern.sub(name, text)
        return _NOT_OF_AWS.sub("", text)

    def submit(self, *arguments: str) -> None:
        """Submit a run without any refusal."""
        with self.aws.playing(*usual_account(ENVIRONMENT)):
            code, text = self.run("run", "HNU1", "--yes", *arguments)
        assert code == 0, text
        submitted = re.search(r"HNU1-\d{8}-\d{6}-[0-9a-f]{4}", text)
        assert submitted is not None, text
        self.last_run_id = submitted[0]
        self.run_id = self.run_id or self.last_run_id

    def submissions(self) -> int:
        """How many jobs Batch has been given."""
        batch = client(self.small.server, "batch")
        statuses = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
        return sum(len(batch.list_jobs(jobQueue="q", jobStatus=status)["jobSummaryList"]) for status in statuses)


@contextmanager
def aws_platform(folder: Path, *, slots: int) -> Iterator[AwsPlatform]:
    """Start a platform and its proxy, and end both with the block."""
    small = SmallPlatform(folder, slots=slots)
    try:
        with refusing(small.server.port) as aws:
            yield AwsPlatform(folder, aws, small)
    finally:
        small.gate.touch()
        small.close()
