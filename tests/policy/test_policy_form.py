"""The policies in docs/policies: IAM takes them, they name what exists, and docs/permissions.md explains them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from policy_sentry.querying.actions import get_action_data, get_actions_for_service
from support.policy_files import ACCOUNT, FILES, FOLDER, document, filled

from opsctl.local.rights.evaluator import glob

PAGE = (FOLDER.parent / "permissions.md").read_text()
#: The longest value of each placeholder that opsctl or AWS accepts.
LONGEST = {
    "DATA_BUCKET": "b" * 63,
    "NAME": "n" * 20,
    "ACCOUNT": ACCOUNT,
    "REGION": "ap-southeast-1",
    "STATE_BUCKET": "b" * 63,
}
#: IAM's limit for a managed policy, without white space.
MAX_CHARACTERS = 6144


def statements(file: str) -> list[dict]:
    return document(file)["Statement"]


def as_list(value: object) -> list[str]:
    return [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]


def known(action: str) -> list[dict]:
    """Return the Service Authorization Reference's rows of an action: one for each kind of resource that it takes."""
    service, pattern = action.split(":")
    names = [name.split(":")[1] for name in get_actions_for_service(service)]
    matching = [name for name in names if glob(pattern.lower(), name.lower())]
    return [row for name in matching for row in get_action_data(service, name)[service]]


def takes(row: dict, resource: str) -> bool:
    """Whether a policy's resource can be of the kind in a row."""
    form = re.sub(r"\$\{\w+\}", "*", row["resource_arn_format"])
    if form == "*":
        return False
    kind, pattern = (re.split(r"[:/]", text.split(":", 5)[5])[0] for text in (form, resource))
    same_service = form.split(":")[2] == resource.split(":")[2]
    if form.split(":")[2] == "s3":
        # In S3 only a slash distinguishes objects from buckets.
        return same_service and ("/" in form.split(":", 5)[5]) == ("/" in resource.split(":", 5)[5])
    return same_service and (pattern == "*" or kind == "*" or kind == pattern)


EVERY = [(file, statement) for file in FILES for statement in statements(file)]
NAMES = [f"{file} {statement['Sid']}" for file, statement in EVERY]


def test_there_are_no_other_files():
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("file", FILES)
def test_iam_takes_its_size(file):
    text = "".join(filled(file, **LONGEST, STATE_PREFIX="p" * 100).split())
    assert len(text) <= MAX_CHARACTERS


@pytest.mark.parametrize("file", FILES)
def test_every_statement_has_a_name_of_its_own(file):
    names = [statement["Sid"] for statement in statements(file)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[A-Za-z0-9]+", name) for name in names)


@pytest.mark.parametrize(("file", "statement"), EVERY, ids=NAMES)
def test_every_action_exists(file, statement):
    assert [action for action in as_list(statement["Action"]) if not known(action)] == []


@pytest.mark.parametrize(("file", "statement"), EVERY, ids=NAMES)
def test_a_star_stands_only_where_the_action_has_no_resource(file, statement):
    if statement["Resource"] == "*":
        narrow = {
            action: row["resource_arn_format"]
            for action in as_list(statement["Action"])
            for row in known(action)
            if row["resource_arn_format"] != "*"
        }
        assert narrow == {}


@pytest.mark.parametrize(("file", "statement"), EVERY, ids=NAMES)
def test_every_action_takes_a_resource_and_every_resource_an_action(file, statement):
    resources = [resource for resource in as_list(statement["Resource"]) if resource != "*"]
    rows_of = {action: known(action) for action in as_list(statement["Action"])} if resources else {}
    actions_without_resource = [
        action
        for action, rows in rows_of.items()
        if not any(takes(row, resource) for row in rows for resource in resources)
    ]
    resources_without_action = [
        resource for resource in resources if not any(takes(row, resource) for rows in rows_of.values() for row in rows)
    ]
    assert (actions_without_resource, resources_without_action) == ([], [])


@pytest.mark.parametrize(("file", "statement"), EVERY, ids=NAMES)
def test_every_condition_is_one_that_its_actions_know(file, statement):
    keys = [key for values in statement.get("Condition", {}).values() for key in values]
    for key in keys:
        general = re.sub(r"^(aws:(?:Request|Resource)Tag)/.*", r"\1/${TagKey}", key)
        if general == "aws:RequestedRegion":
            # Every request has this key.
            continue
        for action in as_list(statement["Action"]):
            assert any(general in row["condition_keys"] for row in known(action)), (action, key)


@pytest.mark.parametrize("file", FILES)
def test_what_changes_something_is_narrowed(file):
    for statement in statements(file):
        if statement["Resource"] == "*":
            levels = {row["access_level"] for action in as_list(statement["Action"]) for row in known(action)}
            assert levels <= {"List", "Read"}, statement["Sid"]


def test_the_page_says_what_is_lost_without_a_statement():
    optional = [statement["Sid"] for _, statement in EVERY if statement["Sid"].startswith("Optional")]
    assert len(optional) >= 7
    assert [name for name in optional if f"| `{name}` |" not in PAGE] == []
    assert [file for file in FILES if f"policies/{file}.json" not in PAGE] == []


def test_the_pages_commands_fill_in_the_placeholders(tmp_path):
    (script,) = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    shutil.copytree(FOLDER, tmp_path / "docs" / "policies")
    aws = tmp_path / "aws"
    aws.write_text('#!/bin/sh\necho "$@" >> calls\n')
    aws.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    subprocess.run(["sh", "-eu"], input=script, text=True, cwd=tmp_path, env={"PATH": path}, check=True)

    platform = {"NAME": "m2g", "ACCOUNT": "123456789012", "REGION": "us-east-1"}
    calls = (tmp_path / "calls").read_text().splitlines()
    for file in ("run", "up", "up-network"):
        assert (tmp_path / f"{file}.json").read_text() == filled(file, **platform)
        assert f"iam create-policy --policy-name opsctl-m2g-{file} --policy-document file://{file}.json" in calls
    assert calls[-1].endswith("--policy-arn arn:aws:iam::123456789012:policy/opsctl-m2g-run")
