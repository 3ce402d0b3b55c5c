"""How soon opsctl answers: help, completion, the first word to AWS; each time a new process, from its start."""

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
from bench.row import Row, against, alone, in_turn
from opsctl.aws.s3.cache import Cache
from opsctl.core.platform.platform import LOCAL_CREDENTIALS
from opsctl.home import Home

_HELP_BAR = 1 / 6
_COMPLETION_BAR_SECONDS = 0.15
_FIRST_CALL_BAR_SECONDS = 0.5

_RUNS, _SCANS = 100, 10_000
_BUCKET = "data"

_PROGRAM = "import sys; sys.argv[0] = 'opsctl'; from opsctl.__main__ import main; main()"
# All of opsctl's modules but the preview, which is m2g's stand-in and runs in jobs only, and pybids.
_EAGER = f"""
import importlib, pkgutil, bids, opsctl
for one in pkgutil.walk_packages(opsctl.__path__, "opsctl."):
    if not one.name.startswith(("opsctl.local.preview", "opsctl.__main__")):
        importlib.import_module(one.name)
{_PROGRAM}
"""


def measure(*, quick: bool) -> list[Row]:
    """Of a home in which somebody has worked."""
    runs = 3 if quick else 11
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _furnish(home)
        return [_help(runs, home), _completion(runs, home), _first_call(runs, home)]


def _help(runs: int, home: Path) -> Row:
    light, eager = in_turn(runs, lambda: _run(_PROGRAM, ["--help"], home), lambda: _run(_EAGER, ["--help"], home))
    return against("opsctl --help", ours=light, plain=eager, bar=_HELP_BAR, note="plain: everything imported first")


def _completion(runs: int, home: Path) -> Row:
    words = f"opsctl logs --run {_run_id(_RUNS - 1)} sub-00"
    environment = {"_OPSCTL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "4"}
    (found,) = in_turn(runs, lambda: _run(_PROGRAM, [], home, environment))
    note = f"{_SCANS // 10:,} of {_SCANS:,} scans of one of {_RUNS} runs"
    return alone("the Tab key", ours=found, bar=_COMPLETION_BAR_SECONDS, note=note)


def _first_call(runs: int, home: Path) -> Row:
    with _Listener() as listener:
        environment = {**LOCAL_CREDENTIALS, "AWS_ENDPOINT_URL": listener.url, "AWS_MAX_ATTEMPTS": "1"}
        found = [listener.until_asked(lambda: _start(_PROGRAM, ["status"], home, environment)) for _ in range(runs)]
    note = "from the start of the process; the platform is known to this machine"
    return alone("opsctl status, its first call", ours=found, bar=_FIRST_CALL_BAR_SECONDS, note=note)


def _run(code: str, words: list[str], home: Path, more: Mapping[str, str] | None = None) -> None:
    process = _start(code, words, home, more or {})
    if process.wait() != 0:
        raise SystemExit(f"{words} ended with {process.returncode}")


def _start(code: str, words: list[str], home: Path, more: Mapping[str, str]) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OPSCTL_"))}
    nothing = str(home / "nothing")
    own = {"OPSCTL_HOME": str(home), "OPSCTL_CONFIG": os.devnull, "AWS_CONFIG_FILE": nothing}
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        env={**kept, **own, "AWS_SHARED_CREDENTIALS_FILE": nothing, **more},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


class _Listener:
    """Takes the first request of each process, says that there is nothing, and remembers when it came."""

    def __enter__(self) -> _Listener:
        asked = self._asked = threading.Event()
        moments: list[float] = []
        self._moments = moments

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

    def until_asked(self, start: Callable[[], subprocess.Popen[bytes]]) -> float:
        self._asked.clear()
        self._moments.clear()
        began = time.perf_counter()
        process = start()
        is_asked = self._asked.wait(60)
        process.wait()
        if not is_asked:
            raise SystemExit(f"AWS was never called; exit code {process.returncode}")
        return self._moments[0] - began


def _furnish(home: Path) -> None:
    """A platform on AWS, runs, scans."""
    kept = Home(home)
    kept.keep(platform_of(None, data_bucket=_BUCKET))
    cache = Cache(kept.cache)
    cache.note(_BUCKET, "runs", [_run_id(number) for number in range(_RUNS)])
    scans = [f"sub-{number // 10:04d}/ses-{number % 10}" for number in range(_SCANS)]
    cache.note(_BUCKET, f"scans/{_run_id(_RUNS - 1)}", scans)


def _run_id(number: int) -> str:
    return f"HNU1-20261120-{number:06d}-ab12"
