"""The diffusion pipeline: from one scan's volumes to a connectome for each atlas, in the order of m2g's steps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from opsctl.core.atlases.atlas import Atlas

from . import connectome, dsn, gradients, graphs, model, pictures, preparation, tracking, volumes
from .arguments import Options
from .atlases import check_memory, parcellation
from .folders import DwiFolders
from .label_image import BrainSpace, LabelImage
from .m2g_error import M2gError
from .progress import ProgressLog
from .registration import Registration
from .staged import StagedDwi, stem


def run(scan: StagedDwi, atlases: Sequence[Atlas], options: Options, *, folder: Path, log: ProgressLog) -> None:
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
        The scan's files do not match, or do not suffice for a fit.
    """
    started = time.monotonic()
    folders = DwiFolders(folder)
    paths = folders.connectomes(stem(scan.image), atlases, options.voxelsize)
    _announce(scan, atlases, options, paths, log)
    image = preparation.correct_eddies(scan.image, folders, skipeddy=options.skipeddy, log=log)
    data, affine = volumes.load(image, 4)
    table = gradients.read(scan.bval, scan.bvec, volumes=data.shape[3])
    _describe(scan, data, table, log)
    preparation.write_gradients(table, affine, folders, log=log)
    preparation.reorient_dwi(folders, options.voxelsize, log=log)
    b0, mask = preparation.save_b0(data, table, affine, folders, log=log)
    registration = Registration(
        folders,
        t1w=preparation.reorient_t1w(scan.t1w, folders, options.voxelsize, skipreg=options.skipreg, log=log),
        b0=b0,
        mask=mask,
        affine=affine,
        voxel_size=options.voxelsize,
        skipreg=options.skipreg,
        title=scan.title,
        log=log,
    )
    registration.run()
    images = _align_atlases(atlases, registration, BrainSpace(mask, affine), options, log)

    tracking_started = time.monotonic()
    density = options.whole_number("seeds")
    fa = model.fractional_anisotropy(data, table, mask)
    _check_tracking(options)
    seeds = tracking.place_seeds(fa, affine, mod=options.mod, density=density, log=log)
    log.write("Beginning tractography in native space...")
    with log.timed("run"):
        peaks = _fit(data, table, fa, mask, options, log)
        with log.timed(f"{options.track_type}_tracking"):
            log.write("Reconstructing tractogram streamlines...")
            tracts = tracking.track(peaks, seeds, fa, affine, mod=options.mod, log=log)
    streamlines = folders.fiber / "streamlines.trk"
    tracking.save(tracts, streamlines, shape=mask.shape, affine=affine)
    log.write("Streamlines complete")
    log.write(f"Tractography runtime: {time.monotonic() - tracking_started:.1f}")
    if options.space == "native_dsn":
        dsn.normalize(streamlines, fa, affine, folders, title=scan.title, log=log)

    lines = connectome.StreamlineVoxels(tracts, mask.shape)
    for label_image, path in zip(images, paths, strict=True):
        _make_graph(label_image, lines, path, options, folders, log, title=scan.title)
    log.write(f"Total execution time: {timedelta(seconds=time.monotonic() - started)}")
    log.write("M2G Complete.")
    log.write(f"Connectome Locations: {[str(path) for path in paths]}")


def _announce(
    scan: StagedDwi, atlases: Sequence[Atlas], options: Options, paths: Sequence[Path], log: ProgressLog
) -> None:
    """Print what m2g prints of its arguments before its first step."""
    parcellations = [atlas.path(options.voxelsize) for atlas in atlases]
    inputs = {"dwi": scan.image, "bvals": scan.bval, "bvecs": scan.bvec, "t1w": scan.t1w}
    names = {"vox_size": "voxelsize", "mod_type": "mod", "track_type": "track_type", "mod_func": "diffusion_model"}
    names |= {"seeds": "seeds", "reg_style": "space"}
    names |= {name: name for name in ("skipeddy", "skipreg", "skull", "n_cpus")}
    values = {**inputs, "parcellations": parcellations}
    values |= {name: getattr(options, option) for name, option in names.items()}
    for name, value in values.items():
        log.write(f"{name} = {value}")
    log.write("Checking inputs...")
    for path in inputs.values():
        log.write(f"Input {path} found.")
    log.write("Adding directory tree...")
    for line in ("Welcome to m2g!", "Your connectomes will be located here:", *map(str, paths)):
        log.write(line)


def _describe(scan: StagedDwi, data: volumes.Floats, table: gradients.Gradients, log: ProgressLog) -> None:
    weighted = ~table.table.b0s_mask
    bvals = table.table.bvals[weighted]
    shape = " x ".join(str(size) for size in data.shape[:3])
    log.remark(
        f"{scan.image.name}: {shape} voxels, {data.shape[3]} volumes, {int((~weighted).sum())} of them b=0, "
        f"{table.directions} directions at b = {bvals.min():.0f} to {bvals.max():.0f} s/mm²."
    )


def _align_atlases(
    atlases: Sequence[Atlas], registration: Registration, space: BrainSpace, options: Options, log: ProgressLog
) -> list[LabelImage]:
    """Return each atlas in the scan's voxels, after m2g's cut.

    Raises
    ------
    M2gError
        There is no such space for the tractography.
    """
    if options.space not in ("native", "native_dsn"):
        raise M2gError("ValueError", "Unsupported tractography space, must be native or native_dsn")
    images = []
    for atlas in atlases:
        image = space.parcellate(parcellation(atlas, options.voxelsize))
        if not image.parcellation.is_measured:
            log.remark(f"the centres of {atlas.name}'s regions are made up: opsctl knows only their number.")
        images.append(registration.align_atlas(image, dsn=options.space == "native_dsn"))
    return images


def _check_tracking(options: Options) -> None:
    """m2g checks these options only here."""
    if options.mod not in ("det", "prob") or options.track_type not in ("local", "particle"):
        raise M2gError(
            "ValueError", "Error: Either no seeds supplied, or no valid seeds found in white-matter interface"
        )
    if options.diffusion_model not in ("csa", "csd"):
        raise M2gError("AttributeError", "'RunTrack' object has no attribute 'mod'")


def _fit(
    data: volumes.Floats,
    table: gradients.Gradients,
    fa: volumes.Floats,
    mask: volumes.Mask,
    options: Options,
    log: ProgressLog,
) -> Any:
    """Return each voxel's fibre directions."""
    name, function = ("CSA ODF", "odf_mod_est") if options.diffusion_model == "csa" else ("CSD", "csd_mod_est")
    with log.timed(function):
        log.write(f"Fitting {name} model...")
        fitted = model.prepare(options.diffusion_model, data, table, fa=fa, mask=mask, log=log)
    log.remark(
        f"spherical harmonics of order {table.sh_order}: "
        f"{table.coefficients} coefficients from {table.directions} directions."
    )
    log.write("Obtaining peaks from model...")
    return model.peaks(fitted, data, table, mask=mask, log=log)


def _make_graph(
    image: LabelImage,
    lines: connectome.StreamlineVoxels,
    path: Path,
    options: Options,
    folders: DwiFolders,
    log: ProgressLog,
    *,
    title: str,
) -> None:
    """Write an atlas's connectome, its lost regions and its picture."""
    atlas = image.parcellation.atlas
    log.write(f"Generating graph for {atlas.path(options.voxelsize)} parcellation...")
    log.write(f"Applying native-space alignment to {atlas.path(options.voxelsize)}")
    with log.timed("make_graph"):
        log.write("Building connectivity matrix...")
        graphs.write_lost(path.parent, image.lost)
        log.write(f"# of Streamlines: {lines.count}")
        check_memory(atlas, options.voxelsize, model=options.diffusion_model)
        edges = lines.edges(image.nodes)
    # m2g's graph has a node for the background.
    nodes = len(image.parcellation.labels) + 1
    for line in (
        "Graph Summary:",
        "Name: ",
        "Type: Graph",
        f"Number of nodes: {nodes}",
        f"Number of edges: {len(edges)}",
    ):
        log.write(line)
    log.write(f"Average degree: {2 * len(edges) / nodes:8.4f}")
    pictures.draw_graph(
        folders.qa_graphs / f"{path.stem}.png", edges, nodes=nodes - 1, title=f"{title}, {image.parcellation.folder}"
    )
    log.write(f"{{'ecount': {len(edges)}}}")
    graphs.write_counts(path, edges)
    log.write(f"Graph saved. Output location here: {path}")
