"""The real `terraform` executable on a copy of the configuration."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.repository import ROOT
from support.running_provider import RunningProviders

SOURCE = ROOT / "terraform"

# Enough for a machine that runs other tests at the same time.
COMMAND_TIMEOUT_SECONDS = 600

#: These start no provider, or are what installs it.
_WITHOUT_PROVIDER = ("fmt", "init")


def init_arguments() -> list[str]:
    """Return the arguments that tell `terraform init` where the provider is.

    Returns
    -------
    list of str
        ``-plugin-dir=`` with the mirror that OPSCTL_PROVIDER_MIRROR names, or else with one under /opt. Empty without a
        mirror: Terraform then downloads the provider from its registry.
    """
    named = os.environ.get("OPSCTL_PROVIDER_MIRROR")
    mirrors = [named] if named else [str(path.parent) for path in sorted(Path("/opt").glob("*/registry.terraform.io"))]
    return [f"-plugin-dir={mirrors[0]}"] if mirrors else []


@dataclass(frozen=True)
class Terraform:
    """`terraform` on a copy of the configuration, so that it never writes into the repository.

    Attributes
    ----------
    settings
        Environment variables in addition to the inherited ones.
    providers
        Serve all commands; who makes this closes them.
    """

    tree: Path
    settings: dict[str, str]
    providers: RunningProviders = field(default_factory=RunningProviders)

    def run(self, folder: str, *arguments: str, accept: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        """Run a command in a folder. Fail the test with Terraform's output if the exit code is not accepted."""
        # The developer's own settings for AWS and Terraform must not have an effect.
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TF_"))}
        environment = inherited | self.settings
        if arguments[0] not in _WITHOUT_PROVIDER:
            environment |= self.providers.variables(self.data_folder(folder), environment)
        command = ["terraform", *arguments, *(["-no-color"] if arguments[0] != "fmt" else [])]
        completed = subprocess.run(
            command,
            cwd=self.tree / folder,
            env=environment | {"TF_DATA_DIR": str(self.data_folder(folder)), "CHECKPOINT_DISABLE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
        )
        if completed.returncode not in accept:
            output = f"{completed.stdout}\n{completed.stderr}"
            pytest.fail(f"{' '.join(command)} in {folder} ended with {completed.returncode}\n{output}", pytrace=False)
        return completed

    def data_folder(self, folder: str) -> Path:
        return self.tree.parent / f"data-{folder.replace('/', '-')}"

    def init(self, folder: str) -> None:
        if not self.data_folder(folder).exists():
            self.run(folder, "init", "-backend=false", "-input=false", *init_arguments())

    def outputs(self, folder: str) -> dict[str, Any]:
        outputs = json.loads(self.run(folder, "output", "-json").stdout)
        return {name: output["value"] for name, output in outputs.items()}


@contextmanager
def copied_configuration(folder: Path, *, settings: dict[str, str]) -> Iterator[Terraform]:
    """Let a `Terraform` work on a copy of the configuration while the block lasts."""
    if shutil.which("terraform") is None:
        pytest.fail("These tests need Terraform 1.7 or later on PATH.", pytrace=False)
    shutil.copytree(SOURCE, folder / "terraform", ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    terraform = Terraform(folder / "terraform", settings)
    try:
        yield terraform
    finally:
        terraform.providers.close()
