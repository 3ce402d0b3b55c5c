"""`python -m opsctl.local.preview INPUT_DIR OUTPUT_DIR [options]`: the `m2g` of local jobs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# Before NumPy is imported: the local platform runs one job a core, and threads would compete for the cores.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

from opsctl.core.errors import Problem  # noqa: E402
from opsctl.core.runs.m2g_options import M2gOptions, Pipeline  # noqa: E402

from .arguments import Request, not_acted_on, parse  # noqa: E402
from .progress import ENDING, NOTICE, ProgressLog, software  # noqa: E402
from .staged import StagedScan, dwi_scans, func_scans  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the preview and return its exit code: 0 done, 1 refused or failed. argparse itself exits with 2."""
    request = parse(sys.argv[1:] if arguments is None else arguments)
    started = time.monotonic()
    log = ProgressLog()
    log.write(NOTICE)
    try:
        for pipeline in _pipelines(request.options):
            _run_pipeline(pipeline, request, log)
    except Problem as problem:
        # opsctl shows the last line as the cause.
        print(f"m2g (preview): {problem}", file=sys.stderr, flush=True)
        return problem.exit_code
    log.write(f"{ENDING} {time.monotonic() - started:.1f} s.")
    return 0


def _pipelines(options: M2gOptions) -> tuple[Pipeline, ...]:
    return ("dwi", "func") if options.pipeline == "both" else (options.pipeline,)


def _run_pipeline(pipeline: Pipeline, request: Request, log: ProgressLog) -> None:
    """Find the scans before importing the pipeline: DIPY takes a second to import, which a refusal does not need."""
    if pipeline == "dwi":
        scans = dwi_scans(request.input_dir, request.subjects, request.sessions)
        _announce(pipeline, len(scans), request, log)
        from . import dwi

        for dwi_scan in scans:
            dwi.run(dwi_scan, request.options, folder=_make_folder(dwi_scan, request, log), log=log)
    else:
        bold_scans = func_scans(request.input_dir, request.subjects, request.sessions)
        _announce(pipeline, len(bold_scans), request, log)
        from . import func

        for scan in bold_scans:
            func.run(scan, request.options, folder=_make_folder(scan, request, log), log=log)


def _announce(pipeline: Pipeline, scans: int, request: Request, log: ProgressLog) -> None:
    log.write(f"Pipeline {pipeline}: {scans} scan{'' if scans == 1 else 's'} to process, with {software()}.")
    ignored = not_acted_on(request, pipeline)
    if ignored:
        log.write("Accepted, but the preview does not act on: " + ", ".join(ignored) + ".")


def _make_folder(scan: StagedScan, request: Request, log: ProgressLog) -> Path:
    """Create the scan's output folder with the notice that must stand beside its outputs."""
    log.write(f"{scan.name}: starting.")
    folder = request.output_dir / scan.name
    folder.mkdir(parents=True, exist_ok=True)
    notice = f"{scan.name}\n{NOTICE}\nComputed with {software()}.\n"
    (folder / "PREVIEW.txt").write_text(notice, encoding="utf-8")
    return folder


if __name__ == "__main__":
    sys.exit(main())
