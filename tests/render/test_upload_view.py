"""What `upload` and `datasets` show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.windows import terminal

from opsctl.commands.dataset.datasets import DatasetContents, DatasetLine
from opsctl.commands.dataset.local_files import FileFault
from opsctl.commands.dataset.upload import Sending, Upload
from opsctl.core.dataset.transfer_rate import TransferRate
from opsctl.core.location import Location
from opsctl.render.datasets import show_datasets
from opsctl.render.screen import Screen
from opsctl.render.upload import progress_text, show_faults, show_left_out, show_plan, show_sent

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def upload(count: int = 2) -> Upload:
    sizes = {f"HNU1/sub-{number:02d}/a": 1_000_000 for number in range(count)}
    return Upload(
        folder=Path("HNU1"), location=Location("data", "HNU1"), files={key: Path(key) for key in sizes}, sizes=sizes,
        unchanged=3, left_out={}, faults=(), annexed=(), pipeline="dwi",
    )  # fmt: skip


def test_progress_has_bytes_rate_and_time_left() -> None:
    rate = TransferRate(now=0)
    assert progress_text(0, 150_000_000, rate) == "0 B of 150.0 MB"
    rate.sample(20_000_000, now=10)
    assert progress_text(20_000_000, 150_000_000, rate) == "20.0 MB of 150.0 MB, 2.0 MB/s, 1 min 05 s left"


def test_what_was_sent_and_how_fast(capsys: pytest.CaptureFixture[str]) -> None:
    sending = Sending(sent=dict(upload().sizes), seconds=4.0)
    show_sent(Screen(), upload(), sending)
    said = capsys.readouterr()
    assert said.err == "s3://data/HNU1: 2 files sent (2.0 MB in 4.0 s, 500.0 kB/s), 3 there already\n"


def test_a_plan_names_the_first_files(capsys: pytest.CaptureFixture[str]) -> None:
    show_plan(Screen(), upload(22))
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == "sub-00/a  1.0 MB"
    assert said.out.splitlines()[20:] == ["and 2 more files (--json lists all)"]
    assert said.err == "s3://data/HNU1: would send 22 files (22.0 MB), 3 there already. Nothing was sent.\n"


def test_what_was_left_out_is_counted_and_can_be_sent(capsys: pytest.CaptureFixture[str]) -> None:
    left_out = {"sourcedata": 120, "derivatives": 1, "hidden": 1, "excluded": 4}
    show_left_out(Screen(), left_out, command=lambda group: f"opsctl upload HNU1 --include {group}")
    assert capsys.readouterr().err.splitlines() == [
        "Left out: derivatives/ (1 file), sourcedata/ (120 files), 1 hidden file or folder, 4 files by --exclude.",
        "`opsctl upload HNU1 --include derivatives` sends derivatives/ too.",
    ]
    show_left_out(Screen(), {"hidden": 2}, command=str)
    assert capsys.readouterr().err == "Left out: 2 hidden files or folders.\n"
    show_left_out(Screen(), {}, command=str)
    assert capsys.readouterr().err == ""


def test_faults_are_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    faults = [FileFault(path=f"sub-{number:02d}/x", reason="is a pipe, not a file") for number in range(22)]
    show_faults(Screen(), faults, ["a", "b"], get_command="datalad get HNU1/a HNU1/b")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "! sub-00/x is a pipe, not a file."
    assert lines[20:] == [
        "! and 2 more files (--json lists all).",
        "! 2 files of a DataLad dataset are not on this machine and were not sent. This fetches them:",
        "  datalad get HNU1/a HNU1/b",
    ]


def test_datasets_are_a_table_with_what_a_run_leaves_out(capsys: pytest.CaptureFixture[str]) -> None:
    contents = DatasetContents(
        dwi_scans=4,
        func_scans=0,
        excluded=1,
        without_scans=("sub-03",),
        size_bytes=12_300_000,
        changed=NOW - timedelta(days=3),
        other_folders=("sourcedata",),
    )
    lines = [
        DatasetLine(name="HNU1", uri="s3://data/HNU1", subjects=3, derivatives=("m2g-csa-native",), contents=contents),
        DatasetLine(name="mine", uri="s3://lab/mine", subjects=None, derivatives=()),
        DatasetLine(name="odd", uri="s3://data/odd", subjects=2, derivatives=(), fault="sub-a and sub-A differ."),
    ]
    show_datasets(Screen(), lines, data_bucket="data", now=NOW)
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "HNU1  3  4 dwi          12.3 MB  3 d ago  m2g-csa-native",
        "mine     s3://lab/mine",
        "odd   2  not known",
    ]
    assert said.err.splitlines()[1:] == [
        "HNU1: 1 subject has no scan: sub-03.",
        "HNU1: 1 image is excluded: `opsctl scans HNU1 --pipeline both` says why.",
        "HNU1: no run reads sourcedata/.",
        "odd: its scans cannot be counted: sub-a and sub-A differ.",
    ]
    screen, window = terminal(100)
    show_datasets(screen, lines, data_bucket="data", now=NOW)
    assert window.lines[1].split() == ["DATASET", "SUBJECTS", "SCANS", "SIZE", "CHANGED", "OUTPUTS"]
    screen, window = terminal(50)
    show_datasets(screen, lines, data_bucket="data", now=NOW)
    assert window.lines[1:6] == [
        "HNU1",
        "  3 subjects  4 dwi  12.3 MB  changed 3 d ago",
        "  outputs m2g-csa-native",
        "mine",
        "  s3://lab/mine",
    ]
