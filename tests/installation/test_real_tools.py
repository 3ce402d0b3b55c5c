"""The wheel, installed by the tools that people use in an empty home: it starts, and its hint installs the extra."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.repository import ROOT

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

UV = Path(sys.executable).with_name("uv")
PIPX = ROOT / ".venv" / "release" / "bin" / "pipx"


@dataclass(frozen=True)
class Laptop:
    """A home in which nothing is installed yet, and no Terraform on the PATH."""

    home: Path
    wheel: Path
    tools: Path

    def run(self, *command: object, fails: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        kept = {
            name: os.environ[name] for name in ("SSL_CERT_FILE", "PIP_INDEX_URL", "UV_INDEX_URL") if name in os.environ
        }
        path = os.pathsep.join((str(self.home / ".local/bin"), str(self.tools), "/usr/bin", "/bin"))
        environment = {
            **{name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_"))},
            **kept,
            "HOME": str(self.home),
            "PATH": path,
            "LANG": "C.UTF-8",
            "UV_PYTHON": sys.executable,
            "UV_CACHE_DIR": str(self.home.parent / "uv-cache"),
            "PIPX_DEFAULT_PYTHON": sys.executable,
            "PIPX_DEFAULT_BACKEND": "uv",
        }
        done = subprocess.run(
            [str(word) for word in command], env=environment, cwd=self.home, capture_output=True, text=True, check=False
        )
        assert (done.returncode != 0) == fails, (done.args, done.stdout, done.stderr)
        return done


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    if not PIPX.exists():
        pytest.skip("pipx is not installed: `make .venv/release/bin/twine` installs it")
    folder = tmp_path_factory.mktemp("laptop")
    (folder / "home").mkdir()
    tools = folder / "tools"
    tools.mkdir()
    for program in (UV, UV.with_name("uvx"), PIPX):
        (tools / program.name).symlink_to(program)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return Laptop(folder / "home", wheel, tools)


#: How it is installed, and how it is started then; `{wheel}` is the wheel.
WAYS = {
    "uv tool": (["uv tool install {wheel}"], "opsctl"),
    "pipx": (["pipx install {wheel}"], "opsctl"),
    "uvx": ([], "uvx --from {wheel} opsctl"),
    "pipx run": ([], "pipx run --spec {wheel} opsctl"),
    "pip": (["{python} -m venv lab", "lab/bin/python -m pip install -q {wheel}"], "lab/bin/opsctl"),
    "uv pip": (["uv venv lab2", "uv pip install --python lab2/bin/python {wheel}"], "lab2/bin/opsctl"),
}
#: And how it is removed.
REMOVAL = {"uv tool": "uv tool uninstall opsctl", "pipx": "pipx uninstall opsctl"}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, laptop: Laptop) -> Iterator[tuple[str, list[str]]]:
    words = {"wheel": str(laptop.wheel), "python": sys.executable}
    steps, start = WAYS[request.param]
    for step in steps:
        laptop.run(*shlex.split(step.format(**words)))
    yield request.param, shlex.split(start.format(**words))
    if request.param in REMOVAL:
        laptop.run(*REMOVAL[request.param].split())


def test_a_tool_installs_opsctl_and_its_hint_installs_the_extra(way: tuple[str, Sequence[str]], laptop: Laptop) -> None:
    tool, opsctl = way
    version = laptop.wheel.name.split("-")[1]
    assert laptop.run(*opsctl, "--version").stdout == f"opsctl {version}\n"
    assert "Usage: " in laptop.run(*opsctl, "--help").stdout
    checks = json.loads(laptop.run(*opsctl, "doctor", "--json").stdout)["checks"]
    assert next(line for line in checks if line["topic"] == "local parts")["level"] == "warning"

    sample = laptop.home / f"sample of {tool}"
    said = " ".join(laptop.run(*opsctl, "sample", sample, fails=True).stderr.split())
    assert 'extra "local", which is not installed' in said
    command = shlex.split(re.search(r"Install it: `([^`]+)`\.", said)[1])
    if tool in ("uvx", "pipx run"):
        laptop.run(*command, "sample", sample)
    else:
        laptop.run(*command)
        laptop.run(*opsctl, "sample", sample)
    assert (sample / "dataset_description.json").exists()
