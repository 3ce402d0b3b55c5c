"""Inputs whose images are sound, odd or wrong; docs/inputs.md has the rules."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Iterator

import nibabel as nib
import numpy as np

from support.hostile_files import HEADERS, STREAMS, zeros
from support.input_case import Case, fine, unseen, wrong
from support.scan_files import Inputs, Numbers, with_change


def _patched(image: str, place: str, at: int, value: float) -> Callable[[Inputs], None]:
    """Change a field of the DWI's or the T1w's header."""

    def change(inputs: Inputs) -> None:
        raw = bytearray(getattr(inputs, image))
        struct.pack_into(place, raw, at, value)
        setattr(inputs, image, bytes(raw))

    return change


def _headers_cases() -> Iterator[Case]:
    def extended(count: int, size: int) -> Callable[[Inputs], None]:
        def change(inputs: Inputs) -> None:
            image = nib.Nifti1Image.from_bytes(inputs.dwi)
            for _ in range(count):
                image.header.extensions.append(nib.nifti1.Nifti1Extension("afni", b"<AFNI/>" + b" " * size))
            inputs.dwi = image.to_bytes()

        return change

    def no_change(inputs: Inputs) -> None:
        pass

    yield fine("a header extension of 2,000 bytes", with_change(extended(1, 2000)))
    yield fine("header extensions of 90,000 bytes", with_change(extended(3, 30_000)))
    yield fine("NIfTI-2", with_change(no_change, kind=nib.Nifti2Image))
    yield fine("big-endian", with_change(no_change, datatype=">i2"))
    yield fine("NIfTI-2, big-endian", with_change(no_change, kind=nib.Nifti2Image, datatype=">f4"))
    yield fine("not compressed", with_change(lambda inputs: setattr(inputs, "compressed", False)))
    for kind in ("u1", "i1", "u2", "<u4", "<i4", "<i8", "<f4", "<f8"):
        yield fine(f"voxels of {kind}", with_change(no_change, datatype=kind if kind[0] == "<" else f"<{kind}"))
    for bits in (0, 8, 32, 64):
        yield fine(f"bitpix of {bits}", with_change(_patched("dwi", "<h", 72, bits)))
    for code in (0, 1, 3, 32, 128, 1536, 2304):
        yield wrong(f"datatype {code}", "image_invalid", with_change(_patched("dwi", "<h", 70, code)))
    yield wrong("datatype 0 of the T1w", "image_invalid", with_change(_patched("t1w", "<h", 70, 0)))
    yield wrong("no dimensions", "image_invalid", with_change(_patched("dwi", "<h", 40, 0)))
    yield wrong("a negative dimension", "image_invalid", with_change(_patched("dwi", "<h", 44, -5)))
    yield fine("voxels that begin at byte 0", with_change(_patched("dwi", "<f", 108, 0)))
    yield wrong("voxels that begin in the header", "image_invalid", with_change(_patched("dwi", "<f", 108, 100)))
    yield wrong(
        "voxels in another file",
        "image_invalid",
        with_change(lambda inputs: setattr(inputs, "dwi", inputs.dwi[:344] + b"ni1\0" + inputs.dwi[348:])),
    )
    orientations = {"LAS": (-2, 2, 2), "RPS": (2, -2, 2), "LPI": (-2, -2, -2), "sizes": (1.25, 1.25, 3)}
    for name, zooms in orientations.items():
        yield fine(f"orientation {name}", with_change(no_change, affine=np.diag([*zooms, 1.0])))
    oblique = np.array([[0, -1.9, 0.6, 3], [2, 0, 0, -7], [0, 0.6, 1.9, 1], [0, 0, 0, 1.0]])
    yield fine("an oblique orientation", with_change(no_change, affine=oblique))


def _streams_cases() -> Iterator[Case]:
    def dwi(change: Callable[[bytes], bytes], *, compressed: bool = True) -> Callable[[], Inputs]:
        def apply(inputs: Inputs) -> None:
            inputs.dwi_file, inputs.compressed = change, compressed

        return with_change(apply)

    def members(*lengths: int) -> Callable[[bytes], bytes]:
        def change(data: bytes) -> bytes:
            raw, packed = gzip.decompress(data), b""
            for length in lengths:
                packed, raw = packed + gzip.compress(raw[:length], mtime=0), raw[length:]
            return packed + gzip.compress(raw, mtime=0)

        return change

    def flipped(at: int) -> Callable[[bytes], bytes]:
        return lambda data: data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]

    yield fine("a newline behind the stream", dwi(lambda data: data + b"\n"))
    yield fine("zeros behind the stream", dwi(lambda data: data + bytes(512)))
    yield fine("another file behind the stream", dwi(lambda data: data + b"PK\x03\x04" * 99))
    yield fine("more voxels than announced", dwi(lambda data: gzip.compress(gzip.decompress(data) + b"more" * 99)))
    yield fine("a second member behind the image", dwi(lambda data: data + gzip.compress(b"x" * 99)))
    yield fine("bytes behind the voxels, not compressed", dwi(lambda data: data + b"\n", compressed=False))
    yield fine("several members", dwi(members(2000, 500)))
    yield fine("a member for the header", dwi(members(348)))
    yield fine("an empty first member", dwi(members(0)))
    yield unseen(
        "a part of the image", "image_truncated", dwi(lambda data: gzip.compress(gzip.decompress(data)[:3000]))
    )
    yield unseen("cut in the middle", "image_truncated", dwi(lambda data: data[: len(data) // 2]))
    yield unseen("cut in the checksum", "image_truncated", dwi(lambda data: data[:-6]))
    yield unseen("a voxel too few", "image_truncated", dwi(lambda data: gzip.compress(gzip.decompress(data)[:-2])))
    yield unseen("a wrong checksum", "image_corrupt", dwi(flipped(-6)))
    yield wrong("a voxel too few, not compressed", "image_truncated", dwi(lambda data: data[:-2], compressed=False))
    yield wrong("cut in the header", "image_truncated", dwi(lambda data: data[:90]))
    yield wrong("not compressed, but .nii.gz", "image_invalid", dwi(gzip.decompress))
    yield wrong("compressed, but .nii", "image_invalid", dwi(lambda data: gzip.compress(data), compressed=False))
    yield wrong("a web page", "image_invalid", dwi(lambda data: b"<html>log in</html>"))
    yield wrong("compressed zeros", "image_invalid", dwi(lambda data: gzip.compress(bytes(5000))))


def _shapes_cases() -> Iterator[Case]:
    def reshaped(change: Callable[[Numbers], Numbers]) -> Callable[[Inputs], None]:
        return lambda inputs: setattr(inputs, "dwi", inputs.image(change(inputs.voxels())))

    def first(count: int) -> Callable[[Inputs], None]:
        def change(inputs: Inputs) -> None:
            reshaped(lambda data: data[..., :count])(inputs)
            inputs.bvals, inputs.vectors = inputs.bvals[:count], inputs.vectors[:count]

        return change

    yield fine("(x, y, z, n, 1)", with_change(reshaped(lambda data: data[..., None])))
    yield fine("(x, y, z, n, 1, 1)", with_change(reshaped(lambda data: data[..., None, None])))
    yield wrong("(x, y, z, 2, n)", "image_invalid", with_change(reshaped(lambda data: data.reshape(4, 5, 6, 2, -1))))
    yield wrong("(x, y, z)", "single_volume", with_change(reshaped(lambda data: data[..., 0])))
    yield wrong("(x, y)", "image_invalid", with_change(reshaped(lambda data: data[..., 0, 0])))
    yield wrong("one volume", "single_volume", with_change(first(1)))
    yield wrong("two volumes", "bvec_invalid", with_change(first(2)), "three rows")
    for shape in ((1, 1, 1), (9, 1, 7), (20, 21, 22)):
        yield fine(f"a matrix of {shape}", with_change(lambda inputs: None, shape=shape))


def _t1w_cases() -> Iterator[Case]:
    def file(content: bytes) -> Callable[[], Inputs]:
        return with_change(lambda inputs: setattr(inputs, "t1w_file", lambda data: content))

    def t1w(change: Callable[[Inputs], bytes]) -> Callable[[], Inputs]:
        return with_change(lambda inputs: setattr(inputs, "t1w", change(inputs)))

    annex = b"/annex/objects/MD5E-s5000--0123456789abcdef0123456789abcdef.nii.gz\n"
    link = b"../../.git/annex/objects/Zk/3M/MD5E-s5000--0123.nii.gz/MD5E-s5000--0123.nii.gz"
    lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    for name, content in {"git-annex": annex, "git-annex link": link, "Git LFS": lfs}.items():
        yield wrong(f"T1w is a {name} pointer", "image_invalid", file(content))
    yield wrong(
        "DWI is a git-annex pointer",
        "image_invalid",
        with_change(lambda inputs: setattr(inputs, "dwi_file", lambda data: annex)),
    )
    yield Case(
        "T1w is cut in the middle",
        ("fine", "wrong"),
        "image_truncated",
        "",
        with_change(lambda inputs: setattr(inputs, "t1w_file", lambda data: data[: len(data) // 2])),
    )
    yield wrong("T1w with 40 volumes", "t1w_series", t1w(lambda inputs: inputs.dwi))
    yield wrong("T1w with 2 volumes", "t1w_series", t1w(lambda inputs: inputs.image(inputs.voxels()[..., :2])))
    yield fine("T1w of (x, y, z, 1)", t1w(lambda inputs: inputs.image(inputs.voxels()[..., :1])))
    yield fine("T1w of (x, y, z, 1, 1)", t1w(lambda inputs: inputs.image(inputs.voxels()[..., :1, None])))
    yield wrong("T1w of (x, y)", "image_invalid", t1w(lambda inputs: inputs.image(inputs.voxels()[..., 0, 0])))


def _hostile_cases() -> Iterator[Case]:
    codes = {"2,000 empty members": "image_corrupt", "200,000 empty members": "image_corrupt"}
    for name, change in STREAMS.items():
        for role in ("dwi", "t1w"):
            yield wrong(
                f"{name}, {role}",
                codes.get(name, "image_invalid"),
                with_change(lambda inputs, role=role, change=change: setattr(inputs, f"{role}_file", change)),
            )
    for name, head in HEADERS.items():
        for compressed in (True, False):
            is_cut = "axes" in name and head[40:42] == b"\4\0" and "negative" not in name
            yield wrong(
                f"{name}, {'compressed' if compressed else 'plain'}",
                "image_truncated" if is_cut else "image_invalid",
                with_change(lambda inputs, head=head, compressed=compressed: _begin(inputs, head, compressed)),
            )
    for place, at, values in (("<f", 92, (float("nan"), float("inf"), -1e38)), ("<h", 72, (2**15 - 1, -1))):
        for value in values:
            yield fine(f"{value} at byte {at}", with_change(_patched("dwi", place, at, value)))
    yield fine("32 MB of zeros behind the image", with_change(lambda inputs: setattr(inputs, "dwi_file", _bomb)))


def _begin(inputs: Inputs, head: bytes, compressed: bool) -> None:
    inputs.dwi, inputs.compressed = head + inputs.dwi[len(head) :], compressed


def _bomb(data: bytes) -> bytes:
    return zeros(32, head=gzip.decompress(data))


def image_cases() -> Iterator[Case]:
    yield from _headers_cases()
    yield from _streams_cases()
    yield from _shapes_cases()
    yield from _t1w_cases()
    yield from _hostile_cases()
