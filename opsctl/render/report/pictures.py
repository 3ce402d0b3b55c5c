"""Pictures small enough to travel inside a page: a connectome's matrix, and m2g's QA pictures scaled down."""

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
from opsctl.core.errors import Problem
from opsctl.core.results.connectome import Connectome, parse_connectome

_MOST_MATRIX_PIXELS = 400
_THUMB_PIXELS = 96
_MATRIX_THUMB_PIXELS = 80
_QUALITY = 78
#: More than any of m2g's: what claims to be larger is not unpacked.
_MOST_PIXELS = 60_000_000

#: From no connection to the strongest (viridis), and from -1 by 0 to 1 (ColorBrewer's RdBu, reversed).
_COUNTS = ("#440154", "#482878", "#3e4a89", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6dcd59", "#b4de2c", "#fde725")
_SIGNED = ("#2166ac", "#67a9cf", "#d1e5f0", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """An image inside the page.

    Attributes
    ----------
    uri
        `data:image/…`.
    """

    uri: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class DecodedImage:
    """A file of a scan as the page shows it.

    Attributes
    ----------
    thumb, large
        None where only the numbers are shown; `large` also where the page would grow too large.
    nodes, edges
        Of a connectome.
    scale
        What the colours mean, in words.
    """

    thumb: Shown | None = None
    large: Shown | None = None
    nodes: int | None = None
    edges: int | None = None
    scale: str = ""


class ImageDecoder:
    """Makes the pictures of one report, the smaller the more there are.

    Parameters
    ----------
    picture_count
        How many QA pictures there will be.
    """

    def __init__(self, *, picture_count: int) -> None:
        self.longest_pixels = 1200 if picture_count <= 40 else 720 if picture_count <= 300 else 420

    def decode(self, wanted: Asset, body: bytes) -> DecodedImage:
        """Make what the page shows of a file.

        Raises
        ------
        Problem
            When it is no connectome, or no picture.
        """
        if wanted.kind == "connectome":
            return _connectome(parse_connectome(body.decode("utf-8", errors="replace")), is_pictured=wanted.is_pictured)
        return self._picture(body)

    def _picture(self, body: bytes) -> DecodedImage:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                image = Image.open(BytesIO(body), formats=["PNG"])
            if image.width * image.height > _MOST_PIXELS:
                raise Problem(f"The picture has {image.width:,} x {image.height:,} pixels: too many to show.")
            rgba = image.convert("RGBA")
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise Problem("The file is not a PNG picture that can be read.") from error
        # m2g's pictures are drawn for white paper.
        paper = Image.new("RGB", rgba.size, "white")
        paper.paste(rgba, mask=rgba)
        paper.thumbnail((self.longest_pixels, self.longest_pixels), Image.Resampling.LANCZOS, reducing_gap=3.0)
        large = _packed(paper, "webp", quality=_QUALITY, method=2)
        paper.thumbnail((_THUMB_PIXELS, _THUMB_PIXELS), Image.Resampling.LANCZOS)
        return DecodedImage(thumb=_packed(paper, "webp", quality=_QUALITY, method=2), large=large)


def within(
    developed: Mapping[Asset, DecodedImage | Problem], *, most_bytes: int
) -> dict[Asset, DecodedImage | Problem]:
    """The same, without the large pictures that would make the page too large; the first ones stay."""
    left = most_bytes
    kept = dict(developed)
    for wanted, made in developed.items():
        if isinstance(made, DecodedImage) and made.large is not None:
            left -= len(made.large.uri)
            if left < 0:
                kept[wanted] = replace(made, large=None)
    return kept


def _packed(image: Image.Image, kind: str, **options: Any) -> Shown:
    file = BytesIO()
    image.save(file, kind, **options)
    uri = f"data:image/{kind};base64,{b64encode(file.getvalue()).decode('ascii')}"
    return Shown(uri=uri, width=image.width, height=image.height)


def _connectome(connectome: Connectome, *, is_pictured: bool) -> DecodedImage:
    numbers = DecodedImage(nodes=connectome.nodes, edges=connectome.edges)
    if not is_pictured:
        return numbers
    matrix = np.nan_to_num(np.asarray(connectome.matrix, dtype=np.float64), posinf=0.0, neginf=0.0)
    np.fill_diagonal(matrix, 0.0)
    strongest = float(np.abs(matrix).max(initial=0.0))
    is_signed = bool((matrix < 0).any())
    if is_signed:
        levels = 127.5 + 127.5 * matrix / (strongest or 1.0)
        scale = f"blue {-strongest:.3g}, white 0, red {strongest:.3g}"
    else:
        # Streamline counts spread over decades: on a plain scale all but a few cells look empty.
        levels = 255 * np.log1p(matrix) / (np.log1p(strongest) or 1.0)
        scale = f"dark 0, yellow {strongest:,.5g}, logarithmic"
    palette = _palette(_SIGNED if is_signed else _COUNTS)
    return DecodedImage(
        thumb=_drawn(levels, palette, most_pixels=_MATRIX_THUMB_PIXELS),
        large=_drawn(levels, palette, most_pixels=_MOST_MATRIX_PIXELS),
        nodes=numbers.nodes,
        edges=numbers.edges,
        scale=scale,
    )


def _drawn(levels: NDArray[np.float64], palette: list[int], *, most_pixels: int) -> Shown:
    image = Image.fromarray(_joined(levels, most_pixels).round().astype(np.uint8))
    image.putpalette(palette)
    return _packed(image, "png", optimize=True)


def _joined(levels: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """A pixel for each pair of nodes; of more than `most` nodes one for some neighbours together, by their mean."""
    step = -(-len(levels) // most)
    if step <= 1:
        return levels
    short = -len(levels) % step
    padded = np.pad(levels, (0, short), mode="edge")
    side = len(padded) // step
    mean: NDArray[np.float64] = padded.reshape(side, step, side, step).mean(axis=(1, 3))
    return mean


def _palette(colours: tuple[str, ...]) -> list[int]:
    """256 colours between those given, as red, green, blue, red, …."""
    known = np.array([[int(one[place : place + 2], 16) for place in (1, 3, 5)] for one in colours])
    places = np.linspace(0, 255, len(colours))
    channels = [np.interp(np.arange(256), places, known[:, channel]) for channel in range(3)]
    return [round(float(value)) for colour in zip(*channels, strict=True) for value in colour]
