"""Which platform a plain `up` is about: messages advise it without repeating what was typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.example_platform import platform

from opsctl.cli.platform.up_options import platform_to_bring_up
from opsctl.home import Home

LAB = platform(name="lab")
LOCAL = platform(name="local", endpoint_url="http://127.0.0.1:1")


def begun(home: Home, name: str) -> None:
    """What an interrupted `up` leaves."""
    folder = home.platform_dir(name) / "terraform/platform"
    folder.mkdir(parents=True)
    (folder / "terraform.tfstate").write_text("{}")


@pytest.mark.parametrize(
    ("last", "name", "local", "is_for_aws", "expected"),
    [
        (None, None, False, False, ("m2g", False)),
        (None, None, True, False, ("local", True)),
        (None, "lab", True, False, ("lab", True)),
        (LOCAL, None, False, False, ("local", True)),
        (LOCAL, "local", False, False, ("local", True)),
        (LOCAL, "lab", False, False, ("lab", False)),
        (LOCAL, None, False, True, ("m2g", False)),
        (LAB, None, False, False, ("lab", False)),
        (LAB, None, False, True, ("m2g", False)),
        (LAB, None, True, False, ("local", True)),
        ("local", None, False, False, ("local", True)),
        ("lab", None, False, False, ("lab", False)),
    ],
)
def test_a_plain_up_goes_on_with_the_last_platform_or_the_one_that_was_begun(
    tmp_path: Path, last: object, name: str | None, local: bool, is_for_aws: bool, expected: tuple[str, bool]
) -> None:
    home = Home(tmp_path)
    if isinstance(last, str):
        begun(home, last)
    elif last is not None:
        home.keep(last)  # type: ignore[arg-type]
    assert platform_to_bring_up(home, name, local=local, is_for_aws=is_for_aws) == expected
