"""CRC-32C and CRC-64/NVME, which S3 and its tools keep of objects and Python's library does not have.

NumPy computes many neighbouring pieces of equal length side by side, two bytes of each at a time, and joins their sums.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np

#: Reversed polynomials; both sums begin and end inverted.
_POLYNOMIALS = {"CRC32C": (0x82F63B78, 32), "CRC64NVME": (0x9A6C9329AC4BC9B5, 64)}
#: Enough for NumPy to be worth it, and little enough for the processor's cache.
_LANES = 32_768


def crc(parts: Iterable[bytes], kind: str) -> bytes:
    """The sum of a file's bytes, big-endian as S3 writes it.

    Parameters
    ----------
    kind
        `CRC32C` or `CRC64NVME`.
    """
    _, bits = _POLYNOMIALS[kind]
    ones = (1 << bits) - 1
    state = ones
    for part in parts:
        state = _continued(state, part, kind)
    return (state ^ ones).to_bytes(bits // 8, "big")


def _continued(state: int, content: bytes, kind: str) -> int:
    """The inner state after further bytes."""
    length = len(content) // _LANES // 2 * 2
    done = length * _LANES
    if length:
        table = _pair_table(kind)
        lanes = np.frombuffer(content, "<u2", done // 2).reshape(_LANES, length // 2)
        states = np.zeros(_LANES, np.uint64)
        for column in np.ascontiguousarray(lanes.T):
            states = table[states.astype(np.uint16) ^ column] ^ (states >> np.uint64(16))
        # A state behind `length` further zero bytes, by each of its bytes.
        shift = _shift(kind, length)
        for lane in states.tolist():
            shifted = 0
            for at, row in enumerate(shift):
                shifted ^= row[(state >> (8 * at)) & 255]
            state = shifted ^ lane
    rest_table = _table(kind)
    for byte in content[done:]:
        state = rest_table[(state ^ byte) & 255] ^ (state >> 8)
    return state


@cache
def _table(kind: str) -> list[int]:
    polynomial, _ = _POLYNOMIALS[kind]
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        table.append(value)
    return table


@cache
def _pair_table(kind: str) -> Any:
    """What two bytes at once make of a state."""
    table = np.array(_table(kind), dtype=np.uint64)
    pairs = np.arange(65536, dtype=np.uint64)
    once = table[pairs & np.uint64(255)] ^ (pairs >> np.uint64(8))
    return table[once & np.uint64(255)] ^ (once >> np.uint64(8))


@cache
def _shift(kind: str, length: int) -> list[list[int]]:
    """What zero bytes make of a state: linear, so a table for each of its bytes."""
    _, bits = _POLYNOMIALS[kind]
    single = [_shifted_bit(kind, 1 << bit, length) for bit in range(bits)]
    rows = []
    for at in range(bits // 8):
        row = [0] * 256
        for byte in range(1, 256):
            low = byte & -byte
            row[byte] = row[byte ^ low] ^ single[8 * at + low.bit_length() - 1]
        rows.append(row)
    return rows


def _shifted_bit(kind: str, state: int, length: int) -> int:
    table = _table(kind)
    for _ in range(length):
        state = table[state & 255] ^ (state >> 8)
    return state
