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
#: The steps of a matrix's colours: the eye sees no more, and the file is smaller. The middle one is 0 in correlations.
_STEPS = 64
_QUALITY = 60
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
    picture
        None if the file cannot be shown, or the page would grow too large.
    nodes, edges
        Counts of a connectome.
    rows
        Rows and columns of its matrix.
    """

    picture: EmbeddedImage | None = None
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
        self.longest_pixels = 1200 if picture_count <= 40 else 720 if picture_count <= 120 else 384

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
            return _connectome(connectome, kind=asset.graph_kind)
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
            paper = _on_paper(image)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise Problem("The file is not a PNG picture that can be read.", code=ErrorCode.FILE_UNREADABLE) from error
        paper.thumbnail((self.longest_pixels, self.longest_pixels), Image.Resampling.LANCZOS, reducing_gap=2.0)
        return DecodedImage(picture=_encode(paper, "webp", quality=_QUALITY, method=1))


def _on_paper(image: Image.Image) -> Image.Image:
    """A picture on white: m2g's have a transparent background and are drawn for paper."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    paper = Image.new("RGB", rgba.size, "white")
    paper.paste(rgba, mask=rgba)
    return paper


def limit_size(
    images: Mapping[Asset, DecodedImage | Problem], *, max_bytes: int
) -> dict[Asset, DecodedImage | Problem]:
    """Drop pictures beyond a total size; the first ones stay."""
    bytes_left = max_bytes
    limited = dict(images)
    for asset, image in images.items():
        if isinstance(image, DecodedImage) and image.picture is not None:
            bytes_left -= len(image.picture.uri)
            if bytes_left < 0:
                limited[asset] = replace(image, picture=None)
    return limited


def _encode(image: Image.Image, kind: str, **options: Any) -> EmbeddedImage:
    file = BytesIO()
    image.save(file, kind, **options)
    uri = f"data:image/{kind};base64,{b64encode(file.getvalue()).decode('ascii')}"
    return EmbeddedImage(uri=uri, width=image.width, height=image.height)


#: In a constant, as every text with blanks that is compared.
_ABSOLUTE: GraphKind = "absolute correlation"


def _connectome(connectome: Connectome, *, kind: GraphKind | None) -> DecodedImage:
    weights = np.asarray(connectome.matrix, dtype=np.float64)
    np.fill_diagonal(weights, 0.0)
    # As `Connectome.size` counts them, which takes a hundred times as long.
    joins = (weights != 0) & ~np.isnan(weights)
    joins |= joins.T
    matrix = np.nan_to_num(weights, posinf=0.0, neginf=0.0)
    strongest = float(np.abs(matrix).max(initial=0.0))
    colours, low, high = "sequential", "0", f"{strongest:.3g}"
    if kind == "correlation" or (matrix < 0).any():
        # The same colour range on both sides, so that 0 is white.
        colours, low = "diverging", f"-{strongest:.3g}"
        levels = 0.5 + 0.5 * matrix / (strongest or 1.0)
        note = "correlation, white: 0"
    elif kind == _ABSOLUTE:
        levels = matrix / (strongest or 1.0)
        note = "absolute correlation"
    else:
        # Streamline counts spread over decades: on a plain scale all but a few cells look empty.
        levels = np.log1p(matrix) / (np.log1p(strongest) or 1.0)
        high = f"{strongest:,.5g}"
        note = "streamlines, logarithmic" if kind == "streamlines" else "weight, logarithmic"
    palette = _palette(COLOURS[colours])
    return DecodedImage(
        picture=_draw(levels, palette),
        nodes=int(joins.any(axis=1).sum()),
        edges=int(joins.sum()) // 2,
        rows=len(weights),
        legend=Legend(colours=colours, low=low, high=high, note=note),
    )


def _draw(levels: NDArray[np.float64], palette: list[int]) -> EmbeddedImage:
    image = Image.fromarray((_downsample(levels, _MATRIX_PIXELS) * _STEPS).round().astype(np.uint8))
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
    """Interpolate the colours of all steps, as a flat list of red, green, blue, red, …."""
    given = np.array([[int(colour[start : start + 2], 16) for start in (1, 3, 5)] for colour in colours])
    positions = np.linspace(0, _STEPS, len(colours))
    channels = [np.interp(np.arange(_STEPS + 1), positions, given[:, channel]) for channel in range(3)]
    return [round(float(value)) for colour in zip(*channels, strict=True) for value in colour]
