"""The message: counts and the next command, never a subject's label or an address."""

from __future__ import annotations

import re

import pytest
from support.printed_commands import ensure_readable

from opsctl.core.notify.address import shown_address, split_addresses, without_addresses
from opsctl.core.notify.message import ended_message
from opsctl.core.runs.manifest import recorded_command_line
from opsctl.core.runs.state import DailyState

RUN_ID = "HNU1-20261122-120000-ab12"
SECRET = "slack://T0KEN-A/T0KEN-B/T0KEN-C"


@pytest.mark.parametrize(
    ("counts", "kind", "commands"),
    [
        ({DailyState.DONE: 30}, "success", ["status", "results"]),
        ({DailyState.DONE: 28, DailyState.FAILED: 2}, "failure", ["status", "why", "results"]),
        ({DailyState.DONE: 1, DailyState.CANCELLED: 2}, "warning", ["status", "results"]),
        ({DailyState.FAILED: 3}, "failure", ["status", "why"]),
    ],
)
def test_it_has_counts_and_commands_that_the_program_reads(
    counts: dict[DailyState, int], kind: str, commands: list[str]
) -> None:
    message = ended_message(RUN_ID, platform_name="lab", counts=counts, duration="3 h 12 min")
    typed = re.findall(r"opsctl .*", message.body)
    assert message.kind == kind
    assert "Time: 3 h 12 min" in message.body
    assert all(f"{count} {state}" in message.title for state, count in counts.items())
    assert [command.split()[1] for command in typed] == commands
    assert all(command.endswith(f"--run {RUN_ID} --platform lab") for command in typed)
    ensure_readable("\n".join(f"`{command}`" for command in typed))


def test_a_run_whose_dataset_is_named_after_a_subject_is_not_named() -> None:
    message = ended_message(
        "sub-0025427-20261122-120000-ab12", platform_name="lab", counts={DailyState.FAILED: 1}, duration=""
    )
    assert "0025427" not in f"{message.title}{message.body}"
    assert "opsctl why --platform lab" in message.body


def test_addresses_are_separated_by_blanks_and_each_is_there_once() -> None:
    assert split_addresses([f"{SECRET} ntfys://a", "ntfys://a"]) == [SECRET, "ntfys://a"]


def test_only_the_scheme_of_an_address_is_shown() -> None:
    assert shown_address(SECRET) == "slack://…"
    assert shown_address("T0KEN-A/T0KEN-B") == "…"


def test_no_recorded_command_line_holds_an_address() -> None:
    typed = ["opsctl", "run", "HNU1", "--notify", SECRET, f"--notify={SECRET}", "--yes"]
    shown = ["opsctl", "run", "HNU1", "--notify", "URL", "--notify=URL", "--yes"]
    assert without_addresses(typed) == shown
    assert list(recorded_command_line(typed)) == shown
