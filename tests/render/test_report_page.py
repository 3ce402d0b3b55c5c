"""The report's page: what it says, what it never lets through, and how a real browser shows it."""

from __future__ import annotations

import base64
import hashlib
import html as markup
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from support.browser import Browser, find_browser
from support.golden import golden
from support.report_world import CAUSES, scene

from opsctl.commands.results.report import MARK, ReportSubject
from opsctl.core.preview import BANNER
from opsctl.core.runs.manifest import Origin
from opsctl.core.runs.result_record import ResultWarning
from opsctl.core.runs.status import State
from opsctl.render.report.pictures import ImageDecoder

HOSTILE = '<img src="https://evil.example/x.png" onerror="document.title=1"> \x1b[2J`rm`</style><script>'
MIXED = (["DONE"] * 8 + ["FAILED"] * 3) * 2 + ["RUNNING", "RUNNABLE"]


def text_of(page: str) -> str:
    """The page's text, a line for each block, table row and plot."""
    body = page.partition("<body>")[2].replace("\n", " ")
    body = re.sub(r"<svg class=.states.*?</svg>|<line [^>]*>|</?(?:a|b|code|i|span)\b[^>]*>", "", body)
    body = re.sub(r"<(?:/?(?:dd|td|th|text|title|circle)|/dt)\b[^>]*>", " ", body)
    blocks = [" ".join(markup.unescape(block).split()) for block in re.split(r"<[^>]+>", body)]
    return "".join(f"{block}\n" for block in blocks if block)


def test_every_kind_of_scan_is_told() -> None:
    states: list[Any] = ["DONE"] * 5 + ["FAILED"] * 3 + ["RUNNING", "RUNNABLE"]
    golden("report.mixed", text_of(scene(states, pictures=1).html()))
    golden("report.local", text_of(scene(["DONE"], is_local=True, pictures=1).html()))


def test_a_dataset_over_its_runs_is_told_as_one_page() -> None:
    shown = scene(["DONE", "FAILED"], pictures=1)
    run = replace(
        shown.report.run,
        run_id="HNU1-all-runs",
        sizes=(),
        adopted=(Origin("HNU1-20261101-100000-aaaa", 4), Origin(shown.report.run.run_id, 1)),
    )
    origins = (replace(shown.report.run, run_id="HNU1-20261101-100000-aaaa"), shown.report.run)
    subject = ReportSubject(run=run, dataset="HNU1", origins=origins)
    page = replace(shown, report=replace(shown.report, run=run, subject=subject)).html()
    text = text_of(page)
    assert text.splitlines()[1:3] == ["HNU1, m2g-csa-native", "1 of 2 scans done, 1 failed"]
    assert "2: of each the best result over all runs" in text
    assert all(f"Run {origin.run_id}" in text for origin in origins)
    # Commands about a scan name the run that it is from, others the dataset; no run is called as the page is.
    assert "opsctl logs sub-0001/ses-1 --run HNU1-20261101-100000-aaaa" in text
    assert "opsctl report --dataset HNU1 --modif m2g-csa-native --parcellation NAME" in text
    assert "all-runs" not in text
    assert subject.file_name == "HNU1-m2g-csa-native.html"


def test_cancelled_scans_have_not_failed() -> None:
    shown = scene(["DONE", "FAILED", "FAILED"], pictures=1)
    done, failed, ended = shown.report.status.scans
    ended = replace(ended, cause="cancelled by ada", cause_code="cancelled")
    page = replace(
        shown, report=replace(shown.report, status=replace(shown.report.status, scans=(done, failed, ended)))
    )
    text = text_of(page.html())
    assert text.splitlines()[2] == "1 of 3 scans done, 1 failed, 1 cancelled"
    assert "1 scan failed, for 1 cause" in text and "1 scan cancelled" in text
    assert "cancelled cancelled by ada" in text


def test_a_failure_has_the_end_of_its_log() -> None:
    shown = scene(["DONE", "FAILED"], pictures=1)
    page = shown.html()
    assert page.count("FATAL: no brain here") == 2 and "\x1b" not in page
    lines = "".join(f"line {number}\r{number}%\n" for number in range(100)) + "x" * 1000
    (log,) = [one for one in shown.bodies if one.kind == "log"]
    decoded = ImageDecoder(picture_count=1).decode(log, lines.encode())
    assert len(decoded.lines) == 20 and decoded.lines[0] == "81%" and len(decoded.lines[-1]) == 400


def test_a_page_of_the_previews_outputs_says_so_everywhere() -> None:
    page, plain = (scene(["DONE"], is_local=is_local, pictures=1).html() for is_local in (True, False))
    assert "<title>PREVIEW, not m2g: " in page
    assert f'<p class="banner">{BANNER}</p>' in markup.unescape(page)
    # The style draws the notice over each figure but the preview's own pictures, which have it in them.
    assert '<html lang="en" class="preview">' in page and page.count("<figure") > page.count('<figure class="qa"') > 0
    assert '.preview figure:not(.qa, .scale)::before { content: "PREVIEW, not m2g"' in page
    assert not any(word in plain for word in ("<title>PREVIEW", 'class="preview"', 'class="banner"'))


def test_a_page_with_scans_of_both_tells_the_previews_apart() -> None:
    """A dataset over runs, of which some had the preview in m2g's place."""
    shown = scene(["DONE", "DONE", "DONE"], pictures=1)
    keys = ("k@sha256:1", "k@preview:1", "k@sha256:1")
    run = replace(shown.report.run, sizes=(), adopted=(Origin("HNU1-20261120-170211-ab12", 0),) * 3, keys=keys)
    page = markup.unescape(replace(shown, report=replace(shown.report, run=run)).html())
    assert '<p class="banner">PREVIEW: 1 scan of 3 is from opsctl' in page
    assert "<title>partly PREVIEW, not m2g: " in page
    assert "m2g: 2 scans, median" in page and "<b>preview</b>" in page


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
    plain = re.sub(r'<span class="whole">|</span>', "", page)
    assert "https://" not in re.sub(r"&lt;img src=&#34;https://evil.example/x.png", "", plain)
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
    assert section.index('<code><span class="whole">--skull</span></code>') < section.index(
        'aria-label="Skull strip of sub-0002/ses-1"'
    )
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


def test_what_is_no_picture_is_told_at_its_scan() -> None:
    shown = scene(["DONE"], pictures=1)
    golden("report.unreadable", text_of(replace(shown, bodies=dict.fromkeys(shown.bodies, b"GIF89a")).html()))


def test_each_picture_is_in_the_page_once() -> None:
    shown = scene(["DONE"] * 20 + ["FAILED"], warnings={3: (LOST,)}, pictures=21)
    page = shown.html()
    embedded = re.findall(r'<image id="(p\d+)"[^>]* href="(data:image/[^"]+)"', page)
    pictures = [one for one in shown.bodies if one.kind != "log"]
    # And the figures: the distances and the group's mean.
    assert len(embedded) == len(set(embedded)) == len(pictures) == page.count("data:image/") - 2
    assert set(re.findall(r'<use href="#(p\d+)"', page)) == {name for name, _ in embedded}


def test_the_size_of_a_scan_is_bounded() -> None:
    # Both pages have so many pictures that each is scaled the most.
    few, many = (len(scene(["DONE"] * count, pictures=4, nodes=120).html()) for count in (130, 210))
    assert (many - few) / 80 < 33_000


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
