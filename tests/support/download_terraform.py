"""Download the Terraform that `make` uses where none is installed: `download_terraform.py FOLDER`."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from opsctl.core.errors import Problem
from opsctl.core.platform.terraform_release import ADDRESS, VERSION, release_for
from opsctl.terraform.download import RELEASES_VARIABLE, TerraformDownload


def main() -> int:
    release = release_for(platform.system(), platform.machine())
    if release is None:
        print("Install Terraform 1.5 or later: HashiCorp has none for this machine that opsctl knows.", file=sys.stderr)
        return 1
    print(f"Terraform is not installed: downloading version {VERSION} into {sys.argv[1]}.")
    try:
        download = TerraformDownload(release, Path(sys.argv[1]), address=os.environ.get(RELEASES_VARIABLE) or ADDRESS)
        with download.opened() as (_, install):
            install(lambda _: None)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
