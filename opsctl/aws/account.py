"""Reads what the AWS account allows: its plan and its quotas. Nothing is changed, and nothing here is refused."""

from __future__ import annotations

from botocore.exceptions import ClientError

from opsctl.aws.clients import Clients
from opsctl.aws.errors import code_of
from opsctl.aws.look import look
from opsctl.core.diagnosis.account.account import AccountPlan, VolumeQuota
from opsctl.core.diagnosis.queue_snapshot import ON_DEMAND_QUOTA, SPOT_QUOTA, NotVisible, Quota

#: Service Quotas, EBS: "Storage for General Purpose SSD (gp3) volumes, in TiB".
_GP3_QUOTA = "L-7A658B76"
#: AWS's other partitions know no account plans.
_WITHOUT_PLANS = ("cn-", "us-gov-", "us-iso", "eusc-", "eu-isoe-")
_QUOTA_ACTION = "servicequotas:GetServiceQuota"


def create_clients(clients: Clients) -> None:
    """Create the clients that these calls need: creating one is not thread-safe."""
    clients.freetier, clients.service_quotas  # noqa: B018


def account_plan(clients: Clients) -> AccountPlan | NotVisible | None:
    """The account's plan; None in AWS's partitions without plans."""
    if (clients.region or "").startswith(_WITHOUT_PLANS):
        return None
    action = "freetier:GetAccountPlanState"

    def ask() -> AccountPlan | NotVisible:
        try:
            reply = clients.freetier.get_account_plan_state()
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return NotVisible(action, "knows no plan of this account")
            raise
        return AccountPlan(reply["accountPlanType"], reply["accountPlanStatus"])

    return look(action, ask)


def vcpu_quota(clients: Clients, *, is_spot: bool) -> Quota | NotVisible:
    """The account's quota on the vCPUs of the standard instance families."""
    code = SPOT_QUOTA if is_spot else ON_DEMAND_QUOTA
    return look(_QUOTA_ACTION, lambda: Quota(code, int(_quota(clients, "ec2", code))))


def volume_quota(clients: Clients) -> VolumeQuota | NotVisible:
    """The account's quota on the storage of gp3 volumes."""
    return look(_QUOTA_ACTION, lambda: VolumeQuota(_GP3_QUOTA, _quota(clients, "ebs", _GP3_QUOTA)))


def _quota(clients: Clients, service: str, code: str) -> float:
    return clients.service_quotas.get_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]["Value"]
