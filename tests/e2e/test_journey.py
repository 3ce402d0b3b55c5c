"""The whole road on real parts: Terraform and its provider, S3 and Batch over HTTP, jobs, diffusion models."""

from __future__ import annotations

import csv
import json
import mmap
import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from example_lines import BY_THE_JOURNEY, examples, reason_not_to, shown, words_here
from least_privilege import for_people, judged
from support.recorded_calls import EXCEPTIONS, read, spare

from opsctl.local import control

SCANS = 4

# The journey takes six minutes and is made once: `make test` gives each file to one worker.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]


def edges(path: Path) -> dict[tuple[int, int], float]:
    """A connectome's weights by the pair of nodes."""
    rows = [line.split(" ") for line in path.read_text().splitlines()]
    return {(int(first), int(second)): float(weight) for first, second, weight in rows}


def connectomes(journey, name: str) -> dict[str, Path]:
    """A scan's connectome of the Desikan atlas by the scan's name."""
    found = json.loads(journey.said[name].out)["connectomes"]
    return {one["scan"]: journey.program.folder / one["path"] for one in found if "/Desikan_space" in one["path"]}


def test_every_command_ends_as_it_should(journey):
    wrong = {
        name: (said.code, said.err[-600:])
        for name, said in journey.said.items()
        if said.code != EXPECTED.get(name, 0) and "killed" not in name
    }
    assert not wrong


EXPECTED = {
    "status before up": 1,
    "runs after dry run": 1,
    "mixed": 1,
    "check ragged": 1,
    "run ragged": 1,
    "wait ragged": 1,
    "audit ragged": 1,
    "down while active": 1,
    "status after down": 1,
}


def test_nothing_says_that_it_is_a_bug(journey):
    assert not [name for name, said in journey.said.items() if "bug in opsctl" in said.err or "Traceback" in said.err]


def test_without_a_platform_a_sentence_says_what_to_type(journey):
    assert "opsctl up --local" in journey.said["status before up"].err
    assert "opsctl up --local" in journey.said["status after down"].err


def test_the_plan_is_condensed_and_idle_costs_nothing(journey):
    said = journey.said["up"].err
    assert "to create: " in said
    assert "network " in said
    assert "roles " in said
    assert "$0.00/h" in said


def test_a_second_up_changes_nothing_and_says_so(journey):
    assert "nothing changed" in journey.said["second up"].err


def test_a_second_upload_sends_nothing(journey):
    first, second = (json.loads(journey.said[name].out) for name in ("upload", "second upload"))
    assert first["sent"]
    assert second["sent"] == []
    assert second["unchanged"] == len(first["sent"])


def test_dry_run_shows_all_and_sends_nothing(journey):
    shown = json.loads(journey.said["dry run"].out)
    assert len(shown["scans"]) == SCANS
    assert shown["requests"][0]["arrayProperties"] == {"size": SCANS}
    assert shown["scans"][0]["argv"][0] == "m2g"
    assert "There is no run yet" in journey.said["runs after dry run"].err


def test_logs_carry_every_scan_under_its_name_and_end_with_the_run(journey):
    said = journey.said["follow csa"]
    names = {line.split(" │ ")[0].strip() for line in said.out.splitlines() if " │ " in line}
    assert names == {f"sub-{subject}/ses-{session}" for subject in ("01", "02") for session in ("1", "2")}
    assert said.err.count(" done in ") == SCANS
    assert any("PREVIEW" in line for line in said.out.splitlines())


def test_log_lines_as_json_are_in_order_and_none_twice(journey):
    lines = [json.loads(line) for line in journey.said["logs json"].out.splitlines()]
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    plain = [line for line in journey.said["follow csa"].out.splitlines() if " │ " in line]
    assert len(plain) == len(lines)


def test_status_counts_results(journey):
    counts = json.loads(journey.said["status csa"].out)["counts"]
    assert counts["DONE"] == counts["TOTAL"] == SCANS


@pytest.mark.parametrize("model", ["csa", "csd"])
def test_connectomes_are_counts_of_streamlines(journey, model):
    found = connectomes(journey, f"results {model}")
    assert len(found) == SCANS
    for path in found.values():
        weights = edges(path)
        assert all(1 <= first < second <= 70 for first, second in weights)
        assert all(weight >= 1 and weight == int(weight) for weight in weights.values())
        assert sum(weights.values()) > 100


def test_the_two_models_differ(journey):
    csa, csd = connectomes(journey, "results csa"), connectomes(journey, "results csd")
    assert all(edges(csa[scan]) != edges(csd[scan]) for scan in csa)


def test_typed_again_it_submits_nothing(journey):
    again = json.loads(journey.said["run csa again"].out)
    assert (again["submitted"], again["done"]) == (0, SCANS)
    assert again["run_id"] == json.loads(journey.said["status csa"].out)["run_id"]


def test_killed_and_typed_again_every_scan_is_done_once(journey):
    assert journey.said["run csd killed"].code in (0, -9)
    said = journey.said["run csd"].err
    assert said.count(" done in ") == SCANS
    assert len(connectomes(journey, "results csd")) == SCANS


def test_an_audit_tells_complete_from_not(journey):
    whole = json.loads(journey.said["audit csa"].out)
    assert (whole["complete"], whole["counts"], whole["strays"]) == (True, {"complete": SCANS}, [])
    ragged = json.loads(journey.said["audit ragged"].out)
    assert ragged["counts"] == {"complete": 4, "failed": 1}


def test_what_it_cost_is_told_by_attempts(journey):
    cost = json.loads(journey.said["cost csa"].out)
    assert cost["usd_charged"] == 0.0
    assert len(cost["scans"]) == SCANS
    assert all(one["attempts"] == 1 and one["hours"] > 0 for one in cost["scans"])
    assert "Nothing to explain" in journey.said["why csa"].err + journey.said["why csa"].out


def test_a_report_is_one_file(journey):
    page = (journey.program.folder / "csa.html").read_text()
    assert "sub-01/ses-1" in page
    assert "PREVIEW, not m2g" in page
    assert "http://" not in page.replace("http://www.w3.org/", "")


def test_the_folder_at_home_is_a_bids_derivative_with_a_table(journey):
    folder = journey.program.folder / "csa-all"
    described = json.loads((folder / "dataset_description.json").read_text())
    assert described["DatasetType"] == "derivative"
    assert described["SourceDatasets"]
    with (folder / "connectomes.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len({row["scan"] for row in rows}) == SCANS
    assert len(rows) == SCANS * len({row["atlas"] for row in rows})
    assert {(row["nodes"].isdigit(), row["participant_id"][:4]) for row in rows} == {(True, "sub-")}
    assert len(list(folder.rglob("*_provenance.json"))) == SCANS


def test_cancel_ends_every_job_and_down_is_free(journey):
    states = [one["state"] for one in json.loads(journey.said["status after cancel"].out)["scans"]]
    assert len(states) == SCANS
    assert set(states) <= {"FAILED", "DONE"}
    assert "FAILED" in states


def test_outputs_of_other_options_are_never_mixed(journey):
    said = journey.said["mixed"].err
    assert "never mixed" in said
    assert "--modif" in said


def test_a_ragged_dataset_runs_and_its_bad_scan_says_why(journey):
    shown = journey.said["run ragged"].err
    assert "no T1w" in shown
    assert "sub-carol" in shown
    assert "sub-alice_run-1_T1w.nii.gz" in shown
    states = {scan["scan"]: scan for scan in json.loads(journey.said["status ragged"].out)["scans"]}
    assert {name: scan["state"] for name, scan in states.items()} == {
        "sub-alice": "DONE",
        "sub-bob/ses-retest": "DONE",
        "sub-bob/ses-2b/run-1": "DONE",
        "sub-bob/ses-2b/run-2": "DONE",
        "sub-dave": "FAILED",
    }
    assert "differ in count" in states["sub-dave"]["cause"]


def test_scans_and_check_say_before_what_the_run_says_after(journey):
    found = json.loads(journey.said["scans ragged"].out)
    states = {scan["scan"]: scan["state"] for scan in json.loads(journey.said["status ragged"].out)["scans"]}
    assert {scan["name"] for scan in found["scans"]} == set(states)
    assert [one["key"] for one in found["excluded"]] == ["ragged/sub-carol/dwi/sub-carol_dwi.nii.gz"]
    assert "sub-dave: bval and bvec differ in count" in journey.said["run ragged"].err
    verdicts = {one["scan"]: one["verdict"] for one in json.loads(journey.said["check ragged"].out)["scans"]}
    assert {name for name, verdict in verdicts.items() if verdict == "wrong"} == {
        name for name, state in states.items() if state == "FAILED"
    }


def test_a_made_up_session_never_shows(journey):
    paths = [str(path) for path in connectomes(journey, "results ragged").values()]
    assert any("ragged-out/sub-alice/connectomes_d/" in path for path in paths)
    assert not any("nosession" in path for path in paths)
    assert all("Desikan" in path for path in paths)


def test_down_refuses_while_jobs_are_active(journey):
    said = journey.said["down while active"].err
    assert "still active" in said
    assert "--force" in said


def test_the_receipt_says_what_is_gone_and_what_was_kept(journey):
    said = journey.said["down"].err
    counted = re.search(r"down local (\d+)/(\d+)", said)
    assert counted is not None and counted[1] == counted[2], said
    assert "left     0" in said
    assert "kept     s3://opsctl-local-" in said
    assert "nothing to remove" in journey.said["second down"].err


def test_data_and_results_come_back_at_the_next_up(journey):
    assert json.loads(journey.said["upload again"].out)["sent"] == []
    assert len(connectomes(journey, "results again")) == SCANS


def test_the_wheel_carries_terraform_and_the_jobs_code(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "terraform/platform/main.tf",
        "terraform/storage/main.tf",
        "container/m2g_job/__main__.py",
        "container/Dockerfile",
        "terraform/platform/.terraform.lock.hcl",
        "terraform/storage/.terraform.lock.hcl",
    ):
        assert f"opsctl/shipped/{wanted}" in names
    assert not [name for name in names if ".terraform/" in name or "tfstate" in name or "__pycache__" in name]


def test_help_and_readme_show_what_there_is():
    commands = shown()
    assert len(examples()) >= 15
    assert "opsctl run HNU1 --sp native" in commands
    assert reason_not_to("opsctl up --region us-east-1 --plan")
    assert [command for command in commands if reason_not_to(command) is None and "opsctl" not in command] == []


@pytest.mark.parametrize("command", [one for one in shown() if reason_not_to(one) is None])
def test_every_command_that_help_and_readme_show_works(journey, command):
    name = BY_THE_JOURNEY.get(command, f"example: {command}")
    typed = [word for word in journey.typed[name] if word != "--yes"]
    assert typed == [word for word in words_here(command) if word != "--yes"]
    assert journey.said[name].code == 0, journey.said[name].err


def test_completion_knows_what_was_uploaded_and_run(journey):
    def completed(*words):
        asked = {"_OPSCTL_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(["opsctl", *words])}
        done = subprocess.run(
            [journey.program.binary],
            env={**journey.program.environment, **asked, "COMP_CWORD": str(len(words))},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    assert completed("run", "") == ["HNU1", "ragged"]
    ids = completed("status", "--run", "")
    assert len(ids) >= 4
    assert completed("logs", "--run", ids[-1], "sub-01/") == ["sub-01/ses-1", "sub-01/ses-2"]


def test_the_calls_of_every_verb_are_on_record(journey):
    verbs = {caller.verb or caller.who for caller, _ in read(journey.program.calls)}
    daily = "upload scans check run status why logs cancel cost results report audit runs datasets doctor"
    assert verbs >= {"up", "down", "job", *daily.split()}


def test_every_call_is_allowed_by_the_policy_of_who_made_it(journey):
    found = judged(journey.program.home, journey.program.calls)
    assert sorted(set(found.refused)) == []
    assert len(found.used["job"]) >= 3


@pytest.mark.parametrize("who", ["run", "up"])
def test_no_policy_allows_what_nobody_needs(journey, who):
    found = judged(journey.program.home, journey.program.calls)
    assert spare(for_people("local")[who], found.used[who]) - set(EXCEPTIONS[who]) == set()


@pytest.mark.parametrize("who", ["run", "up"])
def test_every_exception_is_an_action_of_the_policy(who):
    assert set(EXCEPTIONS[who]) - spare(for_people("local")[who], set()) == set()


def holds(path: Path, secret: bytes) -> bool:
    """Whether a file, however large, holds a secret."""
    if path.is_symlink() or not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(secret) >= 0


def test_the_local_platforms_key_stands_in_its_file_and_nowhere_else(journey):
    home = journey.program.home
    key = control.credentials(home)["AWS_ACCESS_KEY_ID"].encode()
    # Terraform's code, states, plans and logs, opsctl's log and cache, the server's files, the calls on record.
    files = [*home.rglob("*"), journey.program.calls]
    assert [path for path in files if holds(path, key)] == [control.Files(home).key]
    assert not [name for name, said in journey.said.items() if key.decode() in said.out + said.err]
    # The server and its jobs are processes of this machine: everybody sees their command lines.
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [line for line in lines if key in line]


def test_everything_in_the_home_is_its_owners_alone(journey):
    home = journey.program.home
    folders = [home, *(path for depth in ("*", "*/*") for path in home.glob(depth) if path.is_dir())]
    private = ("records.sqlite*", "current", "identity", "opsctl.log*", "local/*", "**/*.tfstate*", "**/*.tfplan")
    paths = [*folders, *(path for pattern in private for path in home.glob(pattern))]
    assert {path: oct(path.stat().st_mode) for path in paths if path.stat().st_mode & 0o077} == {}
