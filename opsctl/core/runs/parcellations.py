"""neuroparc's parcellations, by whose file names m2g chooses.

Source: github.com/neurodata/neuroparc, atlases/label/Human/NAME_space-MNI152NLin6_res-RxRxR.nii.gz (commits 37ae8a6d
and 48d8c69b). The list may lack what an image adds, so an unknown name is a warning and no refusal.
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
    """The parcellations that m2g takes for a name: a substring of the file's name, case as it stands."""
    return [one for one in NEUROPARC if name in f"{one}{_SPACE}"]


def doubts(names: Sequence[str]) -> list[str]:
    """A sentence for each name that m2g would find in no file of neuroparc's."""
    found = []
    by_lower = {one.lower(): one for one in NEUROPARC}
    for name in names:
        if not matched(name):
            near = [by_lower[one] for one in get_close_matches(name.lower().strip("_"), by_lower, n=3)]
            hint = f" (upper and lower case matter: {', '.join(near)}?)" if near else ""
            found.append(f"--parcellation {name} is in no name of neuroparc's that opsctl knows{hint}")
    return found
