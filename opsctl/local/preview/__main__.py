"""`python -m opsctl.local.preview INPUT_DIR OUTPUT_DIR [options]`: what a local job finds as `m2g`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# Before NumPy is imported: the local platform runs two jobs on two cores, and threads would only fight.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

from opsctl.core.errors import Problem  # noqa: E402
from opsctl.core.runs.m2g_options import M2gOptions, Pipeline  # noqa: E402

from .arguments import Request, not_acted_on, parse  # noqa: E402
from .journal import ENDING, NOTICE, Journal, software  # noqa: E402
from .staged import StagedScan, dwi_scans, func_scans  # noqa: E402


def main(words: Sequence[str] | None = None) -> int:
    """Run the preview and return its exit code: 0 done, 1 refused or failed. argparse itself ends with 2."""
    request = parse(sys.argv[1:] if words is None else words)
    started = time.monotonic()
    journal = Journal()
    journal.say(NOTICE)
    try:
        for pipeline in _pipelines(request.options):
            _run_pipeline(pipeline, request, journal)
    except Problem as problem:
        # The last line is what opsctl shows as the cause.
        print(f"m2g (preview): {problem}", file=sys.stderr, flush=True)
        return problem.exit_code
    journal.say(f"{ENDING} {time.monotonic() - started:.1f} s.")
    return 0


def _pipelines(options: M2gOptions) -> tuple[Pipeline, ...]:
    return ("dwi", "func") if options.pipeline == "both" else (options.pipeline,)


def _run_pipeline(pipeline: Pipeline, request: Request, journal: Journal) -> None:
    """Find the scans, then import what computes them: a refusal takes a tenth of a second, DIPY alone a whole one."""
    if pipeline == "dwi":
        diffusion = dwi_scans(request.input_dir, request.subjects, request.sessions)
        _introduce(pipeline, len(diffusion), request, journal)
        from . import dwi

        for dwi_scan in diffusion:
            dwi.run(dwi_scan, request.options, folder=_folder(dwi_scan, request, journal), journal=journal)
    else:
        functional = func_scans(request.input_dir, request.subjects, request.sessions)
        _introduce(pipeline, len(functional), request, journal)
        from . import func

        for scan in functional:
            func.run(scan, request.options, folder=_folder(scan, request, journal), journal=journal)


def _introduce(pipeline: Pipeline, scans: int, request: Request, journal: Journal) -> None:
    journal.say(f"Pipeline {pipeline}: {scans} scan{'' if scans == 1 else 's'} to process, with {software()}.")
    ignored = not_acted_on(request, pipeline)
    if ignored:
        journal.say("Accepted, but the preview does not act on: " + ", ".join(ignored) + ".")


def _folder(scan: StagedScan, request: Request, journal: Journal) -> Path:
    """Make the scan's output folder, with the notice that must lie beside its outputs."""
    journal.say(f"{scan.name}: starting.")
    folder = request.output_dir / scan.name
    folder.mkdir(parents=True, exist_ok=True)
    notice = f"{scan.name}\n{NOTICE}\nComputed with {software()}.\n"
    (folder / "PREVIEW.txt").write_text(notice, encoding="utf-8")
    return folder


if __name__ == "__main__":
    sys.exit(main())
