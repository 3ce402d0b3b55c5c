"""Every verb on records and names that were written to move a terminal: nothing of it is printed or logged."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.moto_s3 import s3, s3_client, storage, whole_storage  # noqa: F401 fixtures
from test_unreadable_records import PLACES, VERBS, Bucket, bucket  # noqa: F401 a fixture

from opsctl.core.harmless import harmless

EVIL = "evil\x1b[31m\x1b]0;t\x07\x9b2J\u202e\u2066\u200b\ue000\U000e0041\u2028"
#: What cannot be in a name on S3.
VERY_EVIL = f"{EVIL}\r\x00\nforged line"

#: moto's XML cannot hold ESC and BEL; the local platform's can.
EVIL_KEY = EVIL.replace("\x1b", "").replace("\x07", "")

#: The texts of records that may be anything.
FREE = {
    "cause",
    "reason",
    "status_reason",
    "created_by",
    "command_line",
    "note",
}

MORE = [
    *(["datasets"], ["datasets", "--json"], ["scans", "HNU1"], ["scans", "HNU1", "--json"], ["scans", "evil"]),
    *(
        ["scans", "evil", "--json"],
        ["check", "HNU1"],
        ["check", EVIL],
        ["status", "--run", EVIL],
        ["status", "--json", "-v"],
    ),
    *(["why", EVIL], ["cost", "--run", EVIL], [f"--{EVIL}"], [EVIL], ["status", EVIL], ["status", f"--{EVIL}=1"]),
    *(["runs", "--dataset", EVIL], ["results", "FOLDER", EVIL], ["run", EVIL], ["run", "HNU1", "--sp", EVIL, "--json"]),
    *(["upload", "FOLDER", "--name", EVIL], ["config"], ["config", "--json"], ["delete", "run", EVIL, "--yes"]),
    *(["up", "--name", EVIL], ["status", "--platform", EVIL], ["logs", "--since", EVIL], ["parcellations", EVIL]),
    *(["run", "HNU1", "--dry-run", "--scan", EVIL], ["report", f"FOLDER{EVIL}"], ["results", f"FOLDER{EVIL}"]),
    *(["delete", "dataset", EVIL], ["delete", "subject", EVIL], ["audit", EVIL]),
]


def poisoned(value: Any, name: str, *, everything: bool) -> Any:
    """A record whose free texts, or all, end hostile."""
    if isinstance(value, dict):
        return {key: poisoned(item, key, everything=everything) for key, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item, name, everything=everything) for item in value]
    return value + VERY_EVIL if isinstance(value, str) and (everything or name in FREE) else value


def assert_harmless(said: Any, home: Path, words: list[str]) -> None:
    __tracebackhide__ = True
    texts = {"out": said.out, "err": said.err}
    if (home / "opsctl.log").exists():
        texts["log"] = (home / "opsctl.log").read_text()
        assert not [line for line in texts["log"].split("\n") if line.startswith("forged")], words
    for name, text in texts.items():
        assert harmless(text) == text, (words, name, ascii(text[:2000]))
    assert said.code in (0, 1, 2), (words, said.err)
    if "--json" in words:
        assert said.out.isascii(), words
        for line in said.out.splitlines() if said.code == 2 else [said.out] if said.out else []:
            json.loads(line)


@pytest.fixture
def hostile(bucket: Bucket) -> Bucket:  # noqa: F811
    """Folders and files in the bucket have hostile names."""
    for key in (
        f"{EVIL_KEY}/sub-01/dwi/sub-01_dwi.nii.gz",
        f"HNU1/sub-01/dwi/sub-01_{EVIL_KEY}_dwi.nii.gz",
        f"HNU1/sub-{EVIL_KEY}/x",
    ):
        bucket.storage.client.put_object(Bucket="data", Key=key, Body=b"x")
    return bucket


def test_no_verb_prints_or_logs_what_moves_a_terminal(hostile: Bucket, home: Path) -> None:
    for kind in PLACES:
        hostile.put(kind, json.dumps(poisoned(hostile.value(kind), "", everything=False)).encode())
    shown = 0
    for verb, (words, _) in VERBS.items():
        said = hostile.type(verb)
        shown += "evil" in said.out + said.err
        assert_harmless(said, home, words)
    assert shown >= 3


@pytest.mark.parametrize("kind", PLACES)
def test_no_record_of_hostile_texts_alone_is_printed(hostile: Bucket, home: Path, kind: str) -> None:
    hostile.put(kind, json.dumps(poisoned(hostile.value(kind), "", everything=True)).encode())
    for verb in [verb for verb, (_, kinds) in VERBS.items() if kind in kinds][::4]:
        assert_harmless(hostile.type(verb), home, [verb])


def test_no_verb_prints_hostile_names_or_what_is_typed(hostile: Bucket, home: Path) -> None:
    silent = []
    for line in MORE:
        words = [word.replace("FOLDER", str(hostile.download / "folder")) for word in line]
        said = hostile.opsctl(*words)
        if "evil" not in re.sub(r"[^a-z]", "", said.out + said.err):
            silent.append((words, said.err[:100]))
        assert_harmless(said, home, words)
    assert len(silent) < 12, silent


def test_a_configuration_of_hostile_names(
    hostile: Bucket, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = json.dumps(EVIL)
    for table in (
        f"[datasets]\n{name} = {name}",
        f"[datasets]\nx = 's3://data/HNU1'\n{name} = 3",
        f"{name} = 1",
        f"x\x1b = {EVIL}",
    ):
        (tmp_path / "opsctl.toml").write_text(table)
        for words in (["config"], ["config", "--json"], ["datasets"], ["scans", "nosuch"]):
            assert_harmless(hostile.opsctl(*words), home, words)


def test_a_bug_with_hostile_words_is_one_entry_of_the_log(
    hostile: Bucket, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object) -> None:
        raise ZeroDivisionError(f"{VERY_EVIL} 2026-01-01T00:00:00Z forged\n" + "x" * 10_000_000)

    monkeypatch.setattr("opsctl.cli.defaults.load", load)
    said = hostile.opsctl("status", EVIL)
    assert said.code == 3
    assert harmless(said.err) == said.err
    assert len(said.err) < 5_000
    log = (home / "opsctl.log").read_text()
    assert harmless(log) == log
    assert len(log) < 120_000
    # Only the entry's first line begins at the margin.
    assert [line[:4] for line in log.split("\n") if line and not line.startswith("  ")] == ["2026"]
