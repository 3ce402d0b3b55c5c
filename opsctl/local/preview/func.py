"""The functional pipeline: from one BOLD series to the correlations of eight parcels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.runs.m2g_options import M2gOptions

from . import graphs, parcels, pictures, volumes
from .progress import ProgressLog
from .staged import StagedScan, stem

#: With fewer volumes, series correlate by chance: three points of two detrended series always lie on a line.
_LEAST_VOLUMES = 10


def run(scan: StagedScan, options: M2gOptions, *, folder: Path, log: ProgressLog) -> None:
    """Process one scan and write the outputs under m2g's names.

    Parameters
    ----------
    folder
        `OUTPUT_DIR/sub-X/ses-Y`.

    Raises
    ------
    Problem
        The series cannot be read, is too short, or a parcel's signal never changes.
    """
    atlases = parcels.atlases(options.parcellation)
    data, affine = volumes.load(scan.image, 4)
    count = data.shape[3]
    if count < _LEAST_VOLUMES:
        raise Problem(
            f"{scan.image.name} has {count} volumes; correlations need {_LEAST_VOLUMES} or more.",
            code=ErrorCode.INPUT_INVALID,
        )
    shape = " x ".join(str(size) for size in data.shape[:3])
    log.write(f"{scan.image.name}: {shape} voxels, {count} volumes, {options.tr * count:.0f} s at --tr {options.tr:g}.")
    t1w = volumes.save_reoriented(scan.t1w, folder / "anat_f/anatomical_reorient")
    log.write(f"{scan.t1w.name} turned to RAS+: {t1w.name}. It is registered to nothing.")

    mean = data.mean(axis=3)
    mask, method = volumes.brain_mask(mean)
    log.write(f"Brain mask of the mean image: {int(mask.sum())} of {mask.size} voxels ({method}).")
    labels = parcels.divide(mask, affine)
    preproc = folder / "func/preproc"
    volumes.save(preproc / "mean_functional.nii.gz", mean, affine)
    volumes.save(preproc / "functional_brain_mask.nii.gz", mask.astype(np.uint8), affine)
    volumes.save(folder / "func/register/preview8_in_func.nii.gz", labels, affine)
    parcels.write_table(folder / "func/register/preview8_in_func.tsv", labels, affine)

    series = _detrended(np.column_stack([data[labels == label].mean(axis=0) for label in _labels()]))
    if not series.std(axis=0).all():
        raise Problem("A parcel's signal never changes: it correlates with nothing.", code=ErrorCode.INPUT_INVALID)
    matrix: NDArray[np.float64] = np.asarray(np.corrcoef(series.T))
    edges = matrix[np.triu_indices(parcels.COUNT, k=1)]
    log.write(
        f"{parcels.COUNT} parcel series of {count} volumes, linear drift removed: {len(edges)} correlations "
        f"from {edges.min():.2f} to {edges.max():.2f}, median {np.median(edges):.2f}."
    )
    for atlas in atlases:
        _write(scan, atlas, series, matrix, folder=folder, log=log)
    path = folder / "log_f/preview.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(log.lines) + "\n", encoding="utf-8")


def _write(
    scan: StagedScan,
    atlas: str,
    series: NDArray[np.float64],
    matrix: NDArray[np.float64],
    *,
    folder: Path,
    log: ProgressLog,
) -> None:
    connectomes = folder / "connectomes_f" / atlas
    stub = f"{scan.prefix}_func_{atlas}"
    graphs.write_edges(connectomes / f"{stub}_edgelist.csv", matrix)
    graphs.write_edges(connectomes / f"{stub}_abs_edgelist.csv", np.abs(matrix))
    table = folder / "func/roi_timeseries" / f"{stem(scan.image)}_{atlas}_timeseries.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(table, series, fmt="%.6f", delimiter=",", header=",".join(parcels.NAMES), comments="")
    pictures.draw_graph(
        folder / "qa_f" / f"{stub}_correlations.png",
        matrix,
        title=f"{scan.prefix.replace('_', ' ')}: BOLD, {len(series)} volumes",
        meaning="Pearson correlation of two parcels' series",
        correlations=True,
    )
    log.write(f"Connectome written: connectomes_f/{atlas}/{stub}_edgelist.csv")


def _labels() -> range:
    return range(1, parcels.COUNT + 1)


def _detrended(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Remove the mean and the linear trend from each column: scanner drift would correlate everything."""
    time = np.column_stack([np.ones(len(series)), np.linspace(-1, 1, len(series))])
    return np.asarray(series - time @ np.linalg.lstsq(time, series, rcond=None)[0])
