"""Why m2g failed: by its exit code, its last lines, and the kernel's count of killed processes."""

from __future__ import annotations

import re
import signal

from m2g_job import causes, memory
from m2g_job.faults import Fact, ScanFailed
from m2g_job.m2g import M2gExit


def shortage(ended: M2gExit) -> ScanFailed | None:
    """The fault of an m2g that ran out of disk or memory; None where nothing shows that it did.

    Parameters
    ----------
    ended
        Exit code 0 is allowed too: m2g's func pipeline ignores C-PAC's exit code.
    """
    after, last = _time_and_last_line(ended)
    output = "\n".join(ended.tail)
    if re.search(r"No space left on device|Disk quota exceeded", output):
        return ScanFailed(
            f"the disk is full: m2g ended {after}{last}; give the platform a larger root volume",
            causes.DISK_FULL,
            **_facts(ended),
        )
    memory_cause = _memory_cause(ended, output)
    if not memory_cause:
        return None
    facts = _facts(ended)
    limit = memory.limit_mib()
    if limit:
        facts["memory_limit_mib"] = limit
    return ScanFailed(memory_cause, causes.OUT_OF_MEMORY, peak_memory_mib=ended.peak_memory_mib, **facts)


def _memory_cause(ended: M2gExit, output: str) -> str:
    """The sentence about an m2g that ran out of memory; "" where nothing shows that it did."""
    after, last = _time_and_last_line(ended)
    reached = f"its processes together had reached {ended.peak_memory_mib} MiB{last}"
    if ended.out_of_memory_kills > 0:
        return f"out of memory: the kernel killed a process of m2g's, which ended {after}; {reached}"
    if _signal_number(ended) == signal.SIGKILL:
        return f"m2g was killed (SIGKILL) {after}, most likely out of memory: {reached}"
    if re.search(r"MemoryError|[Cc]annot allocate memory|std::bad_alloc|Unable to allocate", output):
        return f"m2g ran out of memory {after}: {reached}"
    if re.search(r"SIGKILL|return(ed|code)? -9\b|\bKilled$", output, re.MULTILINE):
        return f"a process of m2g's was killed, most likely out of memory; m2g ended {after}: {reached}"
    return ""


def _time_and_last_line(ended: M2gExit) -> tuple[str, str]:
    last_line = _last_line(ended)
    return f"after {ended.seconds:.0f} s", f": {last_line}" if last_line else ""


def _last_line(ended: M2gExit) -> str:
    return ended.tail[-1][:300] if ended.tail else ""


def _facts(ended: M2gExit) -> dict[str, Fact]:
    """How m2g ended, as facts of its failure."""
    facts: dict[str, Fact] = {"exit_code": ended.exit_code, "seconds": round(ended.seconds)}
    signal_name = _signal_name(ended)
    if signal_name:
        facts["signal"] = signal_name
    last_line = _last_line(ended)
    if last_line:
        facts["last_line"] = last_line
    return facts


def _signal_number(ended: M2gExit) -> int:
    # A shell that loses a child to a signal reports 128 plus its number.
    return -ended.exit_code if ended.exit_code < 0 else ended.exit_code - 128


def _signal_name(ended: M2gExit) -> str:
    """The signal that ended m2g; "" where none did."""
    number = _signal_number(ended)
    if not 0 < number < 65:
        return ""
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"


def fault(ended: M2gExit) -> ScanFailed:
    """The fault of an m2g that failed; its sentence says what ended it, after how long, and its last line.

    Parameters
    ----------
    ended
        With an exit code other than 0.
    """
    known_shortage = shortage(ended)
    if known_shortage is not None:
        return known_shortage
    after, last = _time_and_last_line(ended)
    signal_name = _signal_name(ended)
    if signal_name:
        return ScanFailed(f"m2g was ended by {signal_name} {after}{last}", causes.M2G_SIGNAL, **_facts(ended))
    return ScanFailed(f"m2g ended with exit code {ended.exit_code} {after}{last}", causes.M2G_FAILED, **_facts(ended))
