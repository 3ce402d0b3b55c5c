"""`make audit`: known vulnerabilities are an error, none is fine, and no answer is said to be no answer.

The real pip-audit asks a server of the OSV interface here; PyPI's own answers are the network's, and may say anything.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PIP_AUDIT = ROOT / ".venv" / "audit" / "bin" / "pip-audit"

pytestmark = pytest.mark.skipif(not PIP_AUDIT.exists(), reason="pip-audit is not installed; `make audit` installs it")


@contextmanager
def advisories(known: Mapping[str, str]) -> Iterator[str]:
    """A server that knows an advisory for each package, by its name and version."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = query["package"]["name"]
            advisory = {
                "id": f"PYSEC-2026-{len(name)}",
                "summary": "a hole",
                "details": "a hole",
                "published": "2026-01-01T00:00:00Z",
                "affected": [
                    {
                        "package": {"name": name, "ecosystem": "PyPI", "purl": f"pkg:pypi/{name}"},
                        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999"}]}],
                    }
                ],
            }
            body = json.dumps({"vulns": [advisory]} if known.get(name) == query["version"] else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
        finally:
            server.shutdown()
            thread.join()


def audit(folder: Path, osv_url: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of audit.sh on lock files of its own, with PyPI out of reach."""
    (folder / "audit.sh").write_text((ROOT / "audit.sh").read_text())
    (folder / "requirements.lock").write_text("left-pad==1.0 --hash=sha256:" + "0" * 64 + "\n")
    closed = "http://127.0.0.1:1"
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
        "HTTPS_PROXY": closed,
        "npm_config_registry": closed,
        "npm_config_fetch_retries": "0",
    }
    return subprocess.run(
        ["sh", "audit.sh"],
        cwd=folder,
        env={**environment, "AUDIT": str(PIP_AUDIT), "OSV_URL": osv_url, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("known", "code", "words"),
    [
        ({"urllib3": "1.26.4"}, {0, 75}, "No known vulnerabilities"),
        ({"urllib3": "1.26.4", "left-pad": "1.0"}, {1}, "left-pad"),
        # A server that knows nothing at all.
        ({}, {75}, "Python: not checked"),
    ],
)
def test_what_a_source_knows(tmp_path: Path, known: Mapping[str, str], code: set[int], words: str) -> None:
    with advisories(known) as url:
        result = audit(tmp_path, url)
    # 75 where npm or its registry is not there: its part was not checked.
    assert result.returncode in code, result
    assert words in result.stdout + result.stderr


def test_no_source_answers(tmp_path: Path) -> None:
    result = audit(tmp_path, "http://127.0.0.1:1/v1/query")
    assert result.returncode == 75, result
    assert "Python: not checked" in result.stdout
