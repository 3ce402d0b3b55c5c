"""A stand-in for m2g that says two lines and waits for a gate between them: `waiting_m2g.py GATE IN OUT …`."""

import os
import select
import sys


def main() -> None:
    """Do a scan."""
    gate, _, target, *options = sys.argv[1:]
    subject, session = (options[options.index(f"--{name}_label") + 1] for name in ("participant", "session"))
    print("registering \x1b[2J\x1b]0;owned\x07[bold]x[/bold] → MNI", flush=True)
    # Another process opens the gate: there is no event to wait for.
    while not os.path.exists(gate):
        # Not `time.sleep`, which libfaketime breaks.
        select.select([], [], [], 0.02)
    print("tracking", flush=True)
    stem = f"sub-{subject}_ses-{session}_dwi"
    names = options[options.index("--parcellation") + 1 :]
    for name in names[: next((i for i, word in enumerate(names) if word.startswith("--")), None)]:
        atlas = f"{name}2x2x2"
        place = os.path.join(target, f"sub-{subject}", f"ses-{session}", "connectomes_d", atlas)
        os.makedirs(place)
        with open(os.path.join(place, f"{stem}_{atlas}_connectome.csv"), "w") as file:
            file.write("1 2 3\n")


main()
