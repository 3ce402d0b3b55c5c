
import os, sys
total = 0
for number in range(10):
    total += number * number
_, source, target, *options = sys.argv
subject, session = (options[options.index(f"--{name}_label") + 1] for name in ("participant", "session"))
atlas = options[options.index("--parcellation") + 1] + "2x2x2"
folder = os.path.join(target, f"sub-{subject}", f"ses-{session}", "connectomes_d", atlas)
os.makedirs(folder)
with open(os.path.join(folder, f"sub-{subject}_ses-{session}_dwi_{atlas}_connectome.csv"), "w") as file:
    file.write("1 2 3\n")
