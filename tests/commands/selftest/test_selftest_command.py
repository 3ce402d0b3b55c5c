"""A whole self-test against a played platform: its jobs, its rows, and that nothing is left of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.fake_batch import DENIED, RESET, THROTTLED, Fault
from support.played_selftest import BEGIN, ROLE, SELFTEST_ID, STATES, PlayedJob, PlayedSelftest

from opsctl.core.errors import ErrorCode, Interrupted, Problem
from opsctl.core.selftest.check_table import CHECKS, remedy_of
from opsctl.core.selftest.report import ModelReport, Row, SelftestReport

NO_IMAGE = (
    "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref "
    "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g:1: not found"
)


def rows(report: SelftestReport, model: str = "csd") -> dict[str, Row]:
    found = next(entry for entry in report.models if entry.model == model)
    return {row.check: row for row in found.rows}


def of(report: SelftestReport, model: str = "csd") -> ModelReport:
    return next(entry for entry in report.models if entry.model == model)


def test_both_models_are_tested_through_their_own_queues_and_definitions() -> None:
    played = PlayedSelftest()
    report = played.selftest().run()
    assert [list(rows(report, model)) for model in ("csd", "csa")] == [list(CHECKS)] * 2
    assert report.count("fine") == 2 * len(CHECKS)
    assert [request["jobName"] for request in played.requests] == [
        f"opsctl-{SELFTEST_ID}-csd",
        f"opsctl-{SELFTEST_ID}-csa",
    ]
    for request, model in zip(played.requests, ("csd", "csa"), strict=True):
        resources = played.platform.models[model]
        assert (request["jobQueue"], request["jobDefinition"]) == (resources.job_queue, resources.job_definition)


def test_the_request_changes_nothing_but_variables() -> None:
    """The policies permit only this tag, and a self-test proves nothing about an image or role that it names itself."""
    played = PlayedSelftest(options={"state": "s3://lab-states/opsctl", "source_buckets": ["public"]})
    played.selftest(models=("csd",)).run()
    (request,) = played.requests
    assert set(request) == {"jobName", "jobQueue", "jobDefinition", "containerOverrides", "timeout", "tags"}
    assert set(request["containerOverrides"]) == {"environment"}
    assert request["timeout"] == {"attemptDurationSeconds": 900}
    assert request["tags"] == {"opsctl:run": SELFTEST_ID}
    variables = {entry["name"]: entry["value"] for entry in request["containerOverrides"]["environment"]}
    bucket = played.platform.data_bucket
    assert variables == {
        "OPSCTL_SELFTEST_URI": f"s3://{bucket}/opsctl/selftest/{SELFTEST_ID}/csd",
        "OPSCTL_SELFTEST_ROLE": ROLE,
        "OPSCTL_SELFTEST_RAW_URI": f"s3://{bucket}/opsctl-selftest-raw/{SELFTEST_ID}/sub-selftest/dwi/"
        "sub-selftest_dwi.txt",
        "OPSCTL_SELFTEST_OTHER_BUCKET": "lab-states",
        "OPSCTL_SELFTEST_REPOSITORY": played.platform.repository_url,
        "OPSCTL_SELFTEST_IMAGE": played.platform.image,
        "OPSCTL_SELFTEST_MEMORY_MIB": "15200",
        "OPSCTL_SELFTEST_VCPUS": "2",
        "OPSCTL_SELFTEST_DISK_GIB": str(played.platform.root_volume_gib),
    }


@pytest.mark.parametrize("state", ["s3://data-of-the-platform/x", "s3://public/x", None, "local"])
def test_no_bucket_is_another_bucket_that_jobs_may_read_or_that_is_none(state: str | None) -> None:
    played = PlayedSelftest(data_bucket="data-of-the-platform", options={"state": state, "source_buckets": ["public"]})
    played.selftest(models=("csd",)).run()
    names = {entry["name"] for entry in played.requests[0]["containerOverrides"]["environment"]}
    assert "OPSCTL_SELFTEST_OTHER_BUCKET" not in names


def test_the_job_finds_an_object_of_opsctls() -> None:
    played = PlayedSelftest()
    put: dict[str, Any] = {}
    played.s3.put_object = lambda **request: put.setdefault(request["Key"], request["Body"])  # type: ignore[assignment]
    played.selftest(models=("csd",), timeout_seconds=1).run()
    document = json.loads(put[f"opsctl/selftest/{SELFTEST_ID}/csd/input.json"])
    assert document == {"schema_version": 1, "selftest_id": SELFTEST_ID, "atlases": ["a.nii.gz"]}


def test_the_phases_are_those_of_aws_and_cost_the_instances_price() -> None:
    report = PlayedSelftest().selftest().run()
    phases = of(report).phases
    assert (phases.instance, phases.pull, phases.start, phases.checks) == (100, 60, 5, 30)
    assert of(report).usd == pytest.approx(195 / 3600 * PlayedSelftest.rates.usd_per_hour)
    assert report.usd == pytest.approx(2 * of(report).usd)


def test_without_the_agents_times_the_pull_is_part_of_the_start() -> None:
    played = PlayedSelftest()
    played.jobs["csd"].knows_pull = False
    phases = of(played.selftest().run()).phases
    assert (phases.pull, phases.checks) == (None, 30)
    # Seen in one of the polls every five seconds.
    assert phases.instance == pytest.approx(100, abs=6)
    assert phases.start == pytest.approx(65, abs=6)


@pytest.mark.parametrize("check", [check for check in CHECKS if check not in ("job", "logs")])
def test_each_failed_row_names_its_fix(check: str) -> None:
    played = PlayedSelftest()
    played.jobs["csd"].rows[check] = "failed"
    played.jobs["csd"].exit_code = 1
    report = played.selftest().run()
    assert report.count("failed") == 1
    row = rows(report)[check]
    assert (row.verdict, row.remedy) == ("failed", remedy_of(check))
    assert row.remedy.endswith((".", "?"))
    assert not report.as_json()["ok"]


def test_what_was_not_checked_has_no_remedy_and_fails_nothing() -> None:
    played = PlayedSelftest()
    played.jobs["csd"].rows = {"instance_ecs": "not_checked", "disk": "warning"}
    report = played.selftest().run()
    assert report.as_json()["ok"]
    assert rows(report)["instance_ecs"].remedy == ""
    assert rows(report)["disk"].remedy == remedy_of("disk")


def test_nothing_is_left_in_the_bucket() -> None:
    played = PlayedSelftest(endpoint_url="http://127.0.0.1:1")
    played.jobs["csd"].rows["raw_data"], played.jobs["csd"].wrote_raw_data = "failed", True
    report = played.selftest().run()
    assert played.keys() == []
    assert report.left == ""


def test_what_may_not_be_removed_is_named() -> None:
    played = PlayedSelftest(endpoint_url="http://127.0.0.1:1")
    played.s3.may_delete = False
    report = played.selftest().run()
    assert len(played.keys()) == 4
    assert report.left.startswith(f"Not removed: s3://{played.platform.data_bucket}/opsctl/selftest/{SELFTEST_ID}/")
    assert "AccessDenied" in report.left
    assert "less than a cent" in report.left


def test_ctrl_c_ends_the_jobs_and_removes_what_they_wrote() -> None:
    played = PlayedSelftest(endpoint_url="http://127.0.0.1:1")
    played.interrupt_at = 50
    with pytest.raises(Interrupted, match=r"^Stopped. The self-test's jobs were ended.$"):
        played.selftest().run()
    assert set(played.terminated) == {"job-1", "job-2"}
    assert played.keys() == []


def test_ctrl_c_while_a_job_is_submitted_ends_that_job_too() -> None:
    played = PlayedSelftest(endpoint_url="http://127.0.0.1:1")
    played.faults = [None, Fault(KeyboardInterrupt(), carried_out=True)]
    with pytest.raises(Interrupted):
        played.selftest().run()
    assert set(played.terminated) == {"job-1", "job-2"}
    assert played.keys() == []


def test_a_refused_submission_leaves_nothing() -> None:
    played = PlayedSelftest(endpoint_url="http://127.0.0.1:1")
    played.faults = [None, Fault(DENIED)]
    with pytest.raises(Problem) as refused:
        played.selftest().run()
    assert refused.value.code is ErrorCode.AWS_DENIED
    assert set(played.terminated) == {"job-1"}
    assert played.keys() == []


def test_a_lost_reply_submits_no_second_job() -> None:
    played = PlayedSelftest()
    played.faults = [Fault(THROTTLED), Fault(RESET, carried_out=True)]
    report = played.selftest().run()
    assert len(played.requests) == 2
    assert report.count("failed") == 0


def test_a_job_that_is_not_through_in_time_is_ended_and_says_what_it_waits_for() -> None:
    played = PlayedSelftest(endpoint_url="http://127.0.0.1:1")
    played.jobs["csa"] = PlayedJob(
        states=((0, "RUNNABLE"),), reason="CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - no r5.xlarge", has_result=False
    )
    report = played.selftest(timeout_seconds=600).run()
    row = rows(report, "csa")["job"]
    assert row.verdict == "failed"
    assert row.detail.startswith("It was still RUNNABLE after 10 min, and was ended. AWS has no instances of this type")
    assert row.remedy
    assert list(rows(report, "csa")) == ["job"]
    assert rows(report, "csd")["job"].verdict == "fine"
    assert set(played.terminated) == {"job-2"}
    assert played.keys() == []


def test_a_wait_is_explained_after_two_minutes_and_not_before() -> None:
    played = PlayedSelftest()
    played.jobs["csd"].states = ((0, "RUNNABLE"), (300, "RUNNING"), (310, "SUCCEEDED"))
    played.jobs["csa"].states = ((0, "RUNNABLE"), (100, "RUNNING"), (110, "SUCCEEDED"))
    played.selftest().run()
    assert played.looks == ["csd", "csd"]


def test_an_image_that_cannot_be_pulled_is_a_known_cause_with_its_fix() -> None:
    played = PlayedSelftest()
    played.jobs["csd"] = PlayedJob(
        states=((0, "RUNNABLE"), (60, "STARTING"), (120, "FAILED")), reason=NO_IMAGE, exit_code=None, has_result=False
    )
    report = played.selftest().run()
    row = rows(report)["job"]
    assert row.verdict == "failed"
    assert row.detail.startswith(
        "The image cannot be pulled: there is none of this name. AWS Batch: CannotPullContainer"
    )
    assert "opsctl up --image URI" in row.remedy
    assert "`opsctl selftest`" in row.remedy
    assert "opsctl run" not in row.remedy
    assert list(rows(report)) == ["job"]
    assert (of(report).phases.start, of(report).phases.checks) == (None, None)


def test_a_job_that_ended_without_a_result_shows_its_last_lines() -> None:
    played = PlayedSelftest()
    played.jobs["csd"].has_result, played.jobs["csd"].exit_code = False, 1
    played.jobs["csd"].states = (*STATES[:-1], (195, "FAILED"))
    played.jobs["csd"].reason = "Essential container in task exited"
    report = played.selftest().run()
    assert rows(report)["job"].remedy == "Its last lines are below."
    assert of(report).last_lines[-1] == "opsctl: the end"


@pytest.mark.parametrize(("status", "exit_code"), [("SUCCEEDED", 0), ("FAILED", 2)])
def test_an_image_with_a_runner_that_knows_no_self_test_says_so(status: str, exit_code: int) -> None:
    played = PlayedSelftest()
    played.jobs["csd"].has_result, played.jobs["csd"].exit_code = False, exit_code
    played.jobs["csd"].states = (*STATES[:-1], (195, status))
    played.jobs["csd"].reason = "Essential container in task exited"
    row = rows(played.selftest().run())["job"]
    assert row.remedy == (
        "The image's job runner is older than this opsctl: `opsctl image build`, then `opsctl image push`."
    )


def test_a_result_of_another_version_is_a_failed_row_and_the_other_model_is_shown() -> None:
    played = PlayedSelftest()
    key = f"opsctl/selftest/{SELFTEST_ID}/csd/result.json"
    get = played.s3.get_object
    old = PlayedSelftest().s3
    old.put_object(Bucket=played.platform.data_bucket, Key=key, Body=b'{"schema_version": 7}')
    played.s3.get_object = lambda **request: (  # type: ignore[method-assign]
        old.get_object(**request) if request["Key"] == key else get(**request)
    )
    report = played.selftest().run()
    assert "another version of opsctl" in rows(report)["job"].detail
    assert "opsctl image build" in rows(report)["job"].remedy
    assert rows(report, "csa")["job"].verdict == "fine"


def test_a_job_that_batch_has_forgotten_is_judged_by_its_result() -> None:
    played = PlayedSelftest()
    played.jobs["csd"].forgotten_after = 250
    played.jobs["csa"].states = ((0, "RUNNABLE"), (100, "STARTING"), (165, "RUNNING"), (400, "SUCCEEDED"))
    assert played.selftest().run().count("failed") == 0
    lost = PlayedSelftest()
    lost.jobs["csd"].forgotten_after = 50
    row = rows(lost.selftest().run())["job"]
    assert (row.verdict, row.detail) == ("failed", "Batch does not know the job, and it left no result.")


@pytest.mark.parametrize(("late", "verdict"), [(0.0, "fine"), (30.0, "fine"), (None, "failed")])
def test_a_log_line_that_is_late_is_waited_for(late: float | None, verdict: str) -> None:
    played = PlayedSelftest()
    played.log_late_seconds = late
    row = rows(played.selftest(models=("csd",)).run())["logs"]
    assert row.verdict == verdict
    assert row.seconds == pytest.approx(60 if late is None else max(0.0, late - 5), abs=6)
    assert bool(row.remedy) is (verdict == "failed")


@pytest.mark.parametrize(
    ("code", "verdict", "detail"),
    [
        ("AccessDeniedException", "not_checked", "Hidden from you: "),
        ("ResourceNotFoundException", "failed", "The log group /opsctl/m2g is not there."),
    ],
)
def test_logs_that_cannot_be_read(code: str, verdict: str, detail: str) -> None:
    played = PlayedSelftest()
    played.log_error = code
    row = rows(played.selftest(models=("csd",)).run())["logs"]
    assert row.verdict == verdict
    assert row.detail.startswith(detail)


def test_the_platforms_own_times_are_kept_newest_first_and_feed_estimates() -> None:
    played = PlayedSelftest()
    played.jobs["csa"].disk_used_mib = 27_000
    report = played.selftest().run()
    assert [model.as_json()["disk_used_mib"] for model in report.models] == [None, 27_000]
    played.now = 0.0
    played.jobs["csd"].states = tuple((2 * at, state) for at, state in STATES)
    played.selftest(models=("csd",)).run()
    body = played.s3.get_object(Bucket=played.platform.data_bucket, Key="opsctl/platform/times.json")["Body"].read()
    kept = json.loads(body)
    assert kept["schema_version"] == 1
    assert [entry["instance_type"] for entry in kept["times"]] == [
        played.platform.models[model].instance_type for model in ("csd", "csd", "csa")
    ]
    assert kept["times"][-1] == {
        "measured_at": kept["times"][1]["measured_at"],
        "instance_type": played.platform.models["csa"].instance_type,
        "boot_seconds": 100,
        "pull_seconds": 60,
        "start_seconds": 5,
        "disk_used_mib": 27_000,
        "image": played.platform.image,
    }
    assert played.keys() == ["opsctl/platform/times.json"]


def test_this_machines_times_say_nothing_about_aws() -> None:
    played = PlayedSelftest(endpoint_url="http://127.0.0.1:1")
    played.selftest().run()
    assert played.keys() == []


def test_a_failed_job_measures_nothing() -> None:
    played = PlayedSelftest()
    played.jobs["csd"].has_result = False
    played.selftest(models=("csd",)).run()
    assert played.keys() == []


def test_the_json_has_no_account_number() -> None:
    played = PlayedSelftest(data_bucket="opsctl-m2g-123456789012-us-east-1")
    played.jobs["csd"] = PlayedJob(states=((0, "RUNNABLE"), (9, "FAILED")), reason=NO_IMAGE, has_result=False)
    document = played.selftest().run().as_json()
    assert "123456789012" not in json.dumps(document)
    assert "ACCOUNT.dkr.ecr" in json.dumps(document)
    assert document["started_at"] == BEGIN.strftime("%Y-%m-%dT%H:%M:%SZ")
