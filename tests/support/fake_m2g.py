"""A fake m2g with its real command line, its rules for reading its input, its names and formats of outputs.

It runs as `m2g` on a job's PATH. OPSCTL_FAKE_M2G says how it behaves, OPSCTL_FAKE_M2G_LOST how many regions each atlas
loses. Its outputs contain AWS_BATCH_JOB_ID and the attempt, so that a test sees which job wrote them.
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

#: neuroparc's atlases with their numbers of regions at 2 mm.
ATLASES = {
    "AAL": 116, "AICHAJoliot2015": 384, "Brodmann": 41, "CAPRSC": 333, "CPAC200": 200, "DKT": 83, "DS00071": 68,
    "DS00096": 93, "DS00108": 107, "DS00140": 133, "DS00195": 188, "DS00278": 272, "DS00350": 340, "DS00446": 430,
    "DS00583": 578, "DS00833": 808, "DS01216": 1177, "DS01876": 1821, "DS03231": 3145, "DS06481": 6272,
    "DS16784": 16281, "DS72784": 70262, "Desikan": 70, "DesikanKlein": 96, "Destrieux": 74, "Glasser": 180,
    "Hammersmith": 83, "HarvardOxfordcort-maxprob-thr25": 48, "HarvardOxfordsub-maxprob-thr25": 21, "Hemispheric": 2,
    "JHU": 48, "Juelich": 103, "MICCAI": 134, "Princetonvisual-top": 48, "Schaefer1000": 1000, "Schaefer200": 200,
    "Schaefer300": 300, "Schaefer400": 400, "Slab1068": 1068, "Slab907": 907, "Talairach": 959, "Tissue": 3,
    "Yeo-17": 17, "Yeo-17-liberal": 17, "Yeo-7": 7, "Yeo-7-liberal": 7,
}  # fmt: skip
LOST_WARNING = """WARNING: The atlas has lost an roi due to alignment! A file containing the lost ROI values will be \
generated in the
            same folder as the connectome output. Try rerunning m2g with the appropriate --skull flag."""


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
    arguments.add_argument("--parcellation", nargs="+")
    arguments.add_argument("--acquisition", default="alt+z")
    arguments.add_argument("--tr", type=float, default=2.0)
    arguments.add_argument("--mem_gb", type=float, default=20)
    arguments.add_argument("--n_cpus", type=int, default=1)
    arguments.add_argument("--skull", default="none")
    arguments.add_argument("--skipeddy", action="store_true")
    arguments.add_argument("--skipreg", action="store_true")
    arguments.add_argument("--push_location")
    return arguments


#: The files that let m2g 0.3.0 skip a step with `--skipeddy --skipreg`, as its own Python was seen to do without each.
EDDY = ("dwi/preproc/eddy_corrected_data.nii.gz",)
SKULL_STRIP = "anat_d/preproc/t1w_brain.nii.gz"
TISSUES = tuple(f"anat_d/preproc/t1w_{name}" for name in ("brain", "seg_pve_0", "seg_pve_1", "seg_pve_2"))
T1W_TO_DWI = (
    "anat_d/registered/t1w_in_dwi.nii.gz",
    "tmp_d/reg_a/mni2t1w_warp.nii.gz",
    "anat_d/preproc/t1w_aligned_mni.nii.gz",
)
TISSUE_TO_DWI = (
    "anat_d/registered/t1w_wm_gm_int_in_dwi.nii.gz",
    "tmp_d/reg_a/t1w_vent_csf_in_dwi.nii.gz",
    "anat_d/registered/t1w_corpuscallosum_dwi.nii.gz",
)
TRACKING = ("anat_d/registered/t1w_gm_in_dwi.nii.gz", "anat_d/registered/t1w_wm_in_dwi.nii.gz")
MATRIX = "tmp_d/reg_m/t1wtissue2dwi_xfm.mat"


def register(out: Path, *, skipeddy: bool, skipreg: bool, content: str) -> None:
    """Do, or skip, what comes before tractography; `steps.txt` says which steps were done."""
    steps = []

    def step(name: str, files: tuple, *, skipped: bool) -> None:
        if not (skipped and all((out / file).is_file() for file in files)):
            steps.append(name)
            for file in files:
                write(out / file, content)

    step("eddy correction", EDDY, skipped=skipeddy)
    if skipreg and not (out / SKULL_STRIP).is_file():
        sys.exit(f"FileNotFoundError: No such file or no access: '{out / SKULL_STRIP}'")
    ending = "_res.nii.gz" if (out / f"{TISSUES[0]}_res.nii.gz").is_file() else "_nores.nii.gz"
    step("skull strip", (SKULL_STRIP, *(file + ending for file in TISSUES)), skipped=skipreg)
    step("registration", (*T1W_TO_DWI, *(() if skipreg else (MATRIX,))), skipped=skipreg)
    step("tissue to DWI", (*TISSUE_TO_DWI, *(() if skipreg else TRACKING)), skipped=skipreg)
    if not (out / MATRIX).is_file():
        print("Warning: Atlas is not in correct dimensions, using linear template registration.", flush=True)
    for file in (MATRIX, *TRACKING):
        if not (out / file).is_file():
            sys.exit(f"FileNotFoundError: Input {out / file} does not exist.")
    write(out / "dwi" / "steps.txt", "\n".join(steps))


def read(root: Path, subject: str, session: str, suffix: str) -> list:
    """Every file of the session with a suffix, sidecars included, as m2g finds them with pybids 0.12."""
    if not (root / "dataset_description.json").is_file():
        sys.exit("no dataset_description.json")
    folder = root / f"sub-{subject}" / f"ses-{session}"
    if not folder.is_dir():
        sys.exit("KeyError: 'session'")
    if "+" in subject + session:
        sys.exit("ValueError: No pairs found for BIDS Layout")
    named = re.compile(rf"^sub-{subject}(_ses-{session})?(_[a-z]+-[A-Za-z0-9]+)*_{suffix}\.")
    return sorted(path for path in folder.rglob("*") if named.match(path.name))


def atlases(options: argparse.Namespace) -> list:
    """The names of the atlases' files, without `.nii.gz`, that m2g selects."""
    edge = options.voxelsize.replace("mm", "")
    names = [f"{name}_space-MNI152NLin6_res-{edge}x{edge}x{edge}" for name in ATLASES]
    names.append(f"HarvardOxfordsub-maxprob-thr25_space-MNI152NLin6_label_all_res-{edge}x{edge}x{edge}")
    if options.parcellation is not None:
        folder = "/m2g_atlases/atlases/label/Human"
        names = [name for name in names for part in options.parcellation if part in f"{folder}/{name}.nii.gz"]
    if not names:
        sys.exit("ValueError: No valid parcellations found.")
    return names


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


JOB_AND_ATTEMPT = f"{os.environ.get('AWS_BATCH_JOB_ID')} {os.environ.get('AWS_BATCH_JOB_ATTEMPT')}\n"
LOST = int(os.environ.get("OPSCTL_FAKE_M2G_LOST", "0"))


def main() -> None:
    options = parser().parse_args()
    mode = os.environ.get("OPSCTL_FAKE_M2G", "succeed")
    subject, session = options.participant_label[0], options.session_label[0]
    root, out = Path(options.input_dir), Path(options.output_dir) / f"sub-{subject}" / f"ses-{session}"
    suffix = "dwi" if options.pipeline == "dwi" else "bold"
    files, t1w = read(root, subject, session, suffix), read(root, subject, session, "T1w")
    if mode == "registers" or options.skipreg or options.skipeddy:
        register(
            out, skipeddy=options.skipeddy, skipreg=options.skipreg, content=f"made by {os.environ['AWS_BATCH_JOB_ID']}"
        )
    if options.pipeline == "dwi" and len(files) != 3:
        sys.exit(f"ValueError: not enough values to unpack (expected 3, got {len(files)})")
    if len(t1w) != 1:
        sys.exit(f"ValueError: one T1w expected, got {len(t1w)}")
    print(f"m2g runs on {suffix}", flush=True)
    write(Path(options.output_dir) / "environment.json", json.dumps(dict(os.environ)))
    run = dwi if suffix == "dwi" else func
    run(options, mode, out, next(path for path in files if ".nii" in path.name).name.split(".")[0])
    for number in range(int(os.environ.get("OPSCTL_FAKE_M2G_FILES", "3"))):
        write(out / ("dwi" if suffix == "dwi" else "func") / f"file-{number}.txt", JOB_AND_ATTEMPT * (number + 1))
    print("m2g is done", flush=True)


def dwi(options: argparse.Namespace, mode: str, out: Path, stem: str) -> None:
    t1w = f"{out.parent.name}_{out.name}_T1w_reor_RAS_res"
    if not options.skipreg:
        write(out / "qa_d" / "skull_strip" / f"qa_skullstrip__{t1w}.png", "picture")
    for name in ("reg_a/mni2t1w_warp.nii.gz", "reg_a/t1w_vent_csf_in_dwi.nii.gz", "reg_m/t1wtissue2dwi_xfm.mat"):
        write(out / "tmp_d" / name, "kept")
    write(out / "tmp_d" / "reg_a" / "warp_t12mni.nii.gz", "intermediate")
    misbehave(mode, out)
    if options.space == "native_dsn":
        for name in ("sagittal", "coronal", "axial"):
            (out / "tmp" / f"transformed_{name}.png").write_text("picture")  # m2g does not make the folder
    for atlas in atlases(options):
        folder = out / "connectomes_d" / atlas
        regions = ATLASES[atlas.split("_")[0]]
        if LOST:
            print(LOST_WARNING, flush=True)
            write(
                folder / "lost_roi.csv", ",".join(str(label) for label in range(regions - LOST + 1, regions + 1)) + "\n"
            )
        # The streamlines' number tells jobs and attempts apart.
        count = sum(JOB_AND_ATTEMPT.encode())
        write(
            folder / f"{stem}_{atlas}_connectome.csv", "".join(f"{a} {b} {count}.0\n" for a, b in edges(mode, regions))
        )
        if mode == "empty-jhu" and atlas.startswith("JHU"):
            write(folder / f"{stem}_{atlas}_connectome.csv", "")
        if mode == "hangs-after-a-graph":
            misbehave("hang", out)
        if mode == "fails-after-a-graph":
            sys.exit("MemoryError: Unable to allocate 36.8 GiB for an array with shape (70263, 70263)")


def edges(mode: str, regions: int) -> list:
    nodes = {"few-edges": 2, "few-regions": regions // 2 - LOST - 1}.get(mode, regions - LOST)
    if mode == "diagonal":
        return [(1, 1)]
    return [(first, second) for first in range(1, nodes + 1) for second in range(first + 1, min(first + 9, nodes) + 1)]


def func(options: argparse.Namespace, mode: str, out: Path, stem: str) -> None:
    if re.search(r"_acq-([0-9.]+)_bold", stem):
        print(f"TR extracted from filename of {stem}")
    write(out / "qa_f" / "skullstrip_vis" / "skull_vis.png", "picture")
    write(out / "crash" / "crash-20261122.pklz", "why")
    write(out / "log" / "pypeline.log", "what")
    misbehave(mode, out)
    subject, session = out.parent.name, re.findall(r"ses-(\d*)", out.name)[0]
    for atlas in atlases(options):
        name = f"{subject}_ses-{session}_func_{atlas}.nii.gz"
        nodes = range(1, ATLASES[atlas.split("_")[0]] - LOST + 1)
        for ending, sign in (("edgelist", "-"), ("abs_edgelist", "")):
            weights = "".join(f"{a} {b} {sign}0.{a + b:06d}\n" for a in nodes for b in nodes if a < b)
            write(out / "connectomes_f" / f"{atlas}.nii.gz" / f"{name}_{ending}.csv", weights)
        write(out / "func" / "register" / "roi_timeseries" / f"{atlas}.nii.gz" / "roi_stats.csv", "series")
    for path in (out / "log").iterdir():
        path.unlink()


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
        write(out / "connectomes_d" / "Desikan_space-MNI152NLin6_res-2x2x2" / "x_Desikan_connectome.csv", "")
        sys.exit(0)
    if mode == "breaks-off":
        write(out / "connectomes_d" / "Desikan_space-MNI152NLin6_res-2x2x2" / "x_connectome.csv", "1 2 3.0\n1 3 1")
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
