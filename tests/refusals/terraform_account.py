"""An account on a real server, in which several people make platforms with the real Terraform while AWS refuses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aws_account import usual_account
from support.aws_refusals import Call, Rule, refusing
from support.golden import compare

from opsctl.local import control

SCREENS = Path(__file__).with_name("screens")
_INHERITED = ("AWS_", "TF_", "OPSCTL_")
#: The steps of an apply come in another order each time, and with their times.
_STEPS = re.compile(r"^(?:  (?:done|failed|waiting) .*|(?:up|down) \w+ \d+/\d+ .*)\n", re.MULTILINE)
_CHANGING = (
    (re.compile(r"\b(vpc|subnet|rtb|sg|igw|lt|vpce)-[0-9a-f]{8,}"), r"\1-ID"),
    (re.compile(r"-2\d{13,}"), "-SUFFIX"),
    (re.compile(r"\b\d+ resources stand"), "N resources stand"),
    (re.compile(r"^(removed +)\d+ resources", re.MULTILINE), r"\1N resources"),
    (re.compile(r"\b\d+(?:\.\d+)? (?:s|min)\b"), "DURATION"),
)


@dataclass(frozen=True)
class Lab:
    """A platform to be, on a machine of its own.

    Attributes
    ----------
    name
        The platform's; `lab` stands for it in a recorded screen.
    server
        The server of the account.
    met
        The calls to which rules applied.
    """

    name: str
    folder: Path
    server: control.LocalServer
    met: list[Call] = field(default_factory=list)

    def run(
        self, *arguments: str, rules: tuple[Rule, ...] = (), environment: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Type a command while AWS refuses; its exit code and all that it printed."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_INHERITED)}
        mirror = {name: os.environ[name] for name in ("OPSCTL_PROVIDER_MIRROR",) if name in os.environ}
        with refusing(self.server.port, *rules, *usual_account(f"opsctl-{self.name}-csd")) as aws:
            own = {
                "OPSCTL_HOME": str(self.folder / "home"),
                "OPSCTL_CONFIG": os.devnull,
                "AWS_ENDPOINT_URL": aws.url,
                **self.server.credentials,
                "AWS_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "COLUMNS": "120",
                "TERM": "dumb",
            }
            process = subprocess.run(
                [sys.executable, "-m", "opsctl", *arguments, "--name", self.name],
                env={**inherited, **mirror, **own, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=900,
                check=False,
            )
        self.met.extend(aws.met)
        return process.returncode, process.stdout

    def show(self, scenario: str, result: tuple[int, str], *arguments: str) -> None:
        """Compare what a command showed with the recorded screen `VERB-SCENARIO.txt`."""
        code, text = result
        text = _STEPS.sub("", text).replace(str(self.folder), "HOME")
        for pattern, name in _CHANGING:
            text = pattern.sub(name, text)
        text = re.sub(rf"\b{self.name}\b", "lab", text)
        shown = f"$ opsctl {' '.join(arguments)} --name lab\n{text}(exit code {code})\n"
        compare(SCREENS / f"{arguments[0]}-{scenario}.txt", shown)
