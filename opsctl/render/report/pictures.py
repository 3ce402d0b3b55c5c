"""Pictures small enough to embed in a page: a connectome's matrix, and m2g's QA pictures scaled down."""

from __future__ import annotations

import warnings
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from opsctl.commands.results.report_assets import Asset
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.results.connectome import Connectome, parse_connectome
from opsctl.core.runs.result import GraphKind

_MATRIX_PIXELS = 400
_THUMB_PIXELS = 96
_MATRIX_THUMB_PIXELS = 80
_QUALITY = 78
#: More pixels than any picture of m2g has; larger ones are not decoded.
_MAX_PIXELS = 60_000_000

#: Colour maps, from the lowest value to the highest: for weights without a sign (viridis), and for values on both sides
#: of 0 (ColorBrewer's RdBu, reversed).
COLOURS: Mapping[str, tuple[str, ...]] = {
    "sequential": (
        *("#440154", "#482878", "#3e4a89", "#31688e", "#26828e"),
        *("#1f9e89", "#35b779", "#6dcd59", "#b4de2c", "#fde725"),
    ),
    "diverging": ("#2166ac", "#67a9cf", "#d1e5f0", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b"),
}


@dataclass(frozen=True, kw_only=True)
class EmbeddedImage:
    """An image as a data URI.

    Attributes
    ----------
    uri
        `data:image/…`.
    """

    uri: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Legend:
    """What the colours of a matrix mean.

    Attributes
    ----------
    colours
        A name in `COLOURS`.
    low, high
        The values of its first and its last colour.
    note
        What the values are.
    """

    colours: str
    low: str
    high: str
    note: str


@dataclass(frozen=True, kw_only=True)
class DecodedImage:
    """What the page shows of a scan's file.

    Attributes
    ----------
    thumb, large
        None if only the numbers are shown; `large` also if the page would grow too large.
    nodes, edges
        Counts of a connectome.
    rows
        Rows and columns of its matrix.
    """

    thumb: EmbeddedImage | None = None
    large: EmbeddedImage | None = None
    nodes: int | None = None
    edges: int | None = None
    rows: int | None = None
    legend: Legend | None = None


class ImageDecoder:
    """Decodes the files of one report. The more QA pictures, the smaller each is scaled.

    Parameters
    ----------
    picture_count
        Number of QA pictures in the report.
    """

    def __init__(self, *, picture_count: int) -> None:
        self.longest_pixels = 1200 if picture_count <= 40 else 720 if picture_count <= 300 else 420

    def decode(self, asset: Asset, body: bytes) -> DecodedImage:
        """Decode a file.

        Raises
        ------
        Problem
            If it is not a connectome or a PNG picture.
        """
        if asset.kind == "connectome":
            text = body.decode("utf-8", errors="replace")
            connectome = parse_connectome(text, nodes=asset.graph_nodes)
            return _connectome(connectome, kind=asset.graph_kind, is_pictured=asset.is_pictured)
        return self._picture(body)

    def _picture(self, body: bytes) -> DecodedImage:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                image = Image.open(BytesIO(body), formats=["PNG"])
            if image.width * image.height > _MAX_PIXELS:
                raise Problem(
                    f"The picture has {image.width:,} x {image.height:,} pixels: too many to show.",
                    code=ErrorCode.FILE_UNREADABLE,
                )
            rgba = image.convert("RGBA")
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise Problem("The file is not a PNG picture that can be read.", code=ErrorCode.FILE_UNREADABLE) from error
        # m2g's pictures have a transparent background and are drawn for white paper.
        paper = Image.new("RGB", rgba.size, "white")
        paper.paste(rgba, mask=rgba)
        paper.thumbnail((self.longest_pixels, self.longest_pixels), Image.Resampling.LANCZOS, reducing_gap=3.0)
        large = _encode(paper, "webp", quality=_QUALITY, method=2)
        paper.thumbnail((_THUMB_PIXELS, _THUMB_PIXELS), Image.Resampling.LANCZOS)
        return DecodedImage(thumb=_encode(paper, "webp", quality=_QUALITY, method=2), large=large)


def limit_size(
    images: Mapping[Asset, DecodedImage | Problem], *, max_bytes: int
) -> dict[Asset, DecodedImage | Problem]:
    """Drop large pictures beyond a total size; the first ones stay."""
    bytes_left = max_bytes
    limited = dict(images)
    for asset, image in images.items():
        if isinstance(image, DecodedImage) and image.large is not None:
            bytes_left -= len(image.large.uri)
            if bytes_left < 0:
                limited[asset] = replace(image, large=None)
    return limited


def _encode(image: Image.Image, kind: str, **options: Any) -> EmbeddedImage:
    file = BytesIO()
    image.save(file, kind, **options)
    uri = f"data:image/{kind};base64,{b64encode(file.getvalue()).decode('ascii')}"
    return EmbeddedImage(uri=uri, width=image.width, height=image.height)


def _connectome(connectome: Connectome, *, kind: GraphKind | None, is_pictured: bool) -> DecodedImage:
    size = connectome.size
    numbers = DecodedImage(nodes=size.nodes, edges=size.edges, rows=len(connectome.matrix))
    if not is_pictured:
        return numbers
    matrix = np.nan_to_num(np.asarray(connectome.matrix, dtype=np.float64), posinf=0.0, neginf=0.0)
    np.fill_diagonal(matrix, 0.0)
    strongest = float(np.abs(matrix).max(initial=0.0))
    colours, low, high = "sequential", "0", f"{strongest:.3g}"
    if kind == "correlation" or (matrix < 0).any():
        # The same colour range on both sides, so that 0 is white.
        colours, low = "diverging", f"-{strongest:.3g}"
        levels = 127.5 + 127.5 * matrix / (strongest or 1.0)
        note = "correlation, white: 0"
    elif kind == "absolute correlation":
        levels = 255 * matrix / (strongest or 1.0)
        note = "absolute correlation"
    else:
        # Streamline counts spread over decades: on a plain scale all but a few cells look empty.
        levels = 255 * np.log1p(matrix) / (np.log1p(strongest) or 1.0)
        high = f"{strongest:,.5g}"
        note = "streamlines, logarithmic" if kind == "streamlines" else "weight, logarithmic"
    palette = _palette(COLOURS[colours])
    return replace(
        numbers,
        thumb=_draw(levels, palette, max_pixels=_MATRIX_THUMB_PIXELS),
        large=_draw(levels, palette, max_pixels=_MATRIX_PIXELS),
        legend=Legend(colours=colours, low=low, high=high, note=note),
    )


def _draw(levels: NDArray[np.float64], palette: list[int], *, max_pixels: int) -> EmbeddedImage:
    image = Image.fromarray(_downsample(levels, max_pixels).round().astype(np.uint8))
    image.putpalette(palette)
    return _encode(image, "png", optimize=True)


def _downsample(levels: NDArray[np.float64], max_pixels: int) -> NDArray[np.float64]:
    """A pixel for each pair of nodes; beyond `max_pixels` nodes, neighbouring ones share a pixel with their mean."""
    step = -(-len(levels) // max_pixels)
    if step <= 1:
        return levels
    missing = -len(levels) % step
    padded = np.pad(levels, (0, missing), mode="edge")
    side = len(padded) // step
    mean: NDArray[np.float64] = padded.reshape(side, step, side, step).mean(axis=(1, 3))
    return mean


def _palette(colours: tuple[str, ...]) -> list[int]:
    """Interpolate 256 colours, as a flat list of red, green, blue, red, …."""
    given = np.array([[int(colour[start : start + 2], 16) for start in (1, 3, 5)] for colour in colours])
    positions = np.linspace(0, 255, len(colours))
    channels = [np.interp(np.arange(256), positions, given[:, channel]) for channel in range(3)]
    return [round(float(value)) for colour in zip(*channels, strict=True) for value in colour]
