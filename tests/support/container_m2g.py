"""The m2g of the test image: the fake m2g, behind what the real one demands of its image and writes outside its output.

m2g 0.3.0 looks for FSL and AFNI, makes `~/.m2g` and then writes to `/root/.m2g`, rewrites its own masks in place, and
writes a picture to `/`. C-PAC, which it starts for func, has folders of its own in `/`. A job in which any of these
fails ends with a traceback, as the real m2g's does.
"""

import os
import runpy
import subprocess
import sys
from pathlib import Path

FAKE_M2G = "/usr/local/lib/fake_m2g.py"
MASKS = (
    "/m2g_atlases/atlases/mask/HarvardOxford-thr25_space-MNI152NLin6_variant-lateral-ventricles_res-2x2x2_descr-brainmask.nii.gz",
    "/m2g_atlases/atlases/mask/CorpusCallosum_res_2mm.nii.gz",
)
PICTURE = "/Tractography_Model_Peak_Directions.png"
CPAC_SCRIPT = "/root/.m2g/cpac_script.sh"
CPAC_FILES = ("/workingDirectory/node.pklz", "/crashLogDirectory/crash.pklz", "/logDirectory/pypeline.log")
#: What the image sets for m2g and FSL.
VARIABLES = ("FSLDIR", "FSLOUTPUTTYPE", "LD_LIBRARY_PATH", "M2G_URL")


def check_dependencies() -> None:
    """m2g's own check at its start."""
    if "FSLDIR" not in os.environ:
        raise AssertionError("You do not have FSL installed!")
    if subprocess.run("which afni", shell=True, stdout=subprocess.DEVNULL, check=False).returncode != 0:
        raise AssertionError("You do not have AFNI installed!")


def write(path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Path(path).write_text("written by m2g")
    print(f"wrote {path}", flush=True)


def write_as_dwi() -> None:
    for mask in MASKS:
        with open(mask, "r+b") as file:
            content = file.read()
            file.seek(0)
            file.write(content)
        print(f"rewrote {mask}", flush=True)
    Path(PICTURE).write_bytes(b"picture")
    print(f"wrote {PICTURE}", flush=True)


def write_as_func() -> None:
    os.makedirs(os.path.expanduser("~/.m2g"), exist_ok=True)
    # This folder is not made: m2g takes for granted that the home is /root.
    Path(CPAC_SCRIPT).write_text("#! /bin/bash\n")
    print(f"wrote {CPAC_SCRIPT}", flush=True)
    for path in CPAC_FILES:
        write(path)


def main() -> None:
    # matplotlib's cache, on import.
    write(os.path.join(os.environ.get("MPLCONFIGDIR", "/tmp/matplotlib"), "fontlist.json"))
    if "--help" not in sys.argv:
        check_dependencies()
        print(*(f"{name}={os.environ.get(name)}" for name in VARIABLES), flush=True)
        (write_as_func if "func" in sys.argv else write_as_dwi)()
    runpy.run_path(FAKE_M2G, run_name="__main__")


if __name__ == "__main__":
    main()
