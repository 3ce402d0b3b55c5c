"""The local platform's server runs out of memory in a large request: a sentence, and the platform goes on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from support.local_servers import Homes, alive, client, kill
from support.platform_record import register_platform
from support.small_platform import SmallPlatform, dataset
from typed_command import typed

from opsctl.aws.errors import translated
from opsctl.core.errors import Problem
from opsctl.home import Home
from opsctl.local import control

#: More than what the server uses by itself with its threads, and less than that and the body.
ROOM_BYTES, BODY_BYTES = 60_000_000, 150_000_000

pytestmark = [
    pytest.mark.campaign,
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read and limited as on Linux"),
]


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[Homes]:
    homes = Homes(tmp_path)
    yield homes
    homes.close()


def test_a_put_that_memory_cannot_hold(homes: Homes, tmp_path_factory: pytest.TempPathFactory) -> None:
    import resource

    home, server = homes.start()
    s3 = client(server, "s3")
    s3.create_bucket(Bucket="data")
    s3.put_object(Bucket="data", Key="small", Body=b"x")
    (size_kb,) = [
        int(line.split()[1])
        for line in Path(f"/proc/{server.pid}/status").read_text().splitlines()
        if line.startswith("VmSize:")
    ]
    limit_bytes = size_kb * 1024 + ROOM_BYTES
    resource.prlimit(server.pid, resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    body = tmp_path_factory.mktemp("body") / "large"
    with body.open("wb") as file:
        file.truncate(BODY_BYTES)
    said = None
    try:
        with body.open("rb") as stream, translated("writing s3://data/large"):
            s3.put_object(Bucket="data", Key="large", Body=stream)
    except (Problem, ClientError, BotoCoreError) as error:
        said = error
    # Without the limit it is stored: the limit is what the test is about.
    assert isinstance(said, Problem), said
    assert "local platform" in said.what and "health.aws" not in said.hint, (said.what, said.hint)
    if not alive(server.pid):
        server = control.start(home)
        s3 = client(server, "s3")
    listed = {entry["Key"]: entry["Size"] for entry in s3.list_objects_v2(Bucket="data")["Contents"]}
    # Nothing half is left.
    assert listed == {"small": 1}
    s3.put_object(Bucket="data", Key="after", Body=b"x")
    assert s3.get_object(Bucket="data", Key="small")["Body"].read() == b"x"


#: `status` is the first one, and shows that the run is still there after the limit is gone.
VERBS = (
    ("status",),
    ("runs",),
    ("logs",),
    ("audit", "HNU1"),
    ("upload", "HNU1", "--name", "COPY"),
    ("run", "HNU1", "--yes"),
)


def test_each_verb_while_the_server_has_no_memory_left(tmp_path: Path) -> None:
    import resource

    platform = SmallPlatform(tmp_path)
    try:
        for key, body in dataset("HNU1").items():
            path = tmp_path / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        first = typed("run", "HNU1", "--yes", folder=tmp_path, environment=platform.environment)
        assert first.code == 0, first.text
        platform.finish_jobs()
        usual = resource.prlimit(platform.server.pid, resource.RLIMIT_AS)
        # No thread can be started: its stack is memory too.
        resource.prlimit(platform.server.pid, resource.RLIMIT_AS, (1_000_000, usual[1]))
        for words in VERBS:
            ended = typed(*words, folder=tmp_path, environment=platform.environment)
            assert ended.code == 1, (words, ended.text)
            assert "local platform" in ended.text or "127.0.0.1" in ended.text, (words, ended.text)
            assert "Traceback" not in ended.text and "bug" not in ended.text, (words, ended.text)
            assert "AWS" not in ended.text, (words, ended.text)
        # Most often it has ended by itself. What is advised otherwise: end it, and start it again.
        if alive(platform.server.pid):
            kill(platform.server)
        server = control.start(platform.home)
        Home(platform.home).keep(register_platform(platform.home, server, endpoint_url=server.endpoint_url))
        after = typed("status", "--json", folder=tmp_path, environment=platform.environment)
        assert after.code in (0, 1) and '"DONE"' in after.text, after.text
    finally:
        platform.close()
