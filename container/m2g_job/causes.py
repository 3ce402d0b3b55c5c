"""The codes of the causes of failures, as results and attempts' records have them in `cause_code`.

opsctl maps each code to a title and a remedy. The words beside a code are for people and may change; a code may not.
"""

from __future__ import annotations

# m2g and its outputs.
OUT_OF_MEMORY = "out_of_memory"
M2G_FAILED = "m2g_failed"
M2G_SIGNAL = "m2g_signal"
M2G_NOT_STARTED = "m2g_not_started"
NO_CONNECTOME = "no_connectome"
PARCELLATION_MISSING = "parcellation_missing"
DUPLICATE_OUTPUT = "duplicate_output"
TOO_MANY_OUTPUTS = "too_many_outputs"
ATLAS_NOT_FOUND = "atlas_not_found"
GRADIENTS_CORRUPT = "gradients_corrupt"
SCAN_NOT_RECOGNIZED = "scan_not_recognized"
DSN_FOLDER_MISSING = "dsn_folder_missing"
REGISTRATION_MISSING = "registration_missing"
M2G_TOOL_MISSING = "m2g_tool_missing"
M2G_BROKEN = "m2g_broken"
READ_ONLY_ROOT = "read_only_root"
CPAC_FAILED = "cpac_failed"

# The machine.
DISK_FULL = "disk_full"
JOB_FILE_ERROR = "job_file_error"
STOPPED = "stopped"
INTERRUPTED = "interrupted"
RUNNER_BUG = "runner_bug"

# The scan's JSON and its inputs.
SCAN_RECORD_INVALID = "scan_record_invalid"
BVAL_INVALID = "bval_invalid"
BVEC_INVALID = "bvec_invalid"
GRADIENT_COUNTS_DIFFER = "gradient_counts_differ"
VOLUME_COUNT_DIFFERS = "volume_count_differs"
DIRECTION_INVALID = "direction_invalid"
B0_VOLUME_MISSING = "b0_volume_missing"
WEIGHTED_VOLUME_MISSING = "weighted_volume_missing"
SINGLE_VOLUME = "single_volume"
T1W_SERIES = "t1w_series"
IMAGE_INVALID = "image_invalid"
IMAGE_TRUNCATED = "image_truncated"
IMAGE_CORRUPT = "image_corrupt"
INPUT_EMPTY = "input_empty"
INPUT_CHANGED = "input_changed"
INPUT_MISSING = "input_missing"
INPUT_ARCHIVED = "input_archived"
INPUT_DENIED = "input_denied"
INPUT_UNREADABLE = "input_unreadable"
SIDECAR_INVALID = "sidecar_invalid"
REPETITION_TIME_UNKNOWN = "repetition_time_unknown"
REUSE_INCOMPLETE = "reuse_incomplete"

# S3.
S3_UNAVAILABLE = "s3_unavailable"
S3_DENIED = "s3_denied"
S3_REFUSED = "s3_refused"
BUCKET_MISSING = "bucket_missing"

# Other runs and jobs.
OTHER_RESULT_EXISTS = "other_result_exists"
SUBMISSION_ABANDONED = "submission_abandoned"
ALREADY_PUBLISHED = "already_published"
