"""The error boundary: it turns every outcome into a sentence and an exit code; with `--json` an error is JSON too.

0: success; 1: an error that the user can fix; 2: wrong usage; 3: a bug, whose traceback goes into the log file;
130: Ctrl-C.
"""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import sys
import textwrap
import traceback
from datetime import UTC, datetime

import click

from opsctl import __version__
from opsctl.core.errors import ErrorCode, Interrupted, Problem, UsageProblem
from opsctl.core.harmless import harmless, shortened
from opsctl.home import Home
from opsctl.render.json_document import DOCUMENT_WRITTEN
from opsctl.render.typed_platform import TYPED

#: Of an exception's own text, in characters; its traceback in the log has all.
_LONGEST_DETAILS = 1_000


def run() -> int:
    """Run the command that was typed; returns the exit code."""
    DOCUMENT_WRITTEN.clear()
    TYPED.forget()
    return _run()


def _run() -> int:
    """Run the command; returns the exit code."""
    try:
        from opsctl.cli import app

        code = app(standalone_mode=False)
        # If nobody reads the last line any more, the error must occur here, not at the interpreter's end.
        sys.stdout.flush()
        if code == ErrorCode.INTERRUPTED.exit_code:
            # typer returns this code after a Ctrl-C that no verb handled.
            return _report(Interrupted("Stopped."))
        return code if isinstance(code, int) else 0
    except Problem as problem:
        return _report(problem)
    except click.UsageError as error:
        # Without the class of the first error, which would add words of click's.
        from opsctl.cli.usage_message import usage_message

        error = click.UsageError(usage_message(error), error.ctx)
        page = io.StringIO()
        error.show(page)
        for line in _printable(page.getvalue()).splitlines():
            sys.stderr.write(f"{_folded(line)}\n")
        return _write_json(_usage_problem(error))
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _report(Interrupted("Stopped."))
    except SystemExit as end:
        # click exits with 1 when the reader has closed the pipe (`opsctl logs | head`).
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        _discard_output()
        return 0
    except BrokenPipeError:
        _discard_output()
        return 0
    except ModuleNotFoundError as error:
        from opsctl.installation import lacking_module

        lacking = lacking_module(error.name or "")
        return _bug(error) if lacking is None else _report(lacking)
    except Exception as error:  # any other exception is a bug
        unusable = Home.of(os.environ).unusable(error)
        return _bug(error) if unusable is None else _report(unusable)


def _report(problem: Problem) -> int:
    """Say what happened; returns the exit code."""
    problem.what, problem.hint = map(TYPED.platform.sentence, (problem.what, problem.hint))
    _say(problem)
    return _write_json(problem)


def _write_json(problem: Problem) -> int:
    """Write the error on standard output, if JSON was asked for and none is there yet; returns the exit code.

    It is one line, so that it is also the last line of a verb that writes a JSON object a line.
    """
    if not DOCUMENT_WRITTEN.is_set() and _is_json_asked():
        try:
            sys.stdout.write(f"{json.dumps(problem.as_json())}\n")
            sys.stdout.flush()
        except OSError:
            # A closed pipe, a full disk: standard error has the sentence, and the exit code stays.
            _discard_output()
    return problem.exit_code


def _is_json_asked() -> bool:
    # Reading the options again takes 70 ms.
    if not any(argument.startswith("--json") for argument in sys.argv[1:]):
        return False
    try:
        import typer.main

        from opsctl.cli import app
        from opsctl.cli.json_option import is_json_asked

        return is_json_asked(typer.main.get_command(app), sys.argv[1:])
    except Exception:  # the bug is where the options are read: the sentence has been said
        return False


def _usage_problem(error: click.UsageError) -> Problem:
    page = f"`{error.ctx.command_path} --help` shows what it takes." if error.ctx else ""
    return UsageProblem(error.format_message(), page)


def _discard_output() -> None:
    """Send the rest of standard output nowhere: Python would print another error when it closes the pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _bug(error: Exception) -> int:
    from opsctl.core.notify.address import without_addresses
    from opsctl.log_file import LogFile

    details = " ".join(shortened(str(error), _LONGEST_DETAILS).split())
    log = LogFile(Home.of(os.environ))
    message = f"This is a bug in opsctl ({type(error).__name__}: {details})."
    command, trace = shlex.join(without_addresses(sys.argv[1:])), traceback.format_exc().rstrip()
    try:
        log.append(f"{datetime.now(UTC).isoformat()} opsctl {command} (version {__version__}, {sys.platform})\n{trace}")
    except (OSError, Problem):
        problem = Problem(message, code=ErrorCode.BUG)
        _say(problem)
        sys.stderr.write(_printable(f"{trace}\n"))
    else:
        problem = Problem(message, f"The traceback is in {log.path}: please report it.", code=ErrorCode.BUG)
        _say(problem)
    return _write_json(problem)


def _printable(text: str) -> str:
    """Text that may quote anything: what a user typed, names in a bucket, replies of AWS."""
    return harmless(shortened(text))


def _say(problem: Problem) -> None:
    """Print the sentence and its hint on standard error."""
    text = _printable("  ".join(filter(None, (problem.what, problem.hint))))
    sys.stderr.write(f"{_folded(text)}\n")


def _folded(line: str) -> str:
    """A line that a terminal shows between its edges, folded between words."""
    if not sys.stderr.isatty():
        return line
    width = shutil.get_terminal_size().columns
    return textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
