"""Download the Terraform that `make` uses where none is installed: `download_terraform.py FOLDER`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from opsctl.core.errors import Problem
from opsctl.core.platform.terraform_release import VERSION
from opsctl.terraform.download import TerraformDownload


def main() -> int:
    folder = Path(sys.argv[1])
    try:
        download = TerraformDownload.for_this_machine(folder, os.environ)
        if download is None:
            print("Install Terraform 1.5 or later: opsctl knows of none for this machine.", file=sys.stderr)
            return 1
        print(f"Terraform is not installed: downloading version {VERSION} into {folder}.")
        with download.opened() as (_, install):
            install(lambda _: None)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
