"""neuroparc's parcellations. m2g selects them by a part of their file names.

Source: github.com/neurodata/neuroparc, atlases/label/Human/NAME_space-MNI152NLin6_res-RxRxR.nii.gz (commits 37ae8a6d
and 48d8c69b). An image may add others, so an unknown name is a warning, not an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

NEUROPARC = (
    "AAL",
    "AICHAJoliot2015",
    "Brodmann",
    "CAPRSC",
    "CPAC200",
    "DKT",
    "DS00071",
    "DS00096",
    "DS00108",
    "DS00140",
    "DS00195",
    "DS00278",
    "DS00350",
    "DS00446",
    "DS00583",
    "DS00833",
    "DS01216",
    "DS01876",
    "DS03231",
    "DS06481",
    "DS16784",
    "DS72784",
    "Desikan",
    "Destrieux",
    "Glasser",
    "Hammersmith",
    "HarvardOxfordcort-maxprob-thr25",
    "HarvardOxfordsub-maxprob-thr25",
    "JHU",
    "Juelich",
    "MICCAI",
    "Princetonvisual-top",
    "Schaefer200",
    "Schaefer300",
    "Schaefer400",
    "Schaefer1000",
    "Slab907",
    "Slab1068",
    "Talairach",
    "Tissue",
    "Yeo-17",
    "Yeo-17-liberal",
    "Yeo-7",
    "Yeo-7-liberal",
)

_SPACE = "_space-MNI152NLin6_res-"


def matched(name: str) -> list[str]:
    """The parcellations that m2g selects for a name: those whose file name contains it, case-sensitively."""
    return [parcellation for parcellation in NEUROPARC if name in f"{parcellation}{_SPACE}"]


def doubts(names: Sequence[str]) -> list[str]:
    """A warning for each name that selects none of neuroparc's parcellations."""
    warnings = []
    by_lower_case = {parcellation.lower(): parcellation for parcellation in NEUROPARC}
    for name in names:
        if not matched(name):
            similar = get_close_matches(name.lower().strip("_"), by_lower_case, n=3)
            near = [by_lower_case[lower_case] for lower_case in similar]
            hint = f" (upper and lower case matter: {', '.join(near)}?)" if near else ""
            warnings.append(f"--parcellation {name} is in no name of neuroparc's that opsctl knows{hint}")
    return warnings
