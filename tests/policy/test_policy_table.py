"""Who may do what: policy_table.tsv, decided by docs/policies and by the roles' policies as Terraform renders them."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from support.policy_files import ACCOUNT, NAME, PLATFORM, REGION, document, with_source_bucket
from support.rendered_policies import DATA_BUCKET, SOURCE_BUCKET, Policies

from opsctl.local.rights.evaluator import Request, decide

_REGION_AND_ACCOUNT = f"{REGION}:{ACCOUNT}"
#: What the table's words in braces stand for.
_ABBREVIATIONS = {
    "data": f"arn:aws:s3:::{DATA_BUCKET}",
    "source": f"arn:aws:s3:::{SOURCE_BUCKET}",
    "other_data": f"arn:aws:s3:::opsctl-{NAME}-x-{ACCOUNT}-{REGION}",
    "state": "arn:aws:s3:::lab-states",
    "open": "arn:aws:s3:::open-to-the-account",
    "digits": "2" * 26,
    "iam": f"arn:aws:iam::{ACCOUNT}",
    **{service: f"arn:aws:{service}:{_REGION_AND_ACCOUNT}" for service in ("batch", "ec2", "ecr", "logs", "ssm")},
}
_OWNER = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
#: The policy of the bucket `open`.
_OPEN_BUCKET = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}]}
#: The condition keys of an ordinary request.
_CONTEXT = {
    "aws:RequestedRegion": REGION,
    "aws:SecureTransport": "true",
    "s3:TlsVersion": "1.3",
    "aws:username": "alice",
}


def rows() -> list[dict[str, str]]:
    with (Path(__file__).parent / "policy_table.tsv").open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def request_of(row: dict[str, str]) -> Request:
    pairs = [pair.partition("=") for pair in row["context"].format(**_ABBREVIATIONS).split(";") if pair]
    context = _CONTEXT | {key: value for key, _, value in pairs}
    return Request(row["action"], row["resource"].format(**_ABBREVIATIONS), context, row["# who"])


def own_policies(who: str, policies: Policies) -> list[dict]:
    people = {
        "owner": [_OWNER],
        "runner": [with_source_bucket(document("run", **PLATFORM), SOURCE_BUCKET)],
        "administrator": [document(file, **PLATFORM) for file in ("up", "up-network")],
        "stater": [document("state", **PLATFORM, STATE_BUCKET="lab-states", STATE_PREFIX="labs")],
    }
    return (people | policies.attached).get(who, [])


def policies_there(request: Request, policies: Policies) -> list[dict]:
    """Return the policies on the requested resource: a role's trust policy, or a bucket's."""
    if request.resource.startswith("role/"):
        return [policies.trust[request.resource.removeprefix("role/")]]
    buckets = {_ABBREVIATIONS["data"]: policies.bucket, _ABBREVIATIONS["open"]: _OPEN_BUCKET}
    bucket = request.resource.split("/")[0]
    return [buckets[bucket]] if bucket in buckets else []


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['# who']} {row['action']} {row['resource']}"[:90])
def test_who_may_do_what(row, policies):
    request = request_of(row)
    decision = decide(
        request, identity=own_policies(row["# who"], policies), resource=policies_there(request, policies)
    )
    assert decision == row["decision"], row["why"]


def test_the_table_asks_enough():
    counts = Counter((row["# who"], row["decision"]) for row in rows())
    assert len(rows()) >= 100
    for who in ("job", "instance", "service", "runner", "administrator", "stater"):
        assert counts[who, "allow"] >= 4, who
        assert counts[who, "deny"] >= 4, who
    assert all(row["why"] and row["decision"] in ("allow", "deny") for row in rows())
    assert len({tuple(row.values())[:4] for row in rows()}) == len(rows())
