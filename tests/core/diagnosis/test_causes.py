"""The cause of every message of the runner, Batch, Docker and `status`."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.repository import ROOT
from support.why_examples import run

from opsctl.core.diagnosis.causes import cause_of, grouped, run_again

#: Message, title, and what the help must contain.
MESSAGES = [
    ("bval and bvec differ in count: 65 and 64", "bval and bvec differ in count", "opsctl check DATASET"),
    ("image and bval differ in count: sub-1 dwi.nii has 3 volumes for 65 b-values", "image and bval", "check DATASET"),
    ("the bval file is not a table of numbers: could not convert", "the bval file is not one row", "check"),
    ("the bval file has 3 rows; it must have one", "the bval file is not one row", "check"),
    ("the bvec file must have three rows of equal length, not 2 of [3, 4]", "the bvec file is not three", "check"),
    ("sub-01_bold.nii.gz has 1 volume: that is no time series", "the image has one volume", "check"),
    ("sub-01_dwi.nii.gz is truncated: its gzip stream has no end", "an image is truncated", "check"),
    ("a b.nii is truncated: 12 bytes of 99", "an image is truncated", "check"),
    ("sub-01_dwi.nii.gz is corrupt: Error -3 while decompressing", "an image is corrupt", "check"),
    ("x.nii.gz is not a gzip file", "an image is not what its name says", "check"),
    ("x.nii.gz is not a NIfTI image", "an image is not what its name says", "check"),
    ("x.nii.gz has a broken NIfTI header (dimensions [0])", "an image is not what its name says", "check"),
    ("x.bvec is empty", "an input is empty", "check"),
    ("x.bval has changed since the run was submitted: submit it again", "an input has changed", "opsctl run DATASET"),
    ("x cannot be read: S3 answered HeadObject s3://b/x with 404 (404)", "an input is gone", "check"),
    (
        "x cannot be read: S3 answered GetObject s3://b/x with AccessDenied (403)",
        "an input may not be",
        "source-bucket",
    ),
    ("the disk is too small: 1.0 GiB are free and the inputs need 2.0 GiB", "the disk is full", "root_volume_gib"),
    ("the disk is full: m2g ended after 8 s: No space left on device", "the disk is full", "root_volume_gib"),
    ("m2g was killed (SIGKILL) after 9 s, most likely out of memory: its largest", "out of memory", "--memory 30400"),
    ("m2g ran out of memory after 9 s: its largest process had reached 99 MiB", "out of memory", "--memory 30400"),
    ("m2g was ended by SIGSEGV after 3 s: x is truncated", "m2g was ended by a signal", "opsctl logs"),
    ("m2g cannot be started: [Errno 2] No such file", "m2g cannot be started", "opsctl up --image"),
    ("m2g ended with exit code 0 and left no connectome that is not empty", "m2g left no connectome", "opsctl logs"),
    ("m2g ended with exit code 0 and left no connectome for X; there is Y", "m2g left no connectome for a", "parcell"),
    ("m2g left two files for one name: a/b", "m2g left two files", "report it"),
    ("m2g ended with exit code 1 after 3 s", "m2g failed with exit code 1", "opsctl logs"),
    ("stopped by SIGTERM (Spot reclaim, a timeout, or a cancelled job)", "stopped from outside", "opsctl run DATASET"),
    ("stopped by SIGINT (Ctrl-C)", "stopped by Ctrl-C", "opsctl run DATASET"),
    ("S3 did not answer PutObject s3://b/k: ReadTimeoutError: x", "S3 did not answer", "opsctl run DATASET"),
    ("S3 answered GetObject s3://b/k with SlowDown (503)", "S3 did not answer", "opsctl run DATASET"),
    ("S3 answered GetObject s3://b/k with no code (500)", "S3 did not answer", "opsctl run DATASET"),
    ("x.nii.gz did not arrive whole: 1 bytes of 2", "S3 did not answer", "opsctl run DATASET"),
    ("s3://b/k is not what this job uploaded", "S3 did not answer", "opsctl run DATASET"),
    ("the claim on this scan could not be renewed for 60 s", "S3 did not answer", "opsctl run DATASET"),
    ("S3 answered PutObject s3://b/k with AccessDenied (403)", "S3 does not let the job", "opsctl up"),
    ("S3 answered PutObject s3://b/k with NoSuchBucket (404)", "the data bucket is gone", "opsctl up"),
    ("the scan's JSON cannot be read: KeyError: 'x'", "the job does not understand", "opsctl up"),
    ("argv does not say --pipeline dwi", "the job does not understand", "opsctl up"),
    ("a succeeded result with another key stands at s3://b/k", "another run's result", "opsctl run DATASET"),
    ("exit code 137: OutOfMemoryError: Container killed due to memory usage", "out of memory", "--memory 30400"),
    ("exit code 137: Essential container in task exited", "killed, most likely out of memory", "--memory 30400"),
    ("exit code 139: Essential container in task exited", "crashed", "opsctl logs"),
    ("exit code 1: Essential container in task exited", "exit code 1 and left no result", "opsctl logs"),
    ("Essential container in task exited", "the container ended and left no result", "opsctl logs"),
    ("lost: it ended without a word", "Spot took the instance back, or it was lost", "opsctl run DATASET"),
    ("cancelled by ada", "cancelled", "opsctl run DATASET"),
    ("not submitted: the submission was cut short", "never submitted", "opsctl run DATASET"),
    ("exit code 75: Essential container in task exited", "S3 did not answer", "opsctl run DATASET"),
    ("exit code 143: opsctl cancel: by ada", "cancelled", "opsctl run DATASET"),
    ("opsctl down --force", "cancelled by `opsctl down`", "opsctl up"),
    ("Host EC2 (instance i-0123456789abcdef0) terminated.", "Spot took the instance back", "opsctl run DATASET"),
    ("exit code 143: Host EC2 (instance i-0a) terminated.", "Spot took the instance back", "opsctl run DATASET"),
    ("Job attempt duration exceeded timeout", "timed out", "opsctl logs"),
    ("Job queue was deleted", "the job queue was deleted", "opsctl up"),
    ("Canceled by JobStateTimeLimit action due to reason: CAPACITY:X", "cancelled by a time limit", "opsctl why"),
    (
        "Canceled by JobStateTimeLimit action due to reason: CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
        "AWS had no instances",
        "opsctl run DATASET",
    ),
    (
        "Canceled by JobStateTimeLimit action due to reason: MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
        "fewer vCPUs than one scan",
        "opsctl up",
    ),
    (
        "Canceled by JobStateTimeLimit action due to reason: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
        "more than an instance has",
        "--memory MIB",
    ),
    ("Task failed to start; CannotPullContainerError: toomanyrequests: You have", "registry's limit", "ECR"),
    ("CannotPullContainerError: manifest for x:1 not found: manifest unknown", "there is none of this", "opsctl up"),
    ("CannotPullContainerError: Get https://x: dial tcp: i/o timeout", "registry does not answer", "opsctl why"),
    ("CannotPullContainerError: dial tcp 1.2.3.4:443: connect: no route to host", "registry does not", "opsctl why"),
    (
        "CannotPullContainerError: failed to register layer: write /x: no space left on device",
        "the disk is full",
        "vol",
    ),
    (
        "CannotPullContainerError: pull access denied for x, repository does not exist",
        "not permitted",
        "own repository",
    ),
    ("CannotPullContainerError: context deadline", "the image cannot be pulled", "opsctl run DATASET"),
    ("CannotStartContainerError: failed to initialize logging driver: x", "the log group is missing", "opsctl up"),
    ("CannotStartContainerError: OCI runtime create failed", "the container cannot be started", "opsctl logs"),
    ("DockerTimeoutError: Could not transition to created; timed out", "Docker took too long", "opsctl run DATASET"),
    ("The local platform was stopped", "the local platform was stopped", "opsctl up --local"),
    ("The local platform failed, see its server.log", "the local platform failed", "server.log"),
    ("no result, and AWS Batch does not know the job", "Batch has forgotten the job", "opsctl run DATASET"),
    ("the job ended well but left no result", "the job ended well but left no result", "--only failed"),
    ("was never submitted", "never submitted", "opsctl run DATASET"),
    ("not submitted: the budget of $20.00 would be passed", "not submitted: the budget", "--max-spend"),
    ("failed without a reason", "failed without a reason", "opsctl logs"),
    ("CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill", "AWS has no such instances", "starts when"),
]


@pytest.mark.parametrize(("message", "title", "help_"), MESSAGES)
def test_every_sentence_has_its_group_and_its_help(message: str, title: str, help_: str) -> None:
    cause = cause_of(message)
    assert title in cause.title
    assert help_ in cause.help


def test_every_fault_of_the_runner_is_known() -> None:
    # The messages are read from the runner's source, so a new one without a cause fails here.
    source = ROOT / "container" / "m2g_job"
    raised = re.compile(r"(?:WrongInput|ScanFailed|PassingFault|Stopped)\(\s*f?\"([^\"]+)\"")
    sentences = [message for path in sorted(source.glob("*.py")) for message in raised.findall(path.read_text())]
    assert len(sentences) > 20
    filled = [re.sub(r"\{[^}]*\}", "bval", message) for message in sentences if re.search("[a-z] [a-z]", message)]
    # An unknown message is its own title, so more words give another title.
    unknown = [message for message in filled if cause_of(message).title != cause_of(f"{message} and more").title]
    assert unknown == []


def test_what_m2g_wrote_decides_nothing() -> None:
    cause = cause_of("m2g ended with exit code 1 after 3 s: OutOfMemoryError opsctl cancel Host EC2")
    assert cause.title == "m2g failed: OutOfMemoryError opsctl cancel Host EC2"


def test_titles_hold_no_numbers_paths_or_ids() -> None:
    message = "m2g ended with exit code 1 after {} s: ValueError: index {} of /output/sub-{}/x.nii in s3://b/{} of T1w"
    first, second = cause_of(message.format(1, 12, "01", "a")), cause_of(message.format(9.5, 700, "02", "b/c"))
    assert first == second
    assert first.title == "m2g failed: ValueError: index … of … in … of T1w"
    assert cause_of("something new at i-0123456789abcdef0 after 12 s").title == "something new at … after … s"
    assert len(cause_of("m2g ended with exit code 1 after 1 s: " + "word " * 60).title) <= 120


def test_the_help_is_the_runs_own_command() -> None:
    typed = ("opsctl", "run", "HNU1", "--sp", "native", "--yes", "--only", "missing", "--memory=1", "--scan", "sub-0*")
    own_run = run(command_line=typed)
    assert run_again(own_run) == "opsctl run HNU1 --sp native --scan 'sub-0*'"
    assert cause_of("m2g ran out of memory after 1 s", run=own_run).help == (
        "`opsctl run HNU1 --sp native --scan 'sub-0*' --only failed --memory 30400`"
    )
    assert "`opsctl check HNU1`" in cause_of("bval and bvec differ in count: 1 and 2", run=own_run).help
    foreign = run(dataset="s3://open/HNU1", command_line=())
    assert run_again(foreign) == "opsctl run s3://open/HNU1"


@pytest.mark.parametrize("changes", [{"resources": "csa"}, {"resources": "csa", "memory_mib": 30400}])
def test_no_more_memory_is_promised_than_there_is(changes: dict[str, Any]) -> None:
    assert "--memory" not in cause_of("exit code 137", run=run(**changes)).help
    assert "--memory 30400" in cause_of("exit code 137", run=run()).help
    assert "--memory 30400" in cause_of("exit code 137", run=run(memory_mib=15200)).help


def test_groups_are_largest_first_with_the_first_scans_words() -> None:
    message = "bval and bvec differ in count: {} and 64"
    groups = grouped({"a": "x.nii is truncated: 1 bytes of 2", "b": message.format(65), "c": message.format(66)})
    assert [(group.title, group.scans) for group in groups] == [
        ("bval and bvec differ in count", ("b", "c")),
        ("an image is truncated", ("a",)),
    ]
    assert groups[0].example == message.format(65)
    assert grouped({}) == []
