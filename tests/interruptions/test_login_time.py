"""`up` and `down` refuse credentials that expire soon before they change anything, and say when they expire."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from interruption_world import Machine

from opsctl.cli.platform.terraform_session import ensure_time
from opsctl.core.errors import Problem
from opsctl.local import control


@pytest.fixture(scope="module")
def aws(machine: Machine) -> dict[str, str]:
    """The variables of a temporary login, at the local server as if it were AWS."""
    machine.home.mkdir(mode=0o700)
    server = control.start(machine.home)
    return {
        "AWS_ENDPOINT_URL": server.endpoint_url,
        "AWS_REGION": "us-east-1",
        **server.credentials,
        "AWS_SESSION_TOKEN": "c",
    }


@pytest.mark.parametrize("minutes", [30, 59])
def test_up_refuses_a_login_that_has_less_than_an_hour_left(
    machine: Machine, aws: dict[str, str], minutes: int
) -> None:
    end = datetime.now(UTC) + timedelta(minutes=minutes)
    variables = {**aws, "AWS_CREDENTIAL_EXPIRATION": end.isoformat()}
    result = Machine(machine.folder, variables).run("up", "--name", "soon", "--yes")
    assert result.code == 1, result.text
    match = re.search(r"Your AWS login ends in (\d+) minutes, at (\d\d:\d\d)\.", result.text)
    assert match is not None and minutes - 2 <= int(match[1]) <= minutes
    assert "opsctl up needs an hour" in result.text and "Nothing was changed." in result.text
    assert "aws sso login" in result.text
    assert not Path(machine.home / "platforms" / "soon" / "terraform").exists()


class FakeClients:
    """Credentials that hold for some seconds."""

    def __init__(self, seconds: int | None, *, fresh: bool) -> None:
        self._seconds = seconds
        self.has_fresh_session = fresh

    def expire_within(self, seconds: int) -> bool:
        return self._seconds is not None and self._seconds < seconds


@pytest.mark.parametrize(
    ("seconds", "fresh", "is_enough"),
    [
        (None, False, True),
        (3700, False, True),
        (3500, False, False),
        # A role's session has an hour in all, unless somebody has set it otherwise.
        (3590, True, True),
        (2900, True, False),
    ],
)
def test_how_much_is_enough(seconds: int | None, fresh: bool, is_enough: bool) -> None:
    clients = FakeClients(seconds, fresh=fresh)
    if is_enough:
        ensure_time(clients)  # type: ignore[arg-type]
        return
    with pytest.raises(Problem, match="Your AWS login ends in"):
        ensure_time(clients)  # type: ignore[arg-type]
