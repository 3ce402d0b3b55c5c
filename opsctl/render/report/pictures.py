"""The files of a report as the page shows them: connectomes, m2g's QA pictures scaled down, the ends of logs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO

from PIL import Image

from opsctl.commands.results.report_asset import Asset
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.results.graph_text import GraphText
from opsctl.render.report.embedded_image import EmbeddedImage, embedded
from opsctl.render.report.matrices import ColourScale, Matrix, colour_scales, matrix_of_weights, scale_key

#: As sharp as 60 with WebP's efforts 1 and 2, which take a third more time and twice as long.
_QUALITY, _EFFORT = 57, 0
#: More pixels than any picture of m2g has; larger ones are not decoded.
_MAX_PIXELS = 60_000_000
#: The end of a failed attempt's log, as `opsctl logs --failed` shows it.
_LOG_LINES = 20
_LONGEST_LINE = 400


@dataclass(frozen=True, kw_only=True)
class DecodedFile:
    """What the page shows of a scan's file.

    Attributes
    ----------
    picture
        None if the file cannot be shown, or the page would grow too large.
    matrix
        Of a connectome.
    lines
        Of a log.
    """

    picture: EmbeddedImage | None = None
    matrix: Matrix | None = None
    lines: tuple[str, ...] = ()


class ImageDecoder:
    """Decodes the files of one report. The more QA pictures, the smaller each is scaled.

    Parameters
    ----------
    picture_count
        Number of QA pictures in the report.
    """

    def __init__(self, *, picture_count: int) -> None:
        self.longest_pixels = 1200 if picture_count <= 40 else 720 if picture_count <= 120 else 384

    def decode(self, asset: Asset, body: bytes | GraphText) -> DecodedFile:
        """Decode a file; `draw_matrices` draws the connectomes when all are decoded.

        Parameters
        ----------
        body
            A connectome's may have been read as text.

        Raises
        ------
        Problem
            If it is not a connectome or a PNG picture.
        """
        if asset.kind == "connectome" or isinstance(body, GraphText):
            graph = body if isinstance(body, GraphText) else GraphText(body.decode("utf-8", errors="replace"))
            return DecodedFile(matrix=matrix_of_weights(graph.matrix(nodes=asset.graph_nodes), kind=asset.graph_kind))
        if asset.kind == "log":
            return DecodedFile(lines=_last_lines(body.decode("utf-8", errors="replace")))
        return self._picture(body)

    def _picture(self, body: bytes) -> DecodedFile:
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
        paper.thumbnail((self.longest_pixels, self.longest_pixels), Image.Resampling.HAMMING, reducing_gap=2.0)
        return DecodedFile(picture=embedded(paper, "webp", quality=_QUALITY, method=_EFFORT))


def _on_paper(image: Image.Image) -> Image.Image:
    """A picture on white: m2g's have a transparent background and are drawn for paper."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    paper = Image.new("RGB", rgba.size, "white")
    paper.paste(rgba, mask=rgba)
    return paper


def limit_size(images: Mapping[Asset, DecodedFile | Problem], *, max_bytes: int) -> dict[Asset, DecodedFile | Problem]:
    """Drop pictures beyond a total size; the first ones stay."""
    bytes_left = max_bytes
    limited = dict(images)
    for asset, image in images.items():
        if isinstance(image, DecodedFile) and image.picture is not None:
            bytes_left -= len(image.picture.uri)
            if bytes_left < 0:
                limited[asset] = replace(image, picture=None)
    return limited


def draw_matrices(
    files: Mapping[Asset, DecodedFile | Problem],
) -> tuple[dict[Asset, DecodedFile | Problem], list[ColourScale]]:
    """Draw the connectomes, those of one kind with one colour scale; also returns the scales."""
    matrices = [file.matrix for file in files.values() if isinstance(file, DecodedFile) and file.matrix is not None]
    scales = colour_scales(matrices)
    drawn = dict(files)
    for asset, file in files.items():
        if isinstance(file, DecodedFile) and file.matrix is not None:
            drawn[asset] = replace(file, picture=scales[scale_key(file.matrix)].draw(file.matrix))
    return drawn, list(scales.values())


def _last_lines(text: str) -> tuple[str, ...]:
    """The last lines of a log; of a line that a program has written over the last state."""
    lines = [line.rstrip().rpartition("\r")[2] for line in text.replace("\r\n", "\n").split("\n")]
    ending = [line for line in lines if line.strip()][-_LOG_LINES:]
    return tuple(line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…" for line in ending)
