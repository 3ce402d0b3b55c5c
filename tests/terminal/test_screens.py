"""A run at a terminal of 80 columns and of 40. The screens are recorded in `screens/`."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.small_platform import SmallPlatform
from terminals import Terminals, assert_as_recorded, run_id_in

at_both_widths = pytest.mark.parametrize("columns", [80, 40])


def is_tidy(raw: bytes) -> bool:
    """Whether the cursor is shown again and the first screen is back."""
    return raw.rfind(b"\x1b[?25h") >= raw.rfind(b"\x1b[?25l") and raw.count(b"?1049h") == raw.count(b"?1049l")


# First, while no scan has finished: what a run is said to cost follows from those that have.
@pytest.mark.parametrize(
    ("name", "key", "columns"), [("no", "n\n", 80), ("enter", "\n", 40), ("nothing", "\x04", 80), ("stop", "\x03", 40)]
)
def test_without_a_yes_nothing_is_submitted(
    terminals: Terminals, small: SmallPlatform, name: str, key: str, columns: int
) -> None:
    run = terminals.open("run", "HNU1", "--modif", f"asked{columns}", columns=columns)
    run.until("Leave this scan out? [y/N]")
    run.type("y\n")
    run.until("jobs? [y/N]")
    run.type(key)
    assert run.end() == (130 if name == "stop" else 1)
    assert_as_recorded(f"run_{name}", run.window.text, columns=columns)
    assert is_tidy(run.raw)
    listed = small.s3.list_objects_v2(Bucket="opsctl-data", Prefix=f"HNU1/derivatives/asked{columns}/")
    assert listed["KeyCount"] == 0


@at_both_widths
def test_a_run_from_its_question_to_its_connectomes(
    terminals: Terminals, small: SmallPlatform, columns: int, tmp_path: Path
) -> None:
    small.gate.unlink()
    run = terminals.open("run", "HNU1", "--sp", "native", "--modif", f"life{columns}", columns=columns)
    run.until("Leave this scan out? [y/N]")
    run.type("n\n")
    run.until("jobs? [y/N]")
    run.type("y\n")
    assert run.end() == 0
    assert_as_recorded("run", run.window.text, columns=columns)
    run_id = run_id_in(run.window.text)

    watch = terminals.open("status", "--watch", columns=columns)
    watch.until("2 running")
    assert watch.window.is_alternate
    # Until it is drawn whole: the frame after the next.
    frames = watch.raw.count(b"\x1b[H") + 2
    watch.until(lambda: watch.raw.count(b"\x1b[H") >= frames)
    assert_as_recorded("watching", watch.window.text, columns=columns)
    # The window gets narrower and wider again while it lives.
    watch.resize(30)
    watch.until(lambda: "2 running" in watch.window.text)
    watch.resize(columns)
    small.gate.touch()
    assert watch.end() == 1
    assert_as_recorded("watched", watch.window.text, columns=columns)
    assert is_tidy(watch.raw)

    for name, words, code in (
        ("status", ("status",), 0),
        ("scan", ("status", "--scan", "sub-03/ses-1"), 0),
        ("why", ("why",), 0),
        ("cost_by_scan", ("cost", "--by-scan"), 0),
        ("audit", ("audit", "HNU1", "--modif", f"life{columns}"), 1),
        ("results", ("results", "home"), 0),
    ):
        pinned = () if name == "audit" else ("--run", run_id)
        shows = terminals.open(*words, *pinned, columns=columns, folder=tmp_path)
        assert shows.end() == code, shows.window.text
        assert_as_recorded(name, shows.window.text, columns=columns, folder=tmp_path)
        assert is_tidy(shows.raw)


def test_a_run_that_is_followed(terminals: Terminals, small: SmallPlatform) -> None:
    small.gate.unlink()
    run = terminals.open("run", "HNU1", "--modif", "follow", "--yes", "--follow")
    run.until("registering")
    follow = terminals.open("logs", "--follow", columns=40)
    follow.until("registering")
    follow.type("\x03")
    assert follow.end() == 130
    assert "Stopped watching" in follow.window.text
    small.gate.touch()
    assert run.end() == 1
    shown = " ".join(run.window.text.split())
    for words in ("tracking", "2 done", "1 failed", "sub-03/ses-1"):
        assert words in shown
    for one in (run, follow):
        # Other people's text does not clear the window, nor name it.
        assert "owned" not in one.window.text
        assert "\x1b[2J" not in one.raw.decode()
        assert is_tidy(one.raw)


def test_what_was_typed_before_the_question_answers_nothing(terminals: Terminals) -> None:
    run = terminals.open("run", "HNU1", "--modif", "ahead")
    run.type("y\ny\n")
    run.until("Leave this scan out? [y/N]")
    run.type("\n")
    run.until("jobs? [y/N]")
    run.type("\n")
    assert run.end() == 1
    assert "Nothing was submitted." in run.window.text


@at_both_widths
def test_a_run_that_is_cancelled(terminals: Terminals, small: SmallPlatform, columns: int) -> None:
    small.gate.unlink()
    run = terminals.open("run", "HNU1", "--modif", f"cancel{columns}", "--first", "2", "--yes", columns=columns)
    assert run.end() == 0
    watch = terminals.open("status", "--watch", columns=columns)
    watch.until("2 running")
    watch.type("\x03")
    assert watch.end() == 130
    assert_as_recorded("watching_stopped", watch.window.text, columns=columns)
    assert is_tidy(watch.raw)
    refused = terminals.open("cancel", columns=columns)
    refused.until("[y/N]")
    refused.type("\n")
    assert refused.end() == 1
    assert_as_recorded("cancel_enter", refused.window.text, columns=columns)
    cancel = terminals.open("cancel", columns=columns)
    cancel.until("[y/N]")
    cancel.type("y\n")
    assert cancel.end() == 0
    assert_as_recorded("cancel", cancel.window.text, columns=columns)
    assert is_tidy(cancel.raw)


@at_both_widths
def test_a_dataset_goes_up_and_is_looked_at(terminals: Terminals, columns: int, tmp_path: Path) -> None:
    from support.small_platform import dataset

    # Rich would take the name for markup, and a format.
    folder = tmp_path / "my [/b] {data}"
    for key, body in dataset("X").items():
        path = folder / key.removeprefix("X/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    upload = terminals.open(
        "upload", str(folder.relative_to(tmp_path)), "--name", f"up{columns}", columns=columns, folder=tmp_path
    )
    assert upload.end() == 0
    assert_as_recorded("upload", upload.window.text, columns=columns)
    assert "━" in upload.raw.decode()
    assert "━" not in upload.window.text
    for name, code in (("scans", 0), ("check", 1)):
        shows = terminals.open(name, f"up{columns}", columns=columns)
        assert shows.end() == code
        assert_as_recorded(name, shows.window.text, columns=columns)
        assert is_tidy(shows.raw)
