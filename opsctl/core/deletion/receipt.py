"""The receipt of a deletion: what went, how much, who and when. It never names a subject."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from opsctl.core.deletion.amounts import Amounts
from opsctl.core.record import SCHEMA_VERSION

DELETIONS_PREFIX = "opsctl/deletions/"

State = Literal["begun", "complete", "incomplete", "interrupted"]


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """One deletion, as one command carried it out.

    Attributes
    ----------
    deletion_id
        `deletion-YYYYMMDD-HHMMSS-xxxx`.
    state
        `begun` is what a killed command leaves behind: how much it had deleted is then not known.
    deleted
        What S3 has confirmed as deleted, by folder; an interrupted command's next one counts only the rest.
    left
        How many versions S3 did not delete, by its reason.
    rewritten
        How many documents (tables of participants, records of runs) were written again without the subject.
    mentioned_in
        Keys of texts that still name the subject, such as a README: opsctl does not change them.
    aborted_uploads
        Unfinished uploads whose parts were removed.
    """

    deletion_id: str
    kind: str
    what: str
    data_bucket: str
    state: State
    deleted: Amounts
    left: dict[str, int]
    rewritten: int
    mentioned_in: tuple[str, ...]
    aborted_uploads: int
    who: str
    began_at: str
    ended_at: str | None
    command_line: tuple[str, ...]
    opsctl_version: str

    @property
    def key(self) -> str:
        """Where the receipt lies in the data bucket."""
        return f"{DELETIONS_PREFIX}{self.deletion_id}.json"

    @property
    def uri(self) -> str:
        """The receipt's address."""
        return f"s3://{self.data_bucket}/{self.key}"

    def as_json(self) -> dict[str, Any]:
        """The content of the receipt."""
        return {
            "schema_version": SCHEMA_VERSION,
            **asdict(self),
            "deleted": self.deleted.as_json(),
            "mentioned_in": list(self.mentioned_in),
            "command_line": list(self.command_line),
        }
