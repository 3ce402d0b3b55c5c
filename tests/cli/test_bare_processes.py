"""Verbs in processes without a home, a known user, a terminal, open streams …: one sentence, and never a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.bare_process import UNKNOWN_USER, Case, Outcome, run_cases

from opsctl.user_name import user_name

pytestmark = pytest.mark.timeout(300)

#: Of those that need no platform. `runs` looks for one.
VERBS = (("config", "--json"), ("runs",))
#: With their exit codes.
STREAM_VERBS = {("--help",): 0, ("--version",): 0, ("config",): 0, ("runs",): 1, ("nonsense",): 2}
CLOSED_STREAMS = ((0,), (1,), (2,), (1, 2), (0, 1, 2))

#: By a name each: what differs from the usual environment; None: the variable is not set. FOLDER is the test's own.
ENVIRONMENTS: dict[str, dict[str, str | None]] = {
    "no home": {"HOME": None, "OPSCTL_HOME": None},
    "an empty home": {"HOME": "", "OPSCTL_HOME": None},
    "a home that there is not": {"HOME": "/proc/nowhere", "OPSCTL_HOME": None},
    "a relative home": {"HOME": "home", "OPSCTL_HOME": None},
    "the root as home": {"HOME": "/proc", "OPSCTL_HOME": None},
    "a file as home": {"HOME": "FOLDER/file", "OPSCTL_HOME": None},
    "an empty OPSCTL_HOME": {"OPSCTL_HOME": ""},
    "a file as OPSCTL_HOME": {"OPSCTL_HOME": "FOLDER/file"},
    "below a file": {"OPSCTL_HOME": "FOLDER/file/x"},
    "a device as OPSCTL_HOME": {"OPSCTL_HOME": "/dev/null"},
    "an unknown user's folder": {"OPSCTL_HOME": "~nobody-of-this-name/x", "OPSCTL_CONFIG": "~nobody-of-this-name/y"},
    "a long name": {"OPSCTL_HOME": "/tmp/" + "x" * 300},
    "a name of bytes": {"OPSCTL_HOME": "FOLDER/\udcff\udcfe"},
    "ASCII and a name with accents": {"OPSCTL_HOME": "FOLDER/hé漢", "LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"},
    "no terminal's name": {"TERM": None},
    "a dumb terminal": {"TERM": "dumb"},
    **{f"COLUMNS={value}": {"COLUMNS": value, "LINES": value} for value in ("0", "-5", "x", "²", "9" * 20, "1", "")},
    "no TMPDIR": {"TMPDIR": "/nowhere"},
    "no PATH": {"PATH": None},
    "an empty PATH": {"PATH": ""},
    "a time zone that there is not": {"TZ": "No/Where"},
    "colours": {"FORCE_COLOR": "1", "NO_COLOR": ""},
    "a login's name with control characters": {"LOGNAME": "\x1b[31mme"},
}
HOMES = [name for name, change in ENVIRONMENTS.items() if "OPSCTL_HOME" in change]
#: Terraform and engines are looked for, which takes longer.
DOCTORS = ("no home", "no PATH", "ASCII and a name with accents")


def environment(folder: Path, change: dict[str, str | None]) -> dict[str, str]:
    usual = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder / "user"),
        "OPSCTL_HOME": str(folder / "opsctl"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "us-east-1",
        "OPSCTL_PROVIDER_MIRROR": "/nowhere",
        "OPSCTL_TERRAFORM_RELEASES": "http://127.0.0.1:1",
    }
    return {name: value.replace("FOLDER", str(folder)) for name, value in (usual | change).items() if value is not None}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bare")
    (folder / "file").touch()
    (folder / "user").mkdir()
    return folder


def wrong(outcome: Outcome) -> bool:
    text = outcome.out + outcome.err
    return outcome.code not in (0, 1, 2) or "Traceback" in text or "bug in opsctl" in text


def test_every_environment(folder: Path) -> None:
    outcomes = run_cases(
        [
            Case(verb, environment(folder, change))
            for name, change in ENVIRONMENTS.items()
            for verb in (VERBS if name in HOMES else VERBS[:1])
        ],
        folder / "work",
    )
    assert [outcome for outcome in outcomes if wrong(outcome)] == []
    # `~` or a relative home would be made in the working folder.
    assert list((folder / "work").iterdir()) == []


def test_doctor_in_some(folder: Path) -> None:
    outcomes = run_cases(
        [Case(("doctor", "--json"), environment(folder, ENVIRONMENTS[name])) for name in DOCTORS], folder / "work"
    )
    assert [outcome for outcome in outcomes if wrong(outcome)] == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_user_without_an_entry_in_the_user_database(folder: Path, tmp_path: Path) -> None:
    closed, read_only = tmp_path / "closed", tmp_path / "read-only"
    closed.mkdir(mode=0o700)
    read_only.mkdir(mode=0o755)
    homes = [*(ENVIRONMENTS[name] for name in HOMES), {"OPSCTL_HOME": str(closed)}, {"OPSCTL_HOME": str(read_only)}]
    cases = [Case(verb, environment(folder, home), is_unknown_user=True) for home in homes for verb in VERBS[1:]]
    nothing = Case(("runs",), {"AWS_EC2_METADATA_DISABLED": "true"}, is_unknown_user=True)
    locked = Case(("up", "--yes"), environment(folder, {"OPSCTL_HOME": str(closed)}), is_unknown_user=True)
    *outcomes, of_nothing, of_locked = run_cases([*cases, nothing, locked], folder / "work")
    assert [outcome for outcome in (*outcomes, of_nothing, of_locked) if wrong(outcome)] == []
    assert list((folder / "work").iterdir()) == []
    assert (of_nothing.code, of_nothing.err.count("\n")) == (1, 1)
    assert (of_locked.code, "Set OPSCTL_HOME to a folder" in of_locked.err) == (1, True)


def test_closed_streams(folder: Path) -> None:
    usual = environment(folder, {})
    cases = [Case(verb, usual, closed) for closed in CLOSED_STREAMS for verb in STREAM_VERBS]
    outcomes = run_cases(cases, folder / "work")
    assert [outcome for outcome in outcomes if wrong(outcome)] == []
    assert [outcome.code for outcome in outcomes] == [*STREAM_VERBS.values()] * len(CLOSED_STREAMS)
    for outcome in outcomes:
        assert (1 not in outcome.case.closed or not outcome.out) and (2 not in outcome.case.closed or not outcome.err)


def test_the_users_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: UNKNOWN_USER)
    assert user_name() == f"uid {UNKNOWN_USER}"
    monkeypatch.setenv("LOGNAME", "ann")
    assert user_name() == "ann"
