"""`delete`: shows what would go, then deletes it for good and leaves a receipt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from opsctl.aws.batch.batch import Batch
from opsctl.aws.s3.storage import Storage
from opsctl.aws.s3.uploads import UnfinishedUploads
from opsctl.aws.s3.versions import ObjectVersion, Versions
from opsctl.commands.deletion.in_use import leases_on, refuse_while_used
from opsctl.commands.deletion.mentions import MentionFinder, Mentions
from opsctl.commands.deletion.removal import Removal, versions_of
from opsctl.commands.deletion.scope import Scope, find_scope
from opsctl.commands.runs.records import Records
from opsctl.core.deletion.amounts import Amounts
from opsctl.core.deletion.receipt import Receipt, State
from opsctl.core.deletion.target import Target
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.manifest import timestamp
from opsctl.home import Home

EARLIER_VERSIONS = "earlier versions of shared documents"


@dataclass(frozen=True, kw_only=True)
class DeletionPlan:
    """What would go.

    Attributes
    ----------
    amounts
        How much, by folder.
    upload_count
        Number of unfinished uploads below it.
    mentions
        Of a subject: the documents that name it beside its own files.
    """

    scope: Scope
    amounts: Amounts
    upload_count: int
    mentions: Mentions

    @property
    def target(self) -> Target:
        """What the user asked for."""
        return self.scope.target

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there to delete."""
        mentions = self.mentions
        return not (self.amounts.folders or self.upload_count or mentions.rewritten_count)

    def as_json(self) -> dict[str, Any]:
        """What `delete --dry-run --json` prints."""
        return {
            "schema_version": 1,
            "kind": self.target.kind,
            "name": self.target.name,
            "would_delete": self.amounts.as_json(),
            "unfinished_uploads": self.upload_count,
            "rewritten": {"tables": list(self.mentions.tables), "runs": list(self.mentions.run_ids)},
            "mentioned_in": list(self.mentions.others),
            "runs": [run.run_id for run in self.scope.runs],
            "outputs": [output.uri for output in self.scope.outputs],
        }


class Deleter:
    """Deletes data of one platform's bucket.

    Parameters
    ----------
    who
        The person and machine, for the receipt.
    command_line
        As typed.
    now
        The clock, UTC.
    token
        Four characters that tell deletions of one second apart.
    """

    def __init__(
        self,
        platform: Platform,
        *,
        storage: Storage,
        records: Records,
        batch: Batch,
        home: Home,
        who: str,
        command_line: tuple[str, ...],
        version: str,
        now: Callable[[], datetime],
        token: str,
    ) -> None:
        self._platform = platform
        self._storage = storage
        self._records = records
        self._batch = batch
        self._home = home
        self._who = who
        self._command_line = command_line
        self._version = version
        self._now = now
        self._token = token
        self._bucket = platform.data_bucket
        self._versions = Versions(storage.client, self._bucket)
        self._uploads = UnfinishedUploads(storage.client, self._bucket)

    def plan(self, target: Target) -> DeletionPlan:
        """Count what would go; nothing is changed.

        Raises
        ------
        Problem
            While jobs use it, or when it is not known what refers to it.
        """
        scope = self._unused_scope(target)
        amounts = Amounts()
        for version, folder in self._all_versions(scope):
            is_object = version.is_current and not version.is_delete_marker
            amounts.add(folder, size_bytes=version.size_bytes, is_object=is_object)
        mentions = self._mentions(scope)
        for version in mentions.earlier:
            amounts.add(EARLIER_VERSIONS, size_bytes=version.size_bytes, is_object=False)
        return DeletionPlan(
            scope=scope,
            amounts=amounts,
            upload_count=sum(part.holds(up.key) for part in scope.parts for up in self._uploads.below(part.prefix)),
            mentions=mentions,
        )

    def carry_out(self, plan: DeletionPlan, *, on_deleted: Callable[[int], None]) -> Receipt:
        """Delete it, and write the receipt; the same call after an interruption deletes the rest.

        Returns
        -------
        Receipt
            With the state `complete`, `incomplete` (S3 refused some versions), or `interrupted` after Ctrl-C.

        Raises
        ------
        Problem
            Before anything is deleted: while jobs use it or somebody submits to it, or when no receipt can be written.
        """
        target = plan.target
        receipt = self._new_receipt(plan)
        with leases_on(
            plan.scope.outputs,
            dataset=target.folder if target.kind != "outputs" else None,
            storage=self._storage,
            home=self._home,
            data_bucket=self._bucket,
            who=self._who,
        ) as ensure_held:
            # Under the leases, because a run may have begun while the user read the plan.
            scope = self._unused_scope(target)
            self._storage.put_json(self._bucket, receipt.key, receipt.as_json())
            removal = Removal(self._versions, self._uploads, ensure_allowed=ensure_held, on_deleted=on_deleted)
            state: State = "interrupted"
            rewritten, left = 0, {}
            try:
                for part in scope.parts:
                    removal.remove(part)
                left = removal.left(version for version, _ in self._all_versions(scope))
                if not left:
                    # The records of runs tell which scans are the subject's, so they change only when those are gone.
                    rewritten = self._rewrite(scope, removal)
                    left = removal.left(self._mentions(scope).earlier)
                state = "incomplete" if left else "complete"
            except KeyboardInterrupt:
                pass
            finally:
                self._forget_locally(scope)
                receipt = replace(
                    receipt,
                    state=state,
                    deleted=removal.deleted,
                    left=left,
                    rewritten=rewritten,
                    aborted_uploads=removal.aborted_uploads,
                    ended_at=timestamp(self._now()),
                )
                with suppress(Problem):
                    self._storage.put_json(self._bucket, receipt.key, receipt.as_json())
        return receipt

    def _unused_scope(self, target: Target) -> Scope:
        scope = find_scope(target, storage=self._storage, records=self._records)
        refuse_while_used(scope, platform=self._platform, records=self._records, batch=self._batch, now=self._now)
        return scope

    def _all_versions(self, scope: Scope) -> Iterator[tuple[ObjectVersion, str]]:
        for part in scope.parts:
            for version in versions_of(self._versions, part):
                yield version, part.folder_of(version.key)

    def _mentions(self, scope: Scope) -> Mentions:
        finder = self._finder(scope)
        return finder.find(scope) if finder is not None else Mentions()

    def _finder(self, scope: Scope) -> MentionFinder | None:
        subject = scope.target.subject
        if subject is None:
            return None
        return MentionFinder(self._storage, self._versions, self._records, bucket=self._bucket, subject=subject)

    def _rewrite(self, scope: Scope, removal: Removal) -> int:
        """Write shared documents again without the subject, and delete their earlier versions; returns how many."""
        finder = self._finder(scope)
        if finder is None:
            return 0
        mentions = finder.find(scope)
        for key in mentions.tables:
            finder.remove_rows(key)
        finder.remove_from_runs(scope)
        removal.delete(finder.find(scope).earlier, folder_of=lambda _: EARLIER_VERSIONS)
        return mentions.rewritten_count

    def _forget_locally(self, scope: Scope) -> None:
        """Let this machine's caches forget what is gone, or may be."""
        target, names = scope.target, self._records.completion_cache
        self._records.forget(lambda key: any(key.startswith(p.prefix) and p.holds(key) for p in scope.parts))
        names.forget_runs([run.run_id for run in scope.runs], are_gone=False)
        names.forget_runs(scope.run_ids, are_gone=True)
        if target.kind == "dataset" and target.dataset is not None:
            names.forget_dataset(target.dataset.uri)

    def _new_receipt(self, plan: DeletionPlan) -> Receipt:
        target = plan.target
        command_line = self._command_line
        if target.subject is not None:
            command_line = tuple(target.subject.without_label(command_line))
        return Receipt(
            deletion_id=f"deletion-{self._now():%Y%m%d-%H%M%S}-{self._token}",
            kind=target.kind,
            what=target.impersonal_title,
            data_bucket=self._bucket,
            state="begun",
            deleted=Amounts(),
            left={},
            rewritten=0,
            mentioned_in=plan.mentions.others,
            aborted_uploads=0,
            who=self._who,
            began_at=timestamp(self._now()),
            ended_at=None,
            command_line=command_line,
            opsctl_version=self._version,
        )


def problem_of(receipt: Receipt) -> Problem | None:
    """Why a deletion is not complete; None where it is."""
    total = receipt.deleted.total
    gone = f"{total.versions} versions of {total.objects} objects are gone"
    if receipt.state == "interrupted":
        return Problem(f"Stopped. {gone}.", "The same command deletes the rest.", code=ErrorCode.INTERRUPTED)
    if not receipt.left:
        return None
    reasons = "; ".join(f"{count} × {reason}" for reason, count in receipt.left.items())
    return Problem(
        f"{sum(receipt.left.values())} versions are left: {reasons}. {gone}.",
        "Without s3:DeleteObjectVersion, or under an Object Lock, S3 deletes nothing: docs/deletion.md. Then type the "
        "same command again.",
        code=ErrorCode.DELETION_INCOMPLETE,
    )
