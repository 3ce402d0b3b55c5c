"""A run as one HTML page that needs nothing else: no network, no scripts, no fonts, no files beside it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from opsctl.commands.results.report import MARK, Report
from opsctl.commands.results.report_assets import Asset, AssetSelection
from opsctl.core.costs.bill import NOT_INCLUDED
from opsctl.core.costs.estimate import about_text, usd_text
from opsctl.core.errors import Problem
from opsctl.render.report.pictures import DecodedImage, within
from opsctl.render.report.view import View
from opsctl.render.screen import counted, duration_text, harmless, size_text

#: All large pictures together; what opens in a second on a laptop.
_MOST_PICTURE_BYTES = 25_000_000
#: So many matrices are shown large, side by side.
_FEW = 12


def page(report: Report, choice: AssetSelection, developed: Mapping[Asset, DecodedImage | Problem]) -> str:
    """The whole report.

    Parameters
    ----------
    developed
        What became of the files of `choice`.
    """
    style = files(__package__).joinpath("style.css").read_text()
    # A page that may load nothing cannot send anything either: the browser itself holds it to that.
    digest = b64encode(sha256(style.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    template = _environment().get_template("page.html.j2")
    return template.render(
        not_included=NOT_INCLUDED,
        few=_FEW,
        view=View(report, choice, within(developed, most_bytes=_MOST_PICTURE_BYTES)),
        mark=MARK,
        policy=policy,
        style=style,
    )


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("opsctl.render", "report"),
        # Labels, causes and log words are other people's text: everything is escaped, and control characters dropped.
        autoescape=True,
        finalize=_plain,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "duration": duration_text,
        "size": size_text,
        "counted": counted,
        "usd": usd_text,
        "about": about_text,
        "moment": _moment,
        "hours": _hours,
    }
    return made


def _plain(value: Any) -> Any:
    return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _moment(text: str) -> str:
    """A time for people: to the minute, and of no other zone than the rest of the page."""
    return f"{text[:10]} {text[11:16]} UTC"


def _hours(value: float) -> str:
    """Of instances, summed."""
    return f"{value:,.1f} instance hours" if value >= 1 else f"{value * 60:.1f} instance minutes"
