"""The causes: the title and the remedy of each code.

In a help text, `{run}` is replaced by the command that runs the rest, `{dataset}` by the dataset's name, `{memory}` by
how to run with more memory, `{logs}` by the command that shows the scan's last log lines, and `{why}` by the command
that explains the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from opsctl.core.diagnosis.blocked_reasons import BLOCKED_REASONS
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.finding import Sure
from opsctl.core.diagnosis.launch_refusals import LAUNCH_REFUSALS, OTHER_REFUSAL


class CauseText(NamedTuple):
    """What a code means.

    Attributes
    ----------
    title
        Without numbers, paths and ids.
    help
        The command or action that helps.
    sure
        Whether the cause is known, or the most likely of several.
    """

    title: str
    help: str
    sure: Sure = "certain"


_AGAIN = "`{run}` runs just the rest"
_CHECK = "`opsctl check {dataset}` names the files: mend them, then `{run}`"
# `check` reads only the first bytes of an image, and would call these fine.
_UPLOAD = "`opsctl upload DIR` with a whole copy of the file, then `{run}`"
_RESTORE = "`opsctl scans {dataset}` says how to restore it; then `{run}`"
_PLATFORM = "`opsctl up` mends the platform, then `{run}`"
_LOGS = "`{logs}` shows its last lines"
_MEMORY = "{memory}"
_DISK = "a larger root volume (the platform's root_volume_gib, by an administrator), then `{run} --only failed`"
_ASK = "a fault of opsctl's: report it with the lines of `{logs}`"
_IMAGE = "`opsctl image build` makes and tests an image that has it; after `opsctl image push`, `{run}`"
_VERSIONS = "the image and opsctl differ in version? `opsctl up`, then `{run}`"

CAUSES: Mapping[CauseCode, CauseText] = {
    # m2g and its outputs.
    CauseCode.OUT_OF_MEMORY: CauseText("out of memory", _MEMORY),
    CauseCode.M2G_FAILED: CauseText("m2g failed", _LOGS),
    CauseCode.M2G_SIGNAL: CauseText("m2g was ended by a signal", _LOGS),
    CauseCode.M2G_NOT_STARTED: CauseText(
        "m2g cannot be started", "does the image hold m2g? `opsctl up --image URI` sets another"
    ),
    CauseCode.NO_CONNECTOME: CauseText("m2g left no connectome", _LOGS),
    CauseCode.PARCELLATION_MISSING: CauseText(
        "m2g left no connectome for a parcellation that was asked for",
        "does the image hold the atlases that `opsctl parcellations` lists? `{logs}` shows what m2g found",
    ),
    CauseCode.DUPLICATE_OUTPUT: CauseText("m2g left two files for one name", _ASK),
    CauseCode.TOO_MANY_OUTPUTS: CauseText("m2g left more files than a result may list", _ASK),
    CauseCode.ATLAS_NOT_FOUND: CauseText(
        "m2g has no atlas of the names that were asked for",
        "does the image hold the atlases that `opsctl parcellations` lists? `opsctl image build` makes one that does",
    ),
    CauseCode.GRADIENTS_CORRUPT: CauseText(
        "m2g takes the gradients for corrupt: a direction of 0 where b is not 0", _CHECK
    ),
    CauseCode.SCAN_NOT_RECOGNIZED: CauseText("m2g did not find the scan's files in its input folder", _ASK),
    CauseCode.DSN_FOLDER_MISSING: CauseText(
        "m2g did not find the folder that it needs for --sp native_dsn", f"{_VERSIONS}; or use --sp native"
    ),
    CauseCode.REGISTRATION_MISSING: CauseText(
        "m2g did not find the earlier registration that it was to use",
        "`{run}` looks for another; without --reuse-registration m2g registers again",
    ),
    CauseCode.M2G_TOOL_MISSING: CauseText("a program that m2g needs is not in the image", _IMAGE),
    CauseCode.M2G_BROKEN: CauseText("m2g is not installed completely in the image", _IMAGE),
    CauseCode.READ_ONLY_ROOT: CauseText(
        "m2g may not write to its image's files",
        "m2g needs root and a writable root file system (docs/image.md); then `{run}`",
    ),
    CauseCode.CPAC_FAILED: CauseText(
        "C-PAC failed",
        "`{logs}` shows its messages; its crash files are with the failed scan's logs (`{why}`)",
    ),
    # The machine.
    CauseCode.DISK_FULL: CauseText("the disk is full", _DISK),
    CauseCode.JOB_FILE_ERROR: CauseText("the job cannot write its own files", _LOGS),
    CauseCode.STOPPED: CauseText("stopped from outside (Spot, a timeout or a cancelled job)", _AGAIN, "likely"),
    CauseCode.INTERRUPTED: CauseText("stopped by Ctrl-C", _AGAIN),
    CauseCode.RUNNER_BUG: CauseText("opsctl's job runner failed", _ASK),
    # The scan's JSON and its inputs.
    CauseCode.SCAN_RECORD_INVALID: CauseText("the job does not understand its scan's record", _VERSIONS),
    CauseCode.BVAL_INVALID: CauseText("the bval file is not one row of numbers", _CHECK),
    CauseCode.BVEC_INVALID: CauseText("the bvec file is not three rows of numbers", _CHECK),
    CauseCode.GRADIENT_COUNTS_DIFFER: CauseText("bval and bvec differ in count", _CHECK),
    CauseCode.VOLUME_COUNT_DIFFERS: CauseText("image and bval differ in count", _CHECK),
    CauseCode.DIRECTION_INVALID: CauseText("a weighted volume has no usable direction in bvec", _CHECK),
    CauseCode.B0_VOLUME_MISSING: CauseText("there is no b=0 volume", _CHECK),
    CauseCode.WEIGHTED_VOLUME_MISSING: CauseText("there is no diffusion-weighted volume", _CHECK),
    CauseCode.SINGLE_VOLUME: CauseText("the image has one volume only", _CHECK),
    CauseCode.T1W_SERIES: CauseText("the T1w is a series of volumes", _CHECK),
    CauseCode.IMAGE_INVALID: CauseText("an image is not what its name says", _CHECK),
    CauseCode.IMAGE_TRUNCATED: CauseText("an image is truncated", _UPLOAD),
    CauseCode.IMAGE_CORRUPT: CauseText("an image is corrupt", _UPLOAD),
    CauseCode.INPUT_EMPTY: CauseText("an input is empty", _CHECK),
    CauseCode.INPUT_CHANGED: CauseText("an input has changed since the run was submitted", _AGAIN),
    CauseCode.INPUT_MISSING: CauseText("an input is gone from S3", _CHECK),
    CauseCode.INPUT_ARCHIVED: CauseText("an input is archived on S3", _RESTORE),
    CauseCode.INPUT_DENIED: CauseText(
        "an input may not be read",
        "`opsctl up --source-bucket BUCKET` lets the jobs read the dataset's bucket, then `{run}`",
    ),
    CauseCode.INPUT_UNREADABLE: CauseText("an input cannot be read", _CHECK),
    CauseCode.SIDECAR_INVALID: CauseText("a JSON sidecar is not a JSON object", _CHECK),
    CauseCode.REPETITION_TIME_UNKNOWN: CauseText(
        "the series has no repetition time",
        "write RepetitionTime into the series' JSON sidecar and upload it, then `{run}`; `--tr` with another `--modif` "
        "gives one for all series",
    ),
    CauseCode.REUSE_INCOMPLETE: CauseText(
        "the registration to be reused is no longer there as it was",
        "`{run}` looks for another; without --reuse-registration it makes one",
    ),
    # S3.
    CauseCode.S3_UNAVAILABLE: CauseText("S3 did not answer in time", _AGAIN),
    CauseCode.S3_DENIED: CauseText("S3 does not let the job read or write", _PLATFORM),
    CauseCode.S3_REFUSED: CauseText("S3 refused a request", _LOGS),
    CauseCode.BUCKET_MISSING: CauseText("the data bucket is gone", "`opsctl up` makes it anew; its data is lost"),
    # Other runs and jobs, and submissions.
    CauseCode.OTHER_RESULT_EXISTS: CauseText("another run's result stands in its place", "`{run}` makes a new run"),
    CauseCode.SUBMISSION_ABANDONED: CauseText("its submission was given up", _AGAIN),
    CauseCode.ALREADY_PUBLISHED: CauseText("another job has published its result", "nothing: the scan is done"),
    CauseCode.NEVER_SUBMITTED: CauseText("never submitted", _AGAIN),
    CauseCode.BEING_SUBMITTED: CauseText("is being submitted", "nothing: seconds to a minute"),
    CauseCode.BUDGET_REACHED: CauseText("not submitted: the budget is used up", "`{run} --max-spend USD` with more"),
    CauseCode.CANCELLED: CauseText("cancelled", "`{run}` runs the rest"),
    CauseCode.CANCELLED_BY_DOWN: CauseText(
        "cancelled by `opsctl down`", "`opsctl up`, then `{run}` runs just the rest"
    ),
    CauseCode.JOB_FORGOTTEN: CauseText("the job is no longer known, and there is no result", _AGAIN),
    CauseCode.NO_RESULT: CauseText("the job ended well but left no result", "`{run} --only failed`"),
    CauseCode.UNKNOWN: CauseText("failed without a reason", _LOGS),
    # The platform.
    CauseCode.QUEUE_CAPACITY_LIMIT: CauseText(
        "cancelled: AWS had no instances for as long as the queue waits",
        "`{run}` later, or let it have more pools (more_instance_families, spot_fallback in docs/platform.md)",
    ),
    CauseCode.QUEUE_MAX_VCPUS_LIMIT: CauseText(
        "cancelled: the compute environment allows fewer vCPUs than one scan", _PLATFORM
    ),
    CauseCode.QUEUE_JOB_SIZE_LIMIT: CauseText(
        "cancelled: the job asks for more than an instance has", "`{run} --memory MIB` with less"
    ),
    CauseCode.QUEUE_TIME_LIMIT: CauseText(
        "cancelled by a time limit of the job queue", "`{why}` tells what it waited for"
    ),
    CauseCode.QUEUE_DELETED: CauseText("the job queue was deleted", "`opsctl up`, then `{run}` runs just the rest"),
    CauseCode.DEPENDENCY_FAILED: CauseText(
        "Batch did not start the job: a job that it waits for failed",
        "opsctl's own jobs wait for no other: `{run}` runs the scan without it",
    ),
    CauseCode.INSTANCE_LOST: CauseText("Spot took the instance back, or it was lost", _AGAIN),
    CauseCode.LOCAL_PLATFORM_STOPPED: CauseText("the local platform was stopped", "`opsctl up --local`, then `{run}`"),
    CauseCode.LOCAL_PLATFORM_FAILED: CauseText(
        "the local platform failed", "server.log in its home says why; then `{run}`"
    ),
    CauseCode.TIMED_OUT: CauseText("timed out", "a scan that takes longer than the others: `{logs}` shows where"),
    # Containers.
    CauseCode.IMAGE_PULL_LIMIT: CauseText(
        "the image cannot be pulled: the registry's limit is reached",
        "keep the image in the platform's own repository (ECR, no such limit); else wait an hour, then `{run}`",
    ),
    CauseCode.IMAGE_PULL_DENIED: CauseText(
        "the image cannot be pulled: not permitted",
        "may the instances read this repository? A private image belongs into the platform's own repository",
    ),
    CauseCode.IMAGE_NOT_FOUND: CauseText(
        "the image cannot be pulled: there is none of this name",
        "push the image, or name another with `opsctl up --image URI`; then `{run}`",
    ),
    CauseCode.REGISTRY_UNREACHABLE: CauseText(
        "the image cannot be pulled: the registry does not answer",
        "`{why}` looks at the subnets' way out; then `{run}`",
    ),
    CauseCode.IMAGE_PULL_FAILED: CauseText(
        "the image cannot be pulled", "does the image exist, and may the instances read it? Then `{run}`"
    ),
    CauseCode.LOG_GROUP_UNAVAILABLE: CauseText("the log group is missing or closed to the jobs", _PLATFORM),
    CauseCode.DOCKER_TIMEOUT: CauseText("Docker took too long to make the container", _AGAIN),
    CauseCode.CONTAINER_NOT_CREATED: CauseText("the container cannot be made", _PLATFORM),
    CauseCode.CONTAINER_NOT_STARTED: CauseText("the container cannot be started", _LOGS),
    CauseCode.CONTAINER_NOT_INSPECTED: CauseText(
        "the container ended, and Docker did not say how",
        "its disk was too busy. A result on S3 counts all the same; without one, `{run}`",
    ),
    CauseCode.CONTAINER_LIMITS_NOT_SET: CauseText(
        "the instance could not set the container's limits (cgroups)", "`{run}` runs just the rest, on another instance"
    ),
    CauseCode.INSTANCE_TOO_SMALL: CauseText(
        "the instance had too little memory or too few vCPUs left for the job", "`{run} --memory MIB` with less"
    ),
    CauseCode.AGENT_DISCONNECTED: CauseText("the instance's ECS agent was not connected", _AGAIN),
    CauseCode.CONTAINER_EXITED: CauseText("the container ended and left no result", _LOGS),
    # By the exit code alone.
    CauseCode.KILLED: CauseText("killed, most likely out of memory", _MEMORY, "likely"),
    CauseCode.CRASHED: CauseText("crashed", _LOGS),
    CauseCode.EXITED_WITH_1: CauseText("ended with exit code 1 and left no result", _LOGS),
    # Batch's reasons to wait.
    **{refusal.code: CauseText(refusal.title, refusal.help) for refusal in (*LAUNCH_REFUSALS, OTHER_REFUSAL)},
    **{reason.code: CauseText(reason.title, reason.help, reason.sure) for reason in BLOCKED_REASONS},
}
