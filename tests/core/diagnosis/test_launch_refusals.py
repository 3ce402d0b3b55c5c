"""Launches that AWS refused: what its own words mean, and which of them explain a wait."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from support import launch_messages as said
from support.why_examples import HEALTHY, WAIT

from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.cause_table import CAUSES
from opsctl.core.diagnosis.launch_refusals import LAUNCH_REFUSALS, OTHER_REFUSAL, launch_refusal, refused_launches
from opsctl.core.diagnosis.pending_causes import blockers
from opsctl.core.diagnosis.queue_snapshot import Launch, NotVisible, Quota

MEANS = {
    said.FREE_TIER: CauseCode.WAIT_ACCOUNT_PLAN,
    said.BLOCKED: CauseCode.WAIT_ACCOUNT_BLOCKED,
    said.VCPU_LIMIT: CauseCode.WAIT_VCPU_QUOTA,
    said.SPOT_COUNT: CauseCode.WAIT_VCPU_QUOTA,
    said.INSTANCE_LIMIT: CauseCode.WAIT_VCPU_QUOTA,
    said.FLEET_REQUESTS: CauseCode.WAIT_FLEET_QUOTA,
    said.VOLUME_LIMIT: CauseCode.WAIT_DISK_QUOTA,
    said.KMS_DENIED: CauseCode.WAIT_KMS_KEY,
    said.KMS_STATE: CauseCode.WAIT_KMS_KEY,
    said.NO_CAPACITY: CauseCode.WAIT_CAPACITY,
    said.NO_SPOT_CAPACITY: CauseCode.WAIT_CAPACITY,
    said.SUBNET_FULL: CauseCode.WAIT_SUBNET_FULL,
    said.NOT_IN_ZONE: CauseCode.WAIT_INSTANCE_CONFIGURATION,
    said.NOT_SUPPORTED: CauseCode.WAIT_INSTANCE_CONFIGURATION,
    said.AUTHENTICATION: CauseCode.WAIT_LAUNCH_DENIED,
    said.TEMPLATE_DENIED: CauseCode.WAIT_LAUNCH_DENIED,
    said.GROUP_GONE: CauseCode.WAIT_LAUNCH_TEMPLATE,
    said.IMAGE_GONE: CauseCode.WAIT_LAUNCH_TEMPLATE,
    said.NEW_WORDS: CauseCode.WAIT_LAUNCH_REFUSED,
}


@pytest.mark.parametrize(
    ("message", "code"), MEANS.items(), ids=[f"{code} {i}" for i, code in enumerate(MEANS.values())]
)
def test_awss_words_have_a_meaning(message: str, code: CauseCode) -> None:
    refusal = launch_refusal(message)
    assert refusal.code == code
    assert (CAUSES[code].title, CAUSES[code].help) == (refusal.title, refusal.help)


def test_every_reason_is_tried_with_words_that_people_saw() -> None:
    assert {refusal.code for refusal in (*LAUNCH_REFUSALS, OTHER_REFUSAL)} == set(MEANS.values())


def launch(minutes: float, outcome: Any = "refused", message: str = said.FREE_TIER, environment: str = "env") -> Launch:
    return Launch(environment=environment, age_seconds=minutes * 60, outcome=outcome, message=message)


def codes(*launches: Launch, minutes: float = 60) -> list[str]:
    return [finding.code for finding in refused_launches(launches, within_seconds=minutes * 60)]


def test_a_refusal_is_told_in_awss_own_words() -> None:
    (finding,) = refused_launches([launch(7)], within_seconds=600)
    assert finding.what.startswith("AWS refused to launch an instance 7 min ago: the account is on AWS's Free plan")
    assert f"AWS says: {said.FREE_TIER}" in finding.what
    assert "upgrade the account" in finding.do.casefold()
    assert (finding.sure, finding.code) == ("certain", "wait_account_plan")


def test_each_reason_is_told_once_the_newest_first() -> None:
    launches = [launch(2, message=said.VCPU_LIMIT), launch(4), launch(6, message=said.VCPU_LIMIT)]
    assert codes(*launches) == ["wait_vcpu_quota", "wait_account_plan"]


def test_a_launch_that_went_well_afterwards_supersedes() -> None:
    assert codes(launch(1, "launched", ""), launch(2)) == []
    assert codes(launch(1), launch(2, "launched", "")) == ["wait_account_plan"]
    assert codes(launch(1, "pending", ""), launch(2)) == ["wait_account_plan"]


def test_another_environments_launch_does_not_supersede() -> None:
    assert codes(launch(1, "launched", "", "on-demand"), launch(2, message=said.NO_SPOT_CAPACITY)) == ["wait_capacity"]


def test_what_was_refused_before_the_scan_waited_explains_another_wait() -> None:
    facts = dataclasses.replace(HEALTHY, launches=(launch(30),))
    assert [finding.code for finding in blockers(facts, dataclasses.replace(WAIT, seconds=40 * 60))] == [
        "wait_account_plan"
    ]
    (finding,) = blockers(facts, dataclasses.replace(WAIT, seconds=20 * 60))
    assert "nothing that can be looked at is wrong" in finding.what


def test_what_may_not_be_looked_at_is_hidden_and_explains_nothing() -> None:
    hidden = NotVisible("autoscaling:DescribeScalingActivities", "is not permitted")
    facts = dataclasses.replace(HEALTHY, launches=hidden)
    assert facts.hidden == (hidden,)
    assert hidden.sentence == "could not be looked at: autoscaling:DescribeScalingActivities is not permitted"
    assert [finding.code for finding in blockers(facts, WAIT)] == [""]


def test_with_a_fallback_the_spot_quota_alone_stops_nothing() -> None:
    small = dataclasses.replace(HEALTHY, is_spot=True, quota=Quota("L-34B43A08", 1))
    assert [finding.sure for finding in blockers(small, WAIT)] == ["certain"]
    (finding,) = blockers(dataclasses.replace(small, fallback_quota=Quota("L-1216C47A", 5)), WAIT)
    assert (finding.sure, finding.code) == ("likely", "wait_vcpu_quota")
