"""What AWS writes into the activity of an Auto Scaling group whose launch was refused, as people reported it."""

from __future__ import annotations

_FAILED = " Launching EC2 instance failed."

#: From an EKS node group of a Free-plan account; the error itself: LinkedInLearning/learning-terraform-3087701#345.
FREE_TIER = (
    "Could not launch On-Demand Instances. InvalidParameterCombination - The specified instance type is not eligible"
    " for Free Tier. For a list of Free Tier instance types, run 'describe-instance-types' with the filter"
    f" 'free-tier-eligible=true'.{_FAILED}"
)
#: kubernetes/kops#15778; a group of one type gives no error code.
VCPU_LIMIT = (
    "You have requested more vCPU capacity than your current vCPU limit of 384 allows for the instance bucket that the"
    " specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an"
    f" adjustment to this limit.{_FAILED}"
)
#: aws-deepracer-community/deepracer-on-the-spot#55.
SPOT_COUNT = f"Max spot instance count exceeded.{_FAILED}"
#: kubernetes/autoscaler#1263.
INSTANCE_LIMIT = (
    "You have requested more instances (7) than your current instance limit of 6 allows for the specified instance"
    f" type. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.{_FAILED}"
)
#: From EKS node groups in new accounts.
FLEET_REQUESTS = f"You've reached your quota for maximum Fleet Requests for this account.{_FAILED}"
#: 2i2c-org/infrastructure#3334.
NO_CAPACITY = (
    "We currently do not have sufficient g4dn.xlarge capacity in the Availability Zone you requested (us-west-2a). Our"
    " system will be working on provisioning additional capacity. You can currently get g4dn.xlarge capacity by not"
    f" specifying an Availability Zone in your request or choosing us-west-2b, us-west-2c.{_FAILED}"
)
#: mludvig/aws-ethereum-miner#23 and buildkite/elastic-ci-stack-for-aws#851.
NO_SPOT_CAPACITY = (
    "Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity due to your request"
    f" configuration. Please adjust your request and try again.{_FAILED}"
)
#: mludvig/aws-ethereum-miner#23.
NOT_IN_ZONE = (
    "Could not launch Spot Instances. InvalidFleetConfiguration - Your requested instance type (p3.8xlarge) is not"
    f" supported in your requested Availability Zone (us-east-2c).{_FAILED}"
)
_UNHEALTHY = "Instance became unhealthy while waiting for instance to be in InService state. Termination Reason: "
#: terraform-aws-modules/terraform-aws-autoscaling#109; such an activity is Cancelled, not Failed.
KMS_DENIED = f"{_UNHEALTHY}Client.InternalError: Client error on launch"
#: hashicorp/terraform-provider-aws#39904.
KMS_STATE = f"{_UNHEALTHY}Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state"
#: The same end of an instance, for a volume.
VOLUME_LIMIT = f"{_UNHEALTHY}Client.VolumeLimitExceeded: Volume limit exceeded"
#: literalice/terraform-aws-openshift#2.
NOT_SUPPORTED = (
    "The requested configuration is currently not supported. Please check the documentation for supported"
    f" configurations.{_FAILED}"
)
#: AWS's page "Troubleshoot Amazon EC2 Auto Scaling: EC2 instance launch failures".
GROUP_GONE = f"The security group sg-1 does not exist.{_FAILED}"
IMAGE_GONE = f"The image id 'ami-4edb0327' does not exist.{_FAILED}"
AUTHENTICATION = f"Authentication Failure.{_FAILED}"
TEMPLATE_DENIED = f"You are not authorized to use launch template: lt-1.{_FAILED}"
#: From a ROSA installation.
BLOCKED = (
    "Blocked: This account is currently blocked and not recognized as a valid account. Please contact"
    f" aws-verification@amazon.com if you have questions.{_FAILED}"
)
NEW_WORDS = f"The moon is in the wrong quarter.{_FAILED}"
SUBNET_FULL = (
    "Could not launch On-Demand Instances. InsufficientFreeAddressesInSubnet - There are not enough free addresses in"
    f" subnet 'subnet-0ab1' to satisfy the requested number of instances.{_FAILED}"
)
