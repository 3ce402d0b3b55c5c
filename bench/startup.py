"""How soon opsctl answers: help, completion, and the first word to AWS.

    python -m bench.startup [--quick] [--json FILE]

Every figure is of a new process, from its start; beside the wall's time stands the processor's, which a busy machine
stretches less. Help runs in turn with the same program that has imported everything
beforehand: all of opsctl's modules but the preview (which is m2g's stand-in, and runs in jobs only) and pybids.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from bench.rows import Row, spread

_HELP_BAR = 1 / 6
_COMPLETION_BAR_MS = 150
_FIRST_CALL_BAR_SECONDS = 0.5

_RUNS, _SCANS = 100, 10_000
_BUCKET = "data"

_PROGRAM = "import sys; sys.argv[0] = 'opsctl'; from opsctl.__main__ import main; main()"
_EAGER = f"""
import importlib, pkgutil, bids, opsctl
for one in pkgutil.walk_packages(opsctl.__path__, "opsctl."):
    if not one.name.startswith(("opsctl.local.preview", "opsctl.__main__")):
        importlib.import_module(one.name)
{_PROGRAM}
"""


def measure(*, quick: bool) -> list[Row]:
    """All rows."""
    runs = 5 if quick else 21
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _furnish(home)
        return [_help(runs, home), _completion(runs, home), _first_call(runs, home)]


def _help(runs: int, home: Path) -> Row:
    light, eager = [], []
    for _ in range(runs):
        light.append(_seconds(_PROGRAM, ["--help"], home)[0])
        eager.append(_seconds(_EAGER, ["--help"], home)[0])
    ratios = [one / other for one, other in zip(light, eager, strict=True)]
    return Row(
        what="`opsctl --help`, beside the same with everything imported",
        measured=spread([1000 * one for one in light], " ms", 0),
        beside=f"{spread(eager, ' s')}: {spread(ratios, '', 3)} of it",
        bar="at most 1/6 (0.167)",
        met=median(ratios) <= _HELP_BAR,
        runs={"seconds": light, "eager_seconds": eager, "ratios": ratios},
    )


def _completion(runs: int, home: Path) -> Row:
    words = f"opsctl logs --run {_run_id(_RUNS - 1)} sub-00"
    environment = {"_OPSCTL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "4"}
    found, spent, bare = [], [], []
    for _ in range(runs):
        wall, processor = _seconds(_PROGRAM, [], home, environment)
        found.append(wall)
        spent.append(processor)
        bare.append(_seconds("import click, typer", [], home)[0])
    return Row(
        what=f"Tab: {_SCANS // 10:,} of {_SCANS:,} scans of one of {_RUNS} runs",
        measured=spread([1000 * one for one in found], " ms", 0),
        beside=f"{spread([1000 * one for one in spent], ' ms', 0)} of the processor; "
        f"{spread([1000 * one for one in bare], ' ms', 0)} for Python, click and typer alone",
        bar=f"under {_COMPLETION_BAR_MS} ms",
        met=median(found) * 1000 < _COMPLETION_BAR_MS,
        runs={"seconds": found, "processor_seconds": spent, "bare_seconds": bare},
    )


def _first_call(runs: int, home: Path) -> Row:
    found, spent = [], []
    with _Listener() as listener:
        environment = {
            "AWS_ENDPOINT_URL": listener.url,
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_MAX_ATTEMPTS": "1",
        }
        for _ in range(runs):
            wall, processor = listener.until_asked(lambda: _start(_PROGRAM, ["status"], home, environment))
            found.append(wall)
            spent.append(processor)
    return Row(
        what="`opsctl status` of a platform that this machine knows: until its first call of AWS",
        measured=spread(found, " s"),
        beside=f"{spread(spent, ' s')} of the processor for the whole command",
        bar=f"at most {_FIRST_CALL_BAR_SECONDS} s",
        met=median(found) <= _FIRST_CALL_BAR_SECONDS,
        runs={"seconds": found, "processor_seconds": spent},
    )


def _seconds(code: str, words: list[str], home: Path, more: Mapping[str, str] | None = None) -> tuple[float, float]:
    """A process's time from its start to its end, by the wall's clock and by the processor's."""
    began = time.perf_counter()
    process = _start(code, words, home, more or {})
    processor = _end(process)
    wall = time.perf_counter() - began
    if process.returncode != 0:
        raise SystemExit(f"{words} ended with {process.returncode}")
    return wall, processor


def _end(process: subprocess.Popen[bytes]) -> float:
    """Wait for a process; returns the processor's time that it took."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime


def _start(code: str, words: list[str], home: Path, more: Mapping[str, str]) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OPSCTL_"))}
    nothing = str(home / "nothing")
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        env={
            **kept,
            "OPSCTL_HOME": str(home),
            "AWS_CONFIG_FILE": nothing,
            "AWS_SHARED_CREDENTIALS_FILE": nothing,
            **more,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


class _Listener:
    """Takes the first request of each process, says that there is nothing, and remembers when it came."""

    def __enter__(self) -> _Listener:
        asked = self._asked = threading.Event()
        moments = self._moments = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                moments.append(time.perf_counter())
                asked.set()
                self.send_error(403)

            do_PUT = do_GET  # noqa: N815  the server's own names
            do_POST = do_GET  # noqa: N815
            do_HEAD = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def until_asked(self, start: Callable[[], subprocess.Popen[bytes]]) -> tuple[float, float]:
        self._asked.clear()
        self._moments.clear()
        began = time.perf_counter()
        process = start()
        is_asked = self._asked.wait(60)
        processor = _end(process)
        if not is_asked:
            raise SystemExit(f"AWS was never called; exit code {process.returncode}")
        return self._moments[0] - began, processor


def _furnish(home: Path) -> None:
    """A home in which somebody has worked: a platform on AWS, runs, scans."""
    from opsctl.aws.cache import Cache
    from opsctl.core.platform import ModelResources, Platform
    from opsctl.home import Home

    resources = ModelResources(
        job_queue="q",
        compute_environment="e",
        job_definition="d:1",
        instance_type="r5.large",
        vcpus=2,
        memory_mib=15200,
        max_vcpus=512,
    )
    kept = Home(home)
    kept.keep(
        Platform(
            name="m2g",
            region="us-east-1",
            account_id="123456789012",
            data_bucket=_BUCKET,
            repository_url="r",
            image="i",
            log_group="g",
            spot=False,
            root_volume_gib=100,
            opsctl_version="0.1.0",
            models={"csd": resources, "csa": resources},
        )
    )
    cache = Cache(kept.cache)
    cache.note(_BUCKET, "runs", [_run_id(number) for number in range(_RUNS)])
    scans = [f"sub-{number // 10:04d}/ses-{number % 10}" for number in range(_SCANS)]
    cache.note(_BUCKET, f"scans/{_run_id(_RUNS - 1)}", scans)


def _run_id(number: int) -> str:
    return f"HNU1-20261120-{number:06d}-ab12"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    parser.add_argument("--json", type=Path, help="write every run's figures to this file")
    asked = parser.parse_args()
    rows = measure(quick=asked.quick)
    print("| what | opsctl | beside it | bar | met |\n|---|---|---|---|---|")
    for row in rows:
        print(f"| {row.what} | {row.measured} | {row.beside} | {row.bar} | {'yes' if row.met else 'NO'} |")
    if asked.json is not None:
        machine = {"cpus": os.cpu_count(), "python": sys.version.split()[0], "load": os.getloadavg()}
        asked.json.write_text(json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}, indent=1))


if __name__ == "__main__":
    main()
