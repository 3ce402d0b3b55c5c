"""A fake m2g with its real command line, its rules for reading its input, and its layout of outputs.

It runs as `m2g` on a job's PATH. FAKE_M2G says how it behaves. Its outputs contain AWS_BATCH_JOB_ID and the attempt, so
that a test sees which job wrote them.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(prog="m2g")
    arguments.add_argument("input_dir")
    arguments.add_argument("output_dir")
    arguments.add_argument("--participant_label", nargs="+")
    arguments.add_argument("--session_label", nargs="+")
    arguments.add_argument("--pipeline", choices=["dwi", "func", "both"], default="dwi")
    arguments.add_argument("--diffusion_model", choices=["csd", "csa"], default="csa")
    arguments.add_argument("--space", choices=["native", "native_dsn"], default="native")
    arguments.add_argument("--mod", choices=["det", "prob"], default="det")
    arguments.add_argument("--track_type", choices=["local", "particle"], default="local")
    arguments.add_argument("--seeds", type=int, default=20)
    arguments.add_argument("--voxelsize", choices=["1mm", "2mm", "4mm"], default="2mm")
    arguments.add_argument("--parcellation", nargs="+", default=[])
    arguments.add_argument("--acquisition", default="alt+z")
    arguments.add_argument("--tr", type=float, default=2.0)
    arguments.add_argument("--mem_gb", type=float, default=20)
    arguments.add_argument("--n_cpus", type=int, default=1)
    arguments.add_argument("--skull", default="none")
    arguments.add_argument("--skipeddy", action="store_true")
    arguments.add_argument("--skipreg", action="store_true")
    arguments.add_argument("--push_location")
    return arguments


def read(root: Path, subject: str, session: str, suffix: str) -> list:
    """Every file of the session with a suffix, sidecars included, as m2g finds them with pybids."""
    if not (root / "dataset_description.json").is_file():
        sys.exit("no dataset_description.json")
    folder = root / f"sub-{subject}" / f"ses-{session}"
    if not folder.is_dir():
        sys.exit("KeyError: 'session'")
    named = re.compile(rf"^sub-{subject}(_ses-{session})?(_[a-z]+-[A-Za-z0-9]+)*_{suffix}\.")
    return sorted(path for path in folder.rglob("*") if named.match(path.name))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def main() -> None:
    options = parser().parse_args()
    mode = os.environ.get("FAKE_M2G", "succeed")
    subject, session = options.participant_label[0], options.session_label[0]
    root, out = Path(options.input_dir), Path(options.output_dir) / f"sub-{subject}" / f"ses-{session}"
    suffix = "dwi" if options.pipeline == "dwi" else "bold"
    files, t1w = read(root, subject, session, suffix), read(root, subject, session, "T1w")
    if options.pipeline == "dwi" and len(files) != 3:
        sys.exit(f"ValueError: not enough values to unpack (expected 3, got {len(files)})")
    if len(t1w) != 1:
        sys.exit(f"ValueError: one T1w expected, got {len(t1w)}")
    letter = "d" if suffix == "dwi" else "f"
    print(f"m2g runs on {suffix}", flush=True)
    write(out / f"qa_{letter}" / f"sub-{subject}_ses-{session}_qa.png", "picture")
    write(out / "tmp_d" / "large.nii.gz", "intermediate")
    write(Path(options.output_dir) / "environment.json", json.dumps(dict(os.environ)))
    misbehave(mode, out)
    job_and_attempt = f"{os.environ.get('AWS_BATCH_JOB_ID')} {os.environ.get('AWS_BATCH_JOB_ATTEMPT')}\n"
    for atlas in [f"{name}_space-MNI" for name in options.parcellation] or ["AAL_space-MNI", "Desikan_space-MNI"]:
        if letter == "d":
            stem = next(path for path in files if ".nii" in path.name).name.split(".")[0]
            write(out / "connectomes_d" / atlas / f"{stem}_{atlas}_connectome.csv", job_and_attempt)
        else:
            for kind in ("edgelist", "abs_edgelist"):
                name = f"sub-{subject}_ses-{session}_func_{atlas}_{kind}.csv"
                write(out / "connectomes_f" / atlas / name, job_and_attempt)
    for number in range(int(os.environ.get("FAKE_M2G_FILES", "3"))):
        write(out / ("dwi" if letter == "d" else "func") / f"file-{number}.txt", job_and_attempt * (number + 1))
    print("m2g is done", flush=True)


#: What an m2g prints before it ends with exit code 1, by mode.
LAST_LINES = {
    "exit-1": "reading the gradients\nRuntimeError: eddy did not converge",
    "no-space": "OSError: [Errno 28] No space left on device",
    "memory-error": "numpy.core._exceptions.MemoryError: Unable to allocate 4.0 GiB",
    "child-killed": "eddy: line 3: 117 Killed",
}


def misbehave(mode: str, out: Path) -> None:
    if mode in LAST_LINES:
        print(LAST_LINES[mode], flush=True)
        sys.exit(1)
    if mode == "hidden-child-killed":
        print(LAST_LINES["child-killed"], flush=True)
        sys.exit(0)
    if mode == "nothing":
        sys.exit(0)
    if mode == "empty":
        write(out / "connectomes_d" / "Desikan_space-MNI" / "x_Desikan_connectome.csv", " \n")
        sys.exit(0)
    if mode == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "much":
        sys.stdout.write("x" * 300_000 + "\n")
        for number in range(20_000):
            print(f"line {number}")
        print("25 %\r50 %\r100 %")
    if mode == "leaves-a-child":
        subprocess.Popen(["sleep", "600"])
    if mode in ("hang", "hang-deaf"):
        if mode == "hang-deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(["sleep", "600"])
        print(f"hanging with child {child.pid}", flush=True)
        time.sleep(600)


main()
