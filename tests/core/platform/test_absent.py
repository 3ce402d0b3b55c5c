"""The sentences for a platform that is not there."""

from __future__ import annotations

import pytest

from opsctl.core.platform.absent import no_such_platform, stopped_up


@pytest.mark.parametrize(
    ("known", "what"),
    [
        ([], "There is no platform foo."),
        (["local"], "There is no platform foo. There is: local."),
        (["lab", "local"], "There is no platform foo. There are: lab, local."),
    ],
)
def test_an_unknown_platform_is_told_with_those_that_there_are(known: list[str], what: str) -> None:
    problem = no_such_platform("foo", known)
    assert problem.what == what
    assert ("opsctl up" in problem.hint) is (not known)


@pytest.mark.parametrize(
    ("name", "is_local", "command"),
    [
        ("local", True, "`opsctl up --local`"),
        ("lab", True, "`opsctl up --local --name lab`"),
        ("m2g", False, "`opsctl up --name m2g`"),
    ],
)
def test_a_stopped_up_goes_on_with_the_command_for_its_platform(name: str, is_local: bool, command: str) -> None:
    problem = stopped_up(name, is_local=is_local)
    assert problem.hint.startswith(f"{command} goes on from there; `opsctl down")
    assert name in problem.what
