"""Connects `down --everything` with what it needs: bucket, repository, the storage root and this machine's files."""

from __future__ import annotations

import os
import shutil
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from opsctl.cli.platform.state_setup import is_state_shared, shared_root
from opsctl.cli.platform.terraform_session import (
    account_and_region,
    find_terraform,
    terraform_environment,
    terraform_workspace_of,
)
from opsctl.core.errors import ErrorCode, Interrupted, Problem
from opsctl.core.platform.inventory import managed_ids
from opsctl.core.platform.platform import data_bucket_name
from opsctl.user_name import user_name

if TYPE_CHECKING:
    from opsctl.aws.clients import Clients
    from opsctl.cli.context import Context
    from opsctl.commands.platform.remembered_platform import RememberedPlatform
    from opsctl.commands.platform.storage_removal import Storage, StorageReport
    from opsctl.terraform.root import Root


class StorageTeardown:
    """Deletes what `down` keeps.

    Parameters
    ----------
    remembered
        What this machine and the platform's record know, with bucket and repository.
    endpoint_url
        The local platform's endpoint; None on AWS.
    """

    def __init__(
        self, context: Context, remembered: RememberedPlatform, clients: Clients, *, endpoint_url: str | None
    ) -> None:
        self._context = context
        self._screen = context.screen
        self._remembered = remembered
        self._clients = clients
        self._endpoint_url = endpoint_url
        self._account = account_and_region(clients)
        self._root = self._find_root()
        self._storage = self._find_storage()

    @property
    def is_gone(self) -> bool:
        """Whether neither bucket nor repository is there, and Terraform's state knows of neither."""
        return self._storage.is_gone and not (self._root is not None and self._root.resource_count())

    def ask(self, *, confirm: str | None) -> None:
        """Show what goes and what stays, and have the bucket's name typed.

        Raises
        ------
        UsageProblem
            When there is no terminal and no `--confirm`, or it names something else.
        """
        from opsctl.render.storage import show_storage

        storage = self._storage
        show_storage(self._screen, storage, state=self._shared_state())
        name = storage.bucket or storage.repository or self._remembered.name
        if not self._screen.confirm_name("This cannot be undone.", name=name, typed=confirm):
            self._screen.say("Nothing was deleted.")
            raise typer.Exit(1)

    def carry_out(self) -> StorageReport:
        """Delete bucket and repository; interrupted or refused in between, the report says so."""
        from opsctl.aws.s3.cache import Cache
        from opsctl.commands.platform.storage_removal import remove_storage
        from opsctl.core.runs.manifest import timestamp

        with self._screen.counting("deleting", total=self._storage.contents.total.versions) as on_deleted:
            report = remove_storage(
                self._storage,
                self._clients,
                self._root,
                account_id=self._account["account_id"],
                who=f"{user_name()}@{socket.gethostname()}",
                timestamp=lambda: timestamp(datetime.now(UTC)),
                on_deleted=on_deleted,
            )
        if self._storage.bucket is not None:
            Cache(self._context.home.cache).forget_bucket(self._storage.bucket)
        return report

    def close(self, report: StorageReport, *, keep_logs: bool) -> None:
        """Show the receipt, and remove the local platform's folder where nothing is in it any more.

        Raises
        ------
        Problem
            If something is left.
        """
        from opsctl.render.storage import show_storage_report

        if report.is_complete and self._remembered.is_local and not keep_logs:
            self._remove_local_folder()
        show_storage_report(self._screen, report)
        again = f"`opsctl down --name {self._remembered.name} --everything`"
        if report.is_interrupted:
            raise Interrupted("Stopped. What was deleted is gone.", f"{again} goes on from there.")
        if not report.is_complete:
            what = "; ".join([*report.kept, *([report.state_error] if report.state_error else [])])
            raise Problem(f"Not everything is gone: {what}", f"Type {again} again.", code=ErrorCode.DELETION_INCOMPLETE)

    def _remove_local_folder(self) -> None:
        """Stop the local platform's process and remove its folder, unless another platform's data is in it."""
        from opsctl.local import control

        home = self._context.home
        server = control.find(home.path)
        if home.local_names() or (server is not None and self._clients.s3.list_buckets()["Buckets"]):
            return
        control.stop(home.path)
        shutil.rmtree(home.local, ignore_errors=True)

    def _find_storage(self) -> Storage:
        from opsctl.commands.platform.storage_removal import find_storage

        remembered = self._remembered
        bucket, own_bucket = self._buckets()
        with self._screen.waiting("counting what there is"):
            return find_storage(
                self._clients,
                bucket=bucket,
                own_bucket=own_bucket,
                repository=(remembered.repository_url or "").partition("/")[2],
                account_id=self._account["account_id"],
            )

    def _buckets(self) -> tuple[str | None, str | None]:
        """The bucket that `up` made, and the user's own: only one of them is there."""
        bucket = self._remembered.data_bucket
        managed = managed_ids(self._root.state(), "aws_s3_bucket") if self._root is not None else []
        if managed:
            return managed[0], None
        # Without a state the name tells: `up` makes buckets of no other name.
        options = self._remembered.platform.options if self._remembered.platform is not None else {}
        name_prefix = options.get("name_prefix") or ""
        if bucket == data_bucket_name(self._remembered.name, **self._account, name_prefix=name_prefix):
            return bucket, None
        return None, bucket

    def _find_root(self) -> Root | None:
        from opsctl.commands.platform.terraform_workspace import has_storage_state
        from opsctl.terraform.provider import find_mirror

        home, name = self._context.home, self._remembered.name
        is_shared = is_state_shared(home, self._remembered)
        if not is_shared and not has_storage_state(home, name=name):
            return None
        binary = find_terraform(self._context)
        environment = terraform_environment(self._clients, endpoint_url=self._endpoint_url)
        if is_shared:
            shared_root(self._context, self._clients, self._remembered, binary, environment)
        root = terraform_workspace_of(self._context, name, binary, environment, lay_out=False).storage
        if is_shared:
            root.init(mirror=find_mirror(os.environ))
        return root if root.has_state else None

    def _shared_state(self) -> str | None:
        """Where the state is shared, which stays."""
        platform = self._remembered.platform
        state = platform.options.get("state") if platform is not None else None
        return str(state) if state else None
