"""Altered records, by a seed: what somebody who may write to the bucket, or a damaged disk, makes of them."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

#: Stands in a value for a token that `json.dumps` cannot write.
_RAW = "@raw "
_TOKENS = ("1e999", "-1e999", "NaN", "Infinity", "-0", "1" * 400, "9" * 5000, "1e-400", "0x10", "tru", '"\\ud800"')
_DEEP = "[" * 3_000 + "]" * 3_000
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 7, 10**8, 2**31, 2**62, 2**63, 2**64, 10**30, 1.5, -0.5, 1e300, 3.0),
    *(
        "",
        "x",
        "0",
        "1",
        " ",
        "x" * 5_000,
        "a\0b",
        "a\nb",
        "\x1b[31m",
        "\u202ered",
        "\u0661",
        "é",
        "'; rm -rf ~",
        "$(id)",
    ),
    *(
        "../../etc/passwd",
        "/etc/passwd",
        "sub-01/../..",
        "sub-01\n",
        ".bashrc",
        "-x",
        "s3://",
        "s3://evil/x/derivatives/y/z",
    ),
    *(
        "s3://data/HNU1/derivatives/m2g-csa-native/../x",
        "2026-02-30T12:00:00Z",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
    ),
    *(
        "2026-11-22T12:00:00+01:00",
        "2026-W47-7T12:00:00Z",
        "20261122T120000Z",
        "SUCCEEDED",
        "succeeded",
        "failed",
        "dwi",
    ),
    *(
        [],
        {},
        [None],
        [[]],
        [1],
        ["x"],
        {"": None},
        {"x": 1},
        {"x": {"y": [{}]}},
        [{}] * 60,
        {str(n): n for n in range(60)},
    ),
)


def mutations(value: Any, *, seed: int, count: int) -> Iterator[bytes]:
    """So many altered copies of a JSON object: by its structure, and every fifth by its bytes."""
    rng = random.Random(seed)
    places = list(_places(value))
    for number in range(count):
        if number % 5 == 4:
            yield _damaged(json.dumps(value).encode(), rng)
            continue
        changed = copy.deepcopy(value)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            _change(changed, rng.choice(places), rng)
        yield _encoded(changed, rng)


def _places(value: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield (*prefix, step)
        yield from _places(inner, (*prefix, step))


def _change(value: Any, place: tuple[Any, ...], rng: random.Random) -> None:
    *way, last = place
    try:
        for step in way:
            value = value[step]
        old = value[last]
    except (KeyError, IndexError, TypeError):
        old = value = None
    if not isinstance(value, dict | list):
        return  # an earlier change of this record took the place away
    kind = rng.randrange(10)
    if kind == 0:
        del value[last]
    elif kind == 1 and isinstance(value, dict):
        value[str(last).upper()] = value.pop(last)
    elif kind == 2 and isinstance(value, dict):
        value[last] = copy.deepcopy(rng.choice(list(value.values())))
    elif kind == 3 and isinstance(old, list) and old:
        value[last] = old * rng.choice((2, 3, 40))
    elif kind == 4 and isinstance(old, str):
        position = rng.randint(0, len(old))
        value[last] = (
            old[:position] + rng.choice(("/", "..", "\0", "\n", " ", "é", ";", "-", "9", ":")) + old[position:]
        )
    elif kind == 5 and type(old) in (int, float):
        value[last] = rng.choice((-old, old + 1, old * 10**9, float(old), str(old), [old]))
    elif kind == 6:
        value[last] = _RAW + rng.choice((*_TOKENS, _DEEP))
    else:
        value[last] = copy.deepcopy(rng.choice(_VALUES))


def _encoded(value: Any, rng: random.Random) -> bytes:
    text = json.dumps(value)
    for token in (*_TOKENS, _DEEP):
        text = text.replace(json.dumps(_RAW + token), token)
    if rng.randrange(12) == 0 and isinstance(value, dict) and value:
        name = rng.choice(list(value))
        text = f"{text[:-1]}, {json.dumps(name)}: {json.dumps(rng.choice(_VALUES))}}}"
    return text.encode()


def _damaged(data: bytes, rng: random.Random) -> bytes:
    kind, position = rng.randrange(8), rng.randrange(len(data))
    if kind == 0:
        return data[:position]
    if kind == 1:
        return rng.choice((b"\xef\xbb\xbf" + data, data.decode().encode("utf-16"), b"", b"null", b"[]", data + data))
    if kind == 2:
        return (
            data[:position]
            + rng.choice((b"\0", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"[" * 200_000))
            + data[position:]
        )
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 3))):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    return bytes(damaged)
