"""The diffusion pipeline: from one scan's volumes to a connectome of eight parcels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from opsctl.core.runs.m2g_options import M2gOptions

from . import connectome, gradients, graphs, model, parcels, pictures, slices, tracking, volumes
from .progress import ProgressLog
from .staged import StagedDwi, stem


def run(scan: StagedDwi, options: M2gOptions, *, folder: Path, log: ProgressLog) -> None:
    """Process one scan and write the outputs under m2g's names.

    Parameters
    ----------
    folder
        `OUTPUT_DIR/sub-X/ses-Y`.

    Raises
    ------
    Problem
        The scan's files do not match, or do not suffice for a fit.
    """
    atlases = parcels.atlases(options.parcellation)
    data, affine = volumes.load(scan.image, 4)
    table = gradients.read(scan.bval, scan.bvec, volumes=data.shape[3])
    weighted = ~table.table.b0s_mask
    bvals = table.table.bvals[weighted]
    shape = " x ".join(str(size) for size in data.shape[:3])
    log.write(
        f"{scan.image.name}: {shape} voxels, {data.shape[3]} volumes, {int((~weighted).sum())} of them b=0, "
        f"{table.directions} directions at b = {bvals.min():.0f} to {bvals.max():.0f} s/mm²."
    )
    t1w = volumes.save_reoriented(scan.t1w, folder / "anat_d/preproc")
    log.write(f"{scan.t1w.name} turned to RAS+: {t1w.name}. It is registered to nothing.")

    b0 = data[..., ~weighted].mean(axis=3)
    mask, method = volumes.brain_mask(b0)
    log.write(f"Brain mask: {int(mask.sum())} of {mask.size} voxels ({method}).")
    fa = model.fractional_anisotropy(data, table, mask)
    preproc = folder / "dwi/preproc"
    volumes.save(preproc / "nodif_B0.nii.gz", b0, affine)
    volumes.save(preproc / "nodif_B0_bet_mask.nii.gz", mask.astype(np.uint8), affine)
    volumes.save(preproc / "tensor_fa.nii.gz", fa, affine)
    log.write(f"Tensor fitted: median FA {np.median(fa[mask]):.2f} in the mask.")

    log.write(
        f"Fitting {options.diffusion_model.upper()} in {int(mask.sum())} voxels with spherical harmonics "
        f"of order {table.sh_order}: "
        f"{table.coefficients} coefficients from {table.directions} directions."
    )
    peaks = model.fit(options.diffusion_model, data, table, fa=fa, mask=mask, log=log)
    volumes.save(folder / "tmp_d/reg_m/sh_coefficients.nii.gz", peaks.shm_coeff.astype(np.float32), affine)

    tracts = tracking.track(peaks, fa, affine, mod=options.mod, density=options.seeds, log=log)
    tracking.save(tracts, folder / "dwi/fiber/streamlines.trk", shape=mask.shape, affine=affine)

    labels = parcels.divide(mask, affine)
    volumes.save(folder / "anat_d/registered/preview8_in_dwi.nii.gz", labels, affine)
    parcels.write_table(folder / "anat_d/registered/preview8_in_dwi.tsv", labels, affine)
    matrix = connectome.count(tracts, labels, log=log)

    summary = f"{options.diffusion_model.upper()}, {options.mod}, {len(tracts.streamlines)} streamlines"
    title = f"{scan.prefix.replace('_', ' ')}: {summary}"
    for atlas in atlases:
        name = f"{stem(scan.image)}_{atlas}_connectome"
        graphs.write_matrix(folder / "connectomes_d" / atlas / f"{name}.csv", matrix)
        pictures.draw_graph(
            folder / "qa_d/graphs_plotting" / f"{name}.png",
            matrix,
            title=title,
            meaning="streamlines that run through both parcels",
            correlations=False,
        )
        log.write(f"Connectome written: connectomes_d/{atlas}/{name}.csv")
    slices.draw_diffusion(
        folder / "qa_d/mri" / f"{stem(scan.image)}_slices.png",
        b0=b0,
        fa=fa,
        labels=labels,
        tracts=tracts,
        affine=affine,
        title=title,
    )
