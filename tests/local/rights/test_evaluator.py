"""The evaluator, compared with what the IAM user guide says about each element."""

from __future__ import annotations

import pytest

from opsctl.local.rights.evaluator import Request, decide

BUCKET = "arn:aws:s3:::amzn-s3-demo-bucket"


def statement(effect: str = "Allow", **elements: object) -> dict:
    return {"Effect": effect, "Action": "s3:*", "Resource": "*", **elements}


def policy(*statements: dict) -> dict:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def without(name: str, **elements: object) -> dict:
    return {key: value for key, value in statement(**elements).items() if key != name}


def when(operator: str, key: str, *values: str) -> dict:
    return policy(statement(Condition={operator: {key: list(values)}}))


READ = Request("s3:GetObject", f"{BUCKET}/photos/a.jpg")


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        # "By default, all requests are implicitly denied"; an allow overrides that; "an explicit deny overrides all".
        ([], "deny"),
        ([policy(statement())], "allow"),
        ([policy(statement(), statement("Deny"))], "deny"),
        ([policy(statement("Deny")), policy(statement())], "deny"),
        ([policy(statement("Deny"))], "deny"),
        ([policy(statement("Deny", Action="s3:PutObject"), statement())], "allow"),
    ],
)
def test_default_allow_and_deny(documents, expected):
    assert decide(READ, identity=documents) == expected


@pytest.mark.parametrize(
    ("pattern", "action", "expected"),
    [
        ("s3:GetObject", "s3:GetObject", "allow"),
        ("s3:getobject", "S3:GetObject", "allow"),
        ("s3:*", "s3:GetObject", "allow"),
        ("s3:Get*", "s3:PutObject", "deny"),
        ("iam:*AccessKey*", "iam:DeleteAccessKey", "allow"),
        ("iam:*AccessKey*", "iam:ListUsers", "deny"),
        ("s3:GetObject", "s3:GetObjectAcl", "deny"),
        ("s3:GetObjec?", "s3:GetObject", "allow"),
        ("s3.GetObject", "s3:GetObject", "deny"),
        ("*", "ec2:RunInstances", "allow"),
    ],
)
def test_actions(pattern, action, expected):
    assert decide(Request(action, BUCKET), identity=[policy(statement(Action=pattern))]) == expected


def test_not_action_is_everything_else():
    # The guide's example of NotAction with Allow: everything except IAM.
    document = policy(without("Action", NotAction=["iam:*"]))
    assert decide(Request("s3:GetObject", BUCKET), identity=[document]) == "allow"
    assert decide(Request("iam:CreateUser", BUCKET), identity=[document]) == "deny"


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        (f"{BUCKET}/*", f"{BUCKET}/photos/a.jpg", "allow"),
        (f"{BUCKET}/*", BUCKET, "deny"),
        (BUCKET, f"{BUCKET}/a", "deny"),
        (f"{BUCKET}/*/test/*", f"{BUCKET}/1/test/object.jpg", "allow"),
        (f"{BUCKET}/*/test/*", f"{BUCKET}/1/2/3/test/4/object.jpg", "allow"),
        (f"{BUCKET}/*/test/*", f"{BUCKET}/1-test/object.jpg", "deny"),
        (f"{BUCKET}/Photos/*", f"{BUCKET}/photos/a.jpg", "deny"),
        ("arn:aws:sqs:*:111122223333:queue", "arn:aws:sqs:us-east-1:111122223333:queue", "allow"),
        # "You can't use a wildcard to span segments".
        ("arn:aws:sqs:*:queue", "arn:aws:sqs:us-east-1:111122223333:queue", "deny"),
        ("arn:aws:iam::111122223333:user/?ob", "arn:aws:iam::111122223333:user/Bob", "allow"),
        ("arn:aws:iam::111122223333:user/?ob", "arn:aws:iam::111122223333:user/BBob", "deny"),
        ("arn:aws:iam::111122223333:user/${aws:username}", "arn:aws:iam::111122223333:user/Bob", "allow"),
        ("arn:aws:iam::111122223333:user/${aws:username}", "arn:aws:iam::111122223333:user/Eve", "deny"),
        ("arn:aws:iam::111122223333:user/${aws:userid}", "arn:aws:iam::111122223333:user/", "deny"),
    ],
)
def test_resources(pattern, resource, expected):
    request = Request("s3:x", resource, {"aws:username": "Bob"})
    assert decide(request, identity=[policy(statement(Resource=pattern))]) == expected


def test_not_resource_is_everything_else():
    # The guide's example: deny everything outside one's own bucket.
    document = policy(statement(), {**without("Resource", NotResource=[BUCKET, f"{BUCKET}/*"]), "Effect": "Deny"})
    assert decide(Request("s3:GetObject", f"{BUCKET}/a"), identity=[document]) == "allow"
    assert decide(Request("s3:GetObject", "arn:aws:s3:::another/a"), identity=[document]) == "deny"


@pytest.mark.parametrize(
    ("operator", "key", "values", "context", "expected"),
    [
        ("StringEquals", "aws:PrincipalTag/job", ["iamuser"], {"aws:PrincipalTag/job": "iamuser"}, "allow"),
        ("StringEquals", "aws:PrincipalTag/job", ["iamuser"], {"aws:PrincipalTag/job": "IamUser"}, "deny"),
        ("StringEquals", "AWS:principaltag/job", ["a", "b"], {"aws:PrincipalTag/job": "b"}, "allow"),
        ("StringEquals", "k", ["a"], {}, "deny"),
        ("StringEqualsIfExists", "k", ["a"], {}, "allow"),
        ("StringEqualsIfExists", "k", ["a"], {"k": "b"}, "deny"),
        ("StringNotEquals", "k", ["a", "b"], {"k": "b"}, "deny"),
        ("StringNotEquals", "k", ["a"], {"k": "c"}, "allow"),
        # "If the key is not present, negated operators evaluate to true".
        ("StringNotEquals", "k", ["a"], {}, "allow"),
        ("StringEquals", "k", ["a*"], {"k": "ab"}, "deny"),
        ("StringLike", "k", ["a*"], {"k": "ab"}, "allow"),
        ("StringLike", "k", ["${aws:username}/*"], {"k": "Bob/1", "aws:username": "Bob"}, "allow"),
        ("StringNotLike", "k", ["a*"], {"k": "ab"}, "deny"),
        ("StringEqualsIgnoreCase", "k", ["A"], {"k": "a"}, "allow"),
        ("Bool", "aws:SecureTransport", ["true"], {"aws:SecureTransport": "true"}, "allow"),
        ("Bool", "aws:SecureTransport", ["true"], {"aws:SecureTransport": "false"}, "deny"),
        ("Bool", "aws:SecureTransport", ["true"], {}, "deny"),
        ("Null", "aws:TokenIssueTime", ["true"], {}, "allow"),
        ("Null", "aws:TokenIssueTime", ["true"], {"aws:TokenIssueTime": "x"}, "deny"),
        ("Null", "aws:TokenIssueTime", ["false"], {"aws:TokenIssueTime": "x"}, "allow"),
        ("NumericLessThan", "s3:TlsVersion", ["1.2"], {"s3:TlsVersion": "1.1"}, "allow"),
        ("NumericLessThan", "s3:TlsVersion", ["1.2"], {"s3:TlsVersion": "1.2"}, "deny"),
        ("NumericLessThanEquals", "s3:max-keys", ["10"], {"s3:max-keys": "10"}, "allow"),
        ("NumericGreaterThan", "k", ["9"], {"k": "10"}, "allow"),
        ("NumericGreaterThanEquals", "k", ["11"], {"k": "10"}, "deny"),
        ("ArnLike", "k", ["arn:aws:sns:*:123456789012:*"], {"k": "arn:aws:sns:us-east-1:123456789012:t"}, "allow"),
        ("ArnEquals", "k", ["arn:aws:sns:*:123456789012:*"], {"k": "arn:aws:sns:us-east-1:210987654321:t"}, "deny"),
        ("ArnNotLike", "k", ["arn:aws:sns:*:123456789012:*"], {"k": "arn:aws:sns:us-east-1:1:t"}, "allow"),
        # The guide's table of set operators: the policy lists red and blue.
        ("ForAllValues:StringEquals", "aws:TagKeys", ["red", "blue"], {"aws:TagKeys": ["red", "blue"]}, "allow"),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["red", "blue"], {"aws:TagKeys": ["red", "green"]}, "deny"),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["red", "blue"], {}, "allow"),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["red", "blue"], {"aws:TagKeys": ["red", "green"]}, "allow"),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["red", "blue"], {"aws:TagKeys": ["green"]}, "deny"),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["red", "blue"], {}, "deny"),
    ],
)
def test_conditions(operator, key, values, context, expected):
    assert decide(Request("s3:x", BUCKET, context), identity=[when(operator, key, *values)]) == expected


def test_several_conditions_must_all_hold():
    document = policy(statement(Condition={"StringEquals": {"a": "1", "b": "2"}, "Bool": {"c": "true"}}))
    whole = {"a": "1", "b": "2", "c": "true"}
    assert decide(Request("s3:x", BUCKET, whole), identity=[document]) == "allow"
    for missing in whole:
        context = {key: value for key, value in whole.items() if key != missing}
        assert decide(Request("s3:x", BUCKET, context), identity=[document]) == "deny"


@pytest.mark.parametrize(
    ("element", "principal", "expected"),
    [
        ({"Service": "ec2.amazonaws.com"}, "ec2.amazonaws.com", "allow"),
        ({"Service": ["ecs.amazonaws.com", "elasticloadbalancing.amazonaws.com"]}, "ecs.amazonaws.com", "allow"),
        ({"Service": "ec2.amazonaws.com"}, "lambda.amazonaws.com", "deny"),
        ("*", "arn:aws:iam::111122223333:user/Bob", "allow"),
        ({"AWS": "arn:aws:iam::111122223333:root"}, "arn:aws:iam::111122223333:user/Bob", "allow"),
        ({"AWS": "arn:aws:iam::111122223333:root"}, "arn:aws:iam::444455556666:user/Eve", "deny"),
    ],
)
def test_principals_of_a_resources_policy(element, principal, expected):
    trust = policy({"Effect": "Allow", "Principal": element, "Action": "sts:AssumeRole"})
    assert decide(Request("sts:AssumeRole", "arn:aws:iam::1:role/r", {}, principal), resource=[trust]) == expected


def test_a_buckets_denial_overrides_the_principals_own_policy():
    denial = policy(statement("Deny", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}}))
    for secure, expected in (("true", "allow"), ("false", "deny")):
        request = Request("s3:GetObject", f"{BUCKET}/a", {"aws:SecureTransport": secure})
        assert decide(request, identity=[policy(statement())], resource=[denial]) == expected


def test_unknown_elements_and_operators_are_errors():
    with pytest.raises(ValueError, match="NotPrincipal"):
        decide(READ, identity=[policy(statement(NotPrincipal="*"))])
    with pytest.raises(KeyError):
        decide(READ, identity=[when("IpAddress", "aws:SourceIp", "10.0.0.0/8")])
