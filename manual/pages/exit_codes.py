"""What an exit code means, of opsctl and of a job."""

from __future__ import annotations

from manual.pages.markdown import GENERATED, code, table
from opsctl.core.errors import ErrorCode

#: By the verb, where it means more than success or an error. A test compares them with the verbs that set one.
EXIT_CODES: dict[str, dict[int, str]] = {
    "audit": {0: "every scan is complete", 1: "a scan is not complete"},
    "cancel": {0: "the jobs have ended", 1: "the question was not answered with yes, or jobs still run"},
    "check": {0: "m2g can process every scan", 1: "there is a scan that m2g cannot process"},
    "config": {0: "the configuration is valid", 1: "a file or a variable has an error"},
    "delete": {0: "deleted, or shown (`--dry-run`)", 1: "the question was not answered, or something is left"},
    "doctor": {0: "no problem", 1: "there is a problem"},
    "down": {0: "the platform is gone", 1: "the question was not answered with yes, or something is left"},
    "logs": {0: "the lines were shown", 1: "with `--follow`: a scan of the run failed"},
    "run": {0: "submitted, or nothing is missing", 1: "the question was not answered with yes"},
    "status": {0: "shown; with `--wait`: every scan is done", 1: "with `--wait`: not every scan is done"},
    "up": {
        0: "the platform is up; with `--plan`: nothing would change",
        1: "the question was not answered with yes",
        2: "with `--plan`: something would change",
    },
    "upload": {0: "every file was sent or is there", 1: "a file could not be sent; the others were"},
}
_MEANINGS = {
    0: "success",
    1: "a problem that you can fix, or a verdict (below); the message says how",
    2: "wrong usage: an option or a value that can never be right",
    3: "a bug in opsctl; the details are in `opsctl.log` in opsctl's folder",
    130: "Ctrl-C",
}
#: A test compares them with those of container/m2g_job/faults.py.
JOB_CODES = {
    0: "the scan is done, or another job has published its result",
    1: "m2g failed, or left no connectome",
    2: "the scan's record or its inputs are wrong; m2g was not started",
    75: "a fault that may pass, such as S3 not answering; AWS Batch tries again",
    143: "stopped from outside: Spot, a timeout, or `opsctl cancel`",
}


def page() -> str:
    """The page."""
    by_number = {number: [error.value for error in ErrorCode if error.exit_code == number] for number in (1, 2, 3, 130)}
    rows = [[code(number), meaning, _few(by_number.get(number, []))] for number, meaning in sorted(_MEANINGS.items())]
    verdicts = [
        [code(f"opsctl {verb}"), "; ".join(f"**{number}**: {words}" for number, words in sorted(codes.items()))]
        for verb, codes in EXIT_CODES.items()
    ]
    return "\n".join(
        [
            "# Exit codes\n",
            GENERATED,
            "## Of opsctl\n",
            table(["exit code", "means", "error codes"], rows),
            "With `--json` an error is JSON too, with one of these codes ([errors](../errors.md)).\n",
            "## Of single commands\n",
            "An exit code of 1 here is an answer, not an error: the command did its work.\n",
            table(["command", "exit codes"], verdicts),
            "## Of a job\n",
            "The container of a scan ends with one of these. A process that SIGKILL ends, for example because "
            "it needs too much memory, ends with 137.\n",
            table(["exit code", "means"], [[code(number), words] for number, words in JOB_CODES.items()]),
        ]
    )


def _few(names: list[str]) -> str:
    return ", ".join(code(name) for name in names) if len(names) == 1 else ("all others" if names else "")
