"""A KMS key: which can be used, and what its policy seems to lack."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from support.policy_files import FOLDER

from opsctl.core.platform.key import Key, key_problem, policy_gaps

REGION = "eu-central-1"
KEY = Key(
    arn=f"arn:aws:kms:{REGION}:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    state="Enabled",
    spec="SYMMETRIC_DEFAULT",
    usage="ENCRYPT_DECRYPT",
    is_of_aws=False,
)
WHOLE = json.loads((FOLDER / "kms-key.json").read_text().replace("REGION", REGION).replace("ACCOUNT", "123456789012"))


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (KEY, ""),
        (replace(KEY, state="Disabled"), "is not enabled: its state is Disabled"),
        (replace(KEY, state="PendingDeletion"), "is about to be deleted"),
        (replace(KEY, state="PendingImport"), "its state is PendingImport"),
        (replace(KEY, spec="RSA_2048"), "a symmetric key for encryption is needed"),
        (replace(KEY, spec="HMAC_256", usage="GENERATE_VERIFY_MAC"), "a symmetric key"),
        (replace(KEY, arn=KEY.arn.replace(REGION, "us-east-1")), "lies in us-east-1, and the platform in eu-central-1"),
        (replace(KEY, is_of_aws=True), "is a key of AWS's own"),
    ],
)
def test_which_key_can_be_used(key: Key, sentence: str) -> None:
    problem = key_problem(key, region=REGION)
    assert sentence in problem
    assert bool(problem) is bool(sentence)


def test_the_policy_of_the_docs_has_no_gap() -> None:
    assert policy_gaps(replace(KEY, policy=WHOLE), region=REGION) == ()


def test_a_policy_that_was_not_read_has_no_known_gap() -> None:
    assert policy_gaps(KEY, region=REGION) == ()


@pytest.mark.parametrize(
    ("left_out", "words"),
    [
        ({"EncryptTheLogs"}, "does not name logs.eu-central-1.amazonaws.com"),
        ({"EncryptTheDisks", "AttachTheDisks"}, "does not name AWSServiceRoleForAutoScaling"),
    ],
)
def test_each_gap_names_the_statement_that_fills_it(left_out: set[str], words: str) -> None:
    kept = [statement for statement in WHOLE["Statement"] if statement["Sid"] not in left_out]
    (gap,) = policy_gaps(replace(KEY, policy={"Statement": kept}), region=REGION)
    assert words in gap
    assert all(sid in gap for sid in left_out)


def test_the_accounts_root_alone_is_not_enough() -> None:
    root = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "kms:*"}
    assert len(policy_gaps(replace(KEY, policy={"Statement": root}), region=REGION)) == 2
    assert len(policy_gaps(replace(KEY, policy={"Statement": {**root, "Principal": "*"}}), region=REGION)) == 1
