"""Which of m2g's outputs are for quality assurance, and which pictures are worth a look first."""

from __future__ import annotations

from collections.abc import Iterable

_PICTURE_FOLDERS = {"qa_d", "qa_f"}
#: `crash` and `log` are C-PAC's own, which m2g's func pipeline runs.
_FOLDERS = {*_PICTURE_FOLDERS, "log_f", "crash", "log"}

#: What a picture shows, by a part of its path below the QA folder, the best one first. The names of dwi are those of
#: m2g 0.3.0, the names of func are C-PAC's.
_SKULL_STRIP = ("skull_strip/", "skullstrip_vis")
_TISSUE = ("reg/qa_fast.png", "csf_gm")
_REGISTRATION = ("reg/t1w_in_dwi_2_", "reg/t1w_aligned_mni_2_", "mni_normalized_", "mean_func_")
_ATLAS = ("_aligned_atlas",)
#: The folders of m2g's plots of the connectomes, which go last: the report draws the matrix itself.
_GRAPHS = "graphs"


def is_qa(path: str) -> bool:
    """Whether a path, relative to the derivatives, lies in one of m2g's folders of QA pictures and logs."""
    return bool(_FOLDERS & set(path.split("/")[:-1]))


def is_qa_picture(path: str) -> bool:
    """Whether a path or URI is a picture in one of m2g's QA folders."""
    return path.lower().endswith(".png") and bool(_PICTURE_FOLDERS & set(path.split("/")[:-1]))


def is_skull_strip(path: str) -> bool:
    """Whether a QA picture shows the brain that the skull strip left."""
    return _rank(_below_qa(path), _SKULL_STRIP) is not None


def most_useful_first(paths: Iterable[str], *, atlas: str = "") -> list[str]:
    """Order a scan's QA pictures: skull strip, tissue, registration, one atlas, and then the others by name.

    Parameters
    ----------
    paths
        Paths or URIs of QA pictures of one scan.
    atlas
        The folder of the atlas whose picture comes first; the first by name where it has none.
    """
    rest = sorted(paths)
    atlas_names = (f"reg/{atlas}_", *_ATLAS) if atlas else _ATLAS
    chosen = []
    for names in (_SKULL_STRIP, _TISSUE, _REGISTRATION, atlas_names):
        ranked = [(rank, path) for path in rest if (rank := _rank(_below_qa(path), names)) is not None]
        if ranked:
            _, best = min(ranked)
            chosen.append(best)
            rest.remove(best)
    return chosen + sorted(rest, key=lambda path: (_below_qa(path).startswith(_GRAPHS), path))


def _rank(path: str, names: tuple[str, ...]) -> int | None:
    return next((rank for rank, name in enumerate(names) if name in path), None)


def _below_qa(path: str) -> str:
    """The path below the QA folder, which is the first of that name: a scan's own name is above it."""
    parts = path.split("/")
    start = next((index for index, part in enumerate(parts[:-1]) if part in _PICTURE_FOLDERS), -1)
    return "/".join(parts[start + 1 :])
