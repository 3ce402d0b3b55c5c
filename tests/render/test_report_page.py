"""The report's page: what it says, what it never lets through, and how a real browser shows it."""

from __future__ import annotations

import base64
import hashlib
import html as markup
import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image
from support.browser import Browser, find_browser
from support.golden import golden
from support.report_world import CAUSES, png, scene

from opsctl.commands.results.report import MARK
from opsctl.commands.results.report_assets import Asset
from opsctl.core.errors import Problem
from opsctl.core.preview import BANNER
from opsctl.core.runs.result import ResultWarning
from opsctl.core.runs.status import State
from opsctl.render.report.matrices import ColourScale
from opsctl.render.report.pictures import DecodedFile, ImageDecoder, draw_matrices, limit_size
from opsctl.render.report.plots import HEIGHT, WIDTH, distribution

HOSTILE = '<img src="https://evil.example/x.png" onerror="document.title=1"> \x1b[2J`rm`</style><script>'
MIXED = (["DONE"] * 8 + ["FAILED"] * 3) * 2 + ["RUNNING", "RUNNABLE"]


def text_of(page: str) -> str:
    """The page's text, a line for each block, table row and plot."""
    body = page.partition("<body>")[2].replace("\n", " ")
    body = re.sub(r"<svg class=.states.*?</svg>|<line [^>]*>|</?(?:a|b|code|i|span)\b[^>]*>", "", body)
    body = re.sub(r"<(?:/?(?:dd|td|th|text|title|circle)|/dt)\b[^>]*>", " ", body)
    blocks = [" ".join(markup.unescape(block).split()) for block in re.split(r"<[^>]+>", body)]
    return "".join(f"{block}\n" for block in blocks if block)


@pytest.mark.parametrize("count", [2, 10, 300, 3000])
@pytest.mark.parametrize("is_time", [True, False])
def test_each_value_is_one_mark(count: int, is_time: bool) -> None:
    values = [3600.0 + (index * 7919) % 900 for index in range(count)]
    drawing = distribution(values, is_time=is_time)
    assert len(drawing.dots) + sum(bar.count for bar in drawing.bars) == count
    assert bool(drawing.dots) == (count <= 60)
    assert 2 <= len(drawing.ticks) <= 8
    for x in [*(dot.x for dot in drawing.dots), *(tick.x for tick in drawing.ticks), *(bar.x for bar in drawing.bars)]:
        assert 0 <= x <= WIDTH
    assert all(bar.height >= 2 and bar.y >= 0 for bar in drawing.bars)
    assert all(0 <= dot.y <= HEIGHT for dot in drawing.dots)
    assert values[drawing.lowest] == min(values) and values[drawing.highest] == max(values)


@pytest.mark.parametrize("values", [[0.0], [5.0], [0.0, 0.0], [7.0] * 400, [0.001, 0.002], [1.0, 100000.0], [2.0, 3.0]])
@pytest.mark.parametrize("is_time", [True, False])
def test_odd_distributions_have_a_place(values: list[float], is_time: bool) -> None:
    drawing = distribution(values, is_time=is_time)
    assert len(drawing.dots) + sum(bar.count for bar in drawing.bars) == len(values)
    assert 0 <= drawing.median_x <= WIDTH
    labels = [tick.label for tick in drawing.ticks]
    assert len(set(labels)) == len(labels) > 1
    assert is_time or all(re.fullmatch(r"[\d,]+", label) for label in labels)


def test_one_scan_among_thousands_is_to_be_seen() -> None:
    drawing = distribution([3600.0] * 2999 + [9000.0], is_time=True)
    assert [(bar.count, bar.height >= 2) for bar in drawing.bars] == [(2999, True), (1, True)]


def test_dots_lie_beside_each_other() -> None:
    drawing = distribution([float(index * index % 53) for index in range(60)], is_time=False)
    for dot, other in itertools.combinations(drawing.dots, 2):
        assert abs(dot.x - other.x) + abs(dot.y - other.y) >= 2 * dot.radius - 0.1


def test_every_kind_of_scan_is_told() -> None:
    states: list[Any] = ["DONE"] * 5 + ["FAILED"] * 3 + ["RUNNING", "RUNNABLE"]
    golden("report.mixed", text_of(scene(states, pictures=1).html()))
    golden("report.local", text_of(scene(["DONE"], is_local=True, pictures=1).html()))


def test_a_page_of_the_previews_outputs_says_so_everywhere() -> None:
    page, plain = (scene(["DONE"], is_local=is_local, pictures=1).html() for is_local in (True, False))
    assert "<title>PREVIEW, not m2g: " in page
    assert f'<p class="banner">{BANNER}</p>' in markup.unescape(page)
    # The style draws the notice over each figure but the preview's own pictures, which have it in them.
    assert '<html lang="en" class="preview">' in page and page.count("<figure") > page.count('<figure class="qa"') > 0
    assert '.preview figure:not(.qa, .scale)::before { content: "PREVIEW, not m2g"' in page
    assert not any(word in plain for word in ("<title>PREVIEW", 'class="preview"', 'class="banner"'))


def test_the_failures_come_first() -> None:
    page = scene(MIXED).html()
    assert page.index('id="failures"') < page.index('id="durations"')
    codes = ["gradient_counts_differ", "out_of_memory", "image_truncated"]
    assert sorted(re.findall(r'data-cause="(\w+)"', page)) == sorted(codes)
    assert page.index('id="scan-8"') < page.index('id="scan-22"') < page.index('id="scan-0"')
    assert all(page.count(f'id="scan-{index}"') == 1 for index in range(24))


def test_the_headline_says_how_it_stands() -> None:
    headlines = []
    for states in ("DONE", "DONE DONE DONE", "FAILED FAILED FAILED", "RUNNABLE RUNNABLE RUNNING", "FAILED RUNNING"):
        page = scene(cast("list[State]", states.split()), pictures=1).html()
        assert ('id="durations"' in page) == ("DONE" in states)
        headlines.append(f"{states}: {text_of(page).splitlines()[2]}\n")
    golden("report.headlines", "".join(headlines))


def test_scans_that_were_never_submitted_are_no_failures() -> None:
    shown = scene(["DONE", "FAILED"], pictures=1)
    done, failed = shown.report.status.scans
    lost = replace(
        failed, is_submitted=False, cause="not submitted: the submission was cut short", cause_code="never_submitted"
    )
    status = replace(shown.report.status, scans=(done, lost))
    page = replace(shown, report=replace(shown.report, status=status)).html()
    assert 'id="failures"' not in page
    golden("report.unsubmitted", text_of(page))


def test_nothing_that_others_wrote_becomes_markup() -> None:
    shown = scene(["DONE", "FAILED"], cause=HOSTILE, name="sub-<b>{:02d}", pictures=1)
    run = replace(shown.report.run, command_line=("opsctl", HOSTILE), image=HOSTILE, created_by=HOSTILE)
    page = replace(shown, report=replace(shown.report, run=run)).html()
    tags = set(re.findall(r"<([a-z0-9]+)", page.partition("<body>")[2]))
    assert not tags & {"script", "b1", "iframe", "link", "object"}
    assert page.count("<script") == 0 and page.count("</style>") == 1
    assert "https://" not in re.sub(r"&lt;img src=&#34;https://evil.example/x.png", "", page)
    assert "\x1b" not in page
    assert "sub-<b>01" in markup.unescape(page) and "sub-<b>01" not in page


def test_the_page_may_load_nothing() -> None:
    page = scene(["DONE"], pictures=1).html()
    policy = markup.unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1])  # type: ignore[index]
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.split("; ")[:3] == ["default-src 'none'", "img-src data:", f"style-src 'sha256-{digest}'"]
    assert page.encode().index(MARK.encode()) < 500
    assert not re.search(r"<[^>]+ style=", page)
    assert set(re.findall(r'(?:src|href)="([^:#"]*[:#])', page)) <= {"data:", "#"}


FEW = ResultWarning(code="few_edges", atlas="A", text="A: the connectome has 3 edges; `--skull` may help.")
LOST = replace(FEW, code="regions_lost", text=f"B: 9 regions are lost. {HOSTILE}")


def test_scans_to_look_at_have_their_reason_and_the_skull_strip() -> None:
    page = scene(["DONE", "DONE", "FAILED"], pictures=1, warnings={1: (FEW, LOST)}).html()
    assert page.index('id="failures"') < page.index('id="looks"') < page.index('id="durations"')
    section = page[page.index('id="looks"') : page.index('id="durations"')]
    assert "sub-0002/ses-1" in section and "sub-0001/ses-1" not in section
    assert section.index("<code>--skull</code>") < section.index('aria-label="Skull strip of sub-0002/ses-1"')
    assert "2 of 3 scans done, 1 failed; 1 to look at" in page and "<use" not in text_of(section)
    golden("report.looks", text_of(f"<body><h2 {section.rpartition('<h2')[0].rpartition('<section')[0]}"))
    assert 'id="looks"' not in scene(["DONE"], pictures=1).html()


def test_many_scans_to_look_at_stay_readable() -> None:
    page = scene(["DONE"] * 15, pictures=1, warnings=dict.fromkeys(range(15), (FEW,))).html()
    section = page[page.index('id="looks"') : page.index('id="durations"')]
    assert section.count('aria-label="Skull strip') == 12 and "and 3 more" in section


def test_a_functional_run_is_told_as_one() -> None:
    page = scene(["DONE"] * 2, pictures=1, kind="correlation", nodes=20).html()
    assert "pairs with a correlation" in page and "the same in all scans" in page
    assert "correlation of two regions&#39; signals, on a linear scale; white is 0" in page
    assert 'fill="url(#colours-diverging)"' in page and 'fill="url(#colours-sequential)"' not in page
    assert "streamlines" not in text_of(page)


def test_a_figure_without_measure_has_no_plot() -> None:
    shown = scene(["DONE"] * 2, pictures=1)
    results = {index: replace(result, peak_disk_mib=0) for index, result in shown.report.results.items()}
    page = replace(shown, report=replace(shown.report, results=results)).html()
    peaks = page[page.index('id="peaks"') : page.index('id="graphs"')]
    assert ("<b>memory</b>" in peaks, "<b>disk</b>" in peaks) == (True, False)
    assert "disk at most" not in page


def test_what_is_left_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsctl.render.report._MAX_PICTURE_BYTES", 1)
    shown = scene(["DONE"], pictures=1)
    choice = replace(shown.choice, left_out=("70 more pictures",))
    golden("report.left_out", text_of(replace(shown, choice=choice).html()))


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
    assert [tick.label for tick in scale.ticks] == ["0", "10", "100", "4,500"]
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


def test_what_is_no_picture_is_told_at_its_scan() -> None:
    shown = scene(["DONE"], pictures=1)
    golden("report.unreadable", text_of(replace(shown, bodies=dict.fromkeys(shown.bodies, b"GIF89a")).html()))


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


def test_each_picture_is_in_the_page_once() -> None:
    shown = scene(["DONE"] * 20 + ["FAILED"], warnings={3: (LOST,)}, pictures=21)
    page = shown.html()
    embedded = re.findall(r'<image id="(p\d+)"[^>]* href="(data:image/[^"]+)"', page)
    pictures = [one for one in shown.bodies if one.kind != "log"]
    assert len(embedded) == len(set(embedded)) == len(pictures) == page.count("data:image/")
    assert set(re.findall(r'<use href="#(p\d+)"', page)) == {name for name, _ in embedded}


def test_the_size_of_a_scan_is_bounded() -> None:
    few, many = (len(scene(["DONE"] * count, pictures=4, nodes=120).html()) for count in (150, 300))
    assert (many - few) / 150 < 33_000


def test_three_thousand_scans_stay_usable() -> None:
    shown = scene(["DONE"] * 2990 + ["FAILED"] * 10)
    page = replace(shown, bodies={}).html()
    assert page.count('class="scan"') == 3000
    # The first 200 and those that failed have details.
    assert page.count('class="more"') == 210
    assert "Done, without pictures: 2,790" in page
    assert len(page) < 1_500_000


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        pytest.skip("no Chromium here: the page is not looked at")
    browser = Browser(path, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with all there is in it, hostile words too."""
    mixed = scene(MIXED, is_local=True, warnings={0: (LOST,), 12: (FEW, LOST)})
    long = HOSTILE + "x" * 300
    scans = tuple(
        replace(scan, cause=scan.cause.replace(CAUSES[2].message, long)) for scan in mixed.report.status.scans
    )
    report = replace(mixed.report, status=replace(mixed.report.status, scans=scans))
    path = tmp_path_factory.mktemp("report") / "run.html"
    path.write_text(replace(mixed, report=report).html())
    return path


OPEN_ALL = "document.querySelectorAll('details').forEach(one => { one.open = true; })"
LOADED = """(async () => {
    const images = [...document.querySelectorAll('image')];
    const natural = await Promise.all(images.map(async image => {
        const copy = new Image();
        copy.src = image.href.baseVal;
        await copy.decode();
        return copy.naturalWidth;
    }));
    return images.map((image, index) =>
        [natural[index], image.getBoundingClientRect().width, image.closest('svg').getAttribute('aria-label')]);
})()"""


@pytest.mark.parametrize("width", [1200, 400])
def test_a_browser_loads_it_without_a_request_or_a_complaint(browser: Browser, file: Path, width: int) -> None:
    browser.visit(file, width=width)
    assert browser.evaluate("document.title").startswith("PREVIEW, not m2g: HNU1-20261120-170211-ab12: 16 of 24")
    browser.evaluate(OPEN_ALL)
    images = browser.evaluate(LOADED)
    assert len(images) > 30
    assert all(natural > 0 and shown > 0 and alt for natural, shown, alt in images)
    assert [url for url in browser.requests if not url.startswith("data:image/")] == [file.as_uri()]
    assert browser.console_messages == []


def test_a_browser_holds_the_page_to_its_policy(browser: Browser, file: Path) -> None:
    """That the test above would notice: what is loaded nevertheless is refused, and complained of."""
    other = file.with_name("other.html")
    other.write_text(file.read_text().replace("<main>", '<main><img src="http://127.0.0.1:9/x.png"><script>1</script>'))
    browser.visit(other)
    assert len(browser.console_messages) >= 2


@pytest.mark.parametrize("width", [400, 1200])
def test_nothing_is_wider_than_the_screen(browser: Browser, file: Path, width: int) -> None:
    browser.visit(file, width=width)
    for step in ("1", OPEN_ALL):
        browser.evaluate(step)
        assert browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
        wide = browser.evaluate(
            "[...document.querySelectorAll('body *')].filter(one => !one.closest('svg, thead')).filter(one =>"
            " one.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(one => one.outerHTML)"
        )
        assert wide == []
    # On a telephone a scan's name has a line of its own.
    assert (browser.evaluate("document.querySelector('.scan th').offsetWidth") > 0.9 * (width - 60)) == (width == 400)


def test_every_scan_and_every_mark_is_to_be_seen(browser: Browser, file: Path) -> None:
    browser.visit(file)
    names = browser.evaluate(
        "[...document.querySelectorAll('.scan th')].filter(one => one.offsetHeight).map(one => one.innerText)"
    )
    assert sorted(names) == [f"sub-{index:04d}/ses-1" for index in range(1, 25)]
    marks = browser.evaluate(
        "[...document.querySelectorAll('.plot')].map(plot => [...plot.querySelectorAll('.mark')]"
        ".filter(one => one.getBoundingClientRect().width > 1).length)"
    )
    assert marks == [16] * 6
    labels = browser.evaluate(
        "[...document.querySelectorAll('.plot svg')].every(svg => [...svg.querySelectorAll('text')].every(text => {"
        " const [in_, out] = [text.getBoundingClientRect(), svg.getBoundingClientRect()];"
        " return in_.left >= out.left - 1 && in_.right <= out.right + 1; }))"
    )
    assert labels is True


def test_a_name_opens_pictures_that_are_really_drawn(browser: Browser, file: Path) -> None:
    browser.visit(file)
    hidden = browser.evaluate("document.querySelector('#scan-0 .large').getBoundingClientRect().height")
    browser.evaluate("document.querySelector('#scan-0 summary').click()")
    browser.evaluate(LOADED)
    assert hidden == 0
    colours = {colour for _, colour in browser.picture_of("#scan-0 .large.grid").getcolors(1 << 20) or []}
    assert len(colours) > 30 and (0x44, 0x01, 0x54) in colours
    assert len(browser.picture_of("#scan-0 .large:not(.grid)").getcolors(1 << 20) or []) > 200


def test_dark_is_dark_and_light_is_light(browser: Browser, file: Path) -> None:
    for is_dark in (False, True):
        browser.visit(file, is_dark=is_dark)
        red, green, blue = browser.picture_of(".headline").getpixel((2, 2))  # type: ignore[misc]
        assert (red + green + blue < 120) == is_dark
