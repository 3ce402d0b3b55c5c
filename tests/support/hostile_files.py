"""Files that cost whoever reads them without a bound: time, memory, or an exception that nobody expects."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable
from functools import lru_cache

MB = 1_000_000

#: bval and bvec, each of which stands in the place of a sound one.
TABLES: dict[str, bytes] = {
    "8 MB of numbers": b"0 " * (4 * MB),
    "1 MB of numbers": b"0 " * (MB // 2),
    "1 MB of lines": b"0\n" * (MB // 2),
    "1 MB of line ends": b"\r\n" * (MB // 2),
    "1 MB of commas": b"," * MB,
    "1 MB of comments": b"#\n" * (MB // 2),
    "a word of 1 MB": b"x" * MB,
    "a number of a million digits": b"1" * MB,
    "more values than NIfTI-1 counts": b"0 " * 2**15,
}

_EMPTY_MEMBER = gzip.compress(b"", mtime=0)


def _named_member(size: int) -> bytes:
    """A gzip member whose own header holds a name of this length."""
    member = gzip.compress(b"", mtime=0)
    return member[:3] + b"\x08" + member[4:10] + b"n" * size + b"\0" + member[10:]


def _extra_member() -> bytes:
    """A gzip member with the largest extra field."""
    member = gzip.compress(b"", mtime=0)
    return member[:3] + b"\x04" + member[4:10] + struct.pack("<H", 2**16 - 1) + b"e" * (2**16 - 1) + member[10:]


#: What is put before or around the compressed bytes of a sound image.
STREAMS: dict[str, Callable[[bytes], bytes]] = {
    "2,000 empty members": lambda data: _EMPTY_MEMBER * 2000 + data,
    "200,000 empty members": lambda data: _EMPTY_MEMBER * 200_000 + data,
    "a name of 1 MB": lambda data: _named_member(MB) + data,
    "four extra fields of 64 kB": lambda data: _extra_member() * 4 + data,
    "gzip in gzip": lambda data: gzip.compress(data, mtime=0),
    "8 MB of zeros": lambda data: zeros(8),
}


@lru_cache(maxsize=4)
def zeros(megabytes: int, head: bytes = b"") -> bytes:
    """A gzip stream of `head` and this many million zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(head), *(packer.compress(bytes(MB)) for _ in range(megabytes)), packer.flush()]
    return b"".join(parts)


#: JSON sidecars, and whether `check` and the job refuse them.
SIDECARS: dict[str, tuple[bytes, bool]] = {
    "200,000 brackets": (b"[" * 200_000, True),
    "200,000 brackets in a field": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, True),
    "1 MB of empty objects": (b'{"a":[' + b"{}," * 333_000 + b"1]}", False),
    "1 MB of quotes that are no end": (b'{"a": "' + b'\\"' * 490_000, True),
    "8 MB of blanks": (b"{" + b" " * (8 * MB) + b"}", True),
    "a time of 1e999": (b'{"RepetitionTime": 1e999, "SliceTiming": [1e999]}', False),
    "a time of 4,000 digits": (b'{"RepetitionTime": 1' + b"0" * 4000 + b"}", False),
    "a slice time of 4,000 digits": (b'{"SliceTiming": [1' + b"0" * 4000 + b"]}", False),
    "a time of 900,000 digits": (b'{"RepetitionTime": 1' + b"0" * 900_000 + b"}", False),
    "slice times of 1 MB": (b'{"SliceTiming": [' + b"0," * 490_000 + b"0]}", False),
    "a field twice": (b'{"RepetitionTime": "x", "RepetitionTime": 2}', False),
    "nested to the limit": (b'{"RepetitionTime": ' + b"[" * 63 + b"]" * 63 + b"}", False),
    "nested over the limit": (b'{"RepetitionTime": ' + b"[" * 64 + b"]" * 64 + b"}", True),
    "nested almost as deep as Python can": (b'{"RepetitionTime": ' + b"[" * 940 + b"]" * 940 + b"}", True),
}  # fmt: skip


def header(**fields: float) -> bytes:
    """The header of a NIfTI-1 series of 4 x 5 x 6 x 40 voxels of 16 bits, with its 4 bytes of extensions.

    Parameters
    ----------
    fields
        By name: `d0` to `d7` (dimensions), `datatype`, `bitpix`, `p0` to `p7` (pixdim), `offset`.
    """
    places = {f"d{axis}": ("<h", 40 + 2 * axis) for axis in range(8)}
    places |= {f"p{axis}": ("<f", 76 + 4 * axis) for axis in range(8)}
    places |= {"datatype": ("<h", 70), "bitpix": ("<h", 72), "offset": ("<f", 108)}
    raw = bytearray(352)
    struct.pack_into("<i", raw, 0, 348)
    raw[344:348] = b"n+1\0"
    sound: dict[str, float] = {"d0": 4, "d1": 4, "d2": 5, "d3": 6, "d4": 40, "d5": 1, "d6": 1, "d7": 1}
    sound |= {"datatype": 4, "bitpix": 16, "offset": 352, **{f"p{axis}": 2 for axis in range(1, 5)}}
    for name, value in {**sound, **fields}.items():
        struct.pack_into(places[name][0], raw, places[name][1], value)
    return bytes(raw)


LONG = 2**15 - 1
#: Headers that promise what no file can hold, or nonsense; all are refused.
HEADERS: dict[str, bytes] = {
    "the longest four axes": header(d1=LONG, d2=LONG, d3=LONG, d4=LONG),
    "seven axes": header(d0=7, d5=LONG, d6=LONG, d7=LONG),
    "32,767 axes": header(d0=LONG),
    "-1 axes": header(d0=-1),
    "a shape of (-1, 2, 2, 2)": header(d1=-1, d2=2, d3=2, d4=2),
    "two negative axes": header(d1=-4, d2=-5),
    "the least axis": header(d3=-(2**15)),
    "voxels at byte 1e38": header(offset=1e38),
    "voxels at byte nan": header(offset=float("nan")),
    "voxels at byte inf": header(offset=float("inf")),
    "voxels at byte -1e38": header(offset=-1e38),
    "voxels at byte 2**39": header(offset=2.0**39),
}
