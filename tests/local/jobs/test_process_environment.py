"""What a job that is a process is told: the platform's endpoint and credentials, whatever its definition says."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.started_attempts import attempt, rights

from opsctl.core.preview import MEMORY_VARIABLE
from opsctl.local.batch.scheduler import CannotStart
from opsctl.local.control import Files
from opsctl.local.jobs import process
from opsctl.local.jobs.attempts import attempt_starter
from opsctl.local.jobs.variables import batch_variables

TELL = "import json, os, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(json.dumps(dict(os.environ)))"


def variables_of_job(tmp_path: Path, log: Any = None, **defined: str) -> dict[str, str]:
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
    outcome = starter(job, first, log).wait()
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


@pytest.mark.parametrize(
    "name",
    [
        *("LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "ld_preload", "DYLD_INSERT_LIBRARIES", "GCONV_PATH", "LOCPATH"),
        *("PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONINSPECT", "PERL5LIB", "NODE_OPTIONS"),
        *("PATH", "HOME", "TMPDIR", "BASH_ENV", "ENV", "IFS", "SHELLOPTS", "PS4", "BASH_FUNC_ls%%", "GLIBC_TUNABLES"),
        *("AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CA_BUNDLE", "HTTP_PROXY"),
        *("http_proxy", "SSL_CERT_FILE", "OPENSSL_CONF", "MALLOC_CONF", "opsctl_x", "OPSCTL", "OPSCTL_A=LD_PRELOAD"),
        *("OPSCTL_A\n", "\nOPSCTL_A", "OPSCTL_\u00c4", "", " ", "OMP_TOOL_LIBRARIES", "MY_OWN"),
    ],
)
def test_only_opsctls_own_variables_reach_a_process(name: str) -> None:
    job, first = attempt({"environment": [{"name": name, "value": "evil"}, {"name": "OPSCTL_A", "value": "1"}]})
    passed = batch_variables(job, first)
    assert passed["OPSCTL_A"] == "1"
    assert "evil" not in passed.values()


def test_the_jobs_log_says_once_what_it_did_not_get(tmp_path: Path) -> None:
    log = Lines()
    evil = {"LD_PRELOAD": "/tmp/evil.so", "PATH": "/tmp", "A\x1b[31m\nB": "x", "N" * 10_000: "x"}
    told = variables_of_job(tmp_path, log=log, OPSCTL_A="1", AWS_DEFAULT_REGION="us-east-1", **evil)
    assert "/tmp/evil.so" not in told.values()
    assert told["PATH"].endswith(os.environ["PATH"])
    (line,) = log.lines
    assert line == f"The local platform passes on only variables OPSCTL_…, not: A B, LD_PRELOAD, {'N' * 40}, PATH"


def test_a_value_that_no_process_can_have_is_a_refused_start(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="null byte"):
        variables_of_job(tmp_path, OPSCTL_A="a\0b")


def test_lines_that_a_job_writes_one_by_one_are_read_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    read = os.read

    def counted(descriptor: int, size: int) -> bytes:
        data = read(descriptor, size)
        reads.append(len(data))
        return data

    program = "import os, time\nfor number in range(300): os.write(1, b'%d\\n' % number); time.sleep(0.0005)"
    folder = tmp_path / "job" / "attempt-1"
    folder.mkdir(parents=True)
    log: Any = Lines()
    started = time.monotonic()
    job = process.Process.launch(
        [str(Path(process.__file__).with_name("process_supervisor.py")), sys.executable, "-c", program],
        folder,
        environment=os.environ,
        log=log,
        timeout_seconds=None,
        grace_seconds=1.0,
    )
    monkeypatch.setattr(os, "read", counted)
    assert job.wait().exit_code == 0
    assert log.lines == [str(number) for number in range(300)]
    # After each there is a pause of 10 ms; without it they were as many as the lines.
    assert len(reads) <= (time.monotonic() - started) / 0.01 + 2


class Lines:
    """A job's log in memory."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, lines: list[tuple[int, str]]) -> None:
        self.lines.extend(line for _, line in lines)
