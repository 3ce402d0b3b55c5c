"""The files of one dwi scan, sound until a test changes them."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import nibabel as nib
import numpy as np

Numbers = np.ndarray
VOLUMES = 40


def directions(count: int) -> Numbers:
    vectors = np.random.default_rng(7).normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1)[:, None]


def text(rows: Numbers, *, between: str = " ", end: str = "\n") -> str:
    return "".join(between.join(f"{value:g}" for value in row) + end for row in np.atleast_2d(rows))


class Inputs:
    """One sound scan, until a case changes it.

    Attributes
    ----------
    kind, datatype
        NIfTI-1 or NIfTI-2, and the type of the voxels.
    """

    def __init__(
        self,
        volumes: int = VOLUMES,
        *,
        zero: int = 2,
        shape: tuple[int, ...] = (4, 5, 6),
        kind: type = nib.Nifti1Image,
        datatype: str = "<i2",
        affine: Numbers | None = None,
    ) -> None:
        self.bvals = np.array([0] * zero + [1000] * (volumes - zero), dtype=float)
        self.vectors = directions(volumes)
        self.vectors[self.bvals == 0] = 0
        #: The files' content where it is not simply the arrays'.
        self.bval: bytes | None = None
        self.bvec: bytes | None = None
        self._affine = np.diag([2.0, 2, 2, 1]) if affine is None else affine
        self._kind, self._datatype = kind, datatype
        data = self._signal(shape)
        self.dwi = self.image(data)
        self.t1w = self.image(data[..., 0])
        self.compressed = True
        #: Changes of the files' bytes, after compression.
        self.dwi_file: Callable[[bytes], bytes] = lambda data: data
        self.t1w_file: Callable[[bytes], bytes] = lambda data: data

    def _signal(self, shape: tuple[int, ...]) -> Numbers:
        """A tensor in each voxel, so that a model can be fitted."""
        random = np.random.default_rng(11)
        along = self.vectors[:, 0] ** 2
        decay = np.exp(-self.bvals * (0.0004 + 0.0012 * along))
        base = 90 + 10 * random.random(shape)
        return np.clip(base[..., None] * decay + random.normal(scale=0.8, size=(*shape, len(decay))), 1, 120)

    def image(self, data: Numbers) -> bytes:
        """A NIfTI file's bytes."""
        header = self._kind.header_class(endianness=self._datatype[0])
        header.set_data_dtype(np.dtype(self._datatype))
        return bytes(self._kind(data.astype(self._datatype), self._affine, header).to_bytes())

    def files(self) -> dict[str, bytes]:
        """The content of the files by role."""
        pack = (lambda data: gzip.compress(data, mtime=0)) if self.compressed else bytes
        return {
            "dwi": self.dwi_file(pack(self.dwi)),
            "bval": text(self.bvals).encode() if self.bval is None else self.bval,
            "bvec": text(self.vectors.T).encode() if self.bvec is None else self.bvec,
            "T1w": self.t1w_file(pack(self.t1w)),
        }

    def voxels(self) -> Numbers:
        """The DWI's voxels."""
        return np.asarray(self._kind.from_bytes(self.dwi).dataobj)


def with_change(change: Callable[[Inputs], object], **options: object) -> Callable[[], Inputs]:
    def build() -> Inputs:
        inputs = Inputs(**options)  # type: ignore[arg-type]
        change(inputs)
        return inputs

    return build
