"""Renders a run as one self-contained HTML page: no network, no scripts, no fonts, no further files."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from opsctl.commands.results.report import MARK, Report
from opsctl.commands.results.report_asset import Asset
from opsctl.commands.results.report_assets import AssetSelection
from opsctl.commands.results.report_reliability import Comparison
from opsctl.core.atlases.atlas import name_of
from opsctl.core.atlases.atlas_node import AtlasNode
from opsctl.core.costs.bill import NOT_INCLUDED
from opsctl.core.costs.estimate import about_text, usd_text
from opsctl.core.errors import Problem
from opsctl.core.harmless import harmless
from opsctl.core.simulation.run_course import RunCourse
from opsctl.render.report.command_text import advised, command_text
from opsctl.render.report.matrices import COLOURS
from opsctl.render.report.pictures import DecodedFile, draw_matrices, limit_size
from opsctl.render.report.view import View
from opsctl.render.screen import counted, duration_text, size_text

#: Limit for all pictures together: such a page opens in a second on a laptop.
_MAX_PICTURE_BYTES = 14_000_000
#: Up to so many matrices are shown large, side by side.
_FEW = 12


def page(
    report: Report,
    choice: AssetSelection,
    files_of_scans: Mapping[Asset, DecodedFile | Problem],
    *,
    nodes: Sequence[AtlasNode] | None = None,
    comparison: Comparison | None = None,
    course: RunCourse | None = None,
) -> Iterator[str]:
    """The whole page, in parts.

    Parameters
    ----------
    files_of_scans
        The decoded files of `choice`, or why one could not be decoded.
    nodes
        The regions of the pictured atlas in the order of its nodes; None where they are not known.
    comparison
        The section "Can you trust them"; None leaves it out.
    course
        The section "Scans done over time"; None leaves it out.
    """
    drawn, scales = draw_matrices(files_of_scans)
    style = files(__package__).joinpath("style.css").read_text()
    # A page that may load nothing cannot send data either; the browser enforces this.
    digest = b64encode(sha256(style.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    template = _environment().get_template("page.html.j2")
    return template.generate(
        not_included=NOT_INCLUDED,
        few=_FEW,
        colours=COLOURS,
        view=View(
            report,
            choice,
            limit_size(drawn, max_bytes=_MAX_PICTURE_BYTES),
            scales=scales,
            nodes=nodes,
            comparison=comparison,
            course=course,
        ),
        mark=MARK,
        policy=policy,
        style=style,
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("opsctl.render", "report"),
        # Labels, causes and log lines may hold any text: escape everything, and drop control characters.
        autoescape=True,
        finalize=_plain,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "duration": duration_text,
        "size": size_text,
        "counted": counted,
        "usd": usd_text,
        "atlas": name_of,
        "command": advised,
        "typed": command_text,
        "about": about_text,
        "moment": _moment,
        "hours": _hours,
    }
    return environment


def _plain(value: Any) -> Any:
    return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _moment(text: str) -> str:
    """A UTC time to the minute."""
    return f"{text[:10]} {text[11:16]} UTC"


def _hours(value: float) -> str:
    """Instance hours, or minutes below one hour."""
    return f"{value:,.1f} instance hours" if value >= 1 else f"{value * 60:.1f} instance minutes"
