"""m2g's arguments, made from the options in a scan's JSON, as opsctl makes them (opsctl/core/runs/m2g_options.py).

m2g 0.3.0 hands paths, labels and options to shells: `gen_utils.run(cmd)` with `shell=True`, and the script that its
func pipeline writes for C-PAC. So every word that it gets is one of a list, a number, or letters and digits.
"""

from __future__ import annotations

import re
from typing import Any, Mapping, Sequence

from m2g_job import record

_CHOICES = {
    "diffusion_model": ("csd", "csa"),
    "space": ("native", "native_dsn"),
    "mod": ("det", "prob"),
    "track_type": ("local", "particle"),
    "voxelsize": ("1mm", "2mm", "4mm"),
    "acquisition": ("alt+z", "altplus", "alt+z2", "altminus", "alt-z", "alt-z2", "seqplus", "seqminus"),
    "skull": ("below", "cerebelum", "eye", "general"),
}
_OPTIONS = {
    "dwi": (
        "diffusion_model",
        "space",
        "mod",
        "track_type",
        "seeds",
        "voxelsize",
        "parcellation",
        "n_cpus",
        "skull",
        "reuse_registration",
    ),
    "func": ("space", "voxelsize", "parcellation", "acquisition", "tr", "mem_gb", "n_cpus", "skull"),
}
#: They follow the job's size where nobody typed them: then the options say None, and the argument has the value.
_OF_THE_JOB = ("mem_gb", "n_cpus")
_LARGEST = 1e6
_NUMBER = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,6})?")
_ATLAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_SPACE, _SUFFIX = "_space-MNI152NLin6", "_label_all"


def arguments(options: Mapping[str, Any], argv: Sequence[str], *, subject: str, session: str) -> list[str]:
    """The arguments that these options stand for.

    Parameters
    ----------
    options
        The block `m2g` of the scan's JSON.
    argv
        Its arguments: what only follows from the job's size is taken from them.
    subject, session
        Labels.

    Raises
    ------
    Unreadable
        An option has a value that opsctl does not write.
    """
    pipeline = record.choice(options.get("pipeline"), *_OPTIONS)
    words = ["m2g", "INPUT_DIR", "OUTPUT_DIR", "--pipeline", pipeline]
    words += ["--participant_label", subject, "--session_label", session]
    for name in _OPTIONS[pipeline]:
        value = options.get(name)
        if name == "reuse_registration":
            words += ["--skipeddy", "--skipreg"] if value is True else []
        elif name == "parcellation":
            atlases = [record.text(atlas, _ATLAS, longest=200) for atlas in record.items(value or [])]
            words += [f"--{name}", *dict.fromkeys(map(_argument, atlases))] if atlases else []
        elif name in _CHOICES:
            words += [] if value is None else [f"--{name}", record.choice(value, *_CHOICES[name])]
        elif value is None and name in _OF_THE_JOB and f"--{name}" in argv[:-1]:
            words += [f"--{name}", record.text(argv[argv.index(f"--{name}") + 1], _NUMBER)]
        elif value is not None:
            words += [f"--{name}", str(record.number(value, 1e-6, _LARGEST))]
    return words


def _argument(atlas: str) -> str:
    """The part of a path that selects an atlas and no other one."""
    base = atlas[: -len(_SUFFIX)] if atlas.endswith(_SUFFIX) else atlas
    return f"{base}{_SPACE}{_SUFFIX if base != atlas else ''}_res-"
