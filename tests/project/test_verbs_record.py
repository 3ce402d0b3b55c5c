"""The record of which verbs there are has each verb of the help once, and no other."""

from __future__ import annotations

import re

from support.repository import ROOT

from opsctl.cli.verb_table import SUMMARIES

RECORD = (ROOT / "docs" / "decisions" / "0028-verbs.md").read_text(encoding="utf-8")


def test_every_verb_has_its_task() -> None:
    rows = re.findall(r"^\| [a-z ]+ \| (`.+`) \|$", RECORD, re.MULTILINE)
    verbs = [verb for row in rows for verb in re.findall(r"`(\w+)`", row)]
    assert sorted(verbs) == sorted([*SUMMARIES, "help"])


def test_what_was_merged_is_no_verb() -> None:
    merged = RECORD.partition("**Merged or never made.**")[2].partition("**Options.**")[0]
    names = re.findall(r"`([\w ]+)`(?: and `(\w+)`)?\s(?:is|are)\s", merged)
    gone = {name for pair in names for name in pair if name}
    assert {"submit", "resume", "watch", "retry"} <= gone
    assert gone & set(SUMMARIES) == set()
