"""What a header claims costs the preview nothing: it ends with m2g's own error before anything is allocated."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from nibabel.spatialimages import HeaderDataError
from support.hostile_files import header, zeros

from opsctl.core.errors import Problem
from opsctl.local.preview import preparation, volumes
from opsctl.local.preview.m2g_error import M2gError
from opsctl.local.preview.progress import ProgressLog

MIB = 2**20


@contextmanager
def traced(most_mib: int) -> Iterator[None]:
    """The block takes at most this much memory at once."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most_mib * MIB
    finally:
        tracemalloc.stop()


def test_a_series_that_does_not_fit_ends_in_numpys_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSCTL_MEMORY_MIB", "15200")
    image = tmp_path / "sub-1_dwi.nii.gz"
    image.write_bytes(zeros(1, head=header(d1=700, d2=700, d3=700, d4=10)))
    with (
        traced(1),
        pytest.raises(M2gError, match=r"Unable to allocate 25.6 GiB for an array with shape \(700, 700, 700, 10\)"),
    ):
        volumes.load(image, 4)


@pytest.mark.parametrize("size", [2**31 - 16, -(2**31), -8, 0, 7])
def test_an_extension_of_any_claimed_size_is_read_within_the_image(tmp_path: Path, size: int) -> None:
    extension = struct.pack("<4Bii", 1, 0, 0, 0, size, 6)
    head = header(offset=1024)[:348] + extension
    image = tmp_path / "sub-1_dwi.nii.gz"
    image.write_bytes(zeros(40, head=head))
    with traced(4), pytest.raises(Problem, match="cannot be read as an image"):
        volumes.load(image, 4)


def test_what_follows_an_image_is_not_unpacked(tmp_path: Path) -> None:
    image = tmp_path / "sub-1_dwi.nii.gz"
    image.write_bytes(zeros(40, head=header()))
    with traced(4):
        data, _ = volumes.load(image, 4)
        assert data.shape == (4, 5, 6, 40)


@pytest.mark.parametrize("size", [1000.0, 1e30, float("inf")])
def test_voxels_of_any_size_are_not_resliced_beyond_memory(tmp_path: Path, size: float) -> None:
    image = tmp_path / "t1w.nii.gz"
    image.write_bytes(gzip.compress(header(d4=1, p1=size, p2=size, p3=size) + bytes(240)))
    with pytest.raises(M2gError, match="Unable to allocate"):
        preparation._match_voxel_size(image, "2mm", ProgressLog())


@pytest.mark.parametrize("size", [float("nan"), 0.0, 1e-30])
def test_voxels_of_no_size_take_no_memory(tmp_path: Path, size: float) -> None:
    image = tmp_path / "t1w.nii.gz"
    image.write_bytes(gzip.compress(header(d4=1, p1=size, p2=size, p3=size) + bytes(240)))
    with traced(4), suppress(HeaderDataError):
        preparation._match_voxel_size(image, "2mm", ProgressLog())
