"""How the tutorial's page is read, written again and compared."""

from __future__ import annotations

import pytest
from tutorial.tutorial_page import lasting, steps, with_outputs

PAGE = """# Page

```console
$ opsctl one
old
$ opsctl two
```

Words.

```console
$ opsctl one
older
```
"""


def test_a_page_has_its_commands_in_order_each_with_its_output() -> None:
    assert [(step.command, step.output) for step in steps(PAGE)] == [
        ("opsctl one", "old"),
        ("opsctl two", ""),
        ("opsctl one", "older"),
    ]


def test_a_page_is_written_with_new_outputs_and_nothing_else_changes() -> None:
    again = with_outputs(PAGE, ["first\nline", "second", "third"])
    assert [step.output for step in steps(again)] == ["first\nline", "second", "third"]
    assert with_outputs(again, ["old", "", "older"]) == PAGE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Submitted 4 scans as HNU1-20261129-115757-d97b.", "Submitted 4 scans as HNU1-20270101-000000-ffff."),
        ("up local 41/41  1 min 48 s", "up local 41/41  59 s"),
        ("a line that\n  was folded, 10.9 MB", "a line that was\n  folded, 1.2 kB"),
        ("1 2 218.0\n1 3 158.0", "1 2 7.0\n1 4 8.0"),
    ],
)
def test_what_differs_each_time_does_not_count(one: str, other: str) -> None:
    assert lasting(one) == lasting(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("4 scans: 4 done", "4 scans: 3 done, 1 failed"), ("removed  34 resources", "removed  33 resources")],
)
def test_what_the_program_says_counts(one: str, other: str) -> None:
    assert lasting(one) != lasting(other)
