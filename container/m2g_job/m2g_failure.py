"""Why m2g failed: by its exit code, its last lines, and the kernel's count of killed processes."""

from __future__ import annotations

import re
import signal

from m2g_job import causes, known_errors, last_words, memory
from m2g_job.faults import Fact, ScanFailed
from m2g_job.m2g import M2gExit

_MIB_PER = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2}


def known_fault(ended: M2gExit) -> ScanFailed | None:
    """The fault of an m2g that ran out of disk or memory, or whose output tells another known cause; None otherwise.

    Parameters
    ----------
    ended
        Exit code 0 is allowed too: m2g's func pipeline ignores C-PAC's exit code.
    """
    lines = last_words.telling_lines(ended.tail)
    output = "\n".join(lines)
    if re.search(r"No space left on device|Disk quota exceeded", output):
        return ScanFailed(
            f"the disk is full: m2g ended {_after(ended)}{_reason_text(ended)}; give the platform a larger root volume",
            causes.DISK_FULL,
            **_facts(ended),
        )
    shortage = _memory_fault(ended, output)
    if shortage is not None:
        return shortage
    error = known_errors.find(lines)
    if error is None:
        return None
    head = f"m2g ended with exit code {ended.exit_code} {_after(ended)}" if ended.exit_code else "it printed"
    facts = {**_facts(ended), "reason": error.line[:300], **error.facts}
    return ScanFailed(f"{head}: {error.line[:300]}", error.cause_code, **facts)


def _memory_fault(ended: M2gExit, output: str) -> ScanFailed | None:
    """The fault of an m2g that ran out of memory; None where nothing shows that it did."""
    reached = f"its processes together had reached {ended.peak_memory_mib} MiB{_reason_text(ended)}"
    facts: dict[str, Fact] = {**_facts(ended), "peak_memory_mib": ended.peak_memory_mib, "sure": "certain"}
    limit = memory.limit_mib()
    if limit:
        facts["memory_limit_mib"] = limit
    allocation = re.search(r"Unable to allocate ([\d.]+) ([KMGT])iB", output)
    if allocation:
        facts["allocation_mib"] = round(float(allocation.group(1)) * _MIB_PER[allocation.group(2)])
    if ended.out_of_memory_kills > 0:
        cause = f"out of memory: the kernel killed a process of m2g's, which ended {_after(ended)}"
    elif _signal_number(ended) == signal.SIGKILL:
        cause = f"m2g was killed (SIGKILL) {_after(ended)}, most likely out of memory"
        facts["sure"] = "likely"
    elif re.search(r"MemoryError|[Cc]annot allocate memory|std::bad_alloc|Unable to allocate", output):
        asked = f", when it asked for {allocation.group(1)} {allocation.group(2)}iB more" if allocation else ""
        cause = f"m2g ran out of memory {_after(ended)}{asked}"
    elif re.search(r"SIGKILL|return(ed|code)? -9\b|\bKilled$", output, re.MULTILINE):
        cause = f"a process of m2g's was killed, most likely out of memory; m2g ended {_after(ended)}"
        facts["sure"] = "likely"
    else:
        return None
    return ScanFailed(f"{cause}: {reached}", causes.OUT_OF_MEMORY, **facts)


def _after(ended: M2gExit) -> str:
    return f"after {ended.seconds:.0f} s"


def _reason_text(ended: M2gExit) -> str:
    reason = last_words.reason(ended.tail)
    return f": {reason}" if reason else ""


def _facts(ended: M2gExit) -> dict[str, Fact]:
    """How m2g ended, as facts of its failure."""
    facts: dict[str, Fact] = {"exit_code": ended.exit_code, "seconds": round(ended.seconds)}
    signal_name = _signal_name(ended)
    if signal_name:
        facts["signal"] = signal_name
    reason = last_words.reason(ended.tail)
    if reason:
        facts["reason"] = reason
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
    """The fault of an m2g that failed; its sentence says what ended it, after how long, and m2g's own reason.

    Parameters
    ----------
    ended
        With an exit code other than 0.
    """
    known = known_fault(ended)
    if known is not None:
        return known
    after, reason = _after(ended), _reason_text(ended)
    signal_name = _signal_name(ended)
    if signal_name:
        return ScanFailed(f"m2g was ended by {signal_name} {after}{reason}", causes.M2G_SIGNAL, **_facts(ended))
    return ScanFailed(f"m2g ended with exit code {ended.exit_code} {after}{reason}", causes.M2G_FAILED, **_facts(ended))
