"""Reasons to look at a scan that has all its connectomes: regions lost, or a graph that can hardly be right."""

from __future__ import annotations

from typing import Iterator, Sequence

from m2g_job.connectomes import Connectome

#: Fewer edges than one for so many regions are too few.
_REGIONS_FOR_AN_EDGE = 10


def warnings(
    connectomes: Sequence[Connectome], *, pipeline: str, skull_strip_picture: str | None
) -> list[dict[str, str]]:
    """The result's `warnings`.

    Parameters
    ----------
    pipeline
        `dwi` or `func`.
    skull_strip_picture
        Its key among the outputs; None where there is none.
    """
    of_scan = [
        {"code": code, "atlas": connectome.folder, "text": text}
        for connectome in connectomes
        # It has the edges of the signed one, and would say the same twice.
        if connectome.kind != "absolute correlation"
        for code, text in _of_connectome(connectome, is_dwi=pipeline == "dwi")
    ]
    # One skull strip is behind the losses of all atlases: what to do is said once.
    first_loss = next((warning for warning in of_scan if warning["code"] == "regions_lost"), None)
    if first_loss is not None:
        first_loss["text"] += " " + _advice(skull_strip_picture, is_dwi=pipeline == "dwi")
    return of_scan


def _advice(skull_strip_picture: str | None, *, is_dwi: bool) -> str:
    """What to do where regions are lost; C-PAC (func) does not get --skull."""
    picture = f" ({skull_strip_picture})" if skull_strip_picture else ""
    then = ", then try --skull with another --modif" if is_dwi else ""
    return f"Look at the picture of the skull strip first{picture}{then}."


def lost_regions(connectomes: Sequence[Connectome]) -> str:
    """Which regions the scan lost, for the log: `2 regions of MICCAI lost`; "" where it lost none."""
    lost = {connectome.atlas_name: connectome.lost for connectome in connectomes if connectome.lost}
    return ", ".join(f"{_count(count, 'region')} of {name} lost" for name, count in lost.items())


def _of_connectome(connectome: Connectome, *, is_dwi: bool) -> Iterator[tuple[str, str]]:
    name, size, atlas = connectome.atlas_name, connectome.size, connectome.atlas
    # m2g's dwi pipeline removes some regions of certain atlases always; C-PAC removes none.
    kept = (atlas.kept if is_dwi else atlas.regions) if atlas else None
    cut = atlas.regions - kept if atlas and kept is not None else 0
    if connectome.lost > cut:
        total = f"{connectome.lost} of {atlas.regions} regions" if atlas else _count(connectome.lost, "region")
        always = f" ({cut} of them in every scan, because m2g cuts this atlas)" if cut else ""
        yield "regions_lost", f"The scan has no voxel of {total} of {name}{always}."
    if size.edges == 0:
        yield "diagonal_only", f"The connectome of {name} has no edge between different regions."
        return
    if atlas and size.edges * _REGIONS_FOR_AN_EDGE < atlas.regions:
        yield "few_edges", f"The connectome of {name} has {_count(size.edges, 'edge')} for {atlas.regions} regions."
    if kept is not None and size.nodes * 2 < kept:
        yield "few_regions", f"Only {size.nodes} of the {kept} regions of {name} have an edge."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
