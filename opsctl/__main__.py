"""The error boundary: it turns every outcome into a sentence and an exit code.

0: success; 1: an error that the user can fix; 2: wrong usage; 3: a bug, whose traceback goes into the log file;
130: Ctrl-C.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import textwrap
import traceback
from datetime import UTC, datetime

import click

from opsctl import __version__
from opsctl.aws.call_log import CALLS
from opsctl.core.errors import Problem
from opsctl.home import Home, LogFile

_BUG = 3
_INTERRUPTED = 130


def main() -> None:
    """Run opsctl and exit."""
    log = LogFile(Home.of(os.environ))
    CALLS.addHandler(log)
    try:
        code = _run(log)
    finally:
        CALLS.removeHandler(log)
        log.close()
    sys.exit(code)


def _run(log: LogFile) -> int:
    """Run the command; returns the exit code."""
    try:
        from opsctl.cli import app

        code = app(standalone_mode=False)
        # If nobody reads the last line any more, the error must occur here, not at the interpreter's end.
        sys.stdout.flush()
        if code == _INTERRUPTED:
            # typer returns this code after a Ctrl-C that no verb handled.
            return _interrupted()
        return code if isinstance(code, int) else 0
    except Problem as problem:
        _say(f"{problem.what}{f'  {problem.hint}' if problem.hint else ''}")
        return problem.exit_code
    except click.exceptions.Abort:
        return _interrupted()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted()
    except SystemExit as end:
        # click exits with 1 when the reader has closed the pipe (`opsctl logs | head`).
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        return _closed_pipe()
    except BrokenPipeError:
        return _closed_pipe()
    except Exception as error:  # any other exception is a bug
        return _bug(error, log)


def _closed_pipe() -> int:
    """Succeed quietly: the reader needs no more. Python would print another error when it closes the pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _interrupted() -> int:
    _say("Stopped.")
    return _INTERRUPTED


def _bug(error: Exception, log: LogFile) -> int:
    details = " ".join(str(error).split())
    message = f"This is a bug in opsctl ({type(error).__name__}: {details})."
    command, trace = shlex.join(sys.argv[1:]), traceback.format_exc().rstrip()
    try:
        log.append(f"{datetime.now(UTC).isoformat()} opsctl {command} (version {__version__}, {sys.platform})\n{trace}")
        _say(f"{message}  The traceback is in {log.path}: please report it.")
    except (OSError, Problem):
        _say(message)
        traceback.print_exc()
    return _BUG


def _say(text: str) -> None:
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        text = textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
