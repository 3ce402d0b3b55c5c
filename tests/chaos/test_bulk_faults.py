"""Many objects through the proxy that makes requests and replies fail: nothing is lost, and nothing is a mixture."""

from __future__ import annotations

import hashlib
from pathlib import Path
from threading import Event

from fault_plan import Plan, everywhere
from fault_proxy import FaultProxy
from support.direct_requests import content_of
from support.kept_objects import KeptObjects

from opsctl.aws.clients import Clients
from opsctl.aws.s3.download import download
from opsctl.aws.s3.storage import Storage
from opsctl.core.runs.result import OutputFile
from opsctl.safe_folder import SafeFolder


def test_records_files_and_results_survive_a_fault_in_every_seventh_request(tmp_path: Path) -> None:
    plan = Plan(seed=17, rates=everywhere(1 / 7), slow_seconds=0.05)
    with KeptObjects() as server, FaultProxy(server.port, plan) as proxy:
        clients = Clients(endpoint_url=proxy.url)
        storage = Storage(clients.s3, clients.s3_direct)
        records = {f"r/{number}": b'{"n": %d}' % number for number in range(120)}
        with storage.putting_bodies("data", records.items()) as wait:
            wait()
        assert storage.get_bodies("data", list(records)) == records

        files = {f"D/{number}": tmp_path / str(number) for number in range(60)}
        for number, path in enumerate(files.values()):
            path.write_bytes(path.name.encode() * (500_000 if number == 0 else 50_000))
        sent: list[str] = []
        storage.upload(files, "data", done=lambda key, _: sent.append(key))
        assert sorted(sent) == sorted(files)
        assert {key: server.objects[f"/data/{key}"] for key in files} == {k: p.read_bytes() for k, p in files.items()}

        home = tmp_path / "home"
        home.mkdir()
        with SafeFolder(home) as folder:
            for key, path in files.items():
                body = path.read_bytes()
                file = OutputFile(uri=f"s3://data/{key}", size_bytes=len(body), sha256=hashlib.sha256(body).hexdigest())
                download(
                    storage.client,
                    file,
                    folder,
                    key,
                    stop=Event(),
                    may_replace=lambda _: False,
                    content=content_of(clients.s3_direct, file),
                )
        assert {path.name for path in (home / "D").iterdir()} == {path.name for path in files.values()}
        assert len(proxy.faults()) >= 7, "nearly every kind of fault"
