"""The one boundary: every outcome becomes a sentence and an exit code.

0 fine, 1 the user can mend it, 2 usage, 3 a bug (the traceback goes into the log file), 130 Ctrl-C.
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
    sys.exit(_outcome())


def _outcome() -> int:
    log = LogFile(Home.of(os.environ))
    CALLS.addHandler(log)
    try:
        return _ended(log)
    finally:
        CALLS.removeHandler(log)
        log.close()


def _ended(log: LogFile) -> int:
    try:
        from opsctl.cli import app

        code = app(standalone_mode=False)
        # A last line that nobody reads any more must fail here, not at the interpreter's end.
        sys.stdout.flush()
        if code == _INTERRUPTED:
            # typer makes a return value of a Ctrl-C that no verb has taken for its own.
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
        # click makes exit 1 of a pipe that nobody reads any more (`opsctl logs | head`).
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        return _unread()
    except BrokenPipeError:
        return _unread()
    except Exception as error:  # the boundary: a bug is told in one sentence, whole in the log file
        return _bug(error, log)


def _unread() -> int:
    """The reader has enough. Python would complain once more while closing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _interrupted() -> int:
    _say("Stopped.")
    return _INTERRUPTED


def _bug(error: Exception, log: LogFile) -> int:
    said = " ".join(str(error).split())
    words = f"This is a bug in opsctl ({type(error).__name__}: {said})."
    typed, trace = shlex.join(sys.argv[1:]), traceback.format_exc().rstrip()
    try:
        log.append(f"{datetime.now(UTC).isoformat()} opsctl {typed} (version {__version__}, {sys.platform})\n{trace}")
        _say(f"{words}  The traceback is in {log.path}: please report it.")
    except (OSError, Problem):
        _say(words)
        traceback.print_exc()
    return _BUG


def _say(text: str) -> None:
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        text = textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
