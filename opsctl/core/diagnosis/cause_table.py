"""The known causes: patterns of messages of the runner, Batch, Docker and `status`, each with its title and help.

In a help text, `{run}` is replaced by the command that runs the rest, `{dataset}` by the dataset's name.
"""

from __future__ import annotations

from opsctl.core.diagnosis.finding import BlockedReason

#: Memory of the jobs of the largest queue, suggested for scans that ran out of less.
LARGEST_MEMORY_MIB = 30_400

_AGAIN = "`{run}` runs just the rest"
_FAILED = "`{run} --only failed`"
_CHECK = "`opsctl check {dataset}` names the files: mend them, then `{run}`"
_PLATFORM = "`opsctl up` mends the platform, then `{run}`"
LOGS = "`opsctl logs` shows its last lines"
MEMORY = f"`{{run}} --only failed --memory {LARGEST_MEMORY_MIB}`"
NO_MORE_MEMORY = "its jobs have the largest instance's memory already: fewer --seeds, or a --voxelsize of 4mm"
_DISK = "a larger root volume (the platform's root_volume_gib, by an administrator), then `{run} --only failed`"
_ASK = "a fault of opsctl's: report it with the lines of `opsctl logs`"

#: Pattern, title and help; the first pattern that matches decides. The output of m2g itself, after a colon, is never
#: matched, because it may contain any words. Titles contain no numbers, paths or ids: scans are grouped by title.
CAUSES: tuple[tuple[str, str, str], ...] = (
    # Messages of the runner, from their beginning.
    (r"^m2g was killed \(SIGKILL\)|^m2g ran out of memory", "out of memory", MEMORY),
    (
        r"^m2g cannot be started",
        "m2g cannot be started",
        "does the image hold m2g? `opsctl up --image URI` sets another",
    ),
    (
        r"^m2g ended with exit code 0 and left no connectome for ",
        "m2g left no connectome for a parcellation that was asked for",
        "are the --parcellation names those of m2g's atlases? `opsctl logs` shows what m2g found",
    ),
    (r"^m2g ended with exit code 0 and left no connectome", "m2g left no connectome", LOGS),
    (r"^m2g left two files for one name", "m2g left two files for one name", _ASK),
    (r"^m2g was ended by ", "m2g was ended by a signal", LOGS),
    (r"^the job's own files cannot be written", "the job cannot write its own files", LOGS),
    (r"^the disk is (full|too small)", "the disk is full", _DISK),
    (
        r"^the scan's JSON|^there is no scan's JSON|^argv |^the output is not this scan's|OPSCTL_|^a job runs pipeline"
        r"|^pipeline \S+ needs the inputs|is not a BIDS \S+ label|is not an image of subject|does not end as a"
        r"|^an input is not an object|^the dataset is not on S3|is not a whole number|is not an image's digest",
        "the job does not understand its scan's record",
        "the image and opsctl differ in version? `opsctl up`, then `{run}`",
    ),
    (r"^bval and bvec differ in count", "bval and bvec differ in count", _CHECK),
    (r"^image and bval differ in count", "image and bval differ in count", _CHECK),
    (r"^the bval file ", "the bval file is not one row of numbers", _CHECK),
    (r"^the bvec file ", "the bvec file is not three rows of numbers", _CHECK),
    (r"^.+ has 1 volume", "the image has one volume only", _CHECK),
    (r"^.+ is truncated", "an image is truncated", _CHECK),
    (r"^.+ is corrupt", "an image is corrupt", _CHECK),
    (r"^.+ (is not a gzip file|is not a NIfTI image|has a broken NIfTI)", "an image is not what its name says", _CHECK),
    (r"^.+ is empty", "an input is empty", _CHECK),
    (r"^.+ has changed since", "an input has changed since the run was submitted", _AGAIN),
    (r"^.+ cannot be read: .*(NoSuchKey|404|NotFound)", "an input is gone from S3", _CHECK),
    (
        r"^.+ cannot be read: .*(AccessDenied|403)",
        "an input may not be read",
        "`opsctl up --source-bucket BUCKET` lets the jobs read the dataset's bucket, then `{run}`",
    ),
    (r"^.+ cannot be read", "an input cannot be read", _CHECK),
    # Jobs ended by Batch or by a person. Deliberate ends come first, whatever the container's own message was.
    (r"^cancelled by (?!opsctl down)|opsctl cancel\b", "cancelled", "`{run}` runs it after all"),
    (r"opsctl down\b", "cancelled by `opsctl down`", "`opsctl up`, then `{run}` runs just the rest"),
    # The job queue's time limits: terraform/modules/batch/job_queue.tf.
    (
        r"JobStateTimeLimit.*INSUFFICIENT_INSTANCE_CAPACITY",
        "cancelled: AWS had no instances for as long as the queue waits",
        "`{run}` later, or let it have more pools (more_instance_families, spot_fallback in docs/platform.md)",
    ),
    (
        rf"JobStateTimeLimit.*{BlockedReason.MAX_VCPUS}",
        "cancelled: the compute environment allows fewer vCPUs than one scan",
        _PLATFORM,
    ),
    (
        rf"JobStateTimeLimit.*{BlockedReason.JOB_SIZE}",
        "cancelled: the job asks for more than an instance has",
        "`{run} --memory MIB` with less",
    ),
    (r"JobStateTimeLimit", "cancelled by a time limit of the job queue", "`opsctl why` tells what it waited for"),
    (
        r"[Jj]ob queue (was|has been) deleted",
        "the job queue was deleted",
        "`opsctl up`, then `{run}` runs just the rest",
    ),
    (r"Host EC2|^lost: it ended without a word", "Spot took the instance back, or it was lost", _AGAIN),
    (r"[Tt]he local platform was stopped", "the local platform was stopped", "`opsctl up --local`, then `{run}`"),
    (r"[Tt]he local platform failed", "the local platform failed", "server.log in its home says why; then `{run}`"),
    (
        r"Job attempt duration exceeded",
        "timed out",
        "a scan that takes longer than the others: `opsctl logs` shows where",
    ),
    # Containers that never ran. Docker reports a full disk as an image that cannot be pulled.
    (r"[Nn]o space left on device|failed to register layer", "the disk is full", _DISK),
    (
        r"CannotPull.*(toomanyrequests|rate limit|429)",
        "the image cannot be pulled: the registry's limit is reached",
        "keep the image in the platform's own repository (ECR, no such limit); else wait an hour, then `{run}`",
    ),
    (
        r"CannotPull.*(pull access denied|unauthorized|no basic auth|denied:|403|not authorized)",
        "the image cannot be pulled: not permitted",
        "may the instances read this repository? A private image belongs into the platform's own repository",
    ),
    (
        r"CannotPull.*(not found|manifest unknown|does not exist|name unknown)",
        "the image cannot be pulled: there is none of this name",
        "push the image, or name another with `opsctl up --image URI`; then `{run}`",
    ),
    (
        r"CannotPull.*(no route|i/o timeout|dial tcp|connection refused|connection reset|request canceled"
        r"|[Tt]imeout|TLS handshake|unreachable|no such host|EOF)",
        "the image cannot be pulled: the registry does not answer",
        "`opsctl why` looks at the subnets' way out; then `{run}`",
    ),
    (r"CannotPull", "the image cannot be pulled", "does the image exist, and may the instances read it? Then `{run}`"),
    (
        r"initialize logging driver|CannotStartContainer.*log",
        "the log group is missing or closed to the jobs",
        _PLATFORM,
    ),
    (r"DockerTimeoutError|ContainerTimeout", "Docker took too long to make the container", _AGAIN),
    (r"CannotCreateContainer", "the container cannot be made", _PLATFORM),
    (
        r"CannotStartContainer|ResourceInitializationError|Task failed to start",
        "the container cannot be started",
        LOGS,
    ),
    (r"OutOfMemoryError|Container killed due to memory", "out of memory", MEMORY),
    # S3: transient errors first, then permanent ones.
    (
        r"^S3 did not answer|^S3 answered .*(SlowDown|Throttl|TooManyRequests|RequestLimit|InternalError|Unavailable"
        r"|\(5\d\d\))|did not arrive whole|was replaced while it was read|is not what this job uploaded"
        r"|changes too often to be written"
        r"|claim on this scan could not be renewed|ExpiredToken|RequestTimeTooSkewed|RequestTimeout",
        "S3 did not answer in time",
        _AGAIN,
    ),
    (r"^S3 answered .*(AccessDenied|403)", "S3 does not let the job read or write", _PLATFORM),
    (r"^S3 answered .*NoSuchBucket", "the data bucket is gone", "`opsctl up` makes it anew; its data is lost"),
    (r"^S3 answered ", "S3 refused a request", LOGS),
    # Records of another run, and abandoned submissions.
    (
        r"a succeeded result with another key stands",
        "another run's result stands in its place",
        "`{run}` makes a new run",
    ),
    (r"given up|abandoned", "its submission was given up", _AGAIN),
    # Messages of `status` itself.
    (r"AWS Batch does not know the job", "Batch has forgotten the job, and there is no result", _AGAIN),
    (r"ended well but left no result", "the job ended well but left no result", _FAILED),
    (r"\bbudget\b", "not submitted: the budget is used up", "`{run} --max-spend USD` with more"),
    (r"never submitted|^not submitted", "never submitted", _AGAIN),
    (r"^is being submitted", "is being submitted", "nothing: seconds to a minute"),
    (r"failed without a reason", "failed without a reason", LOGS),
    # Batch's reasons for jobs that wait.
    (rf"^{BlockedReason.CAPACITY}", "AWS has no such instances to give now", "nothing: it starts when there are some"),
    (BlockedReason.MAX_VCPUS, "the compute environment allows fewer vCPUs than one scan", _PLATFORM),
    (BlockedReason.JOB_SIZE, "the job asks for more than an instance has", "`{run} --memory MIB` with less"),
    (BlockedReason.SERVICE_ROLE, "Batch's service role lacks permissions", "`opsctl up` mends the role"),
    (BlockedReason.INSTANCE_CONFIGURATION, "the instance type is not to be had here so", "`opsctl up` mends it"),
    (rf"^{BlockedReason.INVALID_ENVIRONMENT}", "the compute environment is INVALID", "`opsctl up` mends it"),
    (rf"^{BlockedReason.UNDETERMINED}", "Batch does not know why", "`opsctl why` looks at what Batch does not"),
    # Signals and exit codes without a further message.
    (r"stopped by SIGINT", "stopped by Ctrl-C", _AGAIN),
    (r"stopped by SIG|\bexit code 143\b", "stopped from outside (Spot, a timeout or a cancelled job)", _AGAIN),
    (r"\bexit code 137\b", "killed, most likely out of memory", MEMORY),
    (r"\bexit code (132|134|135|136|139)\b", "crashed", LOGS),
    (r"\bexit code 75\b", "S3 did not answer in time", _AGAIN),
    (r"\bexit code 2\b", "the job does not understand its scan's record", LOGS),
    (r"\bexit code 1\b", "ended with exit code 1 and left no result", LOGS),
    (r"Essential container in task exited", "the container ended and left no result", LOGS),
)
