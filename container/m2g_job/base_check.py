"""Whether the image's base can run m2g: a step of the Dockerfile, in the base's own environment and as its own user.

The build fails instead of every job. Each sentence is printed behind `PREFIX`; `opsctl image build` repeats it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Iterator, Mapping

from m2g_job.m2g import child_environment

PREFIX = "the base image: "
#: What m2g's dwi pipeline calls by name.
FSL = (
    *("applywarp", "bet", "convert_xfm", "eddy_correct", "fast", "flirt", "fnirt", "fslmaths", "fslroi", "invwarp"),
)  # fmt: skip
AFNI = ("3dSkullStrip",)
#: Both pipelines register to it.
STANDARD_BRAIN = "data/standard/MNI152_T1_2mm_brain.nii.gz"


def start_problems(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield why m2g would not start: its own checks, and all that it imports.

    Parameters
    ----------
    variables
        The environment that m2g gets.
    """
    path = variables.get("PATH")
    if shutil.which("m2g", path=path) is None:
        yield "m2g is not on its PATH."
    else:
        yield from _help_problems(variables)
    if "FSLDIR" not in variables:
        yield "FSLDIR is not set, and m2g does not start without FSL."
    # m2g looks for AFNI with `which`.
    for program in ("which", "afni"):
        if shutil.which(program, path=path) is None:
            yield f"{program} is not on its PATH, and m2g does not start without AFNI."


def _help_problems(variables: Mapping[str, str]) -> Iterator[str]:
    """m2g imports everything before it reads its options: in m2g's own image that takes 13 s."""
    try:
        done = subprocess.run(
            ["m2g", "--help"],
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        yield f"m2g cannot be started: {error.strerror}."
        return
    if done.returncode != 0:
        lines = done.stdout.decode(errors="replace").split("\n")
        last_line = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
        yield f"`m2g --help` ends with exit code {done.returncode}: {last_line.rstrip('.')}."


def program_problems(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield what m2g would look for in vain, hours after its start."""
    for package, programs in (("FSL", FSL), ("AFNI", AFNI)):
        missing = [program for program in programs if shutil.which(program, path=variables.get("PATH")) is None]
        if missing:
            yield f"These programs of {package} that m2g calls are not on its PATH: {', '.join(missing)}."
    directory = variables.get("FSLDIR")
    if directory is not None and not os.path.isfile(os.path.join(directory, STANDARD_BRAIN)):
        yield f"FSL's standard brain is missing: {directory}/{STANDARD_BRAIN}."


def main(programs: str) -> int:
    """Print what is wrong, and return the exit code.

    Parameters
    ----------
    programs
        `required`: a missing program is an error. `optional`: it is printed only, for an m2g that calls others.
    """
    variables = child_environment(os.environ)
    refused, missing = list(start_problems(variables)), list(program_problems(variables))
    for sentence in refused + missing:
        print(PREFIX + sentence, flush=True)
    return int(bool(refused or (missing and programs != "optional")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
