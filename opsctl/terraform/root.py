"""Terraform: python-terraform makes the commands, `terraform_process` runs them, every outcome gets its words here."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import python_terraform
from python_terraform import IsFlagged, IsNotFlagged

from opsctl.core.platform.terraform_events import TerraformPlan, Step, EventLog
from opsctl.core.platform.drift_sentences import drift_sentences
from opsctl.core.errors import Problem
from opsctl.core.platform.terraform_errors import init_problem
from opsctl.core.platform.inventory import tainted_addresses
from opsctl.core.platform.terraform_errors import Diagnostic, explained, is_full_disk, is_race
from opsctl.core.platform.state_location import BACKEND_FILE
from opsctl.terraform.interrupts import Interrupts
from opsctl.terraform.provider import places
from opsctl.terraform.binary import Binary
from opsctl.terraform.process import Ended, TerraformProcess

_PLAN_FILE = "opsctl.tfplan"

#: How often an apply or a destroy is tried again where one of AWS's documented races broke it off.
_MORE_TRIES = 2

#: Where the commands are written down: `-v` shows them, the log file keeps them.
_COMMANDS = logging.getLogger("opsctl.aws")

OnStep = Callable[[Step], None]


class _Command(python_terraform.Terraform):  # type: ignore[misc]  # the library has no types
    """python-terraform's command lines; the library itself would run them in the terminal's group and forget them."""

    def cmd(self, cmd: str, *args: str, **kwargs: Any) -> list[str]:
        """Give the command instead of running it."""
        # The variables lie in terraform.tfvars.json, so that a destroy sees what the apply saw.
        kwargs.pop("var", None)
        command: list[str] = self.generate_cmd_string(cmd, *args, **kwargs)
        return command

    def read_state_file(self, file_path: str | None = None) -> None:
        """Leave the state alone: the library would read it here, and fall over the empty one of a killed Terraform."""


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
    interrupts
        Counts Ctrl-C; shared by roots that work side by side.
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
        self._environment = {
            **environment,
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
        }
        self._command = _Command(working_dir=str(folder), terraform_bin_path=binary.path)
        self._unlock = f"{binary.path} -chdir={folder} force-unlock {{id}}"
        self._process = TerraformProcess(folder, environment=self._environment, interrupts=interrupts or Interrupts())

    @property
    def has_state(self) -> bool:
        """Whether an apply has ever recorded anything here."""
        if self._is_elsewhere:
            return bool(self._state().get("lineage"))
        # Terraform makes an empty file before it has anything to record.
        return self._state_file.exists() and self._state_file.stat().st_size > 0

    @property
    def _is_elsewhere(self) -> bool:
        return (self.folder / BACKEND_FILE).exists()

    def resource_count(self) -> int:
        """How many resources the state knows."""
        managed = (one for one in self._state().get("resources", ()) if one.get("mode") == "managed")
        return sum(len(one.get("instances", ())) for one in managed)

    def recorded_outputs(self) -> dict[str, Any]:
        """The outputs of the last apply, without running Terraform."""
        return {name: output["value"] for name, output in self._state().get("outputs", {}).items()}

    def set_variables(self, variables: Mapping[str, Any]) -> None:
        """Write the root's variables where every later command reads them; those of the last apply are kept aside."""
        if self._variables.exists() and not self._applied_variables.exists():
            self._variables.replace(self._applied_variables)
        self._variables.write_text(json.dumps(variables, indent=1))

    def init(self, *, mirror: Path | None) -> None:
        """Install the provider and the modules.

        Raises
        ------
        Problem
            When the provider cannot be had, or the code is broken.
        """
        ended = self._run(self._command.init(plugin_dir=str(mirror) if mirror else None))
        if ended.code == 0:
            return
        known = init_problem(
            ended.errors,
            mirror=str(mirror) if mirror else None,
            places=places(self._environment),
            lock_file=str(self.folder / ".terraform.lock.hcl"),
        )
        raise known or Problem(f"Terraform could not be set up: {_first_lines(ended.errors)}")

    @property
    def providers(self) -> Path:
        """Where `init` has put the provider: laid out as a mirror is, so that another root can take it from here."""
        return self.folder / ".terraform" / "providers"

    def plan(self, *, replace: Sequence[str] = ()) -> TerraformPlan:
        """What an apply would change; the plan is kept for `apply`.

        Parameters
        ----------
        replace
            Addresses of what shall be made anew, though nothing of it has changed.

        Raises
        ------
        Problem
            With Terraform's own words when it cannot plan.
        """
        self._save_what_was_rescued()
        was_broken_off = self._untaint()
        transcript = EventLog()
        ended = self._run(self._command.plan(out=_PLAN_FILE, json=IsFlagged, replace=list(replace)), transcript)
        if ended.code not in (0, 2):
            raise self._failure("plan", transcript, ended)
        plan = transcript.plan()
        if was_broken_off or not (plan.drifted and plan.changes):
            # What the plan would not mend is nobody's change, and what stopped half way was changed by nobody.
            return plan
        # The lines name only addresses.
        return dataclasses.replace(plan, by_hand=self._by_hand())

    def apply(self, on_step: OnStep) -> None:
        """Carry the kept plan out; after one of AWS's documented races plan again, and carry that out.

        Raises
        ------
        Problem
            With Terraform's own words; the state is kept and the next `up` goes on from it.
        Interrupted
            After Ctrl-C, once Terraform has ended.
        """
        self._applied_variables.unlink(missing_ok=True)
        for tries_left in range(_MORE_TRIES, -1, -1):
            transcript = EventLog()
            ended = self._run(
                self._command.apply(_PLAN_FILE, skip_plan=True, json=IsFlagged), transcript, on_step, makes=True
            )
            (self.folder / _PLAN_FILE).unlink(missing_ok=True)
            if ended.code == 0:
                return
            if not (tries_left and self._may_try_again(transcript, ended)):
                raise self._failure("apply", transcript, ended)
            self.plan()

    def destroy(self, on_step: OnStep) -> int:
        """Remove everything that the state knows; returns how many resources went.

        Raises
        ------
        Problem
            With Terraform's own words; what is left stays in the state.
        """
        self._save_what_was_rescued()
        if self._applied_variables.exists():
            # What was only planned since, or refused, is not what stands.
            self._applied_variables.replace(self._variables)
        gone = 0
        for tries_left in range(_MORE_TRIES, -1, -1):
            transcript = EventLog()
            # python-terraform's default passes -force, which Terraform refuses since 0.15.
            command = self._command.destroy(force=IsNotFlagged, auto_approve=IsFlagged, json=IsFlagged)
            ended = self._run(command, transcript, on_step, makes=True)
            gone += transcript.finished
            if ended.code == 0:
                break
            if not (tries_left and self._may_try_again(transcript, ended)):
                raise self._failure("destroy", transcript, ended)
        return gone

    def outputs(self) -> dict[str, Any]:
        """The root's outputs, by name."""
        ended = self._run(self._command.cmd("output", json=IsFlagged))
        if ended.code != 0:
            raise Problem(f"Terraform's outputs cannot be read: {_first_lines(ended.errors)}")
        return {name: output["value"] for name, output in json.loads(ended.output).items()}

    def state(self) -> dict[str, Any]:
        """What Terraform knows, wherever its state lies; needs no provider, but, for a state elsewhere, `init`.

        Raises
        ------
        Problem
            When the state cannot be read.
        """
        self._save_what_was_rescued()
        ended = self._run(self._command.cmd("state pull"))
        if ended.code != 0:
            raise Problem(f"Terraform's state of the {self.name} cannot be read: {_first_lines(ended.errors)}")
        # Of an empty folder it says nothing.
        pulled: dict[str, Any] = json.loads(ended.output) if ended.output.strip() else {}
        return pulled

    def state_rm(self, addresses: Sequence[str]) -> None:
        """Take resources out of the state; they themselves stay.

        Raises
        ------
        Problem
            With Terraform's own words.
        """
        if not addresses:
            return
        ended = self._run(self._command.cmd("state rm", *addresses))
        if ended.code != 0:
            raise Problem(f"Terraform could not let go of {', '.join(addresses)}: {_first_lines(ended.errors)}")

    def import_existing(self, existing: Mapping[str, str]) -> None:
        """Let the next plan take over what exists already, instead of making it: ids by address; none: nothing.

        https://developer.hashicorp.com/terraform/language/import
        """
        path = self.folder / "taken_over.tf"
        blocks = [f'import {{\n  to = {to}\n  id = "{existing_id}"\n}}\n' for to, existing_id in existing.items()]
        if blocks:
            path.write_text("\n".join(blocks))
        else:
            path.unlink(missing_ok=True)

    def _untaint(self) -> bool:
        """Go on with what was being made when an `up` was broken off; returns whether there was any such thing.

        Terraform would make it anew, and where another must not be without it, before it removes the old one: a subnet
        then meets its own address range, for ever, and a bucket must not be removed at all. AWS has made each of them
        whole or with less than it should have, which the plan sees and mends.
        """
        tainted = tainted_addresses(self._state())
        for address in tainted:
            ended = self._run(self._command.cmd("untaint", address))
            if ended.code != 0:
                raise Problem(f"Terraform could not go on with {address}: {_first_lines(ended.errors)}")
        return bool(tainted)

    def _by_hand(self) -> tuple[str, ...]:
        ended = self._run(self._command.cmd("show", _PLAN_FILE, json=IsFlagged))
        return drift_sentences(json.loads(ended.output)) if ended.code == 0 else ()

    @property
    def _variables(self) -> Path:
        return self.folder / "terraform.tfvars.json"

    @property
    def _applied_variables(self) -> Path:
        return self.folder / "applied.tfvars.json"

    @property
    def _state_file(self) -> Path:
        return self.folder / "terraform.tfstate"

    def _state(self) -> dict[str, Any]:
        if self._is_elsewhere:
            # Before `init` Terraform does not know where.
            return self.state() if (self.folder / ".terraform" / "terraform.tfstate").exists() else {}
        if not self.has_state:
            return {}
        try:
            state: dict[str, Any] = json.loads(self._state_file.read_text())
        except ValueError as error:
            raise Problem(
                f"Terraform's state {self._state_file} is damaged.",
                f"The one before it lies beside it: copy {self._state_file.name}.backup over it, then `opsctl up`.",
            ) from error
        return state

    def _save_what_was_rescued(self) -> None:
        """Bring back the state that Terraform could not save where it belongs (a full disk, a lost connection)."""
        rescued = self.folder / "errored.tfstate"
        if not rescued.exists():
            return
        ended = self._run(self._command.cmd("state push", rescued.name))
        if ended.code != 0:
            raise Problem(
                f"{rescued} holds what the last `opsctl up` or `down` made, and Terraform does not take it back: "
                f"{_first_lines(ended.errors)}",
                f"If the platform's state is newer, remove {rescued.name}; then type the same command.",
            )
        rescued.unlink()

    def _run(
        self,
        command: list[str],
        transcript: EventLog | None = None,
        on_step: OnStep = lambda _: None,
        *,
        makes: bool = False,
    ) -> Ended:
        def on_line(line: str) -> None:
            step = transcript.read(line, root=self.name) if transcript is not None else None
            if step is not None:
                on_step(step)

        _COMMANDS.info("terraform %s %s: %s", command[1], self.name, self._process.log(command[1]))
        return self._process.run(command, on_line=on_line, makes=makes)

    def _may_try_again(self, transcript: EventLog, ended: Ended) -> bool:
        return not ended.ran_full and is_race(transcript.errors)

    def _failure(self, verb: str, transcript: EventLog, ended: Ended) -> Problem:
        errors = transcript.errors or [Diagnostic(_first_lines(ended.errors))]
        count = self.resource_count()
        stands = f"{count} resources stand and are recorded: nothing that was made is lost." if count else ""
        if ended.ran_full or is_full_disk(errors):
            return Problem(
                f"The disk that holds {self.folder} is full: Terraform was stopped. {stands}",
                "Free some space, then type the same command: it goes on from there.",
            )
        if ended.code < 0:
            return Problem(
                f"Terraform was ended from outside (signal {-ended.code}) while it worked on the {self.name}. {stands}",
                "Type the same command: it goes on from there, and looks for what was being made just then.",
            )
        known = explained(errors, unlock=self._unlock)
        if known is not None:
            return type(known)(f"{known.what} {stands if verb != 'plan' else ''}".strip(), known.hint)
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return Problem(
            f"Terraform could not {verb} the {self.name}: {errors[0].sentence}{more}",
            f"{stands or 'Nothing that was made is lost.'} `opsctl up` goes on from there; `-v` shows Terraform's log.",
        )


def _first_lines(text: str) -> str:
    """Terraform's errors without its frames, the first sentence of substance."""
    lines = [line.strip(" │╷╵\t") for line in text.splitlines()]
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    return "; ".join(errors[:3]) or " ".join(line for line in lines if line)[:400] or "it said nothing"
