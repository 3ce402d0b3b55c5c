"""Whose policies there are on the journey's platforms, and what became of its calls under them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from support.local_key import session_of
from support.policy_files import document
from support.recorded_calls import Judged, Who, judge

ACCOUNT, REGION = "123456789012", "us-east-1"

Documents = dict[Who, list[dict[str, Any]]]


def for_people(platform: str) -> Documents:
    """The policies of docs/ for one platform."""
    values = {"NAME": platform, "ACCOUNT": ACCOUNT, "REGION": REGION}
    run = document("run", **values)
    up = [document(name, **values) for name in ("up", "up-network")]
    return {"run": [run], "up": up, "delete": [run, document("delete", **values)]}


def of_jobs(home: Path, platform: str) -> list[dict[str, Any]]:
    """The policies of the role that jobs have, as they stand in IAM."""
    url = json.loads((home / "platforms" / platform / "record.json").read_text())["endpoint_url"]
    iam = session_of(home, region=REGION).client("iam", endpoint_url=url)
    role = f"opsctl-{platform}-{REGION}-job"
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]


@cache
def judged(home: Path, calls: Path) -> Judged:
    """Every call of the journey; the platform is up in the end."""
    local: Documents = {**for_people("local"), "job": of_jobs(home, "local")}
    return judge(calls, {"local": local}, account=ACCOUNT, region=REGION)
