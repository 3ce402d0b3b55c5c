"""What the holder of the lease on an output location wrote into its object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from opsctl.core import bounded
from opsctl.core.record import RecordReader


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaseRecord:
    """One lease.

    Attributes
    ----------
    token
        The name of the lock file that its process holds, 32 hexadecimal digits.
    home
        Of which `OPSCTL_HOME` the process is.
    who
        Its user and machine, for others to read.
    output
        The S3 address of the location.
    """

    state: Literal["held", "released"]
    token: bounded.LeaseToken
    home: bounded.Text
    who: bounded.Text
    output: bounded.S3Uri

    @classmethod
    def decode(cls, data: bytes, uri: str) -> LeaseRecord:
        """Read `lease.N.json`.

        Raises
        ------
        UnreadableRecord
            If it is damaged, or of another version.
        """
        return _READER.decode(data, uri)


_READER = RecordReader(LeaseRecord, hint="It ends a minute after it was last written.")
