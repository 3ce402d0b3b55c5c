"""Inputs that are made to take memory: the job refuses each, and its runner stays small."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest
from support.hostile_files import zeros
from support.job_world import RUN, World, nifti
from test_job_inputs import STEM

MOST_MIB = 200
#: Runs a Python program and prints the most memory that it, or a process of it, had.
MEASURING = """
import resource, subprocess, sys
code = subprocess.call([sys.executable, *sys.argv[1:]])
print("peak KiB:", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def many_numbers(world: World) -> None:
    world.input("bval", f"{STEM}.bval", b"0 " * 60_000_000)
    world.submit()


def a_bomb_behind_a_sound_image(world: World) -> None:
    world.input("dwi", f"{STEM}.nii.gz", zeros(400, head=nifti(7)))
    world.submit()


def brackets(world: World) -> None:
    world.put(f"{RUN}/scans/00000.json", b"[" * 200_000)


def a_long_field(world: World) -> None:
    world.put(f"{RUN}/scans/00000.json", json.dumps({**world.scan, "run_id": "x" * 3_000_000}).encode())


@pytest.mark.parametrize(
    ("hostile", "ends_with"),
    # Reading of the bomb ends where the image's header says that the image ends.
    [(many_numbers, 2), (a_bomb_behind_a_sound_image, 0), (brackets, 2), (a_long_field, 2)],
)
def test_no_input_makes_the_runner_large(world: World, hostile: Callable[[World], None], ends_with: int) -> None:
    hostile(world)
    measuring = world.folder / "measuring.py"
    measuring.write_text(MEASURING)
    code, output = world.run(python=(sys.executable, str(measuring)))
    assert code == ends_with, output[-2_000:]
    assert len(output) < 20_000
    peak_mib = int(output.rpartition("peak KiB: ")[2]) / 1024
    assert 20 < peak_mib < MOST_MIB, output[-2_000:]
