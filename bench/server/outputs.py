"""The outputs of finished scans: any key in a folder of derivatives that is a connectome or a QA picture.

A run of 10,000 scans has half a million of them, so a few different contents stand for all.
"""

from __future__ import annotations

import random
import zlib
from functools import cache
from io import BytesIO

_CONTENTS = 8
_NODES = 70
_EDGES = 2_100
_WIDTH, _HEIGHT = 500, 544


def content_of_output(key: str) -> bytes | None:
    """The content of an output, by its key; None where the key is of none."""
    number = zlib.crc32(key.encode()) % _CONTENTS
    if "/derivatives/" not in key:
        return None
    if key.endswith("_connectome.csv"):
        return _connectome(number)
    return _picture(number) if key.endswith(".png") else None


@cache
def _connectome(number: int) -> bytes:
    """An edge list of about 20 kB, as m2g writes it."""
    rng = random.Random(number)
    pairs = [(node, other) for node in range(1, _NODES + 1) for other in range(1, node)]
    pairs = sorted(rng.sample(pairs, _EDGES))
    return "".join(f"{node} {other} {int(rng.expovariate(1 / 300)) + 1}\n" for node, other in pairs).encode()


@cache
def _picture(number: int) -> bytes:
    """Nine slices of something with the texture of a brain: a PNG of about 150 kB."""
    import numpy as np
    from PIL import Image, ImageFilter

    rng = np.random.default_rng(number)
    sheet = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    tile_size = (_WIDTH // 3 - 10, _HEIGHT // 3 - 10)
    height, width = np.mgrid[-1 : 1 : tile_size[1] * 1j, -1 : 1 : tile_size[0] * 1j]
    for tile_number in range(9):
        noise = Image.fromarray(rng.integers(0, 255, (tile_size[1], tile_size[0]), dtype=np.uint8))
        texture = np.asarray(noise.filter(ImageFilter.GaussianBlur(3)), dtype=float)
        inside = (height / 0.9) ** 2 + (width / 0.75) ** 2 < 1
        grey = np.clip((texture - 128) * 9 + 120 + rng.normal(0, 2, texture.shape), 0, 255) * inside
        edge = np.abs((height / 0.8) ** 2 + (width / 0.65) ** 2 - 1) < 0.04
        colours = np.stack([grey, np.where(edge, 200, grey), grey], axis=-1).astype(np.uint8)
        row, column = divmod(tile_number, 3)
        sheet.paste(Image.fromarray(colours), (10 + column * (tile_size[0] + 10), 10 + row * (tile_size[1] + 10)))
    file = BytesIO()
    sheet.save(file, "png")
    return file.getvalue()
