"""m2g fails, or says that it succeeded and left nothing: logs and QA are kept, the cause stands in the result."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from support.job_s3 import LocalS3
from support.job_world import ATLAS, BUCKET, DESIKAN, OUTPUT, RUN, SKULL_STRIP, World, packed

FAILURES = f"{RUN}/failures/00000"


@pytest.mark.parametrize(
    ("mode", "code", "cause"),
    [
        ("exit-1", "m2g_failed", "m2g ended with exit code 1 after 0 s: RuntimeError: eddy did not converge"),
        ("nothing", "no_connectome", "m2g ended with exit code 0 and left no connectome that is not empty"),
        ("empty", "no_connectome", "m2g ended with exit code 0 and left no connectome that is not empty"),
        ("no-space", "disk_full", "the disk is full: m2g ended after 0 s: OSError: [Errno 28] No space left on device"),
        (
            "killed",
            "out_of_memory",
            "m2g was killed (SIGKILL) after 0 s, most likely out of memory: its processes together had reached ",
        ),
    ],
)
def test_a_failed_scan_says_why_and_keeps_its_logs(world: World, s3: LocalS3, mode: str, code: str, cause: str) -> None:
    exit_code, output = world.run(OPSCTL_FAKE_M2G=mode)

    assert exit_code == 1, output
    result = world.result()
    assert (result["status"], result["exit_code"], result["cause_code"]) == ("failed", 1, code)
    record = world.attempt()
    assert all(record[name] == result[name] for name in ("cause", "cause_code", "facts"))
    # A slow machine may need a second or more for a fake that does nothing.
    actual = result["cause"].replace("after 1 s", "after 0 s").replace("after 2 s", "after 0 s")
    assert actual.startswith(cause), result["cause"]
    assert result["outputs"] == {"folder": f"s3://{BUCKET}/{FAILURES}", "files": []}
    assert world.keys(FAILURES) == [f"{FAILURES}/attempt-1/m2g.log", f"{FAILURES}/attempt-1/{SKULL_STRIP}"]
    assert b"m2g runs on dwi" in world.get(f"{FAILURES}/attempt-1/m2g.log")
    assert world.keys("HNU1/derivatives") == [], "nothing of a failed scan stands among the outputs"


def test_every_atlas_that_was_asked_for_must_have_its_connectome(world: World) -> None:
    # A part of the name is not enough: m2g makes DesikanKlein's folder beside Desikan's.
    folders = {"Desikan": ATLAS, "Klein": "Desikan", "AAL": ATLAS.replace("Desikan", "AAL")}
    world.scan["atlases"] = [{**DESIKAN, "name": name, "folder": folder} for name, folder in folders.items()]
    world.submit()

    assert world.run()[0] == 1

    assert (world.result()["cause_code"], world.result()["facts"]) == (
        "parcellation_missing",
        {"parcellation": "Klein, AAL"},
    )
    assert world.result()["cause"] == (
        f"m2g ended with exit code 0 and left no connectome for Klein, AAL; there is {ATLAS}"
    )


def test_the_connectomes_that_m2g_finished_are_kept_and_not_published(world: World) -> None:
    world.ask(parcellation=["Desikan", "AAL"])
    world.submit()

    assert world.run(OPSCTL_FAKE_M2G="fails-after-a-graph", OPSCTL_FAKE_M2G_LOST="2")[0] == 1

    atlas = ATLAS.replace("Desikan", "AAL")  # the first in m2g's order; Desikan's was never made
    uri = f"s3://{BUCKET}/{FAILURES}/attempt-1/connectomes_d/{atlas}/sub-0025427_ses-1_dwi_{atlas}_connectome.csv"
    assert world.result()["warnings"] == []
    assert world.graphs() == [
        {
            "uri": uri,
            "atlas": atlas,
            "kind": "streamlines",
            "nodes": 114,
            "edges": sum(min(9, 114 - node) for node in range(1, 115)),
            "regions": None,
            "lost": 2,
        }
    ]
    assert world.get(uri.removeprefix(f"s3://{BUCKET}/")).startswith(b"1 2 ")
    assert world.keys("HNU1/derivatives") == []


def test_c_pacs_crash_and_log_come_home(world: World) -> None:
    world.scan["inputs"] = [entry for entry in world.scan["inputs"] if entry["role"] == "T1w"]
    world.input("bold", "HNU1/sub-0025427/ses-1/func/sub-0025427_ses-1_task-rest_bold.nii.gz", packed(9))
    world.scan["m2g"] = {"pipeline": "func", "parcellation": ["Desikan"]}
    world.submit()

    assert world.run(OPSCTL_FAKE_M2G="exit-1")[0] == 1

    assert world.keys(FAILURES) == [
        f"{FAILURES}/attempt-1/{name}"
        for name in (
            "crash/crash-20261122.pklz",
            "log/pypeline.log",
            "m2g.log",
            "qa_f/skullstrip_vis/skull_vis.png",
        )
    ]


def test_a_graph_that_breaks_off_is_no_connectome(world: World) -> None:
    code, output = world.run(OPSCTL_FAKE_M2G="breaks-off")

    assert code == 1, output
    assert world.result()["cause_code"] == "no_connectome"
    assert world.result()["cause"].endswith("_connectome.csv: it breaks off in its last line")
    assert world.graphs() == []


def test_the_connectomes_of_a_stopped_m2g_are_kept(world: World) -> None:
    job = world.start(OPSCTL_FAKE_M2G="hangs-after-a-graph")
    job.wait_for("hanging with child")
    job.process.send_signal(signal.SIGTERM)

    assert job.wait() == 143, job.output
    (graph,) = world.graphs()
    assert (graph["atlas"], graph["regions"]) == (ATLAS, 70)
    assert graph["uri"].startswith(f"s3://{BUCKET}/{FAILURES}/attempt-1/connectomes_d/")
    assert graph["uri"].removeprefix(f"s3://{BUCKET}/") in world.keys(FAILURES)


def test_a_scan_that_fails_while_it_is_published_names_no_output(world: World, s3: LocalS3) -> None:
    s3.rules.append(lambda request: (403, "AccessDenied") if request.key.startswith(OUTPUT) else None)

    assert world.run(OPSCTL_FAKE_M2G_LOST="2")[0] != 0

    assert [file["uri"].startswith(f"s3://{BUCKET}/{FAILURES}/") for file in world.files()] == [True]
    assert world.result()["warnings"] == []


def test_more_files_than_opsctl_would_read_are_a_failure_before_any_is_uploaded(world: World) -> None:
    assert world.run(OPSCTL_FAKE_M2G_FILES="5000")[0] == 1
    result = world.result()
    assert result["cause_code"] == "too_many_outputs"
    assert result["cause"] == "m2g left 5,005 files, more than a result may list"
    assert world.keys("HNU1/derivatives") == []
    assert len(world.graphs()) == 1, "the finished connectome is kept"


def test_an_argument_that_follows_from_no_option_never_reaches_m2g(world: World) -> None:
    world.submit(argv=[*world.scan["argv"], "--push_location", "s3://other/x"])

    code, output = world.run()
    assert code == 2
    assert "running: m2g" not in output
    assert world.result()["cause"] == ("the scan's JSON has other arguments than its options make: '--push_location'")


def test_no_m2g_is_a_failure_in_words(world: World) -> None:
    assert world.run(PATH="/nowhere")[0] == 1
    assert world.result()["cause"].startswith("m2g cannot be started: ")
    assert world.result()["cause_code"] == "m2g_not_started"


def test_the_next_attempt_starts_clean_and_overwrites_the_failed_result(world: World) -> None:
    assert world.run(OPSCTL_FAKE_M2G="exit-1")[0] == 1
    work = world.folder / "work-job-a"
    (work / "input" / "sub-0025427" / "ses-1" / "dwi" / "old_dwi.nii.gz").write_bytes(b"left")
    (work / "output" / "sub-0025427" / "ses-1" / "dwi").mkdir()
    (work / "output" / "sub-0025427" / "ses-1" / "dwi" / "old.txt").write_bytes(b"left")
    (work / "input" / "link").symlink_to(world.folder / "bin")
    (work / "mine").write_text("not the runner's")

    code, output = world.run(attempt=2)

    assert code == 0, output
    result = world.result()
    assert (result["status"], result["attempt"]) == ("succeeded", 2)
    assert not [entry["uri"] for entry in world.files() if "old" in entry["uri"]]
    assert (work / "mine").exists()
    assert (world.folder / "bin" / "m2g").exists()
    assert world.keys(f"{FAILURES}/attempt-1/"), "the first attempt's logs stay"


def test_a_failure_never_overwrites_a_success(world: World, s3: LocalS3) -> None:
    s3.hold(lambda request: request.job == "job-b" and request.key.startswith(FAILURES))
    failing = world.start("job-b", OPSCTL_FAKE_M2G="exit-1")
    s3.holds[0].wait()
    assert world.run("job-a")[0] == 0
    before = world.get(f"{RUN}/results/00000.json")
    s3.holds[0].released.set()

    assert failing.wait() == 0, "the scan is done, whoever did it"
    assert "job job-a (attempt 1) has published" in failing.output
    assert world.get(f"{RUN}/results/00000.json") == before


def test_m2g_gets_neither_the_runners_python_nor_its_credentials(world: World) -> None:
    code, output = world.run(VIRTUAL_ENV="/some/env", AWS_SESSION_TOKEN="token", FSLDIR="/fsl")

    assert code == 0, output
    environment = json.loads(Path(world.folder, "work-job-a", "output", "environment.json").read_text())
    secrets = ("PYTHONPATH", "VIRTUAL_ENV", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    assert not set(secrets) & set(environment)
    assert (environment["FSLDIR"], environment["PYTHONUNBUFFERED"]) == ("/fsl", "1")
    assert environment["CPAC_TRACKING"] == "off", "C-PAC would report each run to a company"


def test_much_output_arrives_whole_and_in_order(world: World) -> None:
    code, output = world.run(OPSCTL_FAKE_M2G="much")

    assert code == 0, output[-2000:]
    lines = output.split("\n")
    start = lines.index("line 0")
    assert lines[start : start + 20_000] == [f"line {number}" for number in range(20_000)]
    # Of a progress bar the last state.
    assert lines[start + 20_000] == "100 %"
    assert "25 %" not in lines
    assert f"{'x' * 65_536}... cut, {300_000 - 65_536:,} more bytes" in lines


def test_a_child_that_m2g_leaves_behind_does_not_hold_the_job(world: World) -> None:
    code, output = world.run(OPSCTL_FAKE_M2G="leaves-a-child")

    assert code == 0, output


def test_lines_come_while_m2g_runs(world: World) -> None:
    job = world.start(OPSCTL_FAKE_M2G="hang")
    job.wait_for("m2g runs on dwi")
    assert job.process.poll() is None
