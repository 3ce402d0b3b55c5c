"""A fake `terraform`: a small program that prints what a test gives it and records its calls."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_PROGRAM = """#!{python} -SE
import json, os, signal, sys
record = {{"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd()}}
record |= {{"session": os.getsid(0), "pid": os.getpid()}}
with open({calls!r}, "a") as calls:
    calls.write(json.dumps(record) + "\\n")
{body}
"""


class FakeTerraform:
    """A fake Terraform at `path`, which is on the `PATH` of `environment`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "bin"
        self.folder.mkdir()
        self.path = self.folder / "terraform"
        self.calls_file = folder / "calls.jsonl"
        self.environment = {"PATH": str(self.folder), "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "MINE": "1"}

    def does(self, body: str) -> FakeTerraform:
        """Give it a body of Python; `json`, `os`, `signal` and `sys` are imported."""
        self.path.write_text(_PROGRAM.format(python=sys.executable, calls=str(self.calls_file), body=body))
        self.path.chmod(0o755)
        return self

    def says(self, *lines: Any, errors: str = "", code: int = 0) -> FakeTerraform:
        """Let it print lines (as JSON unless they are strings), write errors, and exit with a code."""
        out = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
        return self.does(f"sys.stdout.write({out!r})\nsys.stderr.write({errors!r})\nsys.exit({code})")

    @property
    def calls(self) -> list[dict[str, Any]]:
        return (
            [json.loads(line) for line in self.calls_file.read_text().splitlines()] if self.calls_file.exists() else []
        )


def hook(kind: str, address: str, action: str = "create", **more: Any) -> dict[str, Any]:
    return {"type": kind, "hook": {"resource": {"addr": address}, "action": action, **more}}


def planned(address: str, action: str = "create", module: str = "") -> dict[str, Any]:
    resource = {"addr": address, "resource_type": address.split(".")[-2], "module": module}
    return {"type": "planned_change", "change": {"resource": resource, "action": action}}


def error(summary: str, detail: str = "") -> dict[str, Any]:
    return {"type": "diagnostic", "diagnostic": {"severity": "error", "summary": summary, "detail": detail}}
