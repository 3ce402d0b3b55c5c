"""Finds the documents that name a subject beside its own files, and writes them again without it.

They are the tables of participants at the dataset's root and in `phenotype/`, and the records of runs. Earlier versions
of a document that name the subject are deleted. Other texts (a README) are the user's to change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from opsctl.aws.errors import translated
from opsctl.aws.s3.body import read
from opsctl.aws.s3.storage import Storage
from opsctl.aws.s3.versions import ObjectVersion, Versions
from opsctl.commands.deletion.scope import Scope
from opsctl.commands.runs.records import Records
from opsctl.core.deletion.subject import Subject
from opsctl.core.location import RUNS_PREFIX

_SUFFIXES = (".tsv", ".csv", ".json", ".txt", ".md", ".rst")
_NAMES = ("README", "CHANGES", "LICENSE", ".bidsignore")
_LARGEST_TEXT_BYTES = 20_000_000


@dataclass(frozen=True)
class Mentions:
    """Where a subject is named beside its own files.

    Attributes
    ----------
    tables
        Keys of tables with rows of the subject, which go.
    run_ids
        The runs whose record names it.
    earlier
        Replaced versions of documents that name it: they go.
    others
        Keys of texts that name it and that opsctl does not change.
    """

    tables: tuple[str, ...] = ()
    run_ids: tuple[str, ...] = ()
    earlier: tuple[ObjectVersion, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def rewritten_count(self) -> int:
        """Number of documents that are written again."""
        return len(self.tables) + len(self.run_ids)


class MentionFinder:
    """Finds and removes what names one subject in documents of other subjects too."""

    def __init__(
        self, storage: Storage, versions: Versions, records: Records, *, bucket: str, subject: Subject
    ) -> None:
        self._storage = storage
        self._versions = versions
        self._records = records
        self._bucket = bucket
        self._subject = subject

    def find(self, scope: Scope) -> Mentions:
        """Read the dataset's texts and the records of its runs, in all their versions."""
        tables, others, earlier = [], [], []
        for version in self._documents(scope):
            if version.is_delete_marker or version.size_bytes > _LARGEST_TEXT_BYTES:
                continue
            text = self._text(version)
            if not self._subject.is_in(text):
                continue
            if not version.is_current:
                earlier.append(version)
                continue
            rest = self._subject.without_rows(text)
            if rest != text:
                tables.append(version.key)
            if not version.key.startswith(RUNS_PREFIX) and self._subject.is_in(rest):
                others.append(version.key)
        return Mentions(
            tables=tuple(tables),
            run_ids=tuple(run.run_id for run in scope.runs if self._subject.without(run) != run),
            earlier=tuple(earlier),
            others=tuple(others),
        )

    def remove_rows(self, key: str) -> None:
        """Write a table again without the subject's rows."""
        body = self._storage.get_body(self._bucket, key, at_most=_LARGEST_TEXT_BYTES)
        if body is not None:
            text = self._subject.without_rows(body.decode(errors="surrogateescape"))
            with translated(f"writing s3://{self._bucket}/{key}"):
                self._storage.client.put_object(
                    Bucket=self._bucket, Key=key, Body=text.encode(errors="surrogateescape")
                )

    def remove_from_runs(self, scope: Scope) -> None:
        """Write the records of runs again without the subject."""
        for run in scope.runs:
            rest = self._subject.without(run)
            if rest == run:
                continue
            gone = self._subject.scans_of(run)
            states = self._records.load_final_job_states(run.run_id)
            if gone & states.keys():
                remaining = {index: job for index, job in states.items() if index not in gone}
                self._records.save_final_job_states(run.run_id, remaining)
            self._records.put_record(rest)

    def _documents(self, scope: Scope) -> Iterator[ObjectVersion]:
        target = scope.target
        if target.folder is not None:
            prefix = target.folder.key_prefix
            for version in self._versions.below(prefix):
                path = version.key[len(prefix) :]
                if not self._subject.owns(path) and _is_shared_text(path):
                    yield version
        for run_id in scope.known_ids:
            yield from self._versions.below(f"{RUNS_PREFIX}{run_id}/run.json")

    def _text(self, version: ObjectVersion) -> str:
        with translated(f"reading a version of s3://{self._bucket}/{version.key}"):
            if version.is_current:
                place = {"Bucket": self._bucket, "Key": version.key}
            else:
                place = {"Bucket": self._bucket, "Key": version.key, "VersionId": version.version_id}
            body, _ = read(self._storage.client, at_most=_LARGEST_TEXT_BYTES, **place)
        return body.decode(errors="surrogateescape")


def _is_shared_text(path: str) -> bool:
    """Whether a file of a dataset may be a text about several subjects: it lies in no subject's folder."""
    folders, name = path.split("/")[:-1], path.rpartition("/")[2]
    if any(folder.startswith("sub-") for folder in folders):
        return False
    return name in _NAMES or name.endswith(_SUFFIXES)
