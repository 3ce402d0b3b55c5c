"""The section "Can you trust them" of the report: what it says, and when."""

from __future__ import annotations

import html as markup
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support.browser import Browser, find_browser
from support.repeated_scans import repeated_correlations, repeated_scans, with_swapped_labels
from support.report_world import Scene, scene

from opsctl.core.preview import BANNER

SWAPPED = ("sub-0025428/ses-1", "sub-0025433/ses-2")


def shown(texts: Mapping[str, str], **changes: object) -> Scene:
    return scene(["DONE"] * len(texts), connectomes_of=texts, pictures=1, **changes)  # type: ignore[arg-type]


def section(page: str) -> str:
    """The section's markup."""
    return page.partition('class="trust">')[2].partition("</section>")[0]


def text(page: str) -> str:
    return " ".join(markup.unescape(re.sub(r"<[^>]+>", " ", section(page))).split())


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return repeated_scans()


@pytest.fixture(scope="module")
def page(texts: dict[str, str]) -> str:
    return shown(texts).html()


def test_it_says_how_reliable_the_scans_are_and_on_what_that_rests(page: str) -> None:
    said = text(page)
    assert re.search(
        r"Discriminability is 0\.9\d\d \(95 % interval 0\.\d{3} to (0\.\d{3}|1\.000)\) for Desikan: 24 scans of 12",
        said,
    )
    assert "need not be a right one" in said and "jackknife over the subjects" in said
    assert BANNER not in page and "preview's" not in said


def test_every_figure_has_its_axes_units_and_a_text_for_who_cannot_see_it(page: str) -> None:
    figures = re.findall(r'<figure class="chart.*?</figure>', section(page), re.DOTALL)
    assert len(figures) == 6
    assert all("<figcaption>" in figure and 'role="img" aria-label="' in figure for figure in figures)
    for unit in (
        "discriminability D (no unit)",
        "own D of a scan (no unit)",
        "distance between two scans (Frobenius, of the ranks of their edges)",
        "weight of an edge: streamlines, logarithmic scale",
        "edges of a scan, %",
        "streamlines between two regions, on a logarithmic scale",
    ):
        assert unit in text(page)


def test_every_mark_of_a_scan_opens_its_pictures(page: str, texts: dict[str, str]) -> None:
    links = re.findall(r'<a href="#(scan-\d+)">', section(page))
    # A dot and a line of each scan; those of the list a name too.
    assert {link: links.count(link) for link in links}.keys() == {f"scan-{index}" for index in range(24)}
    assert {links.count(link) for link in links} <= {2, 3}
    assert all(f'id="{link}"' in page for link in links)
    assert all(f"<title>{name}" in section(page) for name in texts)


def test_the_previews_outputs_only_show_that_the_steps_work(texts: dict[str, str]) -> None:
    page = shown(texts, is_local=True).html()
    assert BANNER in markup.unescape(page) and page.index('class="banner"') < page.index('class="trust"')
    assert "Here D only shows that every step from the scans to this figure works" in text(page)


def test_too_few_sessions_are_told_instead_of_empty_figures() -> None:
    texts = repeated_scans(subjects=5, sessions=1)
    said = text(shown(texts).html())
    needed = "Can you trust them? Reliability needs at least two subjects with two sessions each, and 0 of"
    assert said.startswith(f"{needed} 5 subjects have two sessions.")
    # What needs no repeated scan is drawn.
    assert "Distances between scans" in said and "The group's mean connectome" in said
    assert not any(word in said for word in ("own D", "interval", "Outlined", "nan"))
    one = text(shown(dict([*texts.items()][:1])).html())
    assert one.startswith(f"{needed} 1 subject have two sessions.") and "Edge weights" not in one


def test_two_subjects_have_no_interval() -> None:
    said = text(shown(repeated_scans(subjects=2)).html())
    assert "4 scans of 2 subjects" in said and "An interval needs 3 subjects with two scans each." in said
    assert "nan" not in said


def test_correlations_have_an_axis_from_minus_one_to_one() -> None:
    said = text(shown(repeated_correlations(nodes=70), kind="correlation").html())
    assert "weight of an edge: correlation" in said and "-1 -0.5 0 0.5 1" in said
    assert "correlation of two regions' signals, on a linear scale; white is 0" in said


def test_swapped_labels_lower_d_and_the_own_d_of_both(page: str, texts: dict[str, str]) -> None:
    swapped = shown(with_swapped_labels(texts, *SWAPPED)).html()

    def own(of_page: str) -> dict[str, float]:
        pairs = re.findall(r"<title>(sub-\S+): (\d\.\d+)</title>", section(of_page))
        return {name: float(value) for name, value in pairs}

    def whole(of_page: str) -> float:
        return float(re.findall(r"Discriminability is (\d\.\d+)", section(of_page))[0])

    assert whole(swapped) < whole(page)
    assert all(own(swapped)[name] < 0.8 < own(page)[name] for name in SWAPPED)
    # Both are in the list, one click from their pictures.
    listed = section(swapped).partition('<ol class="suspects">')[2]
    assert all(re.search(rf'<a href="#scan-\d+">{name}</a>: its label looks exchanged', listed) for name in SWAPPED)
    assert listed.count('aria-label="Pictures of sub-') == listed.count("<li>") <= 12
    assert section(swapped).count('class="dot marked"') == listed.count("<li>")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        pytest.skip("no Chromium here: the page is not looked at")
    browser = Browser(path, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


OUTSIDE = """[...document.querySelectorAll('.chart > svg')].flatMap(svg => {
    const frame = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text, circle, path, polyline')].filter(part => {
        const box = part.getBoundingClientRect();
        return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1
            || box.bottom > frame.bottom + 1;
    }).map(part => part.outerHTML);
})"""
OVERLAPPING = """[...document.querySelectorAll('.chart > svg:not(.brain)')].flatMap(svg => {
    const texts = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
    return texts.flatMap(([name, a], index) => texts.slice(index + 1).filter(([_, b]) =>
        a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3
    ).map(([other]) => `${name} and ${other}`));
})"""


@pytest.mark.parametrize("subjects", [12, 42])
def test_a_browser_shows_every_figure_whole(browser: Browser, tmp_path: Path, subjects: int) -> None:
    file = tmp_path / "run.html"
    file.write_text(shown(repeated_scans(subjects=subjects), is_local=True).html())
    for width in (390, 1280):
        browser.visit(file, width=width)
        assert browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
        assert browser.evaluate(OUTSIDE) == []
        assert browser.evaluate(OVERLAPPING) == []
        assert browser.console_messages == []
