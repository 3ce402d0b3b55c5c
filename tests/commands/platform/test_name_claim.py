"""Who may make a platform of a name: one Terraform state at a time, whoever asks and whenever."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from moto import mock_aws

from opsctl.aws.clients import Clients
from opsctl.aws.platform.claim_parameter import ClaimParameter
from opsctl.aws.platform.inventory import Inventory
from opsctl.aws.platform.removal import Removal
from opsctl.commands.platform.name_claim import NameClaim
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.claim import Claim, claim_step
from opsctl.core.platform.inventory import ResourceKind, orphans

MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADA, BOB, SHARED = "home a", "home b", "s3://team/states"


def claim_of(owner: str) -> Claim:
    return Claim(owner=owner, who="ada@lab", at="2026-11-22T12:00:00Z")


@pytest.mark.parametrize(
    ("claimed", "owners", "has_record", "step"),
    [
        ("", [ADA], False, "create"),
        ("", [ADA], True, "create"),
        (ADA, [ADA], False, "keep"),
        # Its state was moved to S3, and is moved back.
        (ADA, [SHARED, ADA], False, "replace"),
        (SHARED, [SHARED, BOB], False, "keep"),
        # The platform's folder was copied to another machine.
        (ADA, [BOB], True, "replace"),
        (SHARED, [ADA], True, "replace"),
        # Somebody else is at work, or has given up.
        (ADA, [BOB], False, None),
        (ADA, [SHARED, BOB], False, None),
        (SHARED, [BOB], False, None),
    ],
)
def test_what_an_up_does_with_the_claim(
    claimed: str, owners: Sequence[str], has_record: bool, step: str | None
) -> None:
    claim = claim_of(claimed) if claimed else None
    if step is not None:
        assert claim_step(claim, "m2g", owners=owners, has_record=has_record) == step
        return
    with pytest.raises(Problem, match="begun with another Terraform state, by ada@lab") as caught:
        claim_step(claim, "m2g", owners=owners, has_record=has_record)
    assert caught.value.code == ErrorCode.PLATFORM_ELSEWHERE
    assert "`opsctl down --name m2g`" in caught.value.hint


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with mock_aws():
        yield Clients(region="us-east-1")


def name_claim(clients: Clients, *owners: str, client: Any = None) -> NameClaim:
    parameter = ClaimParameter(client or clients.ssm, "m2g", tags={"opsctl:platform": "m2g"})
    return NameClaim(parameter, "m2g", owners=owners, who="ada@lab", now=lambda: MOMENT)


class Late:
    """An SSM whose first answers are from before somebody else's call, or whose reply is lost after the call."""

    def __init__(self, client: Any, *, before_put: Any = None, loses_reply: bool = False) -> None:
        self._client, self._before_put, self._loses_reply = client, before_put, loses_reply
        self.get_parameter = client.get_parameter

    def put_parameter(self, **parameters: Any) -> Any:
        if self._before_put is not None:
            self._before_put()
        reply = self._client.put_parameter(**parameters)
        # As botocore does, which calls again after a lost reply.
        return self._client.put_parameter(**parameters) if self._loses_reply else reply


def test_of_two_that_claim_at_once_one_goes_on(clients: Clients) -> None:
    first = name_claim(clients, BOB)
    late = Late(clients.ssm, before_put=lambda: first.acquire(has_record=False))
    second = name_claim(clients, ADA, client=late)
    # Neither has seen a claim at its plan.
    assert second.check(has_record=False) == first.check(has_record=False) == "create"
    with pytest.raises(Problem, match="begun with another Terraform state"):
        second.acquire(has_record=False)
    first.ensure_held()
    with pytest.raises(Problem, match="begun with another Terraform state"):
        second.ensure_held()


def test_a_claim_whose_reply_was_lost_is_ones_own(clients: Clients) -> None:
    claim = name_claim(clients, ADA, client=Late(clients.ssm, loses_reply=True))
    claim.acquire(has_record=False)
    claim.ensure_held()


def test_a_moved_state_claims_by_its_new_address(clients: Clients) -> None:
    name_claim(clients, ADA).acquire(has_record=False)
    name_claim(clients, SHARED, ADA).acquire(has_record=False)
    name_claim(clients, SHARED, BOB).acquire(has_record=False)
    stored = json.loads(clients.ssm.get_parameter(Name="/opsctl/m2g/claim")["Parameter"]["Value"])
    assert (stored["owner"], stored["at"]) == (SHARED, "2026-11-22T12:00:00Z")


def test_nothing_is_removed_after_somebody_took_the_platform_down(clients: Clients) -> None:
    claim = name_claim(clients, ADA)
    claim.acquire(has_record=False)
    resources = Inventory(clients).of("m2g")
    assert [resource.kind for resource in resources if resource.kind != ResourceKind.VPC] == [ResourceKind.CLAIM]
    # It is no orphan, and `down` removes it.
    assert orphans(resources, ()) == ()
    assert Removal(clients, "m2g").remove(resources) == ()
    with pytest.raises(Problem, match="Somebody has taken the platform m2g down"):
        claim.ensure_held()
