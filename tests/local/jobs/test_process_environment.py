"""What a job that is a process is told: the platform's endpoint and credentials, whatever its definition says."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from support.started_attempts import attempt, rights

from opsctl.core.preview import MEMORY_VARIABLE
from opsctl.local.control import Files
from opsctl.local.jobs.attempts import attempt_starter

TELL = "import json, os, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(json.dumps(dict(os.environ)))"


def variables_of_job(tmp_path: Path, **defined: str) -> dict[str, str]:
    """The variables of a job whose definition has some of its own."""
    told = tmp_path / "told"
    files = Files(tmp_path / "home")
    files.jobs.mkdir(parents=True)
    starter = attempt_starter(
        files,
        endpoint_url="http://127.0.0.1:1",
        rights=rights(),
        stop_grace_seconds=30.0,
        entrypoint=[sys.executable, "-c", TELL, str(told)],
    )
    container = {
        "environment": [{"name": name, "value": value} for name, value in defined.items()],
        "resourceRequirements": [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "15200"}],
    }
    job, first = attempt(container)
    outcome = starter(job, first, None).wait()
    assert outcome.exit_code == 0
    variables: dict[str, str] = json.loads(told.read_text())
    return variables


def test_a_definition_cannot_send_a_job_elsewhere(tmp_path: Path) -> None:
    told = variables_of_job(tmp_path, AWS_ENDPOINT_URL="elsewhere", AWS_ACCESS_KEY_ID="mine", OPSCTL_GREETING="hello")
    assert (told["AWS_ENDPOINT_URL"], told["OPSCTL_GREETING"]) == ("http://127.0.0.1:1", "hello")
    # Without a role a job has no key, whatever its definition says.
    assert "AWS_ACCESS_KEY_ID" not in told


def test_a_job_is_told_the_memory_that_it_would_have_on_aws(tmp_path: Path) -> None:
    assert variables_of_job(tmp_path)[MEMORY_VARIABLE] == "15200"


def test_a_job_knows_nothing_of_the_users_own_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "OTHER_SECRET"):
        monkeypatch.setenv(name, "the user's")
    told = variables_of_job(tmp_path)
    assert "the user's" not in told.values()
    # Without these two the SDK would look into the user's home, which a job inherits.
    assert {told["AWS_CONFIG_FILE"], told["AWS_SHARED_CREDENTIALS_FILE"]} == {os.devnull}
