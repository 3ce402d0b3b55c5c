"""AWS's own errors, each in AWS's words and with the place where somebody met it."""

from __future__ import annotations

from support.aws_protocol import AwsError

ME = "arn:aws:sts::123456789012:assumed-role/lab/ada"
_SERVICE_ROLE = "arn:aws:iam::123456789012:role/opsctl-m2g-us-east-1-service"

# https://github.com/hashicorp/terraform-provider-aws/pull/21281
ROLE_NOT_ASSUMED = (
    "CLIENT_ERROR - User: batch.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: "
    f"{_SERVICE_ROLE} (Service: AWSSecurityTokenService; Status Code: 403; Error Code: AccessDenied; Request ID: "
    "c47af09e-77c1-4366-abd6-7cbff29929d5; Proxy: null)"
)
# https://github.com/hashicorp/terraform-provider-aws/issues/37945
ROLE_WITHOUT_POLICY = (
    "CLIENT_ERROR - User: arn:aws:sts::123456789012:assumed-role/opsctl-m2g-us-east-1-service/aws-batch is not "
    "authorized to perform: ecs:DescribeClusters on resource: arn:aws:ecs:us-east-1:123456789012:cluster/"
    "opsctl-m2g-csd_Batch_6d67ab71-4455-3613-b981-4c30a030fb90 because no identity-based policy allows the "
    "ecs:DescribeClusters action (Service: AmazonECS; Status Code: 400; Error Code: AccessDeniedException; Request ID: "
    "13e1dc8d-3080-4318-b36f-083b5cdc5827; Proxy: null)"
)

# https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
EXPIRED = AwsError("ExpiredTokenException", "The security token included in the request is expired")
EXPIRED_IAM = AwsError("ExpiredToken", "The security token included in the request is expired", 403)
EXPIRED_S3 = AwsError("ExpiredToken", "The provided token has expired.")

# https://github.com/aws/karpenter-provider-aws/issues/8190
POLICY_OF_THE_ORGANISATION = AwsError(
    "UnauthorizedOperation",
    f"You are not authorized to perform this operation. User: {ME} is not authorized to perform: ec2:CreateVpc on "
    "resource: arn:aws:ec2:us-east-1:123456789012:vpc/* with an explicit deny in a service control policy. Encoded "
    "authorization failure message: 0l-KPWQJ8q5z3YatP3Ybgb5lf0dibDhN6KaE3jQ5Bu4hNkP1BxfK_Ou0od0P3xrofimLgvlM48imjT5f",
    403,
)
# https://github.com/hashicorp/terraform-provider-aws/issues/6055: a right that asks for a tag which was just set.
TAG_NOT_SEEN = AwsError(
    "UnauthorizedOperation",
    f"You are not authorized to perform this operation. User: {ME} is not authorized to perform: ec2:CreateRoute on "
    "resource: arn:aws:ec2:us-east-1:123456789012:route-table/rtb-0f1e2d3c4b5a69788 because no identity-based policy "
    "allows the ec2:CreateRoute action. Encoded authorization failure message: 4mQ1Jd3kXv",
    403,
)


def denied(action: str, resource: str, *, code: str = "AccessDeniedException", status: int = 400) -> AwsError:
    """A permission that the user lacks.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    because = f"because no identity-based policy allows the {action} action"
    return AwsError(
        code, f"User: {ME} is not authorized to perform: {action} on resource: {resource} {because}", status
    )


# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
BOUNDARY = AwsError(
    "AccessDenied",
    f"User: {ME} is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::123456789012:role/"
    "opsctl-m2g-us-east-1-job because no permissions boundary allows the iam:CreateRole action",
    403,
)
# What Batch answers before it sees a new role.
ROLE_NOT_VALID = AwsError("ClientException", f"CLIENT_ERROR - Not valid: role {_SERVICE_ROLE}")
# ECS's words: https://github.com/bradford-hamilton/terraform-ecs-fargate/issues/8
JOB_ROLE_NOT_VALID = AwsError("ClientException", "Role is not valid")

# https://github.com/awslabs/fargatecli/issues/38 and https://github.com/Appliscale/cloud-security-audit/issues/24
NOT_SUBSCRIBED = AwsError("SubscriptionRequiredException", "The AWS Access Key Id needs a subscription for the service")
NOT_SUBSCRIBED_EC2 = AwsError(
    "OptInRequired", "You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe.", 401
)
# https://github.com/webiny/webiny-js/issues/1517
NOT_SIGNED_UP = AwsError(
    "NotSignedUp",
    "Your account is not signed up for the S3 service. You must sign up before you can use S3.",
    403,
)
# https://github.com/skyplane-project/skyplane/issues/799 and https://github.com/openshift/installer/issues/829
BEING_VERIFIED = AwsError(
    "PendingVerification",
    "Your request for accessing resources in this region is being validated, and you will not be able to launch "
    "additional resources in this region until the validation is complete. We will notify you by email once your "
    "request has been validated. While normally resolved within minutes, please allow up to 4 hours for this process "
    "to complete. If the issue still persists, please let us know by writing to aws-verification@amazon.com for "
    "further assistance.",
)

# https://github.com/terraform-aws-modules/terraform-aws-vpc/issues/429
TOO_MANY_VPCS = AwsError("VpcLimitExceeded", "The maximum number of VPCs has been reached.")
# botocore's model of IAM, LimitExceededException, and the IAM User Guide's quotas.
TOO_MANY_ROLES = AwsError("LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000", 409)


# https://github.com/aws/aws-cli/issues/2593
BUCKET_IN_THE_MAKING = AwsError(
    "OperationAborted",
    "A conflicting conditional operation is currently in progress against this resource. Please try again.",
    409,
)
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
BUCKET_OF_SOMEBODY = AwsError(
    "BucketAlreadyExists",
    "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please "
    "select a different name and try again.",
    409,
)
#: What regions other than us-east-1 answer to a second CreateBucket of the same account. The same page.
BUCKET_MADE_BEFORE = AwsError(
    "BucketAlreadyOwnedByYou",
    "Your previous request to create the named bucket succeeded and you already own it.",
    409,
)

# botocore's model of ECR, and what `aws ecr describe-images` prints.
IMAGE_MISSING = AwsError(
    "ImageNotFoundException",
    "The image with imageId {imageDigest:'null', imageTag:'0.1.0'} does not exist within the repository with name "
    "'opsctl-m2g' in the registry with id '123456789012'",
)
REPOSITORY_MISSING = AwsError(
    "RepositoryNotFoundException",
    "The repository with name 'opsctl-m2g' does not exist in the registry with id '123456789012'",
)
# botocore's model of CloudWatch Logs.
LOG_GROUP_MISSING = AwsError("ResourceNotFoundException", "The specified log group does not exist.")
# botocore's model of Batch.
BATCH_FAILED = AwsError("ServerException", "Unable to process the request. Please try again later.", 500)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html; S3 passes KMS's answer on.
_KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
KEY_DENIED = denied("kms:Decrypt", _KEY, code="AccessDenied", status=403)
KEY_DENIED_TO_WRITE = denied("kms:GenerateDataKey", _KEY, code="AccessDenied", status=403)
KEY_DISABLED = AwsError(
    "KMS.DisabledException",
    f"{_KEY} is disabled.",
)

# https://github.com/chanzuckerberg/single-cell-data-portal/issues/1068
DEFINITION_INACTIVE = AwsError(
    "ClientException",
    "JobDefinition arn:aws:batch:us-east-1:123456789012:job-definition/opsctl-m2g-csa:1 is not in ACTIVE status",
)
LOGS_DENIED = denied("logs:FilterLogEvents", "arn:aws:logs:us-east-1:123456789012:log-group:/opsctl/test:log-stream:")
ENVIRONMENTS_DENIED = denied("batch:DescribeComputeEnvironments", "*", status=403)
END_DENIED = denied(
    "batch:TerminateJob", "arn:aws:batch:us-east-1:123456789012:job/0b9f5c3e-7d0a-3f0e-9b1c", status=403
)
INSTANCES_DENIED = AwsError("UnauthorizedOperation", "You are not authorized to perform this operation.", 403)
LAUNCHES_DENIED = denied("autoscaling:DescribeAutoScalingGroups", "*", code="AccessDenied", status=403)

# What an Auto Scaling group says of a launch that failed, before "Launching EC2 instance failed.".
# https://github.com/LinkedInLearning/learning-terraform-3087701/issues/345
NOT_IN_FREE_PLAN = (
    "The specified instance type is not eligible for Free Tier. For a list of Free Tier instance types, run "
    "'describe-instance-types' with the filter 'free-tier-eligible=true'."
)
# https://github.com/kubernetes/kops/pull/15778
VCPU_LIMIT = (
    "You have requested more vCPU capacity than your current vCPU limit of 1 allows for the instance bucket that the "
    "specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an "
    "adjustment to this limit."
)
# https://github.com/2i2c-org/infrastructure/issues/3334
NO_CAPACITY = (
    "We currently do not have sufficient r5.large capacity in the Availability Zone you requested (us-east-1a). Our "
    "system will be working on provisioning additional capacity. You can currently get r5.large capacity by not "
    "specifying an Availability Zone in your request or choosing us-east-1b, us-east-1c."
)
# https://github.com/hashicorp/terraform-provider-aws/issues/39904
KEY_AT_LAUNCH = (
    "Instance became unhealthy while waiting for instance to be in InService state. Termination Reason: "
    "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state"
)
