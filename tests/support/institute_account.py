"""An account whose institute has made a network, a key and a boundary, and the program that is typed there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsctl.core.platform.subnet import SERVICES
from opsctl.local import control
from support.local_key import session_of
from support.repository import ROOT

REGION = "us-east-1"
BOUNDARY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True)
class Said:
    """The exit code, and what was printed."""

    code: int
    out: str
    err: str


class Account:
    """An account on a local platform's server.

    Attributes
    ----------
    vpc, subnets
        A VPC without internet gateway, and two private subnets with all endpoints.
    bare_subnet
        A subnet of the VPC whose route table leads nowhere.
    key, boundary
        ARNs.
    """

    def __init__(self, home: Path, folder: Path, server: control.LocalServer) -> None:
        self.home, self.folder = home, folder
        session = session_of(server.home, region=REGION)
        self._clients = {
            service: session.client(service, endpoint_url=server.endpoint_url)
            for service in ("ec2", "iam", "kms", "logs", "s3", "ssm", "ecr", "batch")
        }
        # The last `down` ends a server that holds nothing more.
        self.client("logs").create_log_group(logGroupName="/opsctl/anchor")
        key = self.client("kms").create_key(Description="the institute's")["KeyMetadata"]
        self.key: str = key["Arn"]
        self.client("kms").create_alias(AliasName="alias/institute", TargetKeyId=key["KeyId"])
        policy = self.client("iam").create_policy(PolicyName="Boundary", PolicyDocument=json.dumps(BOUNDARY))
        self.boundary: str = policy["Policy"]["Arn"]
        self._make_network()

    def client(self, service: str) -> Any:
        """A client of one of AWS's services."""
        return self._clients[service]

    def _make_network(self) -> None:
        ec2 = self.client("ec2")
        self.vpc: str = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
            ec2.modify_vpc_attribute(VpcId=self.vpc, **{attribute: {"Value": True}})
        table = ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.subnets = [self._make_subnet(f"10.1.{number}.0/24", zone) for number, zone in ((1, "a"), (2, "b"))]
        self.bare_subnet = self._make_subnet("10.1.3.0/24", "a")
        for subnet in self.subnets:
            ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        group = ec2.create_security_group(GroupName="endpoints", Description="endpoints", VpcId=self.vpc)["GroupId"]
        https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.1.0.0/16"}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[https])
        for service in SERVICES:
            name = f"com.amazonaws.{REGION}.{service}"
            if service == "s3":
                ec2.create_vpc_endpoint(
                    VpcId=self.vpc, VpcEndpointType="Gateway", ServiceName=name, RouteTableIds=[table]
                )
            else:
                ec2.create_vpc_endpoint(
                    VpcId=self.vpc,
                    VpcEndpointType="Interface",
                    ServiceName=name,
                    SubnetIds=self.subnets,
                    SecurityGroupIds=[group],
                    PrivateDnsEnabled=True,
                )

    def _make_subnet(self, cidr: str, zone: str) -> str:
        reply = self.client("ec2").create_subnet(VpcId=self.vpc, CidrBlock=cidr, AvailabilityZone=f"{REGION}{zone}")
        subnet_id: str = reply["Subnet"]["SubnetId"]
        return subnet_id

    def network(self) -> dict[str, Any]:
        """Everything in the VPC that the platform has not made, as EC2 describes it."""
        ec2, inside = self.client("ec2"), [{"Name": "vpc-id", "Values": [self.vpc]}]
        replies = {
            "vpcs": ec2.describe_vpcs(VpcIds=[self.vpc])["Vpcs"],
            "subnets": ec2.describe_subnets(Filters=inside)["Subnets"],
            "tables": ec2.describe_route_tables(Filters=inside)["RouteTables"],
            "endpoints": ec2.describe_vpc_endpoints(Filters=inside)["VpcEndpoints"],
            "acls": ec2.describe_network_acls(Filters=inside)["NetworkAcls"],
        }
        groups = ec2.describe_security_groups(Filters=inside)["SecurityGroups"]
        return {**replies, "groups": [group for group in groups if not group.get("Tags")]}

    def own_groups(self) -> list[dict[str, Any]]:
        """The platform's security groups in the VPC."""
        filters = [{"Name": "vpc-id", "Values": [self.vpc]}, {"Name": "tag:opsctl:platform", "Values": ["local"]}]
        groups: list[dict[str, Any]] = self.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]
        return groups

    def type(self, *words: str) -> Said:
        """Type a command of opsctl."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "OPSCTL_", "TF_"))}
        mirror = {key: value for key, value in os.environ.items() if key == "OPSCTL_PROVIDER_MIRROR"}
        own = {"OPSCTL_HOME": str(self.home), "OPSCTL_CONFIG": os.devnull, "COLUMNS": "200", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-m", "opsctl", *words],
            cwd=self.folder,
            env={**kept, **mirror, **own, "AWS_EC2_METADATA_DISABLED": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)
