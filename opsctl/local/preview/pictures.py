"""Quality-control pictures: slices of volumes, and a graph's matrix. Each says that it is a preview's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .connectome import Edges

CAPTION = "PREVIEW by opsctl, not m2g"

#: m2g's cuts through a volume, as shares of each axis.
_CUTS = (0.35, 0.51, 0.65)
_TILE_PIXELS = 150
_MARGIN_PIXELS = 10
_MATRIX_PIXELS = 560
_GREEN, _MAGENTA, _BLUE = (0, 150, 60), (200, 0, 160), (40, 90, 220)
#: Seven points of the colour map viridis.
_VIRIDIS = np.array(
    [(68, 1, 84), (70, 50, 126), (54, 92, 141), (39, 127, 142), (31, 161, 135), (94, 201, 98), (253, 231, 37)]
)


def draw_slices(path: Path, base: NDArray[Any], overlay: NDArray[Any], *, title: str) -> None:
    """Draw nine slices of a volume in grey with another one over it.

    Parameters
    ----------
    base, overlay
        Volumes of one shape. Where the overlay is not 0 it is drawn: labels (integers) in a colour each, all else in
        green by its strength.
    """
    is_labels = np.issubdtype(overlay.dtype, np.integer)
    brightest, strongest = _high(base), _high(overlay)
    tiles = []
    for plane, over in zip(_planes(base), _planes(overlay), strict=True):
        grey = np.repeat(np.clip(plane / brightest, 0, 1)[..., None] * 255, 3, axis=-1)
        share = np.where(over > 0, 0.55, 0) if is_labels else 0.6 * np.clip(over / strongest, 0, 1)
        colour = _label_colours(over) if is_labels else np.array(_GREEN)
        tiles.append(grey * (1 - share[..., None]) + colour * share[..., None])
    _save_tiles(path, tiles, title=title)


def draw_tissues(
    path: Path, csf: NDArray[Any], grey_matter: NDArray[Any], white_matter: NDArray[Any], *, title: str
) -> None:
    """Draw nine slices with the three tissues in m2g's colours."""
    tiles = [np.full((*plane.shape, 3), 255.0) for plane in _planes(csf)]
    for tissue, colour in ((csf, _BLUE), (grey_matter, _MAGENTA), (white_matter, _GREEN)):
        for tile, plane in zip(tiles, _planes(tissue), strict=True):
            tile[plane > 0] = colour
    _save_tiles(path, tiles, title=f"{title}: blue is CSF, magenta grey matter, green white matter")


def draw_graph(path: Path, edges: Edges, *, nodes: int, title: str) -> None:
    """Draw a graph's matrix, the weights on a logarithmic scale; with many nodes, several share a pixel."""
    side = min(nodes, _MATRIX_PIXELS)
    matrix = np.zeros((side, side))
    rows, columns = ((places - 1) * side // nodes for places in (edges.first, edges.second))
    np.maximum.at(matrix, (rows, columns), edges.weights)
    matrix = np.maximum(matrix, matrix.T)
    strongest = float(matrix.max(initial=0.0))
    shares = np.log1p(matrix) / (np.log1p(strongest) or 1.0) * (len(_VIRIDIS) - 1)
    channels = [np.interp(shares, range(len(_VIRIDIS)), _VIRIDIS[:, channel]) for channel in range(3)]
    image = Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))
    image = image.resize((_MATRIX_PIXELS, _MATRIX_PIXELS), Image.Resampling.NEAREST)
    legend = f"{nodes} nodes, {len(edges)} edges; dark 0, yellow {strongest:,.0f} streamlines, logarithmic"
    _save(path, image, (title, legend))


def draw_carpet(path: Path, rows: NDArray[Any], *, title: str) -> None:
    """Draw a matrix in grey, stretched to a square."""
    grey = np.clip(rows / _high(rows), 0, 1) * 255
    image = Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    _save(path, image.resize((_MATRIX_PIXELS, _MATRIX_PIXELS // 2), Image.Resampling.BILINEAR), (title,))


def _planes(volume: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield nine slices: three along each axis."""
    for axis, size in enumerate(volume.shape):
        for cut in _CUTS:
            yield np.rot90(np.take(volume, int(size * cut), axis=axis))


def _save_tiles(path: Path, tiles: Sequence[NDArray[Any]], *, title: str) -> None:
    """Save nine slices as a square: an axis of the volume in each row, as in m2g's pictures."""
    step = _TILE_PIXELS + _MARGIN_PIXELS
    sheet = Image.new("RGB", (3 * step + _MARGIN_PIXELS, 3 * step + _MARGIN_PIXELS), "white")
    for number, colours in enumerate(tiles):
        tile = Image.fromarray(colours.astype(np.uint8))
        scale = _TILE_PIXELS / max(tile.size)
        size = (max(1, round(tile.width * scale)), max(1, round(tile.height * scale)))
        tile = tile.resize(size, Image.Resampling.NEAREST)
        row, column = divmod(number, len(_CUTS))
        sheet.paste(tile, (_MARGIN_PIXELS + column * step, _MARGIN_PIXELS + row * step))
    _save(path, sheet, (title,))


def _save(path: Path, image: Image.Image, lines: Sequence[str]) -> None:
    """Save a picture below the notice that it is not m2g's, with lines of text under it."""
    head = 26
    page = Image.new("RGB", (image.width, head + image.height + 18 * len(lines) + 4), "white")
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, page.width, head - 2), fill=(255, 214, 102))
    draw.text((8, 5), CAPTION, fill="black", font=_font(13))
    page.paste(image, (0, head))
    for number, line in enumerate(lines):
        # Names of scans may be long: a smaller font, down to one that can still be read.
        fonts = [_font(size) for size in (12, 11, 10, 9, 8)]
        fitting = (font for font in fonts if draw.textlength(line, font) < page.width - 16)
        draw.text((8, head + image.height + 18 * number), line, fill="black", font=next(fitting, fonts[-1]))
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path, compress_level=1)


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _high(volume: NDArray[Any]) -> float:
    """The value of full brightness: the brightest two per cent would darken all else."""
    return float(np.percentile(volume.astype(np.float32), 98)) or float(volume.max(initial=0)) or 1.0


def _label_colours(labels: NDArray[Any]) -> NDArray[np.float64]:
    """A colour for each label, the same each time, neighbours in number far apart."""
    hues = (np.asarray(labels, dtype=np.float64) * 0.6180339887) % 1
    return np.stack([127.5 + 127.5 * np.cos(2 * np.pi * (hues + shift)) for shift in (0, 1 / 3, 2 / 3)], axis=-1)
