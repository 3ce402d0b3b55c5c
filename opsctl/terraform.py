"""Terraform: python-terraform makes the commands, this runs them, streamed, and checks every return code."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import python_terraform
from python_terraform import IsFlagged, IsNotFlagged

from opsctl.core.changes import Plan, Step, Transcript
from opsctl.core.errors import Interrupted, Problem
from opsctl.provider import MIRROR_VARIABLE, places

OLDEST_VERSION = (1, 5)

_PLAN_FILE = "opsctl.tfplan"
_INSTALL = "Install it from https://developer.hashicorp.com/terraform/install, then type the same command."

OnStep = Callable[[Step], None]


class _Command(python_terraform.Terraform):  # type: ignore[misc]  # the library has no types
    """python-terraform's command lines, in an environment and a session of their own.

    The library itself can only pass the parent's environment on, and leaves the child in the terminal's process
    group, where Ctrl-C would reach Terraform before opsctl can say what happens.
    """

    def __init__(self, *, binary: str, folder: Path, environment: Mapping[str, str]) -> None:
        super().__init__(working_dir=str(folder), terraform_bin_path=binary)
        self._folder = folder
        self._environment = dict(environment)

    def cmd(self, cmd: str, *args: str, **kwargs: Any) -> subprocess.Popen[str]:
        # The variables lie in terraform.tfvars.json, so that a destroy sees what the apply saw.
        kwargs.pop("var", None)
        return subprocess.Popen(
            self.generate_cmd_string(cmd, *args, **kwargs),
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


@dataclass(frozen=True)
class Binary:
    """A Terraform that is new enough."""

    path: str
    version: str


def find_binary(environment: Mapping[str, str]) -> Binary:
    """The Terraform on the path.

    Raises
    ------
    Problem
        When it is missing, does not answer, or is older than 1.5.
    """
    path = shutil.which("terraform", path=environment.get("PATH"))
    wanted = ".".join(map(str, OLDEST_VERSION))
    if path is None:
        raise Problem(f"Terraform is not on the PATH (version {wanted} or later is needed).", _INSTALL)
    try:
        reply = subprocess.run(
            [path, "version", "-json"], env=dict(environment), capture_output=True, text=True, timeout=60, check=False
        )
        version = str(json.loads(reply.stdout[reply.stdout.index("{") :])["terraform_version"])
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
        raise Problem(f"{path} does not tell its version ({error}).", _INSTALL) from error
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST_VERSION:
        raise Problem(f"Terraform {version} ({path}) is too old: version {wanted} or later is needed.", _INSTALL)
    return Binary(path, version)


class Root:
    """One Terraform root with its variables and its state, in a folder of its own.

    Parameters
    ----------
    name
        `storage` or `platform`: what its resources are counted under.
    folder
        Holds the root's code; its state stays there.
    environment
        What Terraform runs in: credentials, region, endpoint.
    """

    def __init__(self, name: str, *, folder: Path, binary: Binary, environment: Mapping[str, str]) -> None:
        self.name = name
        self._folder = folder
        self._environment = {
            **environment,
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
        }
        self._command = _Command(binary=binary.path, folder=folder, environment=self._environment)

    @property
    def has_state(self) -> bool:
        """Whether an apply has ever recorded anything here."""
        return (self._folder / "terraform.tfstate").exists()

    def resource_count(self) -> int:
        """How many resources the state knows."""
        if not self.has_state:
            return 0
        state = json.loads((self._folder / "terraform.tfstate").read_text())
        managed = (one for one in state.get("resources", ()) if one.get("mode") == "managed")
        return sum(len(one.get("instances", ())) for one in managed)

    def set_variables(self, variables: Mapping[str, Any]) -> None:
        """Write the root's variables where every later command reads them."""
        (self._folder / "terraform.tfvars.json").write_text(json.dumps(variables, indent=1))

    def init(self, *, mirror: Path | None) -> None:
        """Install the provider and the modules.

        Raises
        ------
        Problem
            When the provider cannot be had, or the code is broken.
        """
        transcript = Transcript()
        code, errors = self._run(
            self._command.init(plugin_dir=str(mirror) if mirror else None), transcript, on_step=None
        )
        if code == 0:
            return
        if mirror is None and re.search(r"registry|provider packages|provider plugins", errors):
            raise Problem(
                "Terraform's AWS provider cannot be had: the Terraform registry was not reached, and no copy lies in "
                f"{', '.join(places(self._environment))}.",
                f"Connect to the internet, or name a provider mirror with {MIRROR_VARIABLE}.",
            )
        raise Problem(f"Terraform could not be set up: {_first_lines(errors)}")

    def plan(self) -> Plan:
        """What an apply would change; the plan is kept for `apply`.

        Raises
        ------
        Problem
            With Terraform's own words when it cannot plan.
        """
        transcript = Transcript()
        code, errors = self._run(self._command.plan(out=_PLAN_FILE, json=IsFlagged), transcript, on_step=None)
        if code not in (0, 2):
            raise self._failure("plan", transcript, errors)
        return transcript.plan()

    def apply(self, on_step: OnStep) -> None:
        """Carry the kept plan out.

        Raises
        ------
        Problem
            With Terraform's own words; the state is kept and the next `up` goes on from it.
        Interrupted
            After Ctrl-C, once Terraform has ended.
        """
        transcript = Transcript()
        code, errors = self._run(
            self._command.apply(_PLAN_FILE, skip_plan=True, json=IsFlagged), transcript, on_step=on_step
        )
        (self._folder / _PLAN_FILE).unlink(missing_ok=True)
        if code != 0:
            raise self._failure("apply", transcript, errors)

    def destroy(self, on_step: OnStep) -> int:
        """Remove everything that the state knows; returns how many resources went.

        Raises
        ------
        Problem
            With Terraform's own words; what is left stays in the state.
        """
        transcript = Transcript()
        code, errors = self._run(
            # python-terraform's default passes -force, which Terraform refuses since 0.15.
            self._command.destroy(force=IsNotFlagged, auto_approve=IsFlagged, json=IsFlagged),
            transcript,
            on_step=on_step,
        )
        if code != 0:
            raise self._failure("destroy", transcript, errors)
        return transcript.finished

    def outputs(self) -> dict[str, Any]:
        """The root's outputs, by name."""
        process = self._command.cmd("output", json=IsFlagged)
        out, errors = process.communicate()
        if process.returncode != 0:
            raise Problem(f"Terraform's outputs cannot be read: {_first_lines(errors)}")
        return {name: output["value"] for name, output in json.loads(out).items()}

    def _run(
        self, process: subprocess.Popen[str], transcript: Transcript, *, on_step: OnStep | None
    ) -> tuple[int, str]:
        """Stream a command to its end, whatever the terminal sends; returns its code and what it said on stderr."""
        with tempfile.TemporaryFile("w+") as said:
            interrupts = 0
            lines = cast("IO[str]", process.stdout)
            reader = _drain(cast("IO[str]", process.stderr), said)
            while True:
                try:
                    for line in lines:
                        step = transcript.read(line, root=self.name)
                        if step is not None and on_step is not None:
                            on_step(step)
                    process.wait()
                    break
                except KeyboardInterrupt:
                    # The first lets Terraform finish what it is making and save its state; a second one makes it
                    # stop at once. It is never killed: a killed Terraform forgets what it made.
                    interrupts += 1
                    process.send_signal(signal.SIGINT)
            reader.join()
            said.seek(0)
            errors = said.read()
        if interrupts:
            raise Interrupted(
                "Stopped. Terraform has saved what it had made.",
                "`opsctl up` goes on from there; `opsctl down` removes it.",
            )
        return process.returncode, errors

    def _failure(self, verb: str, transcript: Transcript, errors: str) -> Problem:
        said = transcript.errors or [_first_lines(errors)]
        more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
        return Problem(f"Terraform could not {verb} the {self.name}: {said[0]}{more}", "Nothing that was made is lost.")


def _drain(source: IO[str], target: IO[str]) -> threading.Thread:
    thread = threading.Thread(target=lambda: target.writelines(source), daemon=True)
    thread.start()
    return thread


def _first_lines(text: str) -> str:
    """Terraform's errors without its frames, the first sentence of substance."""
    lines = [line.strip(" │╷╵\t") for line in text.splitlines()]
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    return "; ".join(errors[:3]) or " ".join(line for line in lines if line)[:400] or "it said nothing"
