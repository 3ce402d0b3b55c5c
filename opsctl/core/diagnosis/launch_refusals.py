"""Why AWS refuses to launch an instance: the one list of reasons, told by AWS's own words, with title and remedy.

The words are those of EC2 and of Auto Scaling, as the activities of an Auto Scaling group have them. Most begin with
an error code of EC2; where the group launches one type only, the code is left out.
https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-instancelaunchfailure.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.core.diagnosis.blocked_reasons import BLOCKED_REASONS
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.finding import Finding, sentence
from opsctl.core.diagnosis.queue_snapshot import Launch
from opsctl.core.diagnosis.waiting_reasons import minutes_text

_UP = "`opsctl up`, with the options it was made with, brings it back to what opsctl made"


@dataclass(frozen=True)
class LaunchRefusal:
    """One reason.

    Attributes
    ----------
    pattern
        Found anywhere in AWS's words.
    title, help
        What it means, and what to do about it.
    """

    code: CauseCode
    pattern: re.Pattern[str]
    title: str
    help: str


def _refusal(code: CauseCode, pattern: str, title: str, help_: str) -> LaunchRefusal:
    return LaunchRefusal(code, re.compile(pattern, re.IGNORECASE), title, help_)


def _as_blocked(code: CauseCode, pattern: str) -> LaunchRefusal:
    """A refusal that Batch, too, has a reason for: with its title and its remedy."""
    reason = next(reason for reason in BLOCKED_REASONS if reason.code == code)
    return _refusal(code, pattern, reason.title, reason.help)


#: The first pattern that matches decides.
LAUNCH_REFUSALS: tuple[LaunchRefusal, ...] = (
    _refusal(
        CauseCode.WAIT_ACCOUNT_PLAN,
        r"not eligible for Free Tier",
        "the account is on AWS's Free plan, which launches no instance that is large enough",
        "upgrade the account to the paid plan (AWS's console, Billing and Cost Management); the data stays",
    ),
    _refusal(
        CauseCode.WAIT_ACCOUNT_BLOCKED,
        r"PendingVerification|currently being verified|is being validated|\bBlocked\b|currently blocked|OptInRequired",
        "AWS has not cleared the account for EC2 in this region",
        "AWS's console says what is missing (verification, payment); aws-verification@amazon.com answers",
    ),
    _refusal(
        CauseCode.WAIT_VCPU_QUOTA,
        r"VcpuLimitExceeded|current vCPU limit|MaxSpotInstanceCountExceeded|Max spot instance count exceeded"
        r"|InstanceLimitExceeded|current instance limit",
        "the account's vCPU quota is used up or smaller than one instance",
        "ask AWS for more: Service Quotas, EC2, L-1216C47A (on-demand) or L-34B43A08 (Spot); hours to days",
    ),
    _refusal(
        CauseCode.WAIT_FLEET_QUOTA,
        r"maximum Fleet Requests",
        "the account may not request any fleet of instances, as some new accounts may not",
        "ask AWS Support to lift it (its console, Account and billing); until then nothing starts",
    ),
    _refusal(
        CauseCode.WAIT_DISK_QUOTA,
        r"VolumeLimitExceeded|maximum gp3 storage limit|Volume limit exceeded",
        "the account's quota on gp3 disks is used up",
        "remove disks, or ask AWS for more: Service Quotas, EBS, L-7A658B76; root_volume_gib sets a scan's disk",
    ),
    _refusal(
        CauseCode.WAIT_KMS_KEY,
        r"Client\.InternalError|InvalidKMSKey|KMS\.\w+Exception",
        "the disk's encryption key (KMS) cannot be used",
        "the key must be enabled, and its policy must let the role AWSServiceRoleForAutoScaling use it: the key is the"
        " platform's own, or the account's default for EBS",
    ),
    _as_blocked(
        CauseCode.WAIT_CAPACITY,
        r"InsufficientInstanceCapacity|UnfulfillableCapacity|do not have sufficient|Insufficient capacity"
        r"|no Spot capacity",
    ),
    _refusal(
        CauseCode.WAIT_SUBNET_FULL,
        r"InsufficientFreeAddressesInSubnet|not enough free addresses",
        "the subnet has no free address for another instance",
        "nothing: it starts when others end; a larger subnet runs more at once",
    ),
    _as_blocked(
        CauseCode.WAIT_INSTANCE_CONFIGURATION,
        r"not supported in your requested Availability Zone|configuration is currently not supported"
        r"|InvalidFleetConfiguration",
    ),
    _refusal(
        CauseCode.WAIT_LAUNCH_DENIED,
        r"not authorized|UnauthorizedOperation|AuthFailure|Authentication Failure|AccessDenied",
        "the role that launches the instances is not permitted to",
        "a policy of the account's organization may forbid it: ask its administrator; else `opsctl up` mends the roles",
    ),
    _refusal(
        CauseCode.WAIT_LAUNCH_TEMPLATE,
        r"launch template|InvalidAMIID|image id .* does not exist|security group .* does not exist|InvalidGroup"
        r"|key pair .* does not exist|InvalidKeyPair|InvalidSubnet|subnet ID .* does not exist",
        "what the launch template names (image, network or key pair) is gone or wrong",
        _UP,
    ),
)
#: Where no pattern matches.
OTHER_REFUSAL = LaunchRefusal(
    CauseCode.WAIT_LAUNCH_REFUSED,
    re.compile(""),
    "EC2 does not launch the instance",
    "AWS's own words say why; `opsctl doctor` looks at the account",
)


def launch_refusal(message: str) -> LaunchRefusal:
    """The reason that AWS's words give."""
    return next((refusal for refusal in LAUNCH_REFUSALS if refusal.pattern.search(message)), OTHER_REFUSAL)


def refused_launches(launches: Sequence[Launch], *, within_seconds: float) -> list[Finding]:
    """What AWS said when it refused to launch an instance, each reason once, the newest first.

    A refusal before an environment's last successful launch is over, and is not told.

    Parameters
    ----------
    launches
        Newest first.
    within_seconds
        How old a refusal may be.
    """
    findings: dict[CauseCode, Finding] = {}
    recovered = set()
    for launch in launches:
        if launch.outcome == "launched":
            recovered.add(launch.environment)
        elif (
            launch.outcome == "refused" and launch.environment not in recovered and launch.age_seconds <= within_seconds
        ):
            refusal = launch_refusal(launch.message)
            ago = minutes_text(round(launch.age_seconds / 60))
            what = f"AWS refused to launch an instance {ago} ago: {refusal.title}. AWS says: {sentence(launch.message)}"
            findings.setdefault(refusal.code, Finding(what, sentence(refusal.help), code=refusal.code))
    return list(findings.values())
