"""The start of opsctl: it answers the Tab key by itself, and imports the rest for everything else."""

# ruff: noqa: E402  the other imports take longer than a finger to Ctrl-C
from __future__ import annotations

from opsctl.early_stop import say_stopped

say_stopped()

# isort: split

import os
import sys

from opsctl.process_start import collect_seldom, forget_nonsense_size, name_home_folder, open_closed_streams

#: What the shells' scripts of completion set (click's name for it).
_COMPLETION_VARIABLE = "_OPSCTL_COMPLETE"


def main() -> None:
    """Run opsctl and exit."""
    collect_seldom()
    open_closed_streams()
    name_home_folder(os.environ)
    forget_nonsense_size(os.environ)
    if _COMPLETION_VARIABLE in os.environ:
        # typer and the verbs' modules take 60 ms to import, and whoever presses the Tab key waits for them.
        from opsctl.completion.shells import answered

        if answered(os.environ[_COMPLETION_VARIABLE], os.environ):
            sys.exit()
        sys.exit(_run())
    from opsctl.first_request import begin
    from opsctl.logged_calls import calls_logged

    with calls_logged():
        begin(sys.argv[1:], os.environ)
        code = _run()
    sys.exit(code)


def _run() -> int:
    from opsctl.boundary import run

    return run()


if __name__ == "__main__":
    main()
