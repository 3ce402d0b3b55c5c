"""What `results` fetched."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.segment import Segment, Segments

from opsctl.commands.results.download_plan import status_command
from opsctl.core.harmless import harmless
from opsctl.core.results.connectome import MOST_NODES
from opsctl.core.results.formats.format_name import FOLDER
from opsctl.core.runs.scan_warnings import grouped_warnings
from opsctl.render.scan_warnings import warnings_text
from opsctl.render.screen import Screen, counted, size_text
from opsctl.render.typed_platform import TYPED

if TYPE_CHECKING:
    from opsctl.commands.results.download import Downloaded
    from opsctl.commands.results.download_plan import DownloadPlan
    from opsctl.commands.results.faults import Faults
    from opsctl.commands.results.formats.write_formats import FormatsWritten

_NOUNS = {"connectomes": "connectome", "qa": "QA file", "all": "file"}
#: With more, the summary would scroll away; `--json` has them all.
_MOST_FAULTS = 20


def show_files(screen: Screen, folder: Path, places: Sequence[str]) -> None:
    """Print the files' paths, for `--list`.

    Parameters
    ----------
    places
        The files' paths below the folder.
    """
    prefix = str(folder / "x")[:-1]
    # In one piece: Rich would take a millisecond for each line.
    screen.data.print(Segments([Segment("".join(f"{harmless(prefix + place)}\n" for place in places))]))


def show_summary(
    screen: Screen,
    plan: DownloadPlan,
    downloaded: Downloaded,
    *,
    table: Path | None,
    other_outputs: Sequence[str],
    is_data: bool,
) -> None:
    """Print what came and what is missing.

    Parameters
    ----------
    table
        The table of the connectomes; None where there is none.
    other_outputs
        The names of the dataset's other derivatives folders.
    is_data
        Whether it goes to standard output; otherwise to standard error, beside other data.
    """
    page = screen.data if is_data else screen.words
    for line in _lines(plan, downloaded, table=table, other_outputs=other_outputs):
        page.print(TYPED.platform.sentence(line))
    if warnings := warnings_text(grouped_warnings(plan.warnings)):
        screen.warn(f"{warnings}. `{_report_command(plan)}` shows their pictures and says why.")


def show_formats(screen: Screen, folder: Path, written: FormatsWritten, *, is_data: bool) -> None:
    """Print what `--format` wrote.

    Parameters
    ----------
    is_data
        Whether it goes to standard output; otherwise to standard error, beside other data.
    """
    page = screen.data if is_data else screen.words
    files, unchanged = len(written.places), len(written.places) - written.written
    news = f"{written.written:,} written, {unchanged:,} unchanged" if unchanged else f"{files:,} written"
    what = f"{counted(written.stacks, 'parcellation')} of up to {counted(written.scans, 'scan')}"
    page.print(f"{folder / FOLDER}: {', '.join(written.formats)}; {what}; {counted(files, 'file')} ({news})")
    if written.too_large:
        names, are = ", ".join(map(harmless, written.too_large)), "is" if len(written.too_large) == 1 else "are"
        screen.warn(f"{names} {are} in no format: a matrix has at most {MOST_NODES:,} regions.")
    if written.unplaced:
        screen.warn(
            f"Of the lost regions of {counted(written.unplaced, 'connectome')} only the number is known, and not which "
            "they are. Their rows have zeros, not NaN: the column lost_unplaced of scans.tsv counts them."
        )


def formats_json(folder: Path, written: FormatsWritten, faults: Faults) -> dict[str, Any]:
    """The output of `results --no-download --json`."""
    return {
        "schema_version": 1,
        "formats": written.as_json(folder),
        "failed": [problem.as_json()["error"] for problem in faults],
        "error": faults.summary().as_json()["error"] if faults else None,
    }


def show_faults(screen: Screen, faults: Faults) -> None:
    """Print which files did not come and why, if there are several: of one, the error says it."""
    problems = list(faults)
    if len(problems) < 2:
        return
    for problem in problems[:_MOST_FAULTS]:
        screen.say(f"- {problem.what}")
    if len(problems) > _MOST_FAULTS:
        screen.say(f"- and {len(problems) - _MOST_FAULTS:,} more (`--json` lists all)")


def _lines(
    plan: DownloadPlan, downloaded: Downloaded, *, table: Path | None, other_outputs: Sequence[str]
) -> list[str]:
    request, present = plan.request, downloaded.present
    what = request.what
    lines = []
    if request.dataset is not None:
        output_name = plan.run.output.rpartition("/")[2]
        lines.append(
            f"{request.dataset}, {output_name}: the best result of each scan, from {counted(len(plan.origins), 'run')}"
        )
        if other_outputs:
            lines.append(f"Other outputs of {request.dataset}, with --modif: {', '.join(other_outputs)}")
    scans = counted(len({item.index for item in present}), "scan")
    # Lists of lost regions come with the connectomes, and are not counted.
    files = [item for item in present if item.is_connectome or what != "connectomes"]
    size = size_text(sum(item.file.size_bytes for item in files))
    lines.append(
        f"{plan.folder}: {counted(len(files), _NOUNS[what])} of {scans}, {size}{_news(downloaded, len(files))}"
    )
    if table is not None:
        lines.append(f"{table} lists {_listed(downloaded)}.")
    if plan.missing:
        are = "is" if len(plan.missing) == 1 else "are"
        lines.append(
            f"{counted(len(plan.missing), 'scan')} {are} not done: `{status_command(request, plan.run)}` shows why."
        )
    return lines


def _news(downloaded: Downloaded, files: int) -> str:
    """How many of the files came, and how many were there."""
    fetched, earlier = downloaded.fetched, files - downloaded.fetched
    if not earlier:
        return ""
    return " (here already)" if not fetched else f" ({fetched:,} fetched, {earlier:,} here already)"


def _listed(downloaded: Downloaded) -> str:
    others = len(downloaded.unselected)
    if not others:
        return "them"
    return f"them and {counted(others, 'connectome')} of an earlier download"


def _report_command(plan: DownloadPlan) -> str:
    request = plan.request
    if request.dataset is None:
        return f"opsctl report{request.run_option}"
    output_name = shlex.quote(plan.run.output.rpartition("/")[2])
    return f"opsctl report --dataset {shlex.quote(request.dataset)} --modif {output_name}"
