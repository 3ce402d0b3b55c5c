"""Jobs in containers, over Batch's API: what they may, how they end, and that nothing of them stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from contained import Contained, lab_image
from support.waiting import until

from opsctl.core.diagnosis.aws_messages import code_of_message
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.local.jobs.container import PIDS_LIMIT

# Fields of /proc/self/status, read without any tool but the shell's own.
_STATUS = "while read -r name value; do case $name in CapEff:|CapBnd:|NoNewPrivs:) echo $name $value;; esac; done"
# The folders and files of the image, and a file at the root, as m2g writes them.
_WRITES = "; ".join(
    f"if touch {folder}/x 2>/dev/null; then echo writes {folder}; else echo not {folder}; fi"
    for folder in ("", "/root", "/m2g_atlases/atlases/mask", "/tmp", "/input", "/output")
)
#: Process 1 gets no signal that it does not handle.
HANGING = "trap 'echo asked; exit 143' TERM; echo begun; while :; do sleep 0.1; done"


def processes() -> list[tuple[int, str]]:
    """Every process of this machine with its command line, as `ps` shows it to anybody."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            found.append((int(folder.name), words))
    return found


def test_a_job_is_the_images_root_with_one_capability(contained: Contained) -> None:
    job_id = contained.submit(f"id -u; id -g; {_STATUS} < /proc/self/status; {_WRITES}; echo home $HOME, in $PWD")
    job = contained.wait(job_id)
    lines = contained.lines(job_id)
    assert job["status"] == "SUCCEEDED", lines
    assert lines == [
        "0",
        "0",
        # DAC_OVERRIDE and nothing else.
        "CapEff: 0000000000000002",
        "CapBnd: 0000000000000002",
        "NoNewPrivs: 1",
        *(
            "writes",
            "writes /root",
            "writes /m2g_atlases/atlases/mask",
            "writes /tmp",
            "writes /input",
            "writes /output",
        ),
        "home /root, in /",
    ]
    assert contained.names() == []
    contained.wait_for_no_volumes()


def test_nothing_of_this_machine_is_mounted(contained: Contained) -> None:
    job_id = contained.submit("while read -r source place type _; do echo $type $place; done < /proc/mounts")
    contained.wait(job_id)
    mounts = [line.split() for line in contained.lines(job_id)]
    # The engine's own files: the address of the name server, the machine's name, secrets of a Red Hat subscription.
    engine = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/run/.containerenv", "/run/secrets"}
    kernel = ("/proc", "/sys", "/dev")
    assert [place for _, place in mounts if place != "/" and not place.startswith(kernel) and place not in engine] == []


def test_what_a_job_writes_is_its_own_and_goes_with_it(contained: Contained) -> None:
    for _ in range(2):
        job_id = contained.submit("[ -e /root/x ] && echo left; touch /root/x; [ -e /root/x ] && echo written")
        contained.wait(job_id)
        assert contained.lines(job_id) == ["written"]


def test_the_user_of_the_image_or_of_the_job_definition_is_taken(contained: Contained) -> None:
    lab = lab_image(contained.world)
    for image, user, expected in ((lab, None, "1000:1000"), (lab, "7:8", "7:8"), (contained.image, "7:8", "7:8")):
        properties = {"image": image, **({"user": user} if user else {})}
        script = f"echo $(id -u):$(id -g); touch /x 2>/dev/null && echo writes; {_STATUS} < /proc/self/status"
        job_id = contained.submit_defined(script, properties=properties)
        contained.wait(job_id)
        # Nobody but root has the capability, as on AWS.
        assert contained.lines(job_id)[:2] == [expected, "CapEff: 0000000000000000"]


def test_a_job_has_no_more_processes_than_its_limit(contained: Contained) -> None:
    if "pids" not in contained.containers.limits:
        pytest.skip("this engine cannot limit processes here")
    job_id = contained.submit("cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null")
    contained.wait(job_id)
    assert contained.lines(job_id) == [str(PIDS_LIMIT)]


def test_a_job_has_its_own_variables_and_none_of_this_machine(contained: Contained) -> None:
    job_id = contained.submit("env")
    contained.wait(job_id)
    lines = contained.lines(job_id)
    seen = dict(line.split("=", 1) for line in lines if "=" in line)
    stream = contained.job(job_id)["container"]["logStreamName"]
    expected = {
        "OPSCTL_GREETING": "defined",
        "AWS_BATCH_JOB_ID": job_id,
        "AWS_BATCH_JOB_ATTEMPT": "1",
        "AWS_BATCH_JQ_NAME": "q",
        "OPSCTL_LOG_STREAM": stream,
        "AWS_ENDPOINT_URL": contained.server.endpoint_url,
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert seen["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    # The home of the image's user, and no name of a user: as on AWS.
    assert (seen["HOME"], seen.get("USER")) == ("/root", None)
    # Those that the server itself was started with.
    assert "CONTAINERS_CONF" in contained.world.environment
    assert not {"CONTAINERS_CONF", "LANG", "OPSCTL_WORK_DIR", "PYTHONPATH"} & set(seen)


def test_no_secret_shows_in_any_command_line(contained: Contained) -> None:
    job_id = contained.submit_defined(
        HANGING, properties={"environment": [{"name": "OPSCTL_GREETING", "value": "a-most-secret-word"}]}
    )
    until(lambda: contained.lines(job_id))
    (name,) = contained.names()
    seen = [words for _, words in processes() if name in words]
    told = json.loads(contained.world.podman("inspect", "--format", "json", name))[0]
    commands = json.dumps([told["Config"]["Cmd"], told["Config"]["CreateCommand"], told["Args"], told["Path"]])
    (file,) = (contained.home / "local" / "jobs").rglob("environment")
    # The test would also pass if it saw nothing.
    assert any("--env-file" in words for words in seen)
    assert file.stat().st_mode & 0o077 == 0
    assert "a-most-secret-word" in file.read_text()
    for secret in ("a-most-secret-word", "AWS_SECRET_ACCESS_KEY"):
        assert not [words for words in seen if secret in words]
        assert secret not in commands
    contained.batch.terminate_job(jobId=job_id, reason="enough")
    contained.wait(job_id)


def test_a_job_that_is_terminated_hears_it_and_ends_within_its_grace(contained: Contained) -> None:
    job_id = contained.submit(HANGING)
    until(lambda: contained.lines(job_id) == ["begun"])
    contained.batch.terminate_job(jobId=job_id, reason="no longer wanted")
    # Far less than the 20 s after which it would be killed.
    job = contained.wait(job_id, seconds=12)
    assert (job["status"], job["statusReason"], job["container"]["exitCode"]) == ("FAILED", "no longer wanted", 143)
    assert contained.lines(job_id)[:2] == ["begun", "asked"]
    assert contained.names() == []


def test_exit_codes_come_through_and_decide_what_is_tried_again(contained: Contained) -> None:
    strategy = {
        "attempts": 3,
        "evaluateOnExit": [{"onExitCode": "75", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}],
    }
    job_id = contained.submit_defined("[ $AWS_BATCH_JOB_ATTEMPT = 1 ] && exit 75; exit 4", retryStrategy=strategy)
    job = contained.wait(job_id)
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [75, 4]
    assert job["statusReason"] == "Essential container in task exited"


def test_an_image_that_is_not_there_is_one_that_cannot_be_pulled(contained: Contained) -> None:
    job_id = contained.submit_defined("true", properties={"image": "localhost/none:1"})
    job = contained.wait(job_id)
    (attempt,) = job["attempts"]
    assert job["statusReason"] == "Task failed to start"
    assert attempt["container"]["reason"].startswith("CannotPullContainerError: ")
    assert code_of_message(attempt["container"]["reason"]) == CauseCode.IMAGE_NOT_FOUND
    assert "localhost/none:1" in attempt["container"]["reason"]
    assert "exitCode" not in attempt["container"]


def test_an_array_of_four_runs_in_four_containers(contained: Contained) -> None:
    parent = contained.submit("echo $AWS_BATCH_JOB_ARRAY_INDEX of $AWS_BATCH_JOB_ARRAY_SIZE", size=4)
    assert contained.wait(parent, seconds=60)["status"] == "SUCCEEDED"
    assert [contained.lines(f"{parent}:{index}") for index in range(4)] == [[f"{index} of 4"] for index in range(4)]
    assert contained.names() == []
    contained.wait_for_no_volumes()


def test_a_definition_may_name_its_own_user(contained: Contained) -> None:
    job_id = contained.submit_defined("id -u", properties={"user": "65534"})
    contained.wait(job_id)
    assert contained.lines(job_id) == ["65534"]


def test_a_job_over_its_memory_is_killed(contained: Contained) -> None:
    if "memory" not in contained.containers.limits:
        pytest.skip("this engine cannot limit memory here")
    small = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}]
    # `exec`: process 1 itself is what the kernel kills, as the runner would be.
    greedy = "echo begun; exec /opt/opsctl/python -S -B -c 'x = b\"x\" * (256 * 2**20)'"
    job_id = contained.submit_defined(greedy, properties={"resourceRequirements": small})
    job = contained.wait(job_id)
    assert job["container"]["exitCode"] == 137
    assert contained.lines(job_id) == ["begun"]


def test_a_job_that_takes_too_long_is_stopped(contained: Contained) -> None:
    job_id = contained.submit(HANGING, timeout={"attemptDurationSeconds": 3})
    job = contained.wait(job_id)
    assert job["statusReason"] == "Job attempt duration exceeded timeout"
    assert "asked" in contained.lines(job_id)
    assert contained.names() == []
