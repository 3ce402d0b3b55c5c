"""The functional pipeline: from one BOLD series to the correlations of each atlas's regions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opsctl.core.atlases.atlas import Atlas
from opsctl.core.errors import ErrorCode, Problem

from . import graphs, pictures, volumes
from .arguments import Options
from .atlases import check_memory, parcellation
from .label_image import BrainSpace, LabelImage
from .m2g_error import M2gError
from .progress import ProgressLog
from .staged import StagedScan

#: Of 64-bit numbers, with a margin; the series themselves have 32 bits.
_ROUNDING = 1e-12
#: With fewer volumes, series correlate by chance: three points of two detrended series always lie on a line.
_LEAST_VOLUMES = 10


def run(scan: StagedScan, atlases: Sequence[Atlas], options: Options, *, folder: Path, log: ProgressLog) -> None:
    """Process one scan and write the outputs under m2g's names.

    Parameters
    ----------
    atlases
        In m2g's order.
    folder
        `OUTPUT_DIR/sub-X/ses-Y`.

    Raises
    ------
    M2gError
        m2g fails here, with these words.
    Problem
        The series cannot be read, or is too short.
    """
    log.write("Single functional nifti file found")
    tr = _repetition_time(scan.image, options, log)
    data, affine = volumes.load(scan.image, 4)
    count = data.shape[3]
    if count < _LEAST_VOLUMES:
        raise Problem(
            f"{scan.image.name} has {count} volumes; correlations need {_LEAST_VOLUMES} or more.",
            code=ErrorCode.INPUT_INVALID,
        )
    shape = " x ".join(str(size) for size in data.shape[:3])
    log.remark(f"{scan.image.name}: {shape} voxels, {count} volumes, {tr * count:g} s at a TR of {tr:g} s.")
    volumes.save_reoriented(scan.t1w, folder / "anat_f/anatomical_reorient")

    mean: volumes.Floats = data.mean(axis=3)
    mask, method = volumes.brain_mask(mean)
    log.remark(f"brain mask of the mean image: {int(mask.sum())} of {mask.size} voxels ({method}).")
    preproc = folder / "func/preproc"
    volumes.save(preproc / "functional_brain_mask/functional_brain_mask.nii.gz", mask.astype(np.uint8), affine)
    volumes.save(folder / "func/register/mean_functional/mean_functional.nii.gz", mean, affine)
    title = f"{scan.title}: green is what counts as brain"
    pictures.draw_slices(folder / "qa_f/skullstrip_vis/skull_vis.png", mean, mask, title=title)
    _draw_carpet(folder / "qa_f/carpet/carpet.png", data[mask], scan.title)

    # In m2g, C-PAC is through here, and its outputs are sorted.
    log.write("Functional Pipeline completed!")
    space, series = BrainSpace(mask, affine), _detrended(data[mask].T)
    for atlas in atlases:
        # m2g's func pipeline makes the same matrices of an atlas.
        check_memory(atlas, options.voxelsize, model="csa")
        image = space.parcellate(parcellation(atlas, options.voxelsize))
        _write_atlas(scan, image, series, mask, folder, log)
    _write_logs(atlases, options, folder, log)


def _repetition_time(image: Path, options: Options, log: ProgressLog) -> float:
    """The TR in s: m2g takes a number after `acq-` for milliseconds, whatever `--tr` says.

    Raises
    ------
    M2gError
        The name has no task, or the TR is no number.
    """
    if re.search(r"task-(\w*)_", image.name) is None:
        raise M2gError("AttributeError", "'NoneType' object has no attribute 'groups'")
    name = image.name
    acquisition = re.search(r"_acq-(\w*)_bold", name)
    try:
        milliseconds = float(acquisition.group(1)) if acquisition else None
    except ValueError:
        milliseconds = None
    if milliseconds is not None:
        log.write(f"TR extracted from filename of {name}")
        return milliseconds / 1000
    log.write(f"No TR information found in {name}")
    try:
        return float(options.tr)
    except ValueError as error:
        raise M2gError("ValueError", str(error)) from error


def _write_atlas(
    scan: StagedScan, image: LabelImage, series: NDArray[np.float64], mask: volumes.Mask, folder: Path, log: ProgressLog
) -> None:
    """Write the regions' mean series and their correlations; regions without a voxel have no column."""
    labels = image.labels[mask]
    present, sizes = np.unique(labels, return_counts=True)
    by_label = series[:, np.argsort(labels, kind="stable")]
    means = np.add.reduceat(by_label, np.cumsum(sizes) - sizes, axis=1) / sizes
    name = f"{image.parcellation.folder}.nii.gz"
    table = folder / "func/register/roi_timeseries" / name / "roi_stats.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(table, means, fmt="%.6f", delimiter=",", header=",".join(map(str, present)), comments="")
    # m2g drops the first row, which holds the labels.
    np.savez(table.with_suffix(".npz"), np.vstack([present, means]))
    # A region whose signal never changes correlates with nothing: m2g writes 0.
    with np.errstate(invalid="ignore", divide="ignore"):
        matrix = np.nan_to_num(np.atleast_2d(np.corrcoef(means.T)))
    # m2g keeps only the digits of the session, from the start of its label.
    digits = re.match(r"\d*", scan.session)
    stub = f"sub-{scan.subject}_ses-{digits.group() if digits else ''}_func_{name}"
    graphs.write_correlations(folder / "connectomes_f" / name / stub, matrix)
    log.write("roi_stats.npz converted to edgelist")


def _draw_carpet(path: Path, series: NDArray[np.float32], name: str) -> None:
    """Draw the voxels' series as rows of grey, as C-PAC's carpet plot does."""
    deviation = np.abs(series - series.mean(axis=1, keepdims=True))
    pictures.draw_carpet(path, deviation, title=f"{name}: a row for each voxel of the brain, a column for each volume")


def _write_logs(atlases: Sequence[Atlas], options: Options, folder: Path, log: ProgressLog) -> None:
    """Leave C-PAC's two files of a run in `log_f`, as short as the preview's work is."""
    logs = folder / "log_f"
    logs.mkdir(parents=True, exist_ok=True)
    paths = "\n  ".join(f"{atlas.path(options.voxelsize)}: Avg" for atlas in atlases)
    settings = f"# {pictures.CAPTION}\ntsa_roi_paths:\n- {paths}\nresolution_for_func_derivative: {options.voxelsize}\n"
    (logs / "functional_pipeline_settings.yaml").write_text(settings, encoding="utf-8")
    (logs / "pypeline.log").write_text("\n".join(log.lines) + "\n", encoding="utf-8")


def _detrended(series: NDArray[np.float32]) -> NDArray[np.float64]:
    """Remove the mean and the linear trend from each column: scanner drift would correlate everything."""
    time = np.column_stack([np.ones(len(series)), np.linspace(-1, 1, len(series))])
    signal = series.astype(np.float64)
    rest = signal - time @ np.linalg.lstsq(time, signal, rcond=None)[0]
    # Of a signal that does not change rounding errors would be left, other ones on each processor, and correlate.
    rest[:, np.abs(rest).max(axis=0) <= _ROUNDING * np.abs(signal).max(axis=0)] = 0
    return np.asarray(rest)
