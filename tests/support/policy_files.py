"""The policies in docs/policies, filled in as docs/permissions.md tells an administrator to do it."""

from __future__ import annotations

import json
from typing import Any

from support.repository import ROOT

FOLDER = ROOT / "docs" / "policies"
FILES = ("run", "up", "up-network", "state", "delete")
#: Those of docs/institute.md, docs/notify.md and docs/cost.md.
INSTITUTE_FILES = ("up-vpc", "up-key", "up-boundary", "up-mail", "up-budget", "boundary", "kms-key")

#: The platform that the policies' tests are about.
NAME, REGION, ACCOUNT = "m2g", "eu-central-1", "123456789012"
PLATFORM = {"NAME": NAME, "REGION": REGION, "ACCOUNT": ACCOUNT}

#: What a source bucket adds to run.json, by the statement's Sid.
_SOURCE_BUCKET_RESOURCES = {"FindDatasetsAndRuns": "arn:aws:s3:::{}", "ReadDatasetsAndResults": "arn:aws:s3:::{}/*"}

Policy = dict[str, Any]


def filled(file: str, **values: str) -> str:
    """Return a file's text with its placeholders replaced.

    Parameters
    ----------
    file
        The file's name without its suffix.
    values
        By placeholder: DATA_BUCKET (the platform's own bucket if not given), NAME, ACCOUNT, REGION, STATE_BUCKET,
        STATE_PREFIX; in the institute's files also VPC_ID, KEY_ARN, BOUNDARY, PEOPLE.
    """
    text = (FOLDER / f"{file}.json").read_text()
    for placeholder, value in ({"DATA_BUCKET": "opsctl-NAME-ACCOUNT-REGION"} | values).items():
        text = text.replace(placeholder, value)
    return text


def document(file: str, **values: str) -> Policy:
    """Return the same as a parsed policy."""
    policy: Policy = json.loads(filled(file, **values))
    return policy


def with_source_bucket(policy: Policy, bucket: str) -> Policy:
    """Return run.json's policy with another bucket to read datasets from."""
    statements = [
        {**statement, "Resource": [statement["Resource"], _SOURCE_BUCKET_RESOURCES[statement["Sid"]].format(bucket)]}
        if statement["Sid"] in _SOURCE_BUCKET_RESOURCES
        else statement
        for statement in policy["Statement"]
    ]
    return {**policy, "Statement": statements}
