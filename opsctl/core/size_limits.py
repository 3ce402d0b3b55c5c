"""The largest objects and files that opsctl reads whole, in bytes. Whoever wrote them may have written anything."""

from __future__ import annotations

#: A bval or bvec, and the JSON sidecars of a series together. The largest real ones have some 10 kB.
#: The job runner has the same in container/m2g_job/gradients.py and bold_timing.py.
SIDECAR_BYTES = 1_000_000

#: A record of one scan, submission, attempt, claim or lease. A result lists its files, and has some 20 kB.
RECORD_BYTES = 1_000_000

#: A run's own record, which names its scans: some 200 bytes each, so 20 MB for 100,000.
RUN_BYTES = 64_000_000

#: A summary of the records of 1,000 scans, compressed: 4 kB for a result with the files of 45 atlases.
SUMMARY_BYTES = 64_000_000

#: A state of Terraform's.
STATE_BYTES = 64_000_000

#: A file of settings, or a small file of opsctl's own on this machine.
SETTINGS_BYTES = 64_000


def exceeded(size_bytes: int, at_most: int) -> str:
    """What is wrong with an object of this size, as a phrase that follows its name."""
    return f"has {size_bytes:,} bytes, more than the {at_most:,} that it may have"
