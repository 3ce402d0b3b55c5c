"""m2g's failures that have a cause of their own, told by what it and its tools print."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Mapping, Sequence

from m2g_job import causes


@dataclass(frozen=True)
class KnownError:
    """A failure that is known.

    Attributes
    ----------
    line
        What m2g or its tool printed.
    facts
        What the cause is made of: `tool`, `node`.
    """

    cause_code: str
    line: str
    facts: Mapping[str, str]


@dataclass(frozen=True)
class _Pattern:
    """A line that tells a failure; where other failures print it too, `within` is a function of the traceback."""

    cause_code: str
    line: str
    within: str = ""


_PATTERNS = (
    _Pattern(causes.GRADIENTS_CORRUPT, r"ValueError: .*Encountered potentially corrupted bval/bvecs"),
    _Pattern(causes.ATLAS_NOT_FOUND, r"ValueError: No valid parcellations found"),
    _Pattern(causes.SCAN_NOT_RECOGNIZED, r"ValueError: No pairs found for "),
    _Pattern(causes.SCAN_NOT_RECOGNIZED, r"ValueError: (?:not enough|too many) values to unpack", within="get_files"),
    _Pattern(causes.DSN_FOLDER_MISSING, r"FileNotFoundError: .*/tmp/[^/]+\.png", within="direct_streamline_norm"),
    _Pattern(causes.REGISTRATION_MISSING, r"FileNotFoundError: ", within="check_gen_tissue_files"),
    _Pattern(causes.M2G_TOOL_MISSING, r".*You do not have (?P<tool>FSL|AFNI) installed"),
    # Of dash and of bash.
    _Pattern(causes.M2G_TOOL_MISSING, r"\S*sh: (?:line )?(?:\d+: )?(?P<tool>\S+): (?:command )?not found$"),
    _Pattern(causes.M2G_TOOL_MISSING, r"\S*sh: (?:\d+: )?\.: (?:Can't|cannot) open (?P<tool>\S+/activate)"),
    _Pattern(causes.M2G_BROKEN, r"(?:ModuleNotFoundError|ImportError|pkg_resources\.\w+): "),
    _Pattern(causes.M2G_BROKEN, r"AssertionError: (?:Some parcellations do not exist|atlas or atlas_mask)"),
    _Pattern(causes.READ_ONLY_ROOT, r".*\bRead-only file system\b"),
    _Pattern(
        causes.READ_ONLY_ROOT,
        r"PermissionError: .*'/(?:root/|m2g_atlases/|Tractography_Model|workingDirectory|crashLogDirectory)",
    ),
    # nipype names the step first; C-PAC ends with its own line.
    _Pattern(causes.CPAC_FAILED, r"could not run node: (?P<node>\S+)"),
    _Pattern(causes.CPAC_FAILED, r"CPAC run error:"),
)


def find(lines: Sequence[str]) -> KnownError | None:
    """The known failure that m2g's last lines tell of, if any; an earlier row of the table takes precedence."""
    functions = {match.group(1) for line in lines for match in [re.search(r", in (\w+)$", line)] if match}
    for pattern in _PATTERNS:
        if pattern.within and pattern.within not in functions:
            continue
        for line in lines:
            match = re.match(pattern.line, line.strip())
            if match:
                facts = {name: value for name, value in match.groupdict().items() if value}
                return KnownError(pattern.cause_code, line.strip(), facts)
    return None
