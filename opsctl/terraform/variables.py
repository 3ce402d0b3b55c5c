"""Which environment variables reach Terraform.

Terraform's own variables choose where it keeps its state, what it applies and what it writes down. opsctl decides all
of that: a state that lies elsewhere would never be found again.
https://developer.hashicorp.com/terraform/cli/config/environment-variables
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

#: What opsctl itself sets.
OWN_VARIABLES = {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}
#: What opsctl sets unless the user does. Most of a plan's time goes into the provider's schemas, which stay in memory:
#: when Go looks for garbage less often, a plan takes a sixth less CPU and 40 MB (a sixteenth) more memory.
SPEED_VARIABLES = {"GOGC": "400"}

_FOREIGN = ("TF_", "AWS_")
#: Where providers come from, and the logins for those places: an institute's mirror needs them.
_FOLDERS = {"TF_CLI_CONFIG_FILE": False, "TF_PLUGIN_CACHE_DIR": True}
_LOGINS = "TF_TOKEN_"
_CERTIFICATES = "AWS_CA_BUNDLE"
#: How AWS is reached, which boto3 reads too. Who asks is opsctl's choice: it passes the credentials on itself.
_WAYS_TO_AWS = {
    _CERTIFICATES,
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_ENDPOINT_URL",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_MAX_ATTEMPTS",
    "AWS_RETRY_MODE",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
}
_ENDPOINT_OF_A_SERVICE = "AWS_ENDPOINT_URL_"
#: A socket's path has at most 108 bytes, on macOS 104; the provider's has some 20 after this folder.
_LONGEST_TMPDIR = 80
_NAMED = 5


def terraform_variables(environment: Mapping[str, str], *, is_local: bool = False) -> dict[str, str]:
    """The part of an environment that reaches Terraform.

    Parameters
    ----------
    is_local
        Terraform works on the local platform, which no setting for AWS is about.
    """

    def reaches(name: str, value: str) -> bool:
        if name in _FOLDERS:
            # /dev/null is a file too: no settings.
            return os.access(value, os.R_OK) and Path(value).is_dir() is _FOLDERS[name]
        if name == "TMPDIR":
            return _is_usable(value)
        if not name.startswith(_FOREIGN):
            return True
        if is_local and name.startswith("AWS_"):
            return name == _CERTIFICATES
        return name in _WAYS_TO_AWS or name.startswith((_LOGINS, _ENDPOINT_OF_A_SERVICE))

    return {name: value for name, value in environment.items() if reaches(name, value)}


def left_out(environment: Mapping[str, str]) -> list[str]:
    """The variables of Terraform's that are set and do not reach it."""
    passed = terraform_variables(environment)
    return sorted(
        name
        for name, value in environment.items()
        if name.startswith("TF_") and name not in passed and OWN_VARIABLES.get(name) != value
    )


def left_out_sentence(names: list[str]) -> str:
    """A sentence on the variables that are left out."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    verb = "is" if len(names) == 1 else "are"
    pronoun = "it" if len(names) == 1 else "them"
    return f"{', '.join(names[:_NAMED])}{more} {verb} set: opsctl runs Terraform without {pronoun}."


def _is_usable(folder: str) -> bool:
    """Whether the provider can make its socket in a folder for temporary files; else it does so in /tmp."""
    return len(folder.encode(errors="replace")) <= _LONGEST_TMPDIR and os.access(folder, os.W_OK | os.X_OK)
