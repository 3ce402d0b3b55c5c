"""A versioned data bucket with a dataset that a run has processed, and the deletions of one person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opsctl.aws.s3.versions import ObjectVersion, Versions
from opsctl.commands.deletion.delete import Deleter
from opsctl.core.deletion.receipt import Receipt
from opsctl.core.deletion.subject import Subject
from opsctl.core.deletion.target import Target, dataset_target, outputs_target
from opsctl.core.location import Location
from opsctl.home import Home
from support.run_world import MOMENT, RunWorld, put_dataset

LABEL = "0025427"
SUBJECTS = (f"sub-{LABEL}/ses-1", f"sub-{LABEL}1/ses-1", f"sub-{LABEL}x/ses-1")
DATASET = Location("data", "HNU1")
OUTPUT = "HNU1/derivatives/m2g-csa-native"
TABLE = "participant_id\tage\n" + "".join(f"{scan.split('/')[0]}\t{age}\n" for age, scan in enumerate(SUBJECTS, 30))


@dataclass
class DeletionWorld:
    """The bucket `data` with one dataset."""

    s3: Any
    runs: RunWorld

    @classmethod
    def begin(cls, s3: Any, runs: RunWorld) -> DeletionWorld:
        """Three subjects whose labels begin alike, a table of them, and replaced versions of some files."""
        s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
        for _ in range(2):
            put_dataset(s3, *SUBJECTS)
            s3.put_object(Bucket="data", Key="HNU1/participants.tsv", Body=TABLE.encode())
        put_dataset(s3, "sub-01", name="HNU10")
        s3.put_object(Bucket="data", Key="HNU1/README", Body=b"Ten subjects, scanned often.")
        return cls(s3, runs)

    def finished_run(self) -> str:
        """The id of a run of all subjects that has ended; each scan has attempts and claims too."""
        self.runs.minutes += 1
        run_id = self.runs.run(command_line=("opsctl", "run", "HNU1", "--participant-label", LABEL)).run_id
        for index, scan in enumerate(SUBJECTS):
            for key in (f"attempts/{index:05d}.1.abcd.json", f"claims/{index:05d}.1.json"):
                self.runs.storage.put_json("data", f"opsctl/runs/{run_id}/{key}", attempt_json(index, scan))
        self.runs.finish(run_id, *range(len(SUBJECTS)))
        self.runs.batch.end(f"job-{len(self.runs.batch.jobs) - 1}", "SUCCEEDED")
        return run_id

    def deleter(self, *command_line: str) -> Deleter:
        return Deleter(
            self.runs.platform,
            storage=self.runs.storage,
            records=self.runs.records,
            batch=self.runs.batch.adapter(),
            home=Home(self.runs.home),
            who="ada@lab",
            command_line=command_line or ("opsctl", "delete", "dataset", "HNU1"),
            version="0.1.0",
            now=lambda: MOMENT,
            token="abcd",
        )

    def delete(self, target: Target) -> Receipt:
        deleter = self.deleter("opsctl", "delete", "dataset", "HNU1", "--participant-label", LABEL)
        return deleter.carry_out(deleter.plan(target), on_deleted=lambda _: None)

    def versions(self, prefix: str = "") -> list[ObjectVersion]:
        return list(Versions(self.s3, "data").below(prefix))

    def keys(self, prefix: str) -> set[str]:
        return {version.key for version in self.versions(prefix)}

    def body(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket="data", Key=key)["Body"].read()
        return body

    def naming(self, label: str) -> set[str]:
        """The keys of which any version names a label, in the key or the body."""
        whole = Subject(label)
        keys = set()
        for version in self.versions():
            text = ""
            if not version.is_delete_marker:
                place = {"Bucket": "data", "Key": version.key, "VersionId": version.version_id}
                text = self.s3.get_object(**place)["Body"].read().decode()
            others = text.replace(f"{label}1", "").replace(f"{label}x", "")
            if whole.owns(version.key) or label in others:
                keys.add(version.key)
        return keys


def attempt_json(index: int, scan: str) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "index": index,
        "scan": scan,
        "attempt": 1,
        "job_id": "j",
        "started_at": "2026-11-22T12:00:00Z",
        "stopped_at": "2026-11-22T12:00:05Z",
        "exit_code": 0,
        "cause": "",
        "log_stream": "csa/default/t",
    }


def subject_target(label: str = LABEL) -> Target:
    return dataset_target(DATASET, data_bucket="data", subject=Subject(label))


def whole_target(**changes: Any) -> Target:
    return dataset_target(DATASET, data_bucket="data", **changes)


def output_target() -> Target:
    return outputs_target(DATASET, "m2g-csa-native", data_bucket="data")
