"""What a job runs short of: disk, memory, whole answers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from m2g_job import m2g, m2g_failure, memory
from m2g_job.log import Log
from m2g_job.stop import StopRequest
from support.job_s3 import LocalS3, Request
from support.job_world import OUTPUT, RUN, SKULL_STRIP, World, nifti

from opsctl.core.diagnosis.causes import cause_of
from opsctl.core.diagnosis.reason import Reason
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.result import Result

FAILURES = f"{RUN}/failures/00000/attempt-1"


def small_disk(files: int, work: Path) -> tuple[str, ...]:
    """The runner's Python in a mount namespace where its work folder is a disk that takes only so many files."""
    mount = f'mount -t tmpfs -o size=2g,nr_inodes={files} none "$0" && exec "$@"'
    return ("unshare", "--map-root-user", "--mount", "sh", "-c", mount, str(work), sys.executable)


def can_mount() -> bool:
    try:
        tried = subprocess.run([*small_disk(9, Path("/mnt"))[:-1], "true"], capture_output=True, check=False)
    except OSError:
        return False
    return tried.returncode == 0


needs_mounts = pytest.mark.skipif(not can_mount(), reason="no mounting here")


@needs_mounts
def test_a_disk_that_is_full_while_inputs_are_pulled(world: World) -> None:
    code, output = world.run(python=small_disk(9, world.folder / "work-job-a"))

    assert code == 1, output
    cause = world.result()["cause"]
    assert cause.startswith("the disk is full: [Errno 28] No space left on device")
    assert cause.endswith("give the platform a larger root volume")
    assert world.result()["cause_code"] == "disk_full"
    assert world.attempt()["cause"] == cause
    assert "Traceback" not in output


@needs_mounts
def test_a_disk_that_is_full_while_m2g_runs(world: World) -> None:
    code, output = world.run(python=small_disk(60, world.folder / "work-job-a"), OPSCTL_FAKE_M2G_FILES="200")

    assert code == 1, output
    assert world.result()["cause"].startswith("the disk is full: m2g ended after ")
    uploaded = world.keys(FAILURES)
    assert f"{FAILURES}/{SKULL_STRIP}" in uploaded
    assert b"No space left on device" in world.get(f"{FAILURES}/m2g.log")
    assert world.keys("HNU1/derivatives") == []


def test_the_kept_log_is_there_before_m2g_can_fill_the_disk(tmp_path: Path) -> None:
    log_path = tmp_path / "m2g.log"
    with (tmp_path / "stream").open("wb") as stream:
        ended = m2g.run(
            ["test", "-e", str(log_path)],
            log=Log(stream),
            log_path=str(log_path),
            stop=StopRequest(),
            variables={"PATH": "/usr/bin:/bin"},
        )
    assert ended.exit_code == 0


@needs_mounts
def test_a_disk_that_m2g_filled_does_not_cost_the_outputs(world: World) -> None:
    fake = world.folder / "fake_m2g.py"
    filling = "\ntry:\n    for number in range(10**6):\n        write(Path(sys.argv[2], 'fill', str(number)), '')\n"
    fake.write_text(f"{fake.read_text()}{filling}except OSError:\n    print('full', flush=True)\n")
    code, output = world.run(python=small_disk(200, world.folder / "work-job-a"))

    assert code == 0, output
    assert "full" in output.splitlines()
    assert len(world.files()) == len(world.keys(OUTPUT + "/")) == 9


def test_a_log_that_nobody_takes_does_not_cost_the_scan(world: World) -> None:
    code, output = world.run(python=("sh", "-c", 'exec "$@" > /dev/full', "sh", sys.executable), OPSCTL_FAKE_M2G="much")

    assert (code, output) == (0, "")
    assert world.result()["status"] == "succeeded"


def test_a_full_disk_that_m2g_hides_behind_exit_code_0_is_named(world: World) -> None:
    fake = world.folder / "fake_m2g.py"
    fake.write_text(fake.read_text().replace('if mode == "nothing":\n', 'if mode == "nothing":\n        ' + NO_SPACE))
    assert world.run(OPSCTL_FAKE_M2G="nothing")[0] == 1

    cause = world.result()["cause"]
    assert cause.startswith("m2g ended with exit code 0 and left no connectome that is not empty; the disk is full")
    assert world.result()["cause_code"] == "disk_full"


NO_SPACE = 'print("C-PAC: No space left on device", flush=True)\n'


def m2g_exit(*, exit_code: int = 1, tail: tuple[str, ...] = (), kills: int = 0) -> m2g.M2gExit:
    return m2g.M2gExit(exit_code, 61.2, 15100, tail, kills)


@pytest.mark.parametrize(
    ("ended", "cause"),
    [
        (m2g_exit(kills=1), "out of memory: the kernel killed a process of m2g's, which ended after 61 s"),
        (m2g_exit(exit_code=-9), "m2g was killed (SIGKILL) after 61 s, most likely out of memory"),
        (m2g_exit(exit_code=137), "m2g was killed (SIGKILL) after 61 s, most likely out of memory"),
        (m2g_exit(tail=("MemoryError",)), "m2g ran out of memory after 61 s"),
        (m2g_exit(tail=("… died with <Signals.SIGKILL: 9>.",)), "a process of m2g's was killed, most likely out of"),
        (m2g_exit(tail=("eddy: line 3: 117 Killed",)), "a process of m2g's was killed, most likely out of memory"),
        (m2g_exit(tail=("OSError: Disk quota exceeded",)), "the disk is full: m2g ended after 61 s"),
    ],
)
def test_a_shortage_has_its_words_and_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: m2g.M2gExit, cause: str
) -> None:
    (tmp_path / "memory.max").write_text(f"{15200 * 1024**2}\n")
    monkeypatch.setattr(memory, "_LIMITS", (str(tmp_path / "memory.max"),))
    fault = m2g_failure.fault(ended)
    assert str(fault).startswith(cause)
    if fault.cause_code == "disk_full":
        return
    assert fault.cause_code == "out_of_memory"
    assert "15100 MiB" in str(fault)
    assert fault.facts["peak_memory_mib"] == 15100
    assert fault.facts["memory_limit_mib"] == 15200


@pytest.mark.parametrize(
    ("text", "kills"),
    [
        ("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n", 2),
        ("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", 1),
        ("oom_kill_disable 0\nunder_oom 0\n", 0),
    ],
)
def test_the_kernels_own_count_in_both_of_its_forms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, kills: int
) -> None:
    (tmp_path / "counter").write_text(text)
    monkeypatch.setattr(memory, "_COUNTERS", (str(tmp_path / "none"), str(tmp_path / "counter")))
    assert memory.out_of_memory_kills() == kills


@pytest.mark.parametrize(
    ("text", "limit_mib"), [("15938355200\n", 15200), ("max\n", 0), ("9223372036854771712\n", 0), (None, 0)]
)
def test_the_kernels_own_limit_in_both_of_its_forms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, limit_mib: int
) -> None:
    if text is not None:
        (tmp_path / "limit").write_text(text)
    monkeypatch.setattr(memory, "_LIMITS", (str(tmp_path / "none"), str(tmp_path / "limit")))
    assert memory.limit_mib() == limit_mib


def test_a_kill_that_the_kernel_counts_while_m2g_runs_is_in_the_result(world: World) -> None:
    counter = world.folder / "memory.events"
    counter.write_text("oom_kill 4\n")
    fake = world.folder / "fake_m2g.py"
    count = f'        Path({str(counter)!r}).write_text("oom_kill 5\\n")\n'
    fake.write_text(fake.read_text().replace("if mode in LAST_LINES:\n", f"if mode in LAST_LINES:\n{count}"))
    patch = f"import os, m2g_job.memory as memory\nmemory._COUNTERS = ({str(counter)!r},)\n"
    main = "from m2g_job.__main__ import main\nos._exit(main())"
    code, output = world.run(python=(sys.executable, "-c", patch + main), OPSCTL_FAKE_M2G="exit-1")

    assert code == 1, output
    assert world.result()["cause"].startswith("out of memory: the kernel killed a process of m2g's")
    gives_the_memory_remedy(world)


def gives_the_memory_remedy(world: World) -> None:
    """Check that opsctl reads the result and the attempt's record as a lack of memory, with its remedy."""
    result, attempt = (
        kind.decode(json.dumps(record).encode(), uri)
        for kind, record, uri in (
            (Result, world.result(), world.result_uri),
            (Attempt, world.attempt(), world.attempt_uri),
        )
    )
    for reason in (Reason(result.cause_code, result.cause, result.facts), attempt.cause):
        cause = cause_of(reason)
        assert (cause.code, cause.title) == ("out_of_memory", "out of memory")
        assert "--only failed --memory 30400" in cause.help
        assert reason.number("peak_memory_mib") == world.result()["peak_memory_mib"] > 0


@pytest.mark.parametrize(
    ("mode", "cause"),
    [
        ("killed", "m2g was killed (SIGKILL)"),
        ("memory-error", "m2g ran out of memory"),
        ("child-killed", "a process of m2g's was killed, most likely out of memory"),
        ("hidden-child-killed", "m2g ended with exit code 0 and left no connectome"),
    ],
)
def test_each_lack_of_memory_that_the_runner_sees_gives_the_memory_remedy(world: World, mode: str, cause: str) -> None:
    code, output = world.run(OPSCTL_FAKE_M2G=mode)

    assert code == 1, output
    assert world.result()["cause"].startswith(cause)
    gives_the_memory_remedy(world)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's own")
def test_the_kernel_takes_m2g_before_the_runner(world: World) -> None:
    job = world.start(OPSCTL_FAKE_M2G="hang")
    job.wait_for("hanging with child")
    child = job.output.split("hanging with child ")[1].split()[0]
    assert Path(f"/proc/{child}/oom_score_adj").read_text().strip() == "1000"
    assert Path(f"/proc/{job.process.pid}/oom_score_adj").read_text() == Path("/proc/self/oom_score_adj").read_text()
    job.process.send_signal(signal.SIGTERM)
    assert job.wait() == 143


def test_bodies_that_break_off_are_asked_for_again(world: World, s3: LocalS3) -> None:
    world.input("dwi", "HNU1/sub-0025427/ses-1/dwi/sub-0025427_ses-1_dwi.nii", nifti(7))
    world.submit()
    request_counts: Counter[tuple[str, str]] = Counter()

    def twice(request: Request) -> bool:
        request_counts[request.key, request.query] += 1
        return bool(request.job) and request_counts[request.key, request.query] <= 2

    s3.cut_bodies(twice)
    code, output = world.run()

    assert code == 0, output
    assert max(request_counts.values()) > 2
    assert {"scans", "results", "claims"} & {key.split("/")[3] for key, _ in request_counts if key.startswith(RUN)}
    pulled = world.folder / "work-job-a" / "input" / "sub-0025427" / "ses-1" / "dwi" / "sub-0025427_ses-1_dwi.nii"
    assert pulled.read_bytes() == nifti(7)


@pytest.mark.parametrize("place", [f"{RUN}/scans/", "HNU1/sub-0025427/ses-1/dwi/"])
def test_bodies_that_always_break_off_are_a_passing_fault(world: World, s3: LocalS3, place: str) -> None:
    s3.cut_bodies(lambda request: request.key.startswith(place))
    code, output = world.run()

    assert code == 75, output
    assert "m2g runs" not in output
    assert world.keys(f"{RUN}/results/") == []
    assert world.attempt()["exit_code"] == 75
