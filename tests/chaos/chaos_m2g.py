"""A stand-in for m2g whose every byte tells which scan, job and attempt it is of, so that no mixing stays unseen.

It runs as `m2g` on the jobs' PATH: `python -I -S chaos_m2g.py LEDGER INPUT_DIR OUTPUT_DIR …`. Only the standard
library, and little of it: a campaign starts it a thousand times.
"""

import hashlib
import os
import sys
import time

#: Paths below a session's folder, with `{stem}` for the image's, and how many lines each file has.
FILES = {
    "connectomes_d/Desikan_space-MNI152NLin6_res-2x2x2/{stem}_Desikan_space-MNI152NLin6_res-2x2x2_connectome.csv": 60,
    "dwi/{stem}_tracts.txt": 6_000,
    "dwi/{stem}_tensor.txt": 40,
    "qa_d/{stem}_qa.txt": 5,
}
_SECONDS = 0.15


def content(name: str, *, job: str, attempt: str, image: str) -> bytes:
    """Give the file's bytes: an edge list whose weights are a function of the file, the job, the attempt and the image.

    Parameters
    ----------
    name
        The file's path below the session's folder.
    job, attempt
        As Batch tells them to the job.
    image
        The diffusion image's SHA-256, in hexadecimal.
    """
    count = next(lines for path, lines in FILES.items() if name.endswith(path.rpartition("}")[2]))
    weight = int(hashlib.sha256(f"{name} {job} {attempt} {image}".encode()).hexdigest()[:12], 16)
    return "".join(f"{row} {row + 1} {weight + row}\n" for row in range(1, count + 1)).encode()


def main() -> None:
    """Do a scan."""
    ledger, source, target, *options = sys.argv[1:]
    subject, session = (options[options.index(f"--{name}_label") + 1] for name in ("participant", "session"))
    folder = os.path.join(source, f"sub-{subject}", f"ses-{session}", "dwi")
    (image,) = (name for name in os.listdir(folder) if name.endswith("_dwi.nii.gz"))
    with open(os.path.join(folder, image), "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    job, attempt = os.environ["AWS_BATCH_JOB_ID"], os.environ["AWS_BATCH_JOB_ATTEMPT"]
    # So that other jobs, and whatever kills, come in between.
    time.sleep(_SECONDS)
    for path in FILES:
        name = path.format(stem=image.split(".")[0])
        place = os.path.join(target, f"sub-{subject}", f"ses-{session}", name)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as file:
            file.write(content(name, job=job, attempt=attempt, image=digest))
    # One write at the end of a file is whole, however many jobs do it.
    with open(ledger, "ab", buffering=0) as file:
        file.write(f"{job} {attempt} sub-{subject}/ses-{session}\n".encode())


if __name__ == "__main__":
    main()
