"""Another user of the machine, who knows the port, against the local platform of this one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.local_servers import Homes, Platform, client, waiting_for
from support.repository import ROOT
from support.waiting import until

NOBODY = 65534
#: The system's Python: that of a virtual environment may be out of the other's reach.
PYTHON = "/usr/bin/python3"
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", PYTHON, "-I", "-S", "-c")

#: Tries what finding 1 of November did, and prints each attempt that got further than it should.
ATTACK = """
import http.client, json, os, sys
facts = json.loads(sys.argv[1])
port, home, pids, planted = facts["port"], facts["home"], facts["pids"], facts["planted"]
done = []

def ask(what, method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, body, headers)
    reply = connection.getresponse()
    text = reply.read().decode(errors="replace")
    if reply.status < 400 or "scan" in text or "AKIA" in text or "ASIA" in text:
        done.append(f"{what}: {reply.status} {text[:200]}")

def keys():
    yield {}
    for key in ("local", "none", "", "unused", "test", "AKIAIOSFODNN7EXAMPLE"):
        for service in ("s3", "batch", "iam", "sts", "ssm"):
            scope = f"Credential={key}/20261128/us-east-1/{service}/aws4_request"
            yield {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=00"}

override = {"environment": [{"name": "LD_PRELOAD", "value": planted}], "command": [f"touch {planted}"]}
job = {"jobName": "evil", "jobQueue": "q", "jobDefinition": "d1", "containerOverrides": override}
for sent in keys():
    for method, path, body in (
        ("GET", "/", None),
        ("GET", "/data?list-type=2", None),
        ("GET", "/data/HNU1/sub-1", None),
        ("GET", "/data/HNU1/sub-1?X-Amz-Credential=local/20261128/us-east-1/s3/aws4_request", None),
        ("GET", "/data/HNU1/sub-1?AWSAccessKeyId=local&Signature=x&Expires=9999999999", None),
        ("DELETE", "/data/HNU1/sub-1", None),
        ("PUT", "/data/planted", "x"),
        ("POST", "/data?delete", "<Delete><Object><Key>HNU1/sub-1</Key></Object></Delete>"),
        ("POST", "/v1/submitjob", json.dumps(job)),
        ("POST", "/v1/describejobdefinitions", "{}"),
        ("POST", "/", "Action=ListRoles&Version=2010-05-08"),
        ("POST", "/", "Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/jobs&RoleSessionName=x"),
    ):
        ask(f"{sent} {method} {path}", method, path, body, **sent)
for path in (
    "/_opsctl/identity", "/_opsctl/identity?challenge=x", "/_opsctl/instances/",
    "/_opsctl/instances/x/latest/meta-data/iam/security-credentials/", "/latest/meta-data/iam/security-credentials/",
    "/latest/meta-data/iam/security-credentials/default-role", "/moto-api/data.json", "/_opsctl/faults",
):
    ask(path, "GET", path)
ask("token", "PUT", "/_opsctl/instances/x/latest/api/token", **{"X-aws-ec2-metadata-token-ttl-seconds": "60"})
ask("reset", "POST", "/moto-api/reset")
files = ("local", "local/credentials", "local/server.json", "local/port", "local/server.log")
names = [home, *(os.path.join(home, name) for name in files)]
for name in [*names, *(f"/proc/{pid}/environ" for pid in pids), *(f"/proc/{pid}/fd" for pid in pids)]:
    try:
        done.append(f"read {name}: {os.listdir(name) if os.path.isdir(name) else open(name, 'rb').read(100)}")
    except OSError:
        pass
print(json.dumps(done))
"""


def why_not() -> str:
    """Why this machine cannot act as another user; empty if it can."""
    if os.geteuid() != 0:
        return "only root can act as another user"
    if shutil.which("setpriv") is None or not Path(PYTHON).exists():
        return f"there is no setpriv, or no {PYTHON}"
    done = subprocess.run([*AS_NOBODY, "import os; print(os.getuid())"], capture_output=True, text=True, check=False)
    return "" if done.stdout == f"{NOBODY}\n" else f"setpriv cannot: {done.stderr}"


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can enter, unlike pytest's."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_another_user_reads_nothing_runs_nothing_and_learns_no_key(
    open_folder: Path, gate: Path, tmp_path: Path
) -> None:
    homes = Homes(open_folder)
    try:
        before = os.umask(0)
        try:
            home, server = homes.start(open_folder / "home")
        finally:
            os.umask(before)
        platform = Platform(home, server)
        s3 = client(server, "s3")
        s3.create_bucket(Bucket="data")
        s3.put_object(Bucket="data", Key="HNU1/sub-1", Body=b"a scan")
        running = tmp_path / "pid"
        platform.submit(f"echo $$ > {running}; {waiting_for(gate)}")
        until(lambda: running.exists() and running.read_text().strip())
        planted = tmp_path / "evil.so"
        facts = {
            "port": server.port,
            "home": str(home),
            "pids": [server.pid, int(running.read_text())],
            "planted": str(planted),
        }
        done = subprocess.run(
            [*AS_NOBODY, ATTACK, json.dumps(facts)], capture_output=True, text=True, check=True, cwd="/", env={}
        )
        assert json.loads(done.stdout) == []
        jobs = platform.batch.list_jobs(jobQueue="q", jobStatus="RUNNING")["jobSummaryList"]
        assert [job["jobName"] for job in jobs] == ["job"]
        assert s3.get_object(Bucket="data", Key="HNU1/sub-1")["Body"].read() == b"a scan"
        assert s3.list_objects_v2(Bucket="data")["KeyCount"] == 1
        assert not planted.exists()
        assert {path: oct(path.stat().st_mode) for path in home.rglob("*") if path.lstat().st_mode & 0o077} == {}
    finally:
        gate.touch()
        homes.close()


def test_a_home_of_another_user_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    environment = {**os.environ, "OPSCTL_HOME": str(home), "OPSCTL_CONFIG": os.devnull}
    done = subprocess.run(
        [sys.executable, "-m", "opsctl", "status"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=ROOT,
    )
    assert done.returncode == 1
    assert "belongs to another user of this machine" in " ".join(done.stderr.split())
    assert list(home.iterdir()) == []
