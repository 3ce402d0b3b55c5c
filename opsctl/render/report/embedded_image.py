"""An image inside the page."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image


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


def embedded(image: Image.Image, kind: str, **options: Any) -> EmbeddedImage:
    """An image in a format of Pillow's, as a data URI."""
    file = BytesIO()
    image.save(file, kind, **options)
    uri = f"data:image/{kind};base64,{b64encode(file.getvalue()).decode('ascii')}"
    return EmbeddedImage(uri=uri, width=image.width, height=image.height)
