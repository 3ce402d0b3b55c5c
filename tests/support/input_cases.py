"""The inputs that labs have met, each with the right verdict: what `check` must say, and what the job must do.

docs/inputs.md has the rules. The same cases go through `check`, the job runner and the preview.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import nibabel as nib
import numpy as np

from opsctl.core.dataset.scan_validation import Level

Numbers = np.ndarray
_VOLUMES = 40


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
        volumes: int = _VOLUMES,
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


@dataclass(frozen=True)
class Case:
    """One input and its verdicts.

    Attributes
    ----------
    check
        The level that `check` must give; of two, either.
    job
        `done`: m2g is started and can end well. Otherwise the runner's cause code: it ends before m2g is started.
    of_m2g
        Part of the message with which m2g itself ends; empty where the rule is opsctl's own.
    """

    name: str
    check: tuple[Level, ...]
    job: str
    of_m2g: str
    inputs: Callable[[], Inputs] = field(repr=False)

    @property
    def is_done(self) -> bool:
        return self.job == "done"


def _cases() -> Iterator[Case]:
    def fine(name: str, inputs: Callable[[], Inputs]) -> Case:
        return Case(name, ("fine",), "done", "", inputs)

    def warning(name: str, inputs: Callable[[], Inputs]) -> Case:
        return Case(name, ("warning",), "done", "", inputs)

    def wrong(name: str, code: str, inputs: Callable[[], Inputs], of_m2g: str = "") -> Case:
        return Case(name, ("wrong",), code, of_m2g, inputs)

    yield fine("sound", Inputs)
    yield from _directions(fine, warning, wrong)
    yield from _b_values(fine, warning, wrong)
    yield from _texts(fine, wrong)
    yield from _headers(fine, wrong)
    yield from _streams(fine, wrong)
    yield from _shapes(fine, wrong)
    yield from _t1w(fine, wrong)


def _with(change: Callable[[Inputs], object], **options: object) -> Callable[[], Inputs]:
    def build() -> Inputs:
        inputs = Inputs(**options)  # type: ignore[arg-type]
        change(inputs)
        return inputs

    return build


Yields = Callable[..., Case]
CORRUPT = "Encountered potentially corrupted bval/bvecs"
UNIT = "The vectors in bvecs should be unit"


def _put(where: int | slice, direction: object) -> Callable[[Inputs], None]:
    def change(inputs: Inputs) -> None:
        inputs.vectors[where] = direction

    return change


def _at_b(value: float, direction: object) -> Callable[[Inputs], None]:
    def change(inputs: Inputs) -> None:
        inputs.bvals[20], inputs.vectors[20] = value, direction

    return change


def _longer(factor: float) -> Callable[[Inputs], None]:
    def change(inputs: Inputs) -> None:
        inputs.vectors[20] *= factor

    return change


def _low(inputs: Inputs) -> None:
    inputs.bvals[:2], inputs.vectors[:2] = 5, np.nan


def _columns(inputs: Inputs) -> None:
    inputs.bvec = text(inputs.vectors).encode()


def _zero_in_columns(inputs: Inputs) -> None:
    inputs.vectors[20] = 0
    _columns(inputs)


def _directions(fine: Yields, warning: Yields, wrong: Yields) -> Iterator[Case]:
    for where in (0, 1, slice(0, 2)):
        yield fine(f"nan at b=0, {where}", _with(_put(where, np.nan)))
    yield fine("one nan at b=0", _with(_put(0, (np.nan, 0, 0))))
    yield fine("nan at b=5", _with(_low))
    yield fine("a direction at b=0", _with(_put(0, (0, 1, 0))))
    yield fine("a corrupt direction at b=0", _with(_put(0, (100, 0, 0))))
    yield fine("bvec in columns", _with(_columns))
    for where in (2, 20, -1, slice(30, 34)):
        yield wrong(f"nan of a weighted volume, {where}", "direction_invalid", _with(_put(where, np.nan)))
        yield wrong(f"no direction of a weighted volume, {where}", "direction_invalid", _with(_put(where, 0)), CORRUPT)
    yield wrong("one nan of a weighted volume", "direction_invalid", _with(_put(7, (np.nan, 0, 1))))
    yield wrong("no direction, bvec in columns", "direction_invalid", _with(_zero_in_columns), CORRUPT)
    yield fine("no direction at b=50", _with(_at_b(50, 0)))
    yield wrong("no direction at b=51", "direction_invalid", _with(_at_b(51, 0)), CORRUPT)
    yield warning("a component of 10", _with(_put(20, (10, 0, 0))))
    yield warning("components of -100 and inf", _with(_put(20, (-100, np.inf, 0))))
    yield fine("a direction of length 1.9", _with(_longer(1.9)))
    yield fine("a direction of length 0.1", _with(_longer(0.1)))
    yield wrong("a direction of length 2.1", "direction_invalid", _with(_longer(2.1)), UNIT)
    for volumes in (26, 8, 4):
        yield warning(f"{volumes - 2} directions", _with(lambda inputs: None, volumes=volumes))
    yield warning("27 directions", _with(lambda inputs: None, volumes=29))
    yield fine("28 directions", _with(lambda inputs: None, volumes=30))
    yield warning("opposite directions", _with(_put(slice(21, 40), -directions(_VOLUMES)[2:21])))


def _b_values(fine: Yields, warning: Yields, wrong: Yields) -> Iterator[Case]:
    def lowest(value: float, *, direction: bool) -> Callable[[Inputs], None]:
        def change(inputs: Inputs) -> None:
            inputs.bvals[:2] = value
            inputs.vectors[:2] = directions(2) if direction else 0

        return change

    def values(where: int | slice, value: float) -> Callable[[Inputs], None]:
        def change(inputs: Inputs) -> None:
            inputs.bvals[where] = value

        return change

    def hcp(inputs: Inputs) -> None:
        lowest(60, direction=True)(inputs)
        inputs.bvals[0], inputs.bvals[25:] = 55, 2000

    for value in (5, 50):
        yield fine(f"b=0 written as {value}", _with(lowest(value, direction=False)))
    for value in (55, 60, 65, 100):
        yield warning(f"b=0 written as {value}, with directions", _with(lowest(value, direction=True)))
        yield wrong(
            f"b=0 written as {value}, without", "direction_invalid", _with(lowest(value, direction=False)), CORRUPT
        )
    yield warning("b=0 written as 55 and 60, two shells", _with(hcp))
    yield wrong("no b=0, 700", "b0_volume_missing", _with(lowest(700, direction=True)))
    yield wrong("every volume is weighted", "b0_volume_missing", _with(lowest(1000, direction=True)))
    yield fine("b=0 in the middle", _with(values(slice(10, 12), 0)))
    yield wrong("b=0 only", "weighted_volume_missing", _with(values(slice(None), 0)))
    yield wrong("b=5 only", "weighted_volume_missing", _with(values(slice(None), 5)))
    for name, value in {"negative": -1000.0, "nan": np.nan, "infinite": np.inf}.items():
        yield wrong(f"a {name} b-value", "bval_invalid", _with(values(20, value)))


def _texts(fine: Yields, wrong: Yields) -> Iterator[Case]:
    def each(change: Callable[[str], bytes], *roles: str) -> Callable[[], Inputs]:
        def apply(inputs: Inputs) -> None:
            for role in roles or ("bval", "bvec"):
                rows = inputs.bvals if role == "bval" else inputs.vectors.T
                setattr(inputs, role, change(text(rows)))

        return _with(apply)

    def bvals(shape: Callable[[Numbers], Numbers]) -> Callable[[], Inputs]:
        return _with(lambda inputs: setattr(inputs, "bval", text(shape(inputs.bvals)).encode()))

    one_row, no_number = "bval file should have one row", "could not convert string to float"
    yield fine("b-values as a column", bvals(lambda values: values[:, None]))
    yield wrong("b-values over two lines", "bval_invalid", bvals(lambda values: values.reshape(2, -1)), one_row)
    yield wrong("b-values over eight lines", "bval_invalid", bvals(lambda values: values.reshape(8, -1)), one_row)
    yield wrong(
        "the last b-values on a line of their own",
        "bval_invalid",
        each(lambda content: content.replace(" 1000\n", "\n1000\n").encode(), "bval"),
        "Wrong number of columns at line 2",
    )
    for name, change in {
        "commas": lambda content: content.replace(" ", ","),
        "commas and blanks": lambda content: content.replace(" ", ", "),
        "tabs": lambda content: content.replace(" ", "\t"),
        "CRLF": lambda content: content.replace("\n", "\r\n"),
        "CR": lambda content: content.replace("\n", "\r"),
        "blank last lines": lambda content: content + "\n \n\n",
        "blank lines between": lambda content: "\n" + content.replace("\n", "\n\n"),
        "no last line end": lambda content: content.rstrip("\n"),
        "blanks around": lambda content: " " + content.replace("\n", "  \n"),
        "comments": lambda content: "# from a scanner\n" + content,
        "exponents": lambda content: content.replace("1000", "1.0e+03"),
    }.items():
        yield fine(name, each(lambda content, change=change: change(content).encode()))
    empty = {"bval": "shapes do not correspond", "bvec": "bvec file should have three rows"}
    for role in ("bval", "bvec"):
        code = f"{role}_invalid"
        yield wrong(
            f"UTF-8 byte order mark, {role}", code, each(lambda c: b"\xef\xbb\xbf" + c.encode(), role), no_number
        )
        yield wrong(f"UTF-16, {role}", code, each(lambda c: c.encode("utf-16"), role), "'utf-8' codec can't decode")
        yield wrong(f"UTF-16 without a mark, {role}", code, each(lambda c: c.encode("utf-16-le"), role), no_number)
        yield wrong(f"semicolons, {role}", code, each(lambda c: c.replace(" ", ";").encode(), role), no_number)
        yield wrong(f"words, {role}", code, each(lambda c: b"not measured\n", role), no_number)
        yield wrong(f"blank, {role}", code, each(lambda c: b" \n", role), empty[role])
    yield wrong(
        "two rows of bvec",
        "bvec_invalid",
        each(lambda c: c[: c.rindex("\n", 0, -1) + 1].encode(), "bvec"),
        "three rows",
    )
    yield wrong(
        "four rows of bvec", "bvec_invalid", each(lambda c: (c + c.split("\n")[0]).encode(), "bvec"), "three rows"
    )
    yield wrong(
        "bvec cut off", "bvec_invalid", each(lambda c: c[:-30].encode(), "bvec"), "Wrong number of columns at line 3"
    )
    counts = "shapes do not correspond"
    yield wrong("a b-value too few", "gradient_counts_differ", bvals(lambda values: values[:-1]), counts)
    yield wrong("a b-value too many", "gradient_counts_differ", bvals(lambda values: np.append(values, 5)), counts)

    def fewer(inputs: Inputs) -> None:
        inputs.bvals, inputs.vectors = inputs.bvals[:-1], inputs.vectors[:-1]

    yield wrong("a volume too many", "volume_count_differs", _with(fewer))


def _patched(image: str, place: str, at: int, value: float) -> Callable[[Inputs], None]:
    """Change a field of the DWI's or the T1w's header."""

    def change(inputs: Inputs) -> None:
        raw = bytearray(getattr(inputs, image))
        struct.pack_into(place, raw, at, value)
        setattr(inputs, image, bytes(raw))

    return change


def _headers(fine: Yields, wrong: Yields) -> Iterator[Case]:
    def extended(count: int, size: int) -> Callable[[Inputs], None]:
        def change(inputs: Inputs) -> None:
            image = nib.Nifti1Image.from_bytes(inputs.dwi)
            for _ in range(count):
                image.header.extensions.append(nib.nifti1.Nifti1Extension("afni", b"<AFNI/>" + b" " * size))
            inputs.dwi = image.to_bytes()

        return change

    def no_change(inputs: Inputs) -> None:
        pass

    yield fine("a header extension of 2,000 bytes", _with(extended(1, 2000)))
    yield fine("header extensions of 90,000 bytes", _with(extended(3, 30_000)))
    yield fine("NIfTI-2", _with(no_change, kind=nib.Nifti2Image))
    yield fine("big-endian", _with(no_change, datatype=">i2"))
    yield fine("NIfTI-2, big-endian", _with(no_change, kind=nib.Nifti2Image, datatype=">f4"))
    yield fine("not compressed", _with(lambda inputs: setattr(inputs, "compressed", False)))
    for kind in ("u1", "i1", "u2", "<u4", "<i4", "<i8", "<f4", "<f8"):
        yield fine(f"voxels of {kind}", _with(no_change, datatype=kind if kind[0] == "<" else f"<{kind}"))
    for bits in (0, 8, 32, 64):
        yield fine(f"bitpix of {bits}", _with(_patched("dwi", "<h", 72, bits)))
    for code in (0, 1, 3, 32, 128, 1536, 2304):
        yield wrong(f"datatype {code}", "image_invalid", _with(_patched("dwi", "<h", 70, code)))
    yield wrong("datatype 0 of the T1w", "image_invalid", _with(_patched("t1w", "<h", 70, 0)))
    yield wrong("no dimensions", "image_invalid", _with(_patched("dwi", "<h", 40, 0)))
    yield wrong("a negative dimension", "image_invalid", _with(_patched("dwi", "<h", 44, -5)))
    yield fine("voxels that begin at byte 0", _with(_patched("dwi", "<f", 108, 0)))
    yield wrong("voxels that begin in the header", "image_invalid", _with(_patched("dwi", "<f", 108, 100)))
    yield wrong(
        "voxels in another file",
        "image_invalid",
        _with(lambda inputs: setattr(inputs, "dwi", inputs.dwi[:344] + b"ni1\0" + inputs.dwi[348:])),
    )
    orientations = {"LAS": (-2, 2, 2), "RPS": (2, -2, 2), "LPI": (-2, -2, -2), "sizes": (1.25, 1.25, 3)}
    for name, zooms in orientations.items():
        yield fine(f"orientation {name}", _with(no_change, affine=np.diag([*zooms, 1.0])))
    oblique = np.array([[0, -1.9, 0.6, 3], [2, 0, 0, -7], [0, 0.6, 1.9, 1], [0, 0, 0, 1.0]])
    yield fine("an oblique orientation", _with(no_change, affine=oblique))


def _streams(fine: Yields, wrong: Yields) -> Iterator[Case]:
    def dwi(change: Callable[[bytes], bytes], *, compressed: bool = True) -> Callable[[], Inputs]:
        def apply(inputs: Inputs) -> None:
            inputs.dwi_file, inputs.compressed = change, compressed

        return _with(apply)

    def members(*lengths: int) -> Callable[[bytes], bytes]:
        def change(data: bytes) -> bytes:
            raw, packed = gzip.decompress(data), b""
            for length in lengths:
                packed, raw = packed + gzip.compress(raw[:length], mtime=0), raw[length:]
            return packed + gzip.compress(raw, mtime=0)

        return change

    def flipped(at: int) -> Callable[[bytes], bytes]:
        return lambda data: data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]

    def unseen(name: str, code: str, inputs: Callable[[], Inputs]) -> Case:
        """A fault that the first bytes, which `check` reads, do not show."""
        return Case(name, ("fine", "wrong"), code, "", inputs)

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


def _shapes(fine: Yields, wrong: Yields) -> Iterator[Case]:
    def reshaped(change: Callable[[Numbers], Numbers]) -> Callable[[Inputs], None]:
        return lambda inputs: setattr(inputs, "dwi", inputs.image(change(inputs.voxels())))

    def first(count: int) -> Callable[[Inputs], None]:
        def change(inputs: Inputs) -> None:
            reshaped(lambda data: data[..., :count])(inputs)
            inputs.bvals, inputs.vectors = inputs.bvals[:count], inputs.vectors[:count]

        return change

    yield fine("(x, y, z, n, 1)", _with(reshaped(lambda data: data[..., None])))
    yield fine("(x, y, z, n, 1, 1)", _with(reshaped(lambda data: data[..., None, None])))
    yield wrong("(x, y, z, 2, n)", "image_invalid", _with(reshaped(lambda data: data.reshape(4, 5, 6, 2, -1))))
    yield wrong("(x, y, z)", "single_volume", _with(reshaped(lambda data: data[..., 0])))
    yield wrong("(x, y)", "image_invalid", _with(reshaped(lambda data: data[..., 0, 0])))
    yield wrong("one volume", "single_volume", _with(first(1)))
    yield wrong("two volumes", "bvec_invalid", _with(first(2)), "three rows")
    for shape in ((1, 1, 1), (9, 1, 7), (20, 21, 22)):
        yield fine(f"a matrix of {shape}", _with(lambda inputs: None, shape=shape))


def _t1w(fine: Yields, wrong: Yields) -> Iterator[Case]:
    def file(content: bytes) -> Callable[[], Inputs]:
        return _with(lambda inputs: setattr(inputs, "t1w_file", lambda data: content))

    def t1w(change: Callable[[Inputs], bytes]) -> Callable[[], Inputs]:
        return _with(lambda inputs: setattr(inputs, "t1w", change(inputs)))

    annex = b"/annex/objects/MD5E-s5000--0123456789abcdef0123456789abcdef.nii.gz\n"
    link = b"../../.git/annex/objects/Zk/3M/MD5E-s5000--0123.nii.gz/MD5E-s5000--0123.nii.gz"
    lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    for name, content in {"git-annex": annex, "git-annex link": link, "Git LFS": lfs}.items():
        yield wrong(f"T1w is a {name} pointer", "image_invalid", file(content))
    yield wrong(
        "DWI is a git-annex pointer",
        "image_invalid",
        _with(lambda inputs: setattr(inputs, "dwi_file", lambda data: annex)),
    )
    yield Case(
        "T1w is cut in the middle",
        ("fine", "wrong"),
        "image_truncated",
        "",
        _with(lambda inputs: setattr(inputs, "t1w_file", lambda data: data[: len(data) // 2])),
    )
    yield wrong("T1w with 40 volumes", "t1w_series", t1w(lambda inputs: inputs.dwi))
    yield wrong("T1w with 2 volumes", "t1w_series", t1w(lambda inputs: inputs.image(inputs.voxels()[..., :2])))
    yield fine("T1w of (x, y, z, 1)", t1w(lambda inputs: inputs.image(inputs.voxels()[..., :1])))
    yield fine("T1w of (x, y, z, 1, 1)", t1w(lambda inputs: inputs.image(inputs.voxels()[..., :1, None])))
    yield wrong("T1w of (x, y)", "image_invalid", t1w(lambda inputs: inputs.image(inputs.voxels()[..., 0, 0])))


CASES = {case.name: case for case in _cases()}
