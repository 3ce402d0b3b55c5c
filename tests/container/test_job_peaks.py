"""A scan's peaks: the memory of all of m2g's processes together, each shared page once, and the disk of its folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from m2g_job import m2g, memory, process_tree
from m2g_job.log import Log
from m2g_job.peaks import Peaks
from m2g_job.process_tree import ProcessTree
from m2g_job.stop import StopRequest
from support.job_world import World
from support.local_servers import alive

from opsctl.core.runs.result import Result

MIB = 1024**2
LARGE_MIB = 100
#: A Python without anything in it takes about 10 MiB.
SMALL_MIB = 50
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's own")

#: `large` takes memory, prints a dot, and ends when its input does.
FAMILY = f"""
import os, sys

def large():
    memory = bytearray(b"x") * {LARGE_MIB * MIB}
    share()

def share():
    os.write(1, b".")
    os.read(0, 1)

def fork(*actions):
    child = os.fork()
    if child == 0:
        for action in actions:
            action()
        os._exit(0)
    return child

def wait():
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return
"""
TWICE = {
    "children": "fork(large); fork(large); wait()",
    "a child and its child": "fork(lambda: fork(large), large, wait); wait()",
    "children with sessions of their own": "fork(os.setsid, large); fork(os.setsid, large); wait()",
    "children whose parent has ended": "fork(lambda: fork(large), lambda: fork(large)); wait(); os.read(0, 1)",
    "itself and a child": "fork(large); large(); wait()",
}


@contextmanager
def running(program: str, *, dots: int = 2) -> Iterator[subprocess.Popen[bytes]]:
    """The processes of a program, from when so many of them have printed a dot."""
    family = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", FAMILY + program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert family.stdin is not None
    assert family.stdout is not None
    try:
        for _ in range(dots):
            assert family.stdout.read(1) == b"."
        yield family
    finally:
        family.stdin.close()
        # Until the last process has closed it.
        family.stdout.read()
        family.stdout.close()
        family.wait()


@linux
@pytest.mark.parametrize("kind", TWICE)
def test_two_processes_at_once_count_together(kind: str) -> None:
    with running(TWICE[kind]) as family:
        size_mib = ProcessTree(family.pid).memory_bytes() / MIB
    assert 2 * LARGE_MIB <= size_mib < 2 * LARGE_MIB + SMALL_MIB


@linux
def test_memory_that_two_processes_share_counts_once() -> None:
    program = f"memory = bytearray(b'x') * {LARGE_MIB * MIB}; fork(share); share(); wait()"
    with running(program) as family:
        tree = ProcessTree(family.pid)
        exact, plain = tree.memory_bytes() / MIB, tree.memory_bytes(more_than=4 * LARGE_MIB * MIB) / MIB
    assert LARGE_MIB <= exact < LARGE_MIB + SMALL_MIB
    # The plain sum is taken where even it shows nothing new.
    assert 2 * LARGE_MIB <= plain < 2 * LARGE_MIB + SMALL_MIB


@linux
def test_a_process_whose_pages_may_not_be_looked_at_counts_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_tree, "_pss_bytes", lambda _: None)
    with running(f"memory = bytearray(b'x') * {LARGE_MIB * MIB}; fork(share); share(); wait()") as family:
        assert ProcessTree(family.pid).memory_bytes() >= 2 * LARGE_MIB * MIB


@linux
def test_a_process_that_was_seen_counts_on_when_it_is_alone(tmp_path: Path) -> None:
    number = tmp_path / "parent"
    parent = f"lambda: open({str(number)!r}, 'w').write(str(os.getpid()))"
    with running(f"fork({parent}, lambda: fork(os.setsid, large), wait); wait(); share()", dots=1) as family:
        tree = ProcessTree(family.pid)
        assert tree.memory_bytes() >= LARGE_MIB * MIB
        os.kill(int(number.read_text()), 9)
        assert family.stdout is not None
        assert family.stdout.read(1) == b"."
        assert not alive(int(number.read_text()))
        assert tree.memory_bytes() >= LARGE_MIB * MIB


@linux
def test_neither_the_runner_nor_its_other_children_count() -> None:
    with running("large()", dots=1), running("share()", dots=1) as family:
        assert ProcessTree(family.pid).memory_bytes() < SMALL_MIB * MIB


class Clock:
    """A clock that a test sets."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class CountedTree(ProcessTree):
    """A tree whose size is said by a test."""

    def __init__(self, *sizes: int) -> None:
        super().__init__(0)
        self.sizes = list(sizes)

    def memory_bytes(self, *, more_than: int = 0) -> int:
        return self.sizes.pop(0)


def test_memory_is_measured_every_second_and_disk_every_ten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "largest_child_mib", lambda: 3)
    clock, file = Clock(), tmp_path / "input" / "file"
    file.parent.mkdir()
    peaks = Peaks((str(tmp_path / "input"), str(tmp_path / "output")), clock=clock)
    tree = CountedTree(2 * MIB, 9 * MIB, 5 * MIB)
    peaks.measure(tree)
    assert (peaks.memory_mib, peaks.disk_mib) == (3, 0)
    file.write_bytes(b"x" * 2 * MIB)
    for clock.seconds in (0.5, 1.0, 1.5, 2.0, 2.9):
        peaks.measure(tree)
    assert (peaks.memory_mib, peaks.disk_mib, tree.sizes) == (9, 0, [])
    tree.sizes = [MIB]
    clock.seconds = 10.0
    peaks.measure(tree)
    assert peaks.disk_mib == 2
    file.unlink()
    peaks.measure_disk()
    assert peaks.disk_mib == 2


def test_a_sparse_file_takes_what_it_occupies(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as stream:
        stream.truncate(100 * MIB)
        stream.write(b"x" * MIB)
    peaks = Peaks((str(tmp_path),))
    peaks.measure_disk()
    assert 1 <= peaks.disk_mib <= 2


GROUPS = [
    ("1\n7\n", "anon 100\nfile 4000\nshmem 20\nkernel_stack 3\npagetables 4\nslab_unreclaimable 5\n", 132),
    # Without a group of its own, the container's is its engine's.
    ("0\n1\n7\n", "anon 100\nfile 4000\nshmem 20\n", 0),
    ("1\n", None, 0),
]


@pytest.mark.parametrize("process_id", [1, 4711])
@pytest.mark.parametrize(("members", "counts", "size"), GROUPS)
def test_the_kernels_count_of_a_container_is_without_cache_and_of_its_own_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: str, counts: str | None, size: int, process_id: int
) -> None:
    (tmp_path / "cgroup.procs").write_text(members)
    if counts is not None:
        (tmp_path / "memory.stat").write_text(counts)
    names = memory._NOT_CACHE["/sys/fs/cgroup"]
    monkeypatch.setattr(memory, "_NOT_CACHE", {str(tmp_path / "none"): ("anon",), str(tmp_path): names})
    monkeypatch.setattr(os, "getpid", lambda: process_id)
    assert memory.container_bytes() == (size if process_id == 1 else 0)


def test_an_older_kernels_count_of_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cgroup.procs").write_text("1\n")
    (tmp_path / "memory.stat").write_text("cache 9000\nrss 60\ntotal_cache 9000\ntotal_rss 70\ntotal_shmem 5\n")
    names = memory._NOT_CACHE["/sys/fs/cgroup/memory"]
    monkeypatch.setattr(memory, "_NOT_CACHE", {str(tmp_path): names})
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert memory.container_bytes() == 75


class OpeningPeaks(Peaks):
    """Opens a gate when a measurement shows two large processes."""

    gate: Path

    def measure(self, tree: ProcessTree) -> None:
        super().measure(tree)
        if self.memory_mib >= 2 * LARGE_MIB:
            self.gate.touch()


@linux
def test_m2gs_two_children_are_in_its_peak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The kernel's figure is of all children that this test process ever had.
    monkeypatch.setattr(memory, "largest_child_mib", lambda: 0)
    # The pipe to its children closes when the gate opens: both have taken their memory by then.
    program = """
import time
(reading, writing) = os.pipe()
os.dup2(reading, 0)
fork(lambda: os.close(writing), large); fork(lambda: os.close(writing), large)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
os.close(writing)
wait()
"""
    peaks = OpeningPeaks()
    peaks.gate = tmp_path / "gate"
    with (tmp_path / "log").open("wb") as stream:
        ended = m2g.run(
            [sys.executable, "-I", "-S", "-c", FAMILY + program, str(peaks.gate)],
            log=Log(stream),
            log_path=str(tmp_path / "m2g.log"),
            stop=StopRequest(),
            variables={"PATH": os.environ["PATH"]},
            peaks=peaks,
        )
    assert ended.exit_code == 0
    assert 2 * LARGE_MIB <= ended.peak_memory_mib < 2 * LARGE_MIB + SMALL_MIB


@pytest.mark.parametrize("mode", ["succeed", "exit-1"])
def test_both_peaks_are_in_the_result(world: World, mode: str) -> None:
    world.run(OPSCTL_FAKE_M2G=mode, OPSCTL_FAKE_M2G_FILES="3")
    result = Result.decode(json.dumps(world.result()).encode(), world.result_uri)
    assert result.peak_memory_mib > 1
    assert result.peak_disk_mib >= 1
