"""Build Terraform's command lines."""

from __future__ import annotations

from typing import Any

import python_terraform


class Command(python_terraform.Terraform):  # type: ignore[misc]  # the library has no types
    """python-terraform as a builder of command lines; it would run them in the terminal's process group."""

    def cmd(self, cmd: str, *args: str, **kwargs: Any) -> list[str]:
        """Return the command instead of running it."""
        # The variables are in terraform.tfvars.json, so that a destroy uses the values of the apply.
        kwargs.pop("var", None)
        command: list[str] = self.generate_cmd_string(cmd, *args, **kwargs)
        return command

    def read_state_file(self, file_path: str | None = None) -> None:
        """Read nothing: the library fails on the empty state that a killed Terraform can leave."""
