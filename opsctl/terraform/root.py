"""One Terraform root: run its commands and turn each outcome into a value or a `Problem`."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from python_terraform import IsFlagged, IsNotFlagged

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.inventory import tainted_addresses
from opsctl.core.platform.provider_errors import init_problem
from opsctl.core.platform.provider_lock import LOCK_FILE
from opsctl.core.platform.terraform_errors import Diagnostic, explained, has_conflict, is_full_disk, is_race
from opsctl.core.platform.terraform_events import EventLog, Step, TerraformPlan
from opsctl.terraform import printed
from opsctl.terraform.binary import Binary
from opsctl.terraform.command import Command
from opsctl.terraform.installation import Installation
from opsctl.terraform.interrupts import Interrupts
from opsctl.terraform.process import CommandResult, TerraformProcess
from opsctl.terraform.provider import is_unpacked, locked_version, os_arch, searched_folders
from opsctl.terraform.second_look import SecondLook
from opsctl.terraform.state_files import StateFiles
from opsctl.terraform.variables import OWN_VARIABLES, SPEED_VARIABLES
from opsctl.whole_file import write_whole

_PLAN_FILE = "opsctl.tfplan"

#: How often an apply or a destroy is repeated after one of AWS's documented races.
_RETRIES = 2
#: In all. Each further resource whose reply is lost takes one more.
_MOST_APPLIES = 10

#: `-v` shows the commands that are logged here; the log file keeps them.
_COMMAND_LOG = logging.getLogger("opsctl.aws")

OnStep = Callable[[Step], None]


class Root:
    """One Terraform root with its variables and its state, in a folder of its own.

    Parameters
    ----------
    name
        `storage` or `platform`.
    folder
        Holds the root's code, variables and local state.
    environment
        Terraform's environment variables: credentials, region, endpoint.
    interrupts
        Counts Ctrl-C; shared by roots that are applied at the same time.
    """

    def __init__(
        self,
        name: str,
        *,
        folder: Path,
        binary: Binary,
        environment: Mapping[str, str],
        interrupts: Interrupts | None = None,
    ) -> None:
        self.name = name
        self.folder = folder
        self._state_files = StateFiles(folder)
        self._environment = {**SPEED_VARIABLES, **environment, **OWN_VARIABLES}
        self._command = Command(working_dir=str(folder), terraform_bin_path=binary.path)
        self._installation = Installation(folder, binary=binary.path)
        self._unlock_command = f"{binary.path} -chdir={folder} force-unlock {{id}}"
        self._mirror: Path | None = None
        self._process = TerraformProcess(folder, environment=self._environment, interrupts=interrupts or Interrupts())

    @property
    def has_state(self) -> bool:
        """Whether an apply has ever recorded a state."""
        if self._state_files.is_remote:
            return bool(self._read_state().get("lineage"))
        return self._state_files.has_local

    def resource_count(self) -> int:
        """Return the number of managed resource instances in the state."""
        resources = self._read_state().get("resources", ())
        return sum(len(resource.get("instances", ())) for resource in resources if resource.get("mode") == "managed")

    @property
    def has_local_state(self) -> bool:
        """Whether the state is on this machine: then nobody else works on it while the platform is locked."""
        return not self._state_files.is_remote

    def outputs(self) -> dict[str, Any]:
        """Return the outputs of the last apply by name; for a local state without running Terraform."""
        return {name: output["value"] for name, output in self._read_state().get("outputs", {}).items()}

    def set_variables(self, variables: Mapping[str, Any]) -> None:
        """Write the root's variables for all later commands; the variables of the last apply are kept aside."""
        if self._variables.exists() and not self._applied_variables.exists():
            self._variables.replace(self._applied_variables)
        write_whole(self._variables, json.dumps(variables, indent=1))

    def init(self, *, mirror: Path | None) -> None:
        """Install the provider and the modules, unless all is as the last `init` left it.

        Raises
        ------
        Problem
            When the provider cannot be installed, or the code is broken.
        """
        self._mirror = mirror
        # For a state on S3, `init` also looks whether its bucket can be reached.
        if not (self.has_local_state and self._installation.is_current(mirror)):
            self._install(mirror)

    def _install(self, mirror: Path | None) -> None:
        result = self._run(self._command.init(plugin_dir=str(mirror) if mirror else None))
        if result.code == 0:
            self._installation.record(mirror)
            return
        problem = init_problem(
            result.errors,
            mirror=str(mirror) if mirror else None,
            searched_folders=searched_folders(self._environment),
            version=locked_version(),
            machine=os_arch(),
            is_unpacked=mirror is not None and is_unpacked(mirror),
        )
        raise problem or Problem(
            f"Terraform could not be set up: {_first_lines(result.errors)}", code=ErrorCode.TERRAFORM_FAILED
        )

    def init_like(self, other: Root) -> None:
        """Install the modules, and link to the provider that another root has installed.

        Raises
        ------
        Problem
            As `init`.
        """
        # The provider was verified by the checksum of its archive. The other root's lock now also has the checksum of
        # the unpacked provider, without which Terraform refuses to link to it.
        write_whole(self.folder / LOCK_FILE, (other.folder / LOCK_FILE).read_bytes())
        # It is laid out as a mirror.
        self.init(mirror=other.folder / ".terraform" / "providers")

    def plan(self, *, replace: Sequence[str] = ()) -> TerraformPlan:
        """Return what an apply would change; the plan file is kept for `apply`.

        Parameters
        ----------
        replace
            Addresses of resources to replace even if they are unchanged.

        Raises
        ------
        Problem
            When Terraform cannot plan; quotes its error.
        """
        self._push_errored_state()
        had_tainted = self._untaint_all()
        command = self._command.plan(out=_PLAN_FILE, json=IsFlagged, replace=list(replace))
        transcript = EventLog()
        result = self._run(command, transcript)
        if result.code not in (0, 2) and self._installation.is_missed_by(result.output + result.errors):
            # Somebody has damaged what the last `init` installed.
            self._install(self._mirror)
            transcript = EventLog()
            result = self._run(command, transcript)
        if result.code not in (0, 2):
            raise self._failure("plan", transcript, result)
        plan = transcript.plan()
        if had_tainted or not (plan.drifted and plan.changes):
            # Drift that the plan does not undo, or that an interrupted apply left, is no change by hand.
            return plan
        # The events name only addresses; the plan file has the values.
        return dataclasses.replace(plan, changes_by_hand=self._drift_sentences())

    def apply(self, on_step: OnStep, *, look_again: Callable[[bool], SecondLook] = lambda _: SecondLook()) -> None:
        """Apply the kept plan; after one of AWS's documented races or a lost reply, plan and apply again.

        Parameters
        ----------
        look_again
            Called before each further plan, with whether AWS has said that something exists already.

        Raises
        ------
        Problem
            When Terraform fails; quotes its error. The state is kept, and the next `up` continues from it.
        Interrupted
            After Ctrl-C, once Terraform has ended.
        """
        self._applied_variables.unlink(missing_ok=True)
        retries_left = _RETRIES
        for applies_left in range(_MOST_APPLIES - 1, -1, -1):
            transcript = EventLog()
            result = self._run(
                self._command.apply(_PLAN_FILE, skip_plan=True, json=IsFlagged), transcript, on_step, makes=True
            )
            (self.folder / _PLAN_FILE).unlink(missing_ok=True)
            if result.code == 0:
                return
            if not (applies_left and retries_left and self._is_retryable(transcript, result)):
                raise self._failure("apply", transcript, result)
            is_conflict = has_conflict(transcript.errors)
            second_look = look_again(is_conflict)
            if not second_look.has_cleared:
                # A plan alone sees what was added to a resource of the state, such as a route. What belongs to
                # somebody else is there the next time too.
                retries_left = 0 if is_conflict else retries_left - 1
            self.plan(replace=second_look.replace)

    def destroy(self, on_step: OnStep) -> int:
        """Remove every resource in the state; return the number of removed resources.

        Raises
        ------
        Problem
            When Terraform fails; quotes its error. Resources that remain stay in the state.
        """
        self._push_errored_state()
        if self._applied_variables.exists():
            # Later variables were only planned, never applied.
            self._applied_variables.replace(self._variables)
        removed = 0
        for retries_left in range(_RETRIES, -1, -1):
            transcript = EventLog()
            # By default python-terraform passes -force, which Terraform refuses since 0.15.
            command = self._command.destroy(force=IsNotFlagged, auto_approve=IsFlagged, json=IsFlagged)
            result = self._run(command, transcript, on_step, makes=True)
            removed += transcript.finished
            if result.code == 0:
                break
            if not (retries_left and self._is_retryable(transcript, result)):
                raise self._failure("destroy", transcript, result)
        return removed

    def state(self) -> dict[str, Any]:
        """Return the state; on this machine, without running Terraform. A state on S3 needs `init` first.

        Raises
        ------
        Problem
            When the state cannot be read.
        """
        self._push_errored_state()
        if self.has_local_state:
            return self._read_state()
        pulled = self._output_of(
            self._command.cmd("state pull"), f"Terraform's state of the {self.name} cannot be read"
        )
        # Without a state, Terraform prints nothing.
        return printed.state(pulled, self.name) if pulled.strip() else {}

    def state_rm(self, addresses: Sequence[str]) -> None:
        """Remove resources from the state, without removing the resources themselves.

        Raises
        ------
        Problem
            When Terraform fails; quotes its error.
        """
        if not addresses:
            return
        self._output_of(
            self._command.cmd("state rm", *addresses), f"Terraform could not let go of {', '.join(addresses)}"
        )

    def import_existing(self, existing: Mapping[str, str]) -> None:
        """Let the next plan import existing resources instead of creating them.

        Parameters
        ----------
        existing
            Resource ids by address; empty for no imports.
        """
        # https://developer.hashicorp.com/terraform/language/import
        path = self.folder / "taken_over.tf"
        blocks = [f'import {{\n  to = {to}\n  id = "{existing_id}"\n}}\n' for to, existing_id in existing.items()]
        if blocks:
            write_whole(path, "\n".join(blocks))
        else:
            path.unlink(missing_ok=True)

    def _untaint_all(self) -> bool:
        """Untaint the resources that an interrupted `up` was creating; return whether there were any.

        Terraform would replace them, some before it destroys the old one: a new subnet then always conflicts with its
        own address range, and the bucket must not be destroyed at all. Whatever AWS has not completed, the plan
        updates.
        """
        tainted = tainted_addresses(self._read_state())
        for address in tainted:
            self._output_of(self._command.cmd("untaint", address), f"Terraform could not go on with {address}")
        return bool(tainted)

    def _drift_sentences(self) -> tuple[str, ...]:
        """Return a sentence for each change by hand in the kept plan."""
        result = self._run(self._command.cmd("show", _PLAN_FILE, json=IsFlagged))
        return printed.drift(result.output, self.name) if result.code == 0 else ()

    @property
    def _variables(self) -> Path:
        return self.folder / "terraform.tfvars.json"

    @property
    def _applied_variables(self) -> Path:
        return self.folder / "applied.tfvars.json"

    def _read_state(self) -> dict[str, Any]:
        if self._state_files.is_remote:
            # Terraform reads the backend only after `init`.
            return self.state() if (self.folder / ".terraform" / "terraform.tfstate").exists() else {}
        self._state_files.restore()
        return self._state_files.read()

    def _push_errored_state(self) -> None:
        """Push the state that Terraform could not save (a full disk, a lost connection) and left in a file."""
        if not self._state_files.is_remote:
            # Refuses a damaged state by its file's name, which Terraform does not tell.
            self._read_state()
        errored = self._state_files.errored
        if not errored.exists():
            return
        result = self._run(self._command.cmd("state push", errored.name))
        if result.code != 0:
            raise self._state_files.not_taken(_first_lines(result.errors))
        errored.unlink()

    def _output_of(self, command: list[str], failure: str) -> str:
        """Run a command and return its output; when it fails, raise a `Problem` that begins with `failure`."""
        result = self._run(command)
        if result.code != 0:
            raise Problem(f"{failure}: {_first_lines(result.errors)}", code=ErrorCode.TERRAFORM_FAILED)
        return result.output

    def _run(
        self,
        command: list[str],
        transcript: EventLog | None = None,
        on_step: OnStep = lambda _: None,
        *,
        makes: bool = False,
    ) -> CommandResult:
        """Run a command to its end; `makes` says that it creates or removes resources."""

        def on_line(line: str) -> None:
            step = transcript.read(line, root=self.name) if transcript is not None else None
            if step is not None:
                on_step(step)

        _COMMAND_LOG.info("terraform %s %s: %s", command[1], self.name, self._process.log(command[1]))
        return self._process.run(command, on_line=on_line, makes=makes, holds_no_lock=self.has_local_state)

    def _is_retryable(self, transcript: EventLog, result: CommandResult) -> bool:
        return not result.disk_was_full and is_race(transcript.errors)

    def _failure(self, verb: str, transcript: EventLog, result: CommandResult) -> Problem:
        errors = transcript.errors or [Diagnostic(_first_lines(result.errors))]
        count = self.resource_count()
        saved = f"{count} resources stand and are recorded: nothing that was made is lost." if count else ""
        if result.disk_was_full or is_full_disk(errors):
            return Problem(
                f"The disk that holds {self.folder} is full: Terraform was stopped. {saved}",
                "Free some space, then type the same command: it goes on from there.",
                code=ErrorCode.DISK_FULL,
            )
        if result.code < 0:
            return Problem(
                f"Terraform was ended from outside (signal {-result.code}) while it worked on the {self.name}. {saved}",
                "Type the same command: it goes on from there, and looks for what was being made just then.",
                code=ErrorCode.TERRAFORM_FAILED,
            )
        problem = explained(errors, unlock=self._unlock_command)
        if problem is not None:
            if saved and verb != "plan":
                problem.add_sentence(saved)
            return problem
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return Problem(
            f"Terraform could not {verb} the {self.name}: {errors[0].sentence}{more}",
            f"{saved or 'Nothing that was made is lost.'} `opsctl up` goes on from there; `-v` shows Terraform's log.",
            code=ErrorCode.TERRAFORM_FAILED,
        )


def _first_lines(text: str) -> str:
    """Return the first three of Terraform's errors, or the beginning of its output, without its frames."""
    lines = [line.strip(" │╷╵\t") for line in text.splitlines()]
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    return "; ".join(errors[:3]) or " ".join(line for line in lines if line)[:400] or "it said nothing"
