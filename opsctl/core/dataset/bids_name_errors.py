"""Why a file name is not valid in BIDS, in words; for files whose ending shows that they were meant to be scans."""

from __future__ import annotations

import re

_PAIR = re.compile(r"^[a-zA-Z0-9]+-[a-zA-Z0-9+]+$")
_IMAGE = re.compile(r"\.nii(\.gz)?$", re.IGNORECASE)
_DATATYPES = {"dwi": "dwi", "bold": "func", "T1w": "anat"}
_SUFFIXES = {suffix.lower(): suffix for suffix in _DATATYPES} | {"t1": "T1w"}


def name_error(path: str) -> str:
    """What is wrong with a path that no pattern of pybids matches.

    Parameters
    ----------
    path
        Relative to the dataset's root.

    Returns
    -------
    str
        A phrase, never empty.
    """
    *folders, name = path.split("/")
    *pairs, last = name.split("_")
    suffix, _, extension = last.partition(".")
    ending = _IMAGE.search(name)
    if ending is not None and ending.group() != ending.group().lower():
        return f"its ending .{extension} is not lower case"
    if suffix not in _DATATYPES and suffix.lower() in _SUFFIXES:
        return f"its suffix {suffix} must be {_SUFFIXES[suffix.lower()]}"
    if ending is None or ending.group() != f".{extension}":
        return f"its ending .{extension} is not .nii.gz or .nii"
    if "" in folders:
        return "its path has an empty folder name"
    entity_folders = [folder for folder in folders if folder.startswith(("sub-", "ses-"))]
    invalid = [pair for pair in (*entity_folders, *pairs) if not _PAIR.match(pair)]
    if invalid:
        return f"{invalid[0]} is not a BIDS entity and label (letters and digits only)"
    if folders and folders[0] != (pairs or [""])[0]:
        return f"its name does not begin with its folder's subject, {folders[0]}"
    in_folders = {folder for folder in folders if folder.startswith("ses-")}
    in_name = {pair for pair in pairs if pair.startswith("ses-")}
    sessions = in_folders | in_name
    if len(sessions) > 1 or bool(in_folders) != bool(in_name):
        return f"its folder and its name disagree about the session ({', '.join(sorted(sessions))})"
    if folders[-1:] != [_DATATYPES.get(suffix, "")]:
        return f"it does not lie in a folder {_DATATYPES.get(suffix, 'of its datatype')}/ of its subject or session"
    return "its entities are not those that BIDS allows for this kind of image, in BIDS's order"
