"""Every verb on a bucket with one record that cannot be read: a sentence or a warning that names it, never a bug."""

from __future__ import annotations

import itertools
import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.batch_world import RATES, BatchWorld, Child
from support.moto_s3 import s3, s3_client, storage, whole_storage  # noqa: F401 fixtures
from support.run_world import PLATFORM, RunWorld, put_dataset
from support.stored_json import stored_json

from opsctl.aws.s3.storage import Storage
from opsctl.core.diagnosis.account.obstacles import RunFacts
from opsctl.core.runs.status import BatchJob
from opsctl.core.selftest.times import TIMES_KEY
from opsctl.home import Home

Opsctl = Callable[..., Any]

#: What each verb is typed with, and the kinds of records that it looks at.
VERBS = {
    "status": (["status"], {"run", "submission", "attempt", "result"}),
    "status --json": (["status", "--json"], {"run", "submission", "attempt", "result"}),
    "status --scan": (["status", "--scan", "sub-01"], {"run", "submission", "attempt", "result", "scan"}),
    "why": (["why"], {"run", "submission", "attempt", "result"}),
    "cost": (["cost"], {"run", "submission", "attempt", "result"}),
    "cost --all": (["cost", "--all"], {"run", "submission", "attempt", "result"}),
    "results": (["results", "FOLDER"], {"run", "submission", "attempt", "result"}),
    "report": (["report", "FOLDER"], {"run", "submission", "attempt", "result", "scan", "final job states"}),
    "runs": (["runs"], {"run", "submission", "result"}),
    "run": (["run", "HNU1", "--dry-run"], {"run", "submission", "result"}),
    "run again": (["run", "HNU1", "--dry-run", "--only", "all", "--json"], {"run", "submission", "result"}),
    "audit": (["audit", "HNU1"], {"run", "submission", "attempt", "result", "scan"}),
    "cancel": (["cancel", "--yes"], {"run", "submission", "result"}),
    "logs": (["logs"], {"run"}),
    "delete": (["delete", "dataset", "HNU1", "--dry-run"], {"run"}),
    "delete run": (["delete", "run", "RUN", "--dry-run"], {"run"}),
}
#: These go on without a run whose own record cannot be read; the others have nothing to show then.
GO_ON_WITHOUT_A_RUN = {"delete run", "cost --all", "runs", "run", "run again"}
PLACES = {
    "run": "run.json",
    "submission": "submissions/00.json",
    "attempt": "attempts/00000.1.ab.json",
    "result": "results/00000.json",
    "final job states": "final_job_states.json",
    "scan": "scans/00000.json",
}
#: A field of each kind without which it cannot be read.
NEEDED = {
    "run": "scans",
    "submission": "job_name",
    "attempt": "index",
    "result": "outputs",
    "final job states": "jobs",
    "scan": "inputs",
}


@dataclass
class Bucket:
    """A run of two scans, the first done and the second failed, and the command line on it."""

    storage: Storage
    folder: str
    opsctl: Opsctl
    download: Path

    def type(self, verb: str) -> Any:
        words, _ = VERBS[verb]
        places = {"FOLDER": str(self.download / verb), "RUN": self.folder.rpartition("/")[2]}
        return self.opsctl(*(places.get(word, word) for word in words))

    def uri(self, kind: str) -> str:
        return f"s3://data/{self.folder}/{PLACES[kind]}"

    def value(self, kind: str) -> dict[str, Any]:
        value = stored_json(self.storage, f"{self.folder}/{PLACES[kind]}")
        assert value is not None
        return value

    def put(self, kind: str, body: bytes) -> None:
        self.storage.client.put_object(Bucket="data", Key=f"{self.folder}/{PLACES[kind]}", Body=body)


@pytest.fixture
def bucket(storage: Storage, home: Path, opsctl: Opsctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:  # noqa: F811
    put_dataset(storage.client, "sub-01", "sub-02")
    world = RunWorld(storage, home)
    run_id = world.run().run_id
    folder = f"opsctl/runs/{run_id}"
    world.finish(run_id, 0)
    for index in (0, 1):
        value = {
            "schema_version": 1,
            "index": index,
            "job_id": f"job-0:{index}",
            "attempt": 1,
            "cause": "",
            "started_at": "2026-11-22T12:01:00Z",
            "stopped_at": None,
            "exit_code": None,
            "log_stream": "",
        }
        storage.put_json("data", f"{folder}/attempts/{index:05d}.1.ab.json", value)
    lost = BatchJob(job_id="job-0:1", status="FAILED", reason="Host EC2 (instance i-1) terminated.")
    world.records.save_final_job_states(run_id, {1: lost})
    jobs = {"job-0": [Child("SUCCEEDED", exit_code=0), Child("FAILED", lost.reason)]}
    batch = BatchWorld(jobs, job_names={"job-0": f"{run_id}-00", "payroll": "payroll"})
    batch.arrays["payroll"] = [Child("FAILED", "a secret"), Child("FAILED", "a secret")]
    Home(home).keep(PLATFORM)
    monkeypatch.setattr("opsctl.cli.context.storage_of", lambda _: storage)
    monkeypatch.setattr("opsctl.cli.context.batch_of", lambda _: batch.adapter)
    monkeypatch.setattr("opsctl.aws.logs.Logs.page", lambda *_, **__: ([], None))
    monkeypatch.setattr("opsctl.aws.pricing.rates", lambda *_, **__: RATES)
    monkeypatch.setattr("opsctl.commands.diagnosis.account_look.start_run_facts", lambda *_: RunFacts)
    monkeypatch.setattr("opsctl.aws.batch.queue_snapshot.take_snapshot", lambda *_, **__: pytest.fail("not needed"))
    return Bucket(storage, folder, opsctl, tmp_path)


@pytest.mark.parametrize("verb", VERBS)
def test_unknown_fields_change_nothing(bucket: Bucket, verb: str) -> None:
    for kind in PLACES:
        bucket.put(kind, json.dumps({**bucket.value(kind), "later": {"x": 1}}).encode())
    said = bucket.type(verb)
    # `audit` ends with 1 because a scan has failed.
    assert said.code == (1 if verb == "audit" else 0), said.err
    assert "s3://data/opsctl/runs" not in said.err


#: What stands in a record's place, besides the record without a field that it needs.
WHOLE = [b"[]", b'{"schema_version": 1}', b"[" * 200_000, b'"text"', b'{"schema_version": 1e999}', b"\x00", b"{}" * 9]


@pytest.mark.parametrize("kind", sorted(PLACES))
def test_a_record_that_cannot_be_read_is_named_and_takes_nothing_else_away(bucket: Bucket, kind: str) -> None:
    lacking = json.dumps({k: v for k, v in bucket.value(kind).items() if k != NEEDED[kind]}).encode()
    bodies = itertools.cycle([lacking, *WHOLE])
    for verb in [verb for verb, (_, kinds) in VERBS.items() if kind in kinds]:
        body = next(bodies)
        bucket.put(kind, body)
        said = bucket.type(verb)
        case = (verb, body[:60], said.err)
        detail = f" cannot be read: `{NEEDED[kind]}` is missing." if body == lacking else " cannot be read: "
        assert bucket.uri(kind) + detail in " ".join(said.err.split()), case
        # A deletion ends there, and says what to do.
        assert said.err.count(bucket.uri(kind)) == 1 or verb.startswith("delete"), case
        if kind == "run" and verb not in GO_ON_WITHOUT_A_RUN:
            assert said.code == 1, case
        elif kind == "result" and verb == "results":
            assert (said.code, "No scan of" in said.err) == (1, True), case
        elif kind == "run" and verb in ("run", "run again"):
            # Nobody knows whose the files in the output location are.
            assert (said.code, "never written over" in said.err) == (1, True), case
        else:
            assert said.code == (1 if verb == "audit" else 0), case


def test_a_platform_record_that_cannot_be_read_is_named_by_every_verb(bucket: Bucket, home: Path) -> None:
    (record,) = home.glob("platforms/*/*.json")
    bodies = itertools.cycle(WHOLE)
    for verb in (*VERBS, "scans", "check"):
        record.write_bytes(next(bodies))
        said = bucket.type(verb) if verb in VERBS else bucket.opsctl(verb, "HNU1")
        assert (said.code, str(record) in said.err.replace("\n", "")) == (1, True), (verb, said.err)


def test_measured_times_that_cannot_be_read_take_no_estimate_away(bucket: Bucket) -> None:
    # A record without any measurement is a sound one.
    for body in set(WHOLE) - {b'{"schema_version": 1}'}:
        bucket.storage.client.put_object(Bucket="data", Key=TIMES_KEY, Body=body)
        said = bucket.opsctl("run", "HNU1", "--dry-run", "--only", "all")
        assert said.code == 0, (body[:60], said.err)
        assert f"s3://data/{TIMES_KEY} cannot be read: " in " ".join(said.err.split()), (body[:60], said.err)


def test_the_job_of_somebody_else_is_named_and_not_shown(bucket: Bucket) -> None:
    """Whose id somebody wrote into a submission: the other records still tell what became of the scans."""
    bucket.put("submission", json.dumps({**bucket.value("submission"), "job_id": "payroll"}).encode())
    for verb in ("status", "why", "cancel", "cost", "audit"):
        said = bucket.type(verb)
        assert "its job payroll is payroll in AWS Batch, and not a job of this submission" in " ".join(
            said.err.split()
        ), (verb, said.err)
        assert "a secret" not in said.out + said.err


def test_no_verb_asks_the_bucket_that_only_a_record_names(bucket: Bucket) -> None:
    """The dataset of a run's record is said, not read; its jobs may not read it either."""
    asked = set()
    bucket.storage.client.meta.events.register(
        "provide-client-params.s3", lambda params, **_: asked.add(params.get("Bucket"))
    )
    bucket.put("run", json.dumps({**bucket.value("run"), "dataset": "s3://evil-bucket/HNU1"}).encode())
    scan = bucket.value("scan")
    inputs = [{**file, "uri": file["uri"].replace("s3://data/", "s3://evil-bucket/")} for file in scan["inputs"]]
    bucket.put("scan", json.dumps({**scan, "dataset": "s3://evil-bucket/HNU1", "inputs": inputs}).encode())
    for verb in VERBS:
        said = bucket.type(verb)
        assert "bug in opsctl" not in said.err, (verb, said.err)
        if verb in ("status", "why", "logs", "results", "report", "cancel"):
            warning = "names the dataset s3://evil-bucket/HNU1, in a bucket that the platform's jobs may not read"
            assert " ".join(said.err.split()).count(warning) == 1, (verb, said.err)
    assert asked == {"data"}


#: What an altered field holds; `test_record_fuzz` tries thousands on the readers themselves.
HOSTILE = [
    "1e999",
    "null",
    "-1",
    '"\\ud800"',
    '"\\u0000../../.bashrc"',
    "[" * 3_000 + "]" * 3_000,
    '{"x": [{}]}',
    '"s3://evil/x"',
    "9" * 400,
    '"' + "x" * 5_000 + '"',
]


@pytest.mark.parametrize("kind", sorted(PLACES))
def test_a_hostile_record_ends_no_verb_for_the_other_scan(bucket: Bucket, kind: str) -> None:
    """Every field in turn, another verb and another value each time; FUZZ_SEED chooses others."""
    value, before = bucket.value(kind), json.dumps(bucket.value(kind)).encode()
    rng = random.Random(f"{os.environ.get('FUZZ_SEED', '16')} {kind}")
    verbs = [verb for verb, (_, kinds) in VERBS.items() if kind in kinds]
    fields = sorted(set(value) - {"schema_version"})
    for verb, field in zip(rng.sample(verbs, min(len(verbs), 6)), rng.sample(fields * 6, 6), strict=False):
        hostile = rng.choice(HOSTILE)
        body = json.dumps({**value, field: "HOSTILE"}).replace('"HOSTILE"', hostile).encode()
        bucket.put(kind, body)
        said = bucket.type(verb)
        assert said.code in (0, 1), (verb, field, hostile[:40], said.err)
        assert "bug in opsctl" not in said.err, (verb, field, hostile[:40], said.err)
        if verb in ("status", "status --json", "why", "report") and kind != "run":
            assert said.code == 0, (verb, field, hostile[:40], said.err)
        bucket.put(kind, before)


@pytest.mark.parametrize("kind", sorted(PLACES))
def test_a_record_of_another_version_or_no_json_is_named(bucket: Bucket, kind: str) -> None:
    verb = next(verb for verb, (_, kinds) in VERBS.items() if kind in kinds)
    damages = {
        json.dumps({**bucket.value(kind), "schema_version": 2}).encode(): "was written by another version of opsctl",
        b"\xff[": "cannot be read: it is not JSON",
    }
    for body, sentence in damages.items():
        bucket.put(kind, body)
        said = bucket.type(verb)
        assert said.code == (1 if kind == "run" else 0), said.err
        assert f"{bucket.uri(kind)} {sentence}" in " ".join(said.err.split())


@pytest.mark.parametrize("value", [{"schema_version": 2}, {}])
def test_an_earlier_run_that_cannot_be_read_does_not_keep_the_next_from_being_planned(
    bucket: Bucket, value: dict[str, Any]
) -> None:
    bucket.storage.put_json("data", "opsctl/runs/HNU1-20261121-120000-aaaa/run.json", value)
    said = bucket.type("run again")
    assert said.code == 0, said.err
    assert "HNU1-20261121-120000-aaaa/run.json" in said.err
    assert len(json.loads(said.out)["scans"]) == 2


def test_final_job_states_that_cannot_be_read_are_not_written_over(bucket: Bucket) -> None:
    bucket.put("final job states", b'{"schema_version": 2}')
    bucket.type("status")
    assert bucket.value("final job states") == {"schema_version": 2}


def test_outputs_of_a_run_that_cannot_be_read_are_not_said_to_be_foreign(bucket: Bucket) -> None:
    bucket.put("run", b"{}")
    bucket.storage.client.put_object(Bucket="data", Key="HNU1/derivatives/m2g-csa-native/sub-01/x.csv", Body=b"1")
    said = bucket.type("run")
    assert said.code == 1
    assert "holds files of no run that can be read" in said.err
    assert "Restore the run.json that cannot be read" in said.err
