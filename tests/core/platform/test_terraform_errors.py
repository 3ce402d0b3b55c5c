"""Explanations of Terraform's errors, and which errors are transient."""

# ruff: noqa: E501 Terraform's own lines

from __future__ import annotations

import pytest

from opsctl.core.errors import ErrorCode, UsageProblem
from opsctl.core.platform.terraform_errors import Diagnostic, explained, is_full_disk, is_race, lock_of

UNLOCK = "terraform -chdir=HERE force-unlock {id}"

RACES = [
    "deleting Batch Compute Environment (opsctl-m2g-csd): operation error Batch: DeleteComputeEnvironment, https response "
    "error StatusCode: 400, RequestID: x, ClientException: Cannot delete, found existing JobQueue relationship",
    "deleting Batch Job Queue (q): ClientException: Cannot delete, resource is being modified.",
    "creating Batch Compute Environment (x): ClientException: Invalid IamInstanceProfile: opsctl-m2g-instance",
    "waiting for Batch Compute Environment (x) create: unexpected state 'INVALID', wanted target 'VALID'. last error: "
    "CLIENT_ERROR - User: arn:aws:sts::1:assumed-role/x/aws-batch is not authorized to perform: ecs:DescribeClusters",
    "waiting for Batch Compute Environment (x): CLIENT_ERROR - User: batch.amazonaws.com is not authorized to perform: "
    "sts:AssumeRole on resource: arn:aws:iam::1:role/x",
    "creating Batch Compute Environment (x): ClientException: Not valid: role arn:aws:iam::1:role/x",
    "revoking default IPv4 egress rule for Security Group (sg-1): operation error EC2: RevokeSecurityGroupEgress, https "
    "response error StatusCode: 400, RequestID: x, api error InvalidPermission.NotFound: The specified rule does not exist in "
    "this security group",
]
# EC2's message, to which the policy gave a right by a tag (terraform-provider-aws#6055, and the wording since 2023).
UNAUTHORIZED = (
    "creating EC2 Subnet: operation error EC2: CreateSubnet, https response error StatusCode: 403, RequestID: x, api error "
    "UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::1:user/me is not authorized "
    "to perform: ec2:CreateSubnet on resource: arn:aws:ec2:us-east-1:1:vpc/vpc-1 because no identity-based policy allows the "
    "ec2:CreateSubnet action. Encoded authorization failure message: 5qVmRGJhZA"
)
RACES.append(UNAUTHORIZED)
NO_RACES = [
    UNAUTHORIZED.replace(
        "because no identity-based policy allows the ec2:CreateSubnet action",
        "with an explicit deny in a service control policy",
    ),
    "creating IAM Role (x): api error AccessDenied: User: arn:aws:iam::1:user/me is not authorized to perform: iam:CreateRole",
    "User: arn:aws:iam::1:user/me is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/admin",
    "ExpiredToken: The security token included in the request is expired",
    "VpcLimitExceeded: The maximum number of VPCs has been reached.",
    "unexpected state 'INVALID', wanted target 'VALID'. last error: CLIENT_ERROR - You have reached your limit",
]


@pytest.mark.parametrize("text", RACES)
def test_a_documented_race_may_be_tried_again(text: str) -> None:
    assert is_race([Diagnostic(text)])
    assert is_race([Diagnostic("creating", text), Diagnostic(text)])


@pytest.mark.parametrize("text", NO_RACES)
def test_nothing_else_is_tried_again(text: str) -> None:
    assert not is_race([Diagnostic(text)])
    assert not is_race([Diagnostic(RACES[0]), Diagnostic(text)])
    assert not is_race([])


# Messages of Terraform 1.11.4.
LOCK = """Error message: resource temporarily unavailable
Lock Info:
  ID:        0b8a5f0c-bd3f-2a2a-74a7-6d0b9b1c7b7e
  Path:      terraform.tfstate
  Operation: OperationTypeApply
  Who:       ada@lab-7
  Version:   1.11.4
  Created:   2026-11-22 18:40:14.562594693 +0000 UTC
  Info:


Terraform acquires a state lock to protect the state from being written"""


def test_a_lock_says_who_since_when_and_how_to_break_it() -> None:
    problem = explained([Diagnostic("Error acquiring the state lock", LOCK)], unlock=UNLOCK)
    assert problem is not None
    assert problem.what == "Terraform's state lock is held by ada@lab-7 since 2026-11-22 18:40 UTC (apply)."
    assert "`terraform -chdir=HERE force-unlock 0b8a5f0c-bd3f-2a2a-74a7-6d0b9b1c7b7e`" in problem.hint
    assert "Only if you know that it is dead" in problem.hint
    bare = lock_of([Diagnostic("Error acquiring the state lock", "Error message: no")])
    assert bare is not None and bare.who == "somebody"


@pytest.mark.parametrize(
    "text",
    [
        "creating IAM Role (x): api error ExpiredToken: The security token included in the request is expired",
        "operation error EC2: CreateVpc, api error RequestExpired: Request has expired.",
        "operation error SSM: PutParameter, ExpiredTokenException: The security token is expired",
    ],
)
def test_a_login_that_ended_half_way(text: str) -> None:
    problem = explained([Diagnostic(text)], unlock=UNLOCK)
    assert problem is not None and "login ended half way" in problem.what and "aws sso login" in problem.hint


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            "creating IAM Role (opsctl-m2g-job): EntityAlreadyExists: Role with name x already exists.",
            "IAM Role opsctl-m2g-job",
        ),
        (
            "creating SSM Parameter (/opsctl/m2g/platform): ParameterAlreadyExists: x",
            "SSM Parameter /opsctl/m2g/platform",
        ),
        (
            "creating CloudWatch Logs Log Group (/opsctl/m2g): ResourceAlreadyExistsException: x",
            "Log Group /opsctl/m2g",
        ),
        ("creating Batch Job Queue (q): ClientException: Object already exists", "Batch Job Queue q"),
        (
            "creating S3 Bucket (b): BucketAlreadyOwnedByYou: Your previous request to create the named bucket succeeded",
            "S3 Bucket b",
        ),
    ],
)
def test_what_exists_already_is_named_with_the_way_round_it(text: str, named: str) -> None:
    problem = explained([Diagnostic(text)], unlock=UNLOCK)
    assert problem is not None and f"{named} exists already" in problem.what and "--name" in problem.hint


def test_a_refused_variable_is_a_matter_of_usage() -> None:
    detail = "csd_max_vcpus must be a whole number of at least 2.\n\nThis was checked by the validation rule at x"
    problem = explained([Diagnostic("Invalid value for variable", detail)], unlock=UNLOCK)
    assert isinstance(problem, UsageProblem)
    assert problem.what == "--set: csd_max_vcpus must be a whole number of at least 2."


def test_a_full_disk() -> None:
    full = [Diagnostic("Failed to save state", "write terraform.tfstate: no space left on device")]
    assert is_full_disk(full)
    problem = explained(full, unlock=UNLOCK)
    assert problem is not None and "disk is full" in problem.what


@pytest.mark.parametrize(
    ("text", "permission"),
    [
        (UNAUTHORIZED, "ec2:CreateSubnet on arn:aws:ec2:us-east-1:1:vpc/vpc-1 while creating EC2 Subnet."),
        (NO_RACES[1], "iam:CreateRole while creating IAM Role (x)."),
        (
            "creating X: api error UnauthorizedOperation: You are not authorized",
            "this while creating X: You are not authorized.",
        ),
    ],
)
def test_a_missing_permission_is_named(text: str, permission: str) -> None:
    problem = explained([Diagnostic(text)], unlock=UNLOCK)
    assert problem is not None and problem.code == ErrorCode.AWS_DENIED
    assert problem.what == f"AWS does not permit {permission}"
    assert "docs/permissions.md" in problem.hint


def test_what_batchs_own_role_may_not_do_is_not_the_users_permission() -> None:
    invalid = RACES[3].replace("ecs:DescribeClusters", "ecs:DescribeClusters; api error AccessDeniedException")
    problem = explained([Diagnostic(invalid)], unlock=UNLOCK)
    assert problem is not None and problem.code == ErrorCode.AWS_REFUSED
    assert problem.what.startswith(
        "AWS Batch made the compute environment x INVALID: User: arn:aws:sts::1:assumed-role"
    )
    assert "type the same command" in problem.hint


#: As provider 5.100 passes AWS's errors on.
REFUSED = [
    (
        "creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 400, RequestID: "
        "f8b8f8f2-3c2f-4c8b, api error VpcLimitExceeded: The maximum number of VPCs has been reached.",
        ErrorCode.AWS_QUOTA_REACHED,
        "A quota of this AWS account is used up (CreateVpc): The maximum number of VPCs has been reached.",
    ),
    (
        "creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 403, RequestID: 1, api error "
        "UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::1:user/me is not "
        "authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:x:1:vpc/* with an explicit deny in a service "
        "control policy. Encoded authorization failure message: 0l-KPWQ",
        ErrorCode.AWS_DENIED,
        "AWS does not permit ec2:CreateVpc on arn:aws:ec2:x:1:vpc/* while creating EC2 VPC: a service control policy of "
        "the organisation denies it.",
    ),
    (
        "creating S3 Bucket (lab-data): operation error S3: CreateBucket, https response error StatusCode: 409, RequestID: "
        "4, HostID: a/b=, BucketAlreadyExists: The requested bucket name is not available.",
        ErrorCode.BUCKET_UNUSABLE,
        "The bucket name lab-data belongs to another AWS account.",
    ),
    (
        "creating SSM Parameter (/x): operation error SSM: PutParameter, exceeded maximum number of attempts, 25, https "
        "response error StatusCode: 400, RequestID: 5, api error ThrottlingException: Rate exceeded",
        ErrorCode.AWS_THROTTLED,
        "AWS asks to slow down (PutParameter) while creating SSM Parameter (/x).",
    ),
    (
        "disabling Batch Job Queue (arn:aws:batch:x:1:job-queue/q) operation error Batch: UpdateJobQueue, https response "
        "error StatusCode: 403, RequestID: 0, api error AccessDeniedException: User: arn:aws:iam::1:user/me is not "
        "authorized to perform: batch:UpdateJobQueue on resource: * because no identity-based policy allows it",
        ErrorCode.AWS_DENIED,
        "AWS does not permit batch:UpdateJobQueue while disabling Batch Job Queue (arn:aws:batch:x:1:job-queue/q).",
    ),
    (
        "creating IAM Role (x): operation error IAM: CreateRole, https response error StatusCode: 403, RequestID: 2, api "
        "error AccessDenied: User: arn:aws:iam::1:user/me is not authorized to perform: iam:CreateRole on resource: "
        "arn:aws:iam::1:role/x because no permissions boundary allows the iam:CreateRole action",
        ErrorCode.AWS_DENIED,
        "AWS does not permit iam:CreateRole on arn:aws:iam::1:role/x while creating IAM Role (x): a permissions boundary "
        "denies it.",
    ),
    (
        "creating IAM Role (x): operation error IAM: CreateRole, https response error StatusCode: 409, RequestID: 3, "
        "LimitExceeded: Cannot exceed quota for RolesPerAccount: 1000",
        ErrorCode.AWS_QUOTA_REACHED,
        "A quota of this AWS account is used up (CreateRole): Cannot exceed quota for RolesPerAccount: 1000.",
    ),
    (
        "creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 400, RequestID: 6, api error "
        "PendingVerification: Your request for accessing resources in this region is being validated, and you will not "
        "be able to launch additional resources in this region until the validation is complete.",
        ErrorCode.AWS_REFUSED,
        "AWS still verifies this account, and CreateVpc has to wait for that (PendingVerification).",
    ),
]


@pytest.mark.parametrize(("text", "code", "sentence"), REFUSED)
def test_a_refusal_has_the_sentence_of_its_code(text: str, code: ErrorCode, sentence: str) -> None:
    problem = explained([Diagnostic(text)], unlock=UNLOCK)
    assert problem is not None
    assert (problem.code, problem.what) == (code, sentence)
    # With another name or another bucket it is another command.
    is_another_command = problem.code == "bucket_unusable"
    assert is_another_command != ("it goes on from there" in problem.hint or "type" in problem.hint)


def test_further_refusals_are_named_in_an_order_of_their_own() -> None:
    texts = [*(f"creating X{number}: api error Odd: y" for number in range(5)), REFUSED[0][0]]
    for errors in (texts, texts[::-1]):
        problem = explained([Diagnostic(text) for text in errors], unlock=UNLOCK)
        assert problem is not None and problem.code == ErrorCode.AWS_QUOTA_REACHED
        assert problem.what.endswith(
            "Refused too: creating X0 (Odd), creating X1 (Odd), creating X2 (Odd), creating X3 (Odd), and 1 more."
        )


@pytest.mark.parametrize(
    "text",
    [
        # Of hashicorp/terraform-provider-aws#41199 (5.84), and of later versions (floci-io/floci#441, provider PR 49547).
        "waiting for S3 Bucket Lifecycle Configuration (b) create: timeout while waiting for state to become 'true' (last "
        "state: 'false', timeout: 3m0s)",
        "creating S3 Bucket (b) Lifecycle Configuration\nWhile waiting: timeout while waiting for state to become 'true' "
        "(last state: 'false', timeout: 3m0s)",
    ],
)
def test_lifecycle_rules_of_an_organisation_are_explained(text: str) -> None:
    problem = explained([Diagnostic(*text.split("\n"))], unlock=UNLOCK)
    assert problem is not None and "lifecycle rules" in problem.what and "organisation" in problem.what
    assert "--data-bucket" in problem.hint


def test_a_local_platform_that_has_ended_is_not_called_a_refusal_of_aws() -> None:
    text = (
        "creating S3 Bucket (b): operation error S3: CreateBucket, https response error StatusCode: 0, RequestID: , "
        'HostID: , request send failed, Put "http://127.0.0.1:44321/b": dial tcp 127.0.0.1:44321: connect: connection '
        "refused"
    )
    problem = explained([Diagnostic(text)], unlock="")
    assert problem is not None
    assert problem.what == "The local platform's process ended while Terraform was at work."
    assert "`opsctl up --local`" in problem.hint
    elsewhere = explained([Diagnostic(text.replace("127.0.0.1", "10.0.0.1"))], unlock="")
    assert elsewhere is None or "local platform" not in elsewhere.what


def test_what_is_not_known_is_left_to_terraforms_own_words() -> None:
    assert explained([Diagnostic("VpcLimitExceeded: The maximum number of VPCs")], unlock=UNLOCK) is None
