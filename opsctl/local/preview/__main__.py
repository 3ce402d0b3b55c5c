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

from opsctl.core.atlases.atlas import Atlas  # noqa: E402
from opsctl.core.errors import Problem  # noqa: E402

from . import atlases as atlas_choice  # noqa: E402
from .arguments import Pipeline, Request, not_acted_on, parse  # noqa: E402
from .m2g_error import M2gError  # noqa: E402
from .progress import ENDING, NOTICE, ProgressLog, software  # noqa: E402
from .staged import StagedScan, dwi_scans, func_scans  # noqa: E402

#: Optional packages of DIPY that the preview does without: tables, downloads, several processes, tests.
_UNUSED = ("boto3", "joblib", "pandas", "pytest")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the preview and return its exit code: 0 done, 1 refused or failed. argparse itself exits with 2."""
    request = parse(sys.argv[1:] if arguments is None else arguments)
    started = time.monotonic()
    log = ProgressLog()
    log.write(NOTICE)
    log.write("Beginning m2g ...")
    try:
        atlases = _choose_atlases(request, log)
        for pipeline in request.pipelines:
            _run_pipeline(pipeline, atlases, request, log)
    except M2gError as error:
        # As m2g fails: opsctl shows the last line as the cause.
        print(f"Traceback (most recent call last):\n{error}", file=sys.stderr, flush=True)
        return 1
    except Problem as problem:
        print(f"m2g (preview): {problem}", file=sys.stderr, flush=True)
        return problem.exit_code
    log.write(f"{ENDING} {time.monotonic() - started:.1f} s.")
    return 0


def _choose_atlases(request: Request, log: ProgressLog) -> list[Atlas]:
    if request.input_dir.is_dir():
        log.write(f"input directory location: {request.input_dir}.")
        log.write(f"Input directory contents: {sorted(path.name for path in request.input_dir.iterdir())}.")
    return atlas_choice.select(request.options.parcellation, request.options.voxelsize)


def _run_pipeline(pipeline: Pipeline, atlases: list[Atlas], request: Request, log: ProgressLog) -> None:
    """Find the scans before importing the pipeline: DIPY takes a second to import, which a refusal does not need."""
    if pipeline == "dwi":
        dwi_series = dwi_scans(request.input_dir, request.subjects, request.sessions)
        _announce(pipeline, len(dwi_series), request, log)
        from . import dwi

        for series in dwi_series:
            dwi.run(series, atlases, request.options, folder=_make_folder(series, request, log), log=log)
            _push(request, log)
    else:
        bold_series = func_scans(request.input_dir, request.subjects, request.sessions)
        _announce(pipeline, len(bold_series), request, log)
        from . import func

        for scan in bold_series:
            func.run(scan, atlases, request.options, folder=_make_folder(scan, request, log), log=log)
            _push(request, log)


def _announce(pipeline: Pipeline, scans: int, request: Request, log: ProgressLog) -> None:
    log.remark(f"pipeline {pipeline}: {scans} scan{'' if scans == 1 else 's'} to process, with {software()}.")
    ignored = not_acted_on(request.options, pipeline)
    if ignored:
        log.remark("accepted, but the preview does not act on: " + ", ".join(ignored) + ".")


def _make_folder(scan: StagedScan, request: Request, log: ProgressLog) -> Path:
    """Create the scan's output folder with the notice that must stand beside its outputs."""
    log.remark(f"{scan.name}: starting.")
    folder = request.output_dir / scan.name
    folder.mkdir(parents=True, exist_ok=True)
    notice = f"{scan.name}\n{NOTICE}\nComputed with {software()}.\n"
    (folder / "PREVIEW.txt").write_text(notice, encoding="utf-8")
    return folder


def _push(request: Request, log: ProgressLog) -> None:
    """Fail as m2g does in a job: it gets no credentials there.

    Raises
    ------
    M2gError
        `--push_location` was given.
    """
    location = request.options.push_location
    if location:
        log.write(f"Pushing to s3 at {location}.")
        raise M2gError("botocore.exceptions.NoCredentialsError", "Unable to locate credentials")


def _import_less() -> None:
    """Let DIPY go without packages that it imports where they are installed: a quarter of the preview's start."""
    for name in _UNUSED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]


if __name__ == "__main__":
    _import_less()
    sys.exit(main())
