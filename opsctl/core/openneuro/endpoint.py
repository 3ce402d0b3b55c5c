"""The variable with the address of OpenNeuro's bucket: every start compares the variables that are set with it."""

from __future__ import annotations

#: The local platform reads this address of S3 in place of AWS's. Tests and mirrors set it.
ENDPOINT_VARIABLE = "OPSCTL_OPENNEURO"
