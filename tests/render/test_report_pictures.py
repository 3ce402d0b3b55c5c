"""The report's pictures: matrices with one colour scale, brains, plots, and QA pictures scaled down."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from support.golden import golden
from support.report_world import png, scene

from opsctl.commands.results.report_asset import Asset
from opsctl.core.atlases.atlas_node import AtlasNode
from opsctl.core.errors import Problem
from opsctl.render.report.brain import Brain
from opsctl.render.report.command_text import command_text
from opsctl.render.report.matrices import ColourScale, Edge
from opsctl.render.report.pictures import DecodedFile, ImageDecoder, draw_matrices, limit_size


def asset(kind: Any = "connectome", **changes: Any) -> Asset:
    return Asset(index=0, kind=kind, name="Desikan", uri="s3://data/x", size_bytes=1, **changes)


def drawn(*texts: str, **changes: Any) -> tuple[list[DecodedFile], list[ColourScale]]:
    assets = [replace(asset(**changes), index=index) for index in range(len(texts))]
    decoder = ImageDecoder(picture_count=1)
    decoded = {one: decoder.decode(one, text.encode()) for one, text in zip(assets, texts, strict=True)}
    files, scales = draw_matrices(decoded)
    return [file for file in files.values() if isinstance(file, DecodedFile)], scales


def matrix(text: str, **changes: Any) -> DecodedFile:
    return drawn(text, **changes)[0][0]


def size(image: DecodedFile) -> tuple[int, int]:
    assert image.matrix is not None
    return image.matrix.nodes, image.matrix.edges


def pixels(image: DecodedFile) -> Image.Image:
    assert image.picture is not None
    return Image.open(BytesIO(base64.b64decode(image.picture.uri.partition("base64,")[2]))).convert("RGB")


def test_a_matrix_has_a_pixel_for_each_pair() -> None:
    image = matrix("9,0,4\n0,9,1\n4,1,9\n")
    assert size(image) == (3, 2)
    picture = pixels(image)
    assert picture.size == (3, 3)
    dark, yellow = (0x44, 0x01, 0x54), (0xFD, 0xE7, 0x25)
    # The diagonal joins nothing, however large it is.
    assert picture.getpixel((0, 0)) == picture.getpixel((1, 0)) == dark
    assert picture.getpixel((2, 0)) == picture.getpixel((0, 2)) == yellow
    assert picture.getpixel((2, 1)) not in (dark, yellow)


@pytest.mark.parametrize("text", ["1 2 -0.5\n1 3 0.5\n2 3 nan\n1 4 0.1\n", "1 2 -0.25\n1 3 0.5\n2 3 nan\n1 4 0.1\n"])
def test_correlations_have_a_colour_for_each_sign(text: str) -> None:
    (image,), (scale,) = drawn(text, graph_kind="correlation")
    picture = pixels(image)
    red, _, blue = picture.getpixel((1, 0))  # type: ignore[misc]
    assert blue > red
    red, _, blue = picture.getpixel((2, 0))  # type: ignore[misc]
    assert red > blue
    # Both ends are as far from 0, which is white, whatever the smallest value is.
    for place in ((0, 0), (2, 1)):
        assert all(abs(value - 0xF7) <= 1 for value in picture.getpixel(place))  # type: ignore[union-attr]
    assert (scale.colours, [tick.label for tick in scale.ticks]) == ("diverging", ["-0.5", "0", "0.5"])


def test_correlations_that_are_all_positive_are_centred_on_0_too() -> None:
    text = "1 2 0.2\n1 3 0.5\n2 3 0.1\n"
    kinds: list[Any] = ["correlation", "absolute correlation", "streamlines"]
    scales = [scale for kind in kinds for scale in drawn(text, graph_kind=kind)[1]]
    assert [(scale.colours, scale.ticks[0].label, scale.is_log) for scale in scales] == [
        ("diverging", "-0.5", False),
        ("sequential", "0", False),
        ("sequential", "0", True),
    ]
    assert [scale.note for scale in scales] == [
        "correlation of two regions' signals, on a linear scale; white is 0",
        "absolute correlation of two regions' signals, on a linear scale",
        "streamlines between two regions, on a logarithmic scale",
    ]


def test_all_matrices_have_one_colour_scale() -> None:
    (weak, strong), (scale,) = drawn("0,9\n9,0\n", "0,4500\n4500,0\n", graph_kind="streamlines")
    assert [tick.label for tick in scale.ticks] == ["0", "10", "100", "1,000", "4,500"]
    yellow = (0xFD, 0xE7, 0x25)
    assert pixels(strong).getpixel((1, 0)) == yellow != pixels(weak).getpixel((1, 0))
    # Ten times as strong as another scan's is as far from it on the bar as in the matrix.
    assert scale.level(4500) == 1.0 and 0.2 < scale.level(9) < 0.3


def test_a_scale_of_one_value_or_none_has_its_ends() -> None:
    for text, labels in (("0,1\n1,0\n", ["0", "1"]), ("0,0\n0,0\n", ["0", "0"])):
        (image,), (scale,) = drawn(text, graph_kind="streamlines")
        assert [tick.label for tick in scale.ticks] == labels
        assert image.picture is not None


def test_a_region_without_an_edge_has_its_place_in_the_matrix() -> None:
    image = matrix("1 2 5.0\n2 4 1.0\n", graph_kind="streamlines", graph_nodes=5)
    assert size(image) == (3, 2) and image.matrix is not None and image.matrix.rows == 5
    assert pixels(image).size == (5, 5)
    empty = matrix("", graph_kind="streamlines", graph_nodes=5)
    assert size(empty) == (0, 0) and len(pixels(empty).getcolors() or []) == 1


def test_a_large_atlas_is_drawn_smaller() -> None:
    rows = [",".join("0" if row == column else "1" for column in range(450)) for row in range(450)]
    image = matrix("\n".join(rows))
    assert image.picture is not None and image.picture.width == 225


def test_the_more_pictures_the_smaller() -> None:
    widths = []
    for count in (1, 100, 300):
        image = ImageDecoder(picture_count=count).decode(asset("QA"), png(width=2400, height=1600))
        assert image.picture is not None
        widths.append(image.picture.width)
        assert pixels(image).size == (image.picture.width, image.picture.height)
    assert widths == [1200, 720, 384]


def test_the_page_has_a_largest_size() -> None:
    image = ImageDecoder(picture_count=1).decode(asset("QA"), png(width=400, height=300))
    assert image.picture is not None
    items = {replace(asset("QA"), index=index): image for index in range(5)}
    limited = limit_size(items, max_bytes=int(2.5 * len(image.picture.uri)))
    pictures = [picture for picture in limited.values() if isinstance(picture, DecodedFile)]
    assert [picture.picture is not None for picture in pictures] == [True, True, False, False, False]


def test_no_command_breaks_inside_an_option() -> None:
    whole = re.findall(
        r'<span class="whole">(.*?)</span>', command_text("opsctl run HNU1 --sp native --yes --model=csd")
    )
    assert whole == ["opsctl", "run", "HNU1", "--sp native", "--yes", "--model=csd"]
    # What fits into no line may break, but not its option.
    text = command_text(f"opsctl run --bucket s3://{'x' * 40} <b>")
    assert "<b>" not in text and '<span class="whole">--bucket</span> s3://xxx' in text


def test_the_strongest_edges_are_drawn_in_the_brain() -> None:
    page = scene(["DONE"], pictures=1).html()
    assert page.count('class="brain"') == 2 and page.count('<g id="brain">') == 1
    # 60 edges from three sides, in the sheet and in the scan's details.
    assert len(re.findall(r"M\d+ \d+L\d+ \d+", page)) == 2 * 3 * 60
    assert "The 60 strongest of 662 edges" in page
    # Where the order of the nodes is not known, none is drawn.
    shown = scene(["DONE"], pictures=1)
    bodies = {replace(one, graph_nodes=None): body for one, body in shown.bodies.items()}
    assert 'class="brain"' not in replace(shown, bodies=bodies).html()


def test_edges_lie_where_their_regions_are() -> None:
    def node(x: float, y: float, z: float) -> AtlasNode:
        return AtlasNode(label=1, region="", x_mm=x, y_mm=y, z_mm=z, voxels=1)

    brain = Brain([node(-50, 0, 0), node(50, 0, 0), node(0, 80, 0), node(0, -80, 60)])
    above, left, behind = brain.views
    # The left side is on the left from above and behind; the front is up from above, and on the left from the left.
    assert above.nodes[0][0] < above.nodes[1][0] and behind.nodes[0][0] < behind.nodes[1][0]
    assert above.nodes[2][1] < above.nodes[3][1] and left.nodes[2][0] < left.nodes[3][0]
    assert left.nodes[3][1] < left.nodes[2][1] and behind.nodes[3][1] < behind.nodes[2][1]
    edges = [Edge(row=0, column=1, weight=9.0), Edge(row=2, column=3, weight=-3.0)]
    thin, thick = brain.lines(edges)
    assert (thick.kind, thin.kind) == ("edge e3", "edge e2 below")
    x1, y1 = above.nodes[0]
    assert thick.path.startswith(f"M{x1} {y1}L") and thick.path.count("M") == 3


def test_no_picture_and_one_that_would_fill_the_memory_are_refused() -> None:
    file = BytesIO()
    Image.new("1", (9000, 9000)).save(file, "png")
    assert len(file.getvalue()) < 100_000
    messages = []
    for body in (b"", b"GIF89a", png(width=40, height=40)[:200], file.getvalue()):
        with pytest.raises(Problem) as caught:
            ImageDecoder(picture_count=1).decode(asset("QA"), body)
        messages.append(f"{caught.value}\n")
    golden("report.refused", "".join(messages))
