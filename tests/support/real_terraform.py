"""The real Terraform on a copy of the configuration."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.repository import ROOT

SOURCE = ROOT / "terraform"

# A machine that runs other tests beside this one is slow; a hang must still end.
COMMAND_TIMEOUT_SECONDS = 600


def init_arguments() -> list[str]:
    """Where `terraform init` takes the provider from.

    Returns
    -------
    list of str
        ``-plugin-dir=`` of the mirror named by OPSCTL_PROVIDER_MIRROR, else of one lying under /opt; nothing when there
        is neither: Terraform then looks where it always looks, last in its registry.
    """
    named = os.environ.get("OPSCTL_PROVIDER_MIRROR")
    mirrors = (
        [named] if named else [str(found.parent) for found in sorted(Path("/opt").glob("*/registry.terraform.io"))]
    )
    return [f"-plugin-dir={mirrors[0]}"] if mirrors else []


@dataclass(frozen=True)
class Terraform:
    """The real binary on a copy of the configuration, so that nothing is ever written into the repository."""

    tree: Path
    settings: dict[str, str]

    def run(self, folder: str, *arguments: str, accept: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        """Run one command in a folder of the tree; the test fails with Terraform's words when it ends otherwise."""
        # What the developer's own shell says about AWS or Terraform must not reach this.
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TF_"))}
        command = ["terraform", *arguments, *(["-no-color"] if arguments[0] != "fmt" else [])]
        ended = subprocess.run(
            command,
            cwd=self.tree / folder,
            env=inherited | self.settings | {"TF_DATA_DIR": str(self.data_folder(folder)), "CHECKPOINT_DISABLE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
        )
        if ended.returncode not in accept:
            pytest.fail(
                f"{' '.join(command)} in {folder} ended with {ended.returncode}\n{ended.stdout}\n{ended.stderr}",
                pytrace=False,
            )
        return ended

    def data_folder(self, folder: str) -> Path:
        return self.tree.parent / f"data-{folder.replace('/', '-')}"

    def init(self, folder: str) -> None:
        if not self.data_folder(folder).exists():
            self.run(folder, "init", "-backend=false", "-input=false", *init_arguments())

    def outputs(self, folder: str) -> dict[str, Any]:
        said = json.loads(self.run(folder, "output", "-json").stdout)
        return {name: output["value"] for name, output in said.items()}


def copied(folder: Path, *, settings: dict[str, str]) -> Terraform:
    """Copy the configuration into a folder and give the binary that works there."""
    if shutil.which("terraform") is None:
        pytest.fail("These tests run Terraform 1.7 or later, and none is on PATH.", pytrace=False)
    shutil.copytree(SOURCE, folder / "terraform", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    return Terraform(folder / "terraform", settings)
