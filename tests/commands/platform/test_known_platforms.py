"""`platforms` and `use`: what this machine knows, and one answer to which platform commands use."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.example_platform import platform

from opsctl.__main__ import main
from opsctl.aws.s3.cache import Cache
from opsctl.commands.platform.known_platforms import KnownPlatform, known_platforms
from opsctl.commands.platform.terraform_workspace import mark_pending_down
from opsctl.commands.runs.completion_cache import CompletionCache
from opsctl.home import Home

AWS = platform()
LOCAL = dataclasses.replace(platform(), name="local", endpoint_url="http://127.0.0.1:1", data_bucket="local-data")
RUN = "HNU1-20261122-120000-aaaa"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("OPSCTL_PLATFORM", "OPSCTL_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPSCTL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    home = Home(tmp_path / "home")
    home.keep(AWS)
    home.keep(LOCAL)
    return home


@pytest.fixture
def opsctl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def typed(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["opsctl", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capsys.readouterr()

    return typed


def known(home: Home, *, is_running: bool = True) -> dict[str, KnownPlatform]:
    found = known_platforms(home, current=home.current(), is_server_running=lambda: is_running)
    return {item.name: item for item in found}


def test_platforms_on_aws_and_here(home: Home) -> None:
    CompletionCache(Cache(home.cache), AWS.data_bucket).runs([f"{RUN[:-1]}0", RUN])
    found = known(home)
    assert list(found) == ["local", "m2g"]
    assert (found["m2g"].is_local, found["m2g"].region, found["m2g"].account_id) == (False, "us-east-1", "123456789012")
    assert (found["m2g"].state, found["m2g"].last_run, found["m2g"].is_current) == ("up", RUN, False)
    assert (found["local"].is_local, found["local"].last_run, found["local"].is_current) == (True, None, True)
    assert found["local"].last_up is not None


def test_a_platform_that_is_not_up_says_so(home: Home) -> None:
    assert known(home, is_running=False)["local"].state == "stopped"
    # AWS goes on without this machine's server.
    assert known(home, is_running=False)["m2g"].state == "up"
    home.forget("m2g")
    assert "m2g" not in known(home)
    # `down` leaves the states of both roots.
    state = home.platform_dir("m2g") / "terraform" / "platform" / "terraform.tfstate"
    state.parent.mkdir(parents=True)
    state.write_text("{}")
    assert (known(home)["m2g"].state, known(home)["m2g"].last_up) == ("down", None)
    (home.platform_dir("m2g") / "pending-down").touch()
    assert known(home)["m2g"].state == "unfinished"


def test_an_interrupted_down_is_seen_while_the_record_is_there(home: Home) -> None:
    mark_pending_down(home, name="m2g")
    assert (known(home)["m2g"].state, known(home)["local"].state) == ("unfinished", "up")


def test_use_picks_the_platform_of_later_commands(home: Home, opsctl: Callable[..., tuple[int, str, str]]) -> None:
    assert opsctl("use")[1] == "local\n"
    code, out, _ = opsctl("use", "m2g")
    assert (code, out, home.current()) == (0, "m2g\n", "m2g")
    assert json.loads(opsctl("use", "--json")[1]) == {"schema_version": 1, "platform": "m2g", "source": "use"}
    assert {name for name, item in known(home).items() if item.is_current} == {"m2g"}


def test_settings_take_precedence_and_that_is_said(
    home: Home, opsctl: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSCTL_PLATFORM", "m2g")
    code, out, err = opsctl("use", "local")
    assert (code, out, home.current()) == (0, "m2g\n", "local")
    assert "OPSCTL_PLATFORM names the platform m2g, and takes precedence" in err
    assert json.loads(opsctl("platforms", "--json")[1])["current"] == "m2g"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("lab", "This machine has no record of a platform named lab. It knows local, m2g."), ("No!", "platform")],
)
def test_another_platform_is_refused_and_nothing_changes(
    home: Home, opsctl: Callable[..., tuple[int, str, str]], name: str, sentence: str
) -> None:
    code, out, err = opsctl("use", name)
    assert (code in (1, 2), out) == (True, "")
    assert sentence in err
    assert home.current() == "local"


def test_a_platform_that_was_taken_down_is_brought_up_first(
    home: Home, opsctl: Callable[..., tuple[int, str, str]]
) -> None:
    home.forget("m2g")
    code, _, err = opsctl("use", "m2g")
    assert code == 1
    assert "The platform m2g is not up." in err
    assert "`opsctl up --name m2g` brings it up" in err


def test_without_any_platform(tmp_path: Path, home: Home, opsctl: Callable[..., tuple[int, str, str]]) -> None:
    home.forget("m2g")
    home.forget("local")
    assert json.loads(opsctl("platforms", "--json")[1]) == {"schema_version": 1, "current": None, "platforms": []}
    assert "This machine knows no platform" in opsctl("platforms")[2]
    code, _, err = opsctl("use")
    assert (code, "No platform is chosen." in err) == (1, True)
