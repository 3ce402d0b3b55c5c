"""What `up` says of the account before its question, and of the image at its end."""

from __future__ import annotations

from typing import Any

import pytest
from support.example_platform import platform

from opsctl.aws.clients import Clients
from opsctl.cli.context import Context
from opsctl.cli.platform.account_checks import missing_image_steps, start_account_check
from opsctl.core.diagnosis.account.account import Account, AccountPlan, VolumeQuota
from opsctl.core.diagnosis.queue_snapshot import Image, NotVisible, Quota
from opsctl.core.platform.options import PlatformOptions

LOOK = "opsctl.commands.diagnosis.account_look"
URL = "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g"
ON_AWS = platform(image=f"{URL}:0.1.0")
OPTIONS = PlatformOptions(name="m2g", region="us-east-1", account_id="123456789012")


def account(vcpus: int, plan: str, tib: float = 50.0) -> Account:
    quotas = (Quota("L-1216C47A", vcpus),)
    return Account(plan=AccountPlan(plan, "ACTIVE"), quotas=quotas, volumes=VolumeQuota("L-7A658B76", tib))


@pytest.fixture
def clients() -> Clients:
    return Clients(endpoint_url="http://127.0.0.1:1")


def said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    clients: Clients,
    answer: Account,
    *denied: str,
    has_work: bool = True,
    **options: Any,
) -> str:
    """What `up` says in an account of which AWS says this."""
    monkeypatch.setattr(f"{LOOK}.start_account", lambda *_, **__: lambda: answer)
    monkeypatch.setattr(f"{LOOK}.start_denied", lambda *_, **__: lambda: denied)
    chosen = OPTIONS.with_options(options)
    start_account_check(Context(platform_name="m2g"), clients, chosen)(has_work)
    return " ".join(capsys.readouterr().err.split())


def test_a_good_account_is_told_its_quota_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clients: Clients
) -> None:
    text = said(monkeypatch, capsys, clients, account(32, "PAID"))
    assert text == "The account may run 32 on-demand vCPUs (quota L-1216C47A): 16 csd or 8 csa scans at once."
    assert said(monkeypatch, capsys, clients, account(32, "PAID"), has_work=False) == ""


def test_what_keeps_scans_from_running_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clients: Clients
) -> None:
    text = said(monkeypatch, capsys, clients, account(1, "FREE"), "iam:PassRole", has_work=False)
    for part in ("! This AWS account is on the Free plan", "! The account may run 1 on-demand vCPUs", "iam:PassRole"):
        assert part in text


@pytest.mark.parametrize("size", [60, 60.0, "60"])
def test_the_disks_are_reckoned_with_the_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clients: Clients, size: Any
) -> None:
    variables = {"csd_max_vcpus": 20, "csa_max_vcpus": 40, "root_volume_gib": size}
    # 10 scans at once with 60 GiB each: 600 GiB.
    assert "gp3" not in said(monkeypatch, capsys, clients, account(4000, "PAID", tib=0.6), variables=variables)
    text = said(monkeypatch, capsys, clients, account(4000, "PAID", tib=0.5), variables=variables)
    assert "8 scans at once with 60 GiB each, not 10" in text


def test_the_local_platform_has_no_account(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clients: Clients
) -> None:
    monkeypatch.setattr(f"{LOOK}.start_account", lambda *_, **__: pytest.fail("asked"))
    local = PlatformOptions(name="local", region="us-east-1", account_id="1", is_local=True)
    start_account_check(Context(platform_name="local"), clients, local)(True)
    assert capsys.readouterr().err == ""


IMAGES: list[tuple[Any, Any, list[str], str]] = [
    (ON_AWS, Image(ON_AWS.image, False), ["opsctl image build", "opsctl image push"], "is not on ECR yet"),
    (ON_AWS, Image(ON_AWS.image, True), [], ""),
    (
        ON_AWS,
        NotVisible("ecr:DescribeImages", "is not permitted"),
        ["opsctl image build", "opsctl image push"],
        "could not be looked at: ecr:DescribeImages is not permitted.",
    ),
    (platform(image="neurodata/m2g:0.3.0"), None, [], ""),
    (platform(endpoint_url="http://127.0.0.1:1"), None, [], ""),
]


@pytest.mark.parametrize(("of", "image", "steps", "text"), IMAGES)
def test_the_image_is_the_next_step_where_ecr_lacks_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    clients: Clients,
    of: Any,
    image: Any,
    steps: list[str],
    text: str,
) -> None:
    monkeypatch.setattr("opsctl.aws.ecr.image.find_image", lambda *_: image or pytest.fail("asked"))
    assert list(missing_image_steps(Context(platform_name="m2g"), clients, of)) == steps
    message = " ".join(capsys.readouterr().err.split())
    assert text in message and bool(text) == bool(message)
