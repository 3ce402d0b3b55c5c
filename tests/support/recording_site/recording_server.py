"""The local platform's server, which appends each call to the file that RECORDED_CALLS names."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

from call_recorder import CallRecorder

from opsctl.local import server

if __name__ == "__main__":
    sys.exit(server.main(middleware=partial(CallRecorder, path=Path(os.environ["RECORDED_CALLS"]))))
