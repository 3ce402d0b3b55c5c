"""The tutorial typed at a terminal, from nothing to connectomes: the page shows what the program prints.

`OPSCTL_KEEP_SCREENS=1 .venv/bin/pytest tests/tutorial` writes the outputs and the pictures of the page again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.repository import ROOT
from terminal.terminals import Terminal, Window
from tutorial_page import lasting, steps, with_outputs

from manual.screens import svg

PAGE = ROOT / "docs/tutorial/first-hour.md"
SCREENS = ROOT / "docs/screens"
#: The commands whose screen is a picture of the manual, and the picture's name.
PICTURES = {
    "opsctl run HNU1 --sp native": "run",
    "opsctl status": "status",
    "opsctl check broken": "check",
}
#: It finds a scan that m2g cannot process.
ENDS_WITH_1 = {"opsctl check broken"}
#: Read on import: the tests' own environment has no OPSCTL_ variables.
_IS_RECORDING = os.environ.get("OPSCTL_KEEP_SCREENS") == "1"
_COMMAND_SECONDS = 600

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1800)]


@dataclass
class Person:
    """Somebody at a terminal of 80 columns, in a folder of the study."""

    folder: Path
    environment: dict[str, str]

    def type(self, command: str) -> tuple[str, Window | None, int]:
        """Type one command of the page; return what it printed, its window and its exit code."""
        words = command.split()
        if words[0] != "opsctl":
            done = subprocess.run(
                ["sh", "-c", command],
                cwd=self.folder,
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
            )
            return done.stdout.rstrip("\n"), None, done.returncode
        terminal = Terminal(words[1:], self.environment, columns=80, folder=self.folder)
        try:
            code = terminal.end(seconds=_COMMAND_SECONDS, yes=True)
        finally:
            terminal.close()
        text = terminal.window.text.replace(str(self.folder), "~/study")
        return text.replace(self.environment["OPSCTL_HOME"], "~/.local/share/opsctl"), terminal.window, code


@pytest.fixture(scope="module")
def person() -> Iterator[Person]:
    """A person without a configuration and without a platform; at the end nothing of theirs runs."""
    base = Path(tempfile.mkdtemp(prefix="study-"))
    folder, home = base / "study", base / "home"
    folder.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_", "OPSCTL_"))}
    for name in ("OPSCTL_PROVIDER_MIRROR", "OPSCTL_TERRAFORM", "OPSCTL_TERRAFORM_RELEASES", "AWS_CA_BUNDLE"):
        if name in os.environ:
            kept[name] = os.environ[name]
    kept.pop("COLUMNS", None)
    own = {"OPSCTL_HOME": str(home), "OPSCTL_CONFIG": os.devnull, "TERM": "xterm-256color", "TZ": "UTC"}
    yield Person(folder, {**kept, **own, "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(base)})
    code = "import pathlib, sys; from opsctl.local import control; control.stop(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(home)], check=False)
    shutil.rmtree(base, ignore_errors=True)


def test_the_page_shows_what_the_program_prints(person: Person) -> None:
    page = PAGE.read_text()
    printed, wrong = [], []
    for step in steps(page):
        output, window, code = person.type(step.command)
        assert code == (1 if step.command in ENDS_WITH_1 else 0), output
        printed.append(output)
        if lasting(output) != lasting(step.output):
            wrong.append(f"$ {step.command}\n{output}\n--- the page has\n{step.output}")
        if _IS_RECORDING and window is not None and step.command in PICTURES:
            _draw(window, step.command, output)
    if _IS_RECORDING:
        PAGE.write_text(with_outputs(page, printed))
        return
    assert not wrong, "\n\n".join(wrong)


def _draw(window: Window, command: str, text: str) -> None:
    rows = [*window.history.top, *(window.buffer[row] for row in range(window.lines))]
    cells = [[row[column] for column in range(window.columns)] for row in rows[: len(text.splitlines())]]
    (SCREENS / f"{PICTURES[command]}.svg").write_text(svg(cells, title=command))
