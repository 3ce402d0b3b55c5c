"""The files of m2g's registration: the same names, made from the scan's own voxels and registered to nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from . import volumes
from .folders import DwiFolders
from .label_image import BrainSpace, LabelImage
from .m2g_error import M2gError
from .pictures import draw_slices, draw_tissues
from .progress import ProgressLog
from .volumes import Floats, Mask

_MATRICES = (
    "dwi2t1w_bbr_xfm", "dwi2t1w_xfm", "roi_2_mni", "t1w2dwi_bbr_xfm", "t1w2dwi_xfm", "t1wtissue2dwi_xfm",
    "xfm_mni2t1w_init", "xfm_t1w2mni_init",
)  # fmt: skip
#: Centre and radii as shares of the brain's bounding box: about where the ventricles and the corpus callosum lie.
_VENTRICLES = ((0.5, 0.48, 0.52), (0.12, 0.2, 0.1))
_CALLOSUM = ((0.5, 0.5, 0.6), (0.1, 0.22, 0.05))


class Registration:
    """The steps of m2g's registration.

    Parameters
    ----------
    t1w
        The T1w that m2g's skull strip gets: turned to RAS+ and resliced.
    b0, mask, affine
        The mean b=0 image, which of its voxels are brain, and where they lie.
    voxel_size
        `1mm`, `2mm` or `4mm`.
    skipreg
        Steps whose files exist are skipped.
    title
        Of the scan, in its pictures.
    """

    def __init__(
        self,
        folders: DwiFolders,
        *,
        t1w: Path,
        b0: Floats,
        mask: Mask,
        affine: NDArray[np.float64],
        voxel_size: str,
        skipreg: bool,
        title: str,
        log: ProgressLog,
    ) -> None:
        self._title = title
        self._folders, self._t1w, self._log, self._skipreg = folders, t1w, log, skipreg
        self._b0, self._mask, self._affine, self._voxel_size = b0, mask, affine, voxel_size
        self._brain_file = folders.anat / "t1w_brain_nores.nii.gz"
        self._tissue_files = [folders.anat / f"t1w_seg_pve_{number}_nores.nii.gz" for number in range(3)]

    def run(self) -> None:
        """Run the three steps, or skip those of an earlier run.

        Raises
        ------
        M2gError
            Steps are to be skipped, and no earlier run left a skull-stripped T1w.
        """
        folders = self._folders
        if self._skipreg and not (folders.anat / "t1w_brain.nii.gz").is_file():
            raise M2gError("FileNotFoundError", f"No such file or no access: '{folders.anat / 't1w_brain.nii.gz'}'")
        if not self._may_skip("gentissue", self._brain_file, *self._tissue_files):
            with self._log.timed("gen_tissue"):
                self._make_tissues()
        if not self._may_skip(
            "t1w2dwi",
            folders.registered / "t1w_in_dwi.nii.gz",
            folders.reg_a / "mni2t1w_warp.nii.gz",
            folders.anat / "t1w_aligned_mni.nii.gz",
        ):
            with self._log.timed("t1w2dwi_align"):
                self._align_t1w()
        if not self._may_skip(
            "tissue2dwi",
            folders.registered / "t1w_wm_gm_int_in_dwi.nii.gz",
            folders.reg_a / "t1w_vent_csf_in_dwi.nii.gz",
            folders.registered / "t1w_corpuscallosum_dwi.nii.gz",
        ):
            with self._log.timed("tissue2dwi_align"):
                self._align_tissues()

    def align_atlas(self, image: LabelImage, *, dsn: bool) -> LabelImage:
        """Write an atlas's files and its picture, and return the image after m2g's cut."""
        folders, name = self._folders, f"{image.parcellation.folder}_reor_RAS"
        self._log.call("reorient_t1w")
        atlas_file = folders.anat / f"{name}_nores.nii.gz"
        volumes.save(atlas_file, image.labels, self._affine)
        shutil.copyfile(atlas_file, folders.anat / f"{name}.nii.gz")
        self._log.call("align", inputs=(atlas_file, folders.anat / "t1w_aligned_mni.nii.gz"))
        if not dsn:
            self._log.call("apply_warp", inputs=(self._brain_file,))
            needed = (folders.reg_a / "mni2t1w_warp.nii.gz", folders.reg_m / "t1wtissue2dwi_xfm.mat")
            if not all(path.is_file() for path in needed):
                self._log.write("Warning: Atlas is not in correct dimensions, or input is low quality,")
                self._log.write("using linear template registration.")
        cut = image.cut()
        in_mni = folders.reg_a / f"{name}_nores_aligned_atlas_t1w_mni.nii.gz"
        if dsn:
            volumes.save(in_mni, cut.labels, self._affine)
            self._draw(in_mni, "t1w_aligned_mni", cut.labels)
        else:
            for suffix in ("t1w_mni", "skull"):
                shutil.copyfile(atlas_file, folders.reg_a / f"{name}_nores_aligned_atlas_{suffix}.nii.gz")
            in_dwi = folders.registered / f"{name}_nores_aligned_atlas.nii.gz"
            volumes.save(in_dwi, cut.labels, self._affine)
            self._draw(in_dwi, "nodif_B0_bet", cut.labels)
        if cut.lost:
            self._log.write(
                "WARNING: The atlas has lost an roi due to alignment! A file containing the lost ROI values will be "
                "generated in the\n            same folder as the connectome output. Try rerunning m2g with the "
                "appropriate --skull flag."
            )
        return cut

    def _may_skip(self, step: str, *paths: Path) -> bool:
        if not (self._skipreg and all(path.is_file() for path in paths)):
            return False
        self._log.write(f"Found existing {step} run!")
        return True

    def _make_tissues(self) -> None:
        """The brain, and its voxels in three equal parts by their brightness, in place of FAST's segmentation."""
        folders, log = self._folders, self._log
        log.write("Extracting brain from raw T1w image...")
        plain = folders.anat / "t1w_brain.nii.gz"
        with log.timed("t1w_skullstrip"):
            log.call("t1w_skullstrip", inputs=(self._t1w,), output=plain)
            whole, affine = volumes.load(self._t1w, 3)
            mask, method = volumes.brain_mask(whole)
            brain = np.where(mask, whole, 0).astype(np.float32)
            volumes.save(plain, brain, affine)
        log.remark(f"the brain is {int(mask.sum())} of {mask.size} voxels ({method}).")
        draw_slices(
            folders.qa_skull / f"qa_skullstrip__{self._t1w.name.split('.', 1)[0]}.png",
            whole,
            mask,
            title=f"{self._title}, T1w: green is what counts as brain",
        )
        log.call("segment_t1w", inputs=(plain,), output=folders.anat / "t1w_seg")
        shutil.copyfile(plain, self._brain_file)
        limits = np.quantile(brain[mask], (1 / 3, 2 / 3))
        parts = [mask & (np.digitize(brain, limits) == number) for number in range(3)]
        for number, part in enumerate(parts):
            volumes.save(self._tissue_files[number], part.astype(np.float32), affine)
            shutil.copyfile(self._tissue_files[number], folders.anat / f"t1w_seg_pve_{number}.nii.gz")
        draw_tissues(folders.qa_reg / "qa_fast.png", *parts, title=self._title)
        volumes.save(folders.anat / "t1w_wm_thr.nii.gz", parts[2].astype(np.uint8), affine)
        log.write("Extracting white matter edge...")
        edge = parts[2] & ~ndimage.binary_erosion(parts[2])
        volumes.save(folders.reg_a / "t1w_wm_edge.nii.gz", edge.astype(np.uint8), affine)

    def _align_t1w(self) -> None:
        """Identity transforms: nothing is moved."""
        folders, log = self._folders, self._log
        brain, affine = volumes.load(self._brain_file, 3)
        log.call("align", inputs=(self._brain_file,))
        log.write("Running non-linear registration: T1w-->MNI ...")
        aligned = folders.anat / "t1w_aligned_mni.nii.gz"
        with log.timed("align_nonlinear"):
            log.call("align_nonlinear", output=aligned)
            shutil.copyfile(self._brain_file, aligned)
            warp = np.zeros((*brain.shape, 3), dtype=np.float32)
            volumes.save(folders.reg_a / "warp_t12mni.nii.gz", warp, affine)
        log.call("inverse_warp", inputs=(folders.reg_a / "warp_t12mni.nii.gz",))
        volumes.save(folders.reg_a / "mni2t1w_warp.nii.gz", warp, affine)
        template = f"MNI152_T1_{self._voxel_size}_brain"
        draw_slices(
            folders.qa_reg / f"t1w_aligned_mni_2_{template}.png",
            brain,
            np.zeros_like(brain),
            title=f"{self._title}, t1w_aligned_mni: the preview registers nothing",
        )
        log.write("Running FLIRT BBR registration: DWI-->T1W ...")
        for name in _MATRICES:
            np.savetxt(folders.reg_m / f"{name}.mat", np.eye(4), fmt="%d")
        self._save_in_dwi("t1w_in_dwi", self._to_dwi(brain, affine), folders.registered)

    def _align_tissues(self) -> None:
        folders, log = self._folders, self._log
        log.write("Creating MNI-space ventricle ROI...")
        log.call("applyxfm", output=folders.reg_a / "vent_mask_mni.nii.gz")
        brain, affine = volumes.load(self._brain_file, 3)
        space = BrainSpace(brain > 0, affine)
        ventricles, callosum = space.ellipsoid(*_VENTRICLES), space.ellipsoid(*_CALLOSUM)
        for name in ("vent_mask_mni", "vent_mask_t1w"):
            volumes.save(folders.reg_a / f"{name}.nii.gz", ventricles.astype(np.uint8), affine)
        volumes.save(folders.registered / "t1w_corpuscallosum.nii.gz", callosum.astype(np.uint8), affine)
        log.call("apply_warp", inputs=(self._brain_file, folders.reg_a / "vent_mask_mni.nii.gz"))

        csf, grey_matter, white_matter = (
            self._to_dwi(volumes.load(path, 3)[0], affine) > 0 for path in self._tissue_files
        )
        in_dwi = BrainSpace(self._mask, self._affine)
        ventricles, callosum = in_dwi.ellipsoid(*_VENTRICLES), in_dwi.ellipsoid(*_CALLOSUM)
        self._save_in_dwi("t1w_vent_mask_dwi", ventricles, folders.reg_a)
        self._save_in_dwi("t1w_corpuscallosum_dwi", callosum, folders.registered)
        for name, tissue in (("csf_mask_dwi", csf), ("gm_in_dwi", grey_matter), ("wm_in_dwi", white_matter)):
            self._save_in_dwi(f"t1w_{name}", tissue, folders.registered)
            volumes.save(folders.reg_a / f"t1w_{name}_bin.nii.gz", tissue.astype(np.uint8), self._affine)
        log.write("Creating ventricular CSF mask...")
        log.write("Creating Corpus Callosum mask...")
        fluid = csf | ventricles
        volumes.save(folders.reg_a / "t1w_vent_csf_in_dwi.nii.gz", fluid.astype(np.uint8), self._affine)
        interface = ((ndimage.binary_dilation(grey_matter) & white_matter) | callosum) & self._mask & ~fluid
        for name in ("t1w_wm_gm_int_in_dwi", "t1w_wm_gm_int_in_dwi_bin"):
            volumes.save(folders.registered / f"{name}.nii.gz", interface.astype(np.uint8), self._affine)

    def _to_dwi(self, volume: Floats, affine: NDArray[np.float64]) -> Floats:
        """Read a T1w's volume at the places of the diffusion image's voxels: by the scanner's coordinates alone."""
        voxels = np.moveaxis(np.indices(self._mask.shape), 0, -1)
        places = np.rint(nib.affines.apply_affine(np.linalg.inv(affine) @ self._affine, voxels)).astype(int)
        inside = np.all((places >= 0) & (places < volume.shape), axis=-1)
        values = volume[tuple(np.where(inside[..., None], places, 0)[..., axis] for axis in range(3))]
        return np.where(inside, values, 0).astype(np.float32)

    def _save_in_dwi(self, name: str, volume: Floats | Mask, folder: Path) -> None:
        path = folder / f"{name}.nii.gz"
        volumes.save(path, volume.astype(np.float32), self._affine)
        self._draw(path, "nodif_B0_bet", volume)

    def _draw(self, path: Path, reference: str, overlay: NDArray[np.int32] | Floats | Mask) -> None:
        name = f"{path.name.removesuffix('.nii.gz')}_2_{reference}"
        draw_slices(self._folders.qa_reg / f"{name}.png", self._b0, overlay, title=f"{self._title}, {name}")
