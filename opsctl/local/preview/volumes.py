"""Load images, find the brain, save images."""

from __future__ import annotations

import gzip
import zlib
from io import RawIOBase
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.filebasedimages import ImageFileError
from nibabel.fileholders import FileHolder
from nibabel.nifti1 import Nifti1Image
from nibabel.nifti2 import Nifti2Image
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from opsctl.core.dataset.nifti_header import HEADER_BYTES, WITHIN_BYTES, inflated, parse
from opsctl.core.errors import ErrorCode, Problem

from .memory import ensure_fits

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

#: A voxel below this share of the image's 90th percentile is air.
_AIR_SHARE = 0.05
#: A volume with a smaller share of air is a cut-out from inside the head; a whole head has 40 % and more.
_MIN_AIR_SHARE = 0.1
#: Eight parcels need eight voxels; with fewer in the mask there is no brain in the image.
_MIN_VOXELS = 8


def load(path: Path, dimensions: int) -> tuple[Floats, NDArray[np.float64]]:
    """Return an image's voxels and affine.

    Parameters
    ----------
    dimensions
        3 for a volume, 4 for a series. Further axes of length 1 are no axes.

    Raises
    ------
    Problem
        The file is not a readable image, or has another number of dimensions.
    M2gError
        Its voxels do not fit into the job's memory.
    """
    try:
        is_compressed = path.suffix == ".gz"
        with path.open("rb") as raw:
            head = raw.read(WITHIN_BYTES)
        head = inflated(head) if is_compressed else head[:HEADER_BYTES]
        header = parse(head)
        ensure_fits(header.shape)
        kind: Any = Nifti1Image if Nifti1Image.header_class.may_contain_header(head) else Nifti2Image
        with (gzip.open if is_compressed else open)(path, "rb") as file:
            image = kind.from_file_map({"image": FileHolder(fileobj=_Beginning(file, header.file_bytes))}, mmap=False)
            data = np.asarray(image.dataobj, dtype=np.float32)
    except (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, zlib.error) as error:
        raise Problem(f"{path.name} cannot be read as an image: {error}", code=ErrorCode.INPUT_INVALID) from error
    while data.ndim > dimensions and data.shape[-1] == 1:
        data = data[..., 0]
    if data.ndim != dimensions:
        raise Problem(f"{path.name} has {data.ndim} dimensions, not {dimensions}.", code=ErrorCode.INPUT_INVALID)
    return np.nan_to_num(data), np.asarray(image.affine, dtype=np.float64)


class _Beginning(RawIOBase):
    """The beginning of a file: nibabel would read a header's broken extensions as far as the file goes."""

    def __init__(self, file: Any, size_bytes: int) -> None:
        self._file = file
        self._size_bytes = size_bytes

    def read(self, size: int = -1, /) -> bytes:
        content: bytes = self._file.read(self._left if size < 0 else min(size, self._left))
        return content

    def readinto(self, buffer: Any, /) -> int:
        # gzip's own does not look at what is behind the bytes that it is asked for.
        return int(self._file.readinto(memoryview(buffer)[: self._left]))

    @property
    def _left(self) -> int:
        return max(0, self._size_bytes - int(self._file.tell()))

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())


def voxel_sizes_mm(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the three voxel sizes in mm."""
    return np.asarray(voxel_sizes(affine), dtype=np.float64)


def brain_mask(volume: Floats) -> tuple[Mask, str]:
    """Return which voxels are brain, and the method as text.

    A whole head is surrounded by air, from which median_otsu separates it. A cut-out from inside the brain shows no
    air: median_otsu would separate bright fluid from dim tissue, so every voxel with signal counts as brain.
    """
    air = volume < _AIR_SHARE * np.percentile(volume, 90)
    if air.mean() >= _MIN_AIR_SHARE:
        from dipy.segment.mask import median_otsu

        mask = np.asarray(median_otsu(volume, median_radius=2, numpass=1)[1], dtype=np.bool_)
        if mask.sum() >= _MIN_VOXELS:
            return mask, "median_otsu"
    mask = ~air & (volume > 0)
    if mask.sum() < _MIN_VOXELS:
        raise Problem(
            f"There is no brain in this image: {int(mask.sum())} voxels with signal.", code=ErrorCode.INPUT_INVALID
        )
    return mask, "every voxel with signal: the volume shows no air around the head"


def save(path: Path, data: NDArray[Any], affine: NDArray[np.float64]) -> None:
    """Write a NIfTI image, and its folder if it is missing. nibabel writes the same bytes each time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, path)


def save_reoriented(source: Path, folder: Path) -> Path:
    """Write a T1w in RAS+ orientation under m2g's name, and return its path."""
    data, affine = load(source, 3)
    image = nib.as_closest_canonical(nib.Nifti1Image(data, affine))
    target = folder / f"{source.name.split('.', 1)[0]}_reor_RAS.nii.gz"
    save(target, np.asarray(image.dataobj), image.affine)
    return target
