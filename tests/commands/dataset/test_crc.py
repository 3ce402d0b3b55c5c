"""The CRCs that Python's library lacks: the published check values, and the same sum however the bytes come."""

from __future__ import annotations

import random

import pytest

from opsctl.commands.dataset.crc import _LANES, _table, crc

#: Of `123456789`, from the catalogue of parametrised CRC algorithms (reveng.sourceforge.io).
CHECKS = {"CRC32C": "e3069283", "CRC64NVME": "ae8b14860a799888"}


@pytest.mark.parametrize("kind", CHECKS)
def test_the_published_check_value(kind: str) -> None:
    assert crc([b"123456789"], kind).hex() == CHECKS[kind]
    assert crc([b"1234", b"", b"56789"], kind).hex() == CHECKS[kind]


@pytest.mark.parametrize("kind", CHECKS)
@pytest.mark.parametrize("size", [0, 1, _LANES - 1, 2 * _LANES, 2 * _LANES + 1, 7 * _LANES + 3])
def test_many_bytes_have_the_sum_of_the_plain_way(kind: str, size: int) -> None:
    content = random.Random(size).randbytes(size)
    bits = 32 if kind == "CRC32C" else 64
    state = ones = (1 << bits) - 1
    for byte in content:
        state = _table(kind)[(state ^ byte) & 255] ^ (state >> 8)
    assert crc([content], kind) == (state ^ ones).to_bytes(bits // 8, "big")
