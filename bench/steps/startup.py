"""The time from the start of a process to help, completion, and the first request to AWS."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.platform import platform_of
from bench.row import Row, absolute_row, ratio_row, time_in_turn
from opsctl.aws.clients import NO_KEY
from opsctl.aws.s3.cache import Cache
from opsctl.home import Home

_HELP_BAR = 1 / 6
_COMPLETION_BAR_SECONDS = 0.1
_FIRST_CALL_BAR_SECONDS = 0.25

_RUNS, _SCANS = 100, 10_000
_BUCKET = "data"

_PROGRAM = "import sys; sys.argv[0] = 'opsctl'; from opsctl.__main__ import main; main()"
# Imports pybids and all modules of opsctl except the preview, which runs in jobs only.
_EAGER = f"""
import importlib, pkgutil, bids, opsctl
for module in pkgutil.walk_packages(opsctl.__path__, "opsctl."):
    if not module.name.startswith(("opsctl.local.preview", "opsctl.__main__")):
        importlib.import_module(module.name)
{_PROGRAM}
"""


def measure(*, quick: bool) -> list[Row]:
    """Measure with a home folder that has a platform, runs and scans."""
    runs = 3 if quick else 11
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _fill_home(home)
        return [_help(runs, home), _completion(runs, home), _first_call(runs, home)]


def _help(runs: int, home: Path) -> Row:
    ours, plain = time_in_turn(runs, lambda: _run(_PROGRAM, ["--help"], home), lambda: _run(_EAGER, ["--help"], home))
    return ratio_row("opsctl --help", ours=ours, plain=plain, bar=_HELP_BAR, note="plain: everything imported first")


def _completion(runs: int, home: Path) -> Row:
    command_line = f"opsctl logs --run {_run_id(_RUNS - 1)} sub-00"
    environment = {"_OPSCTL_COMPLETE": "complete_bash", "COMP_WORDS": command_line, "COMP_CWORD": "4"}
    (seconds,) = time_in_turn(runs, lambda: _run(_PROGRAM, [], home, environment))
    note = f"{_SCANS // 10:,} of {_SCANS:,} scans of one of {_RUNS} runs"
    return absolute_row("the Tab key", ours=seconds, bar=_COMPLETION_BAR_SECONDS, note=note)


def _first_call(runs: int, home: Path) -> Row:
    with _Listener() as listener:
        environment = {**NO_KEY, "AWS_ENDPOINT_URL": listener.url, "AWS_MAX_ATTEMPTS": "1"}
        seconds = [
            listener.seconds_until_request(lambda: _start(_PROGRAM, ["status"], home, environment)) for _ in range(runs)
        ]
    note = "from the start of the process; the platform is known to this machine"
    return absolute_row("opsctl status, its first call", ours=seconds, bar=_FIRST_CALL_BAR_SECONDS, note=note)


def _run(code: str, arguments: list[str], home: Path, variables: Mapping[str, str] | None = None) -> None:
    process = _start(code, arguments, home, variables or {})
    if process.wait() != 0:
        raise SystemExit(f"{arguments} ended with {process.returncode}")


def _start(code: str, arguments: list[str], home: Path, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OPSCTL_"))}
    missing = str(home / "nothing")
    own = {"OPSCTL_HOME": str(home), "OPSCTL_CONFIG": os.devnull, "AWS_CONFIG_FILE": missing}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env={**inherited, **own, "AWS_SHARED_CREDENTIALS_FILE": missing, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


class _Listener:
    """A server that refuses every request with 403 and remembers when each came."""

    def __enter__(self) -> _Listener:
        received = self._received = threading.Event()
        times: list[float] = []
        self._times = times

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                times.append(time.perf_counter())
                received.set()
                self.send_error(403)

            do_PUT = do_GET  # noqa: N815  names of http.server
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

    def seconds_until_request(self, start: Callable[[], subprocess.Popen[bytes]]) -> float:
        self._received.clear()
        self._times.clear()
        started = time.perf_counter()
        process = start()
        is_received = self._received.wait(60)
        process.wait()
        if not is_received:
            raise SystemExit(f"AWS was never called; exit code {process.returncode}")
        return self._times[0] - started


def _fill_home(home: Path) -> None:
    """Store a platform on AWS, its runs and their scans."""
    folder = Home(home)
    folder.keep(platform_of(None, data_bucket=_BUCKET))
    cache = Cache(folder.cache)
    cache.put_value(_BUCKET, "runs", [_run_id(number) for number in range(_RUNS)])
    scans = [f"sub-{number // 10:04d}/ses-{number % 10}" for number in range(_SCANS)]
    cache.put_value(_BUCKET, f"scans/{_run_id(_RUNS - 1)}", scans)


def _run_id(number: int) -> str:
    return f"HNU1-20261120-{number:06d}-ab12"
