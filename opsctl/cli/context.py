"""What every verb needs: where things are kept, which platform is meant, and the adapters to it."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

import click

from opsctl.cli.adapters import batch_of, records_of, storage_of
from opsctl.config import load, working_folder
from opsctl.core.config import Configuration
from opsctl.core.errors import Problem
from opsctl.core.platform.platform import DEFAULT_NAME, LOCAL_NAME, Platform, check_name
from opsctl.home import Home

if TYPE_CHECKING:
    from opsctl.aws.batch.batch import Batch
    from opsctl.aws.clients import Clients
    from opsctl.aws.logs import Logs
    from opsctl.aws.s3.storage import Storage
    from opsctl.commands.runs.records import Records
    from opsctl.commands.runs.run_reader import RunReader
    from opsctl.core.location import Location
    from opsctl.render.screen import Screen

#: The verbs that explain what is wrong are not stopped by it.
_GO_ON_ALL_THE_SAME = ("config", "doctor")


class Context:
    """The adapters of one command, each made when it is first asked for: importing boto3 alone costs 250 ms.

    Parameters
    ----------
    platform_name, region, profile
        As typed; None: what is configured, else the platform that was brought up last, and the person's own AWS
        configuration.

    Raises
    ------
    Problem
        Where the configuration is broken: nothing is done under half of one.
    """

    def __init__(
        self, *, platform_name: str | None = None, region: str | None = None, profile: str | None = None
    ) -> None:
        typed = click.get_current_context(silent=True)
        found = typed.find_object(Configuration) if typed else None
        self.configuration = found or load(os.environ, working_folder())
        if typed is None or typed.info_name not in _GO_ON_ALL_THE_SAME:
            self.configuration.ensure_whole()
        self.home = Home.of(os.environ)
        name = platform_name or self.configuration.get("platform")
        self._name = check_name(name) if name else None
        self._region = region or self.configuration.get("region")
        self._profile = profile or self.configuration.get("profile")
        self._verb = verb()

    @cached_property
    def screen(self) -> Screen:
        """Where words and data go."""
        from opsctl.render.screen import Screen

        return Screen()

    @cached_property
    def platform(self) -> Platform:
        """The platform that is meant.

        Raises
        ------
        Problem
            When there is none, or the local one has ended.
        """
        name = self._name or self.home.current()
        known = self.home.recall(name) if name else None
        if known is None:
            known = self._from_aws(name)
        return self._alive(known) if known.is_local else known

    @cached_property
    def clients(self) -> Clients:
        """AWS clients of the platform."""
        from opsctl.aws.clients import Clients

        return Clients.of(self.platform, profile=self._profile, verb=self._verb)

    @cached_property
    def storage(self) -> Storage:
        """S3."""
        return storage_of(self.clients)

    def dataset(self, typed: str, *, bucket: str | None = None) -> Location:
        """Where a dataset lies: a name of the configuration, a name in the data bucket, or an address.

        Parameters
        ----------
        typed
            As typed. A configured name wins over a folder of that name in the data bucket, and that is said.
        bucket
            As typed: where to look for the name, whatever is configured.
        """
        from opsctl.core.location import Location, dataset_location, parse_uri

        configured = self.configuration.dataset(typed) if bucket is None else None
        if configured is None:
            return dataset_location(typed, data_bucket=self.platform.data_bucket, bucket=bucket)
        location = parse_uri(configured.value)
        words = f"{typed} is {location.uri} ({configured.source})"
        here = Location(self.platform.data_bucket, typed)
        if location != here and self._has_folder(here):
            self.screen.warn(f"{words}, not {here.uri}, which is there too.")
        else:
            self.screen.say(words)
        return location

    def _has_folder(self, here: Location) -> bool:
        """Whether the data bucket has a folder; not to be allowed to look is no reason to stop."""
        from opsctl.core.location import Location

        try:
            return here.prefix in self.storage.folders(Location(here.bucket, ""))
        except Problem:
            return False

    def storage_of(self, dataset: Location, *, is_public: bool) -> Storage:
        """S3 as a dataset is read: without credentials where it is public, and only from a bucket that can be read.

        Raises
        ------
        Problem
            See `opsctl.aws.s3.buckets.ensure_readable`.
        """
        if dataset.bucket == self.platform.data_bucket:
            return self.storage
        from opsctl.aws.s3.buckets import ensure_readable
        from opsctl.aws.s3.storage import Storage

        client = self.clients.s3_unsigned if is_public else self.clients.s3
        ensure_readable(client, dataset, region=self.platform.region)
        return Storage(client)

    @cached_property
    def records(self) -> Records:
        """The runs' records."""
        return records_of(self.storage, self.home, data_bucket=self.platform.data_bucket)

    def reader(self, run_id: str | None) -> RunReader:
        """Everything that is known of a run; None: the latest run."""
        from opsctl.commands.runs.run_reader import RunReader

        return RunReader(self.records.run(run_id), records=self.records, batch=self.batch)

    @cached_property
    def batch(self) -> Batch:
        """AWS Batch."""
        return batch_of(self.clients)

    @cached_property
    def logs(self) -> Logs:
        """CloudWatch Logs."""
        from opsctl.aws.logs import Logs

        return Logs(self.clients.logs, group=self.platform.log_group)

    def _alive(self, known: Platform) -> Platform:
        """The local platform's record at the address where its process answers now."""
        from dataclasses import replace

        from opsctl.local import control

        server = control.find(self.home.path)
        if server is None:
            raise Problem(
                "The local platform is not running: its process has ended.",
                "`opsctl up --local` brings it back, with its data.",
            )
        return replace(known, endpoint_url=server.endpoint_url)

    def _from_aws(self, name: str | None) -> Platform:
        """A platform that a colleague brought up, from the parameter store."""
        if name == LOCAL_NAME:
            raise Problem("The local platform is not up.", "`opsctl up --local` makes it.")
        from opsctl.aws.clients import Clients
        from opsctl.aws.platform.platform_parameter import read_record

        no_platform = "`opsctl up --local` makes one on this machine, `opsctl up` one on AWS."
        try:
            clients = Clients(region=self._region, profile=self._profile, verb=self._verb)
            found = read_record(clients.ssm, name or DEFAULT_NAME)
        except Problem as problem:
            if name is None and isinstance(problem.__cause__, _never_set_up()):
                # Nobody has asked for AWS yet: what is missing is a platform, not credentials.
                raise Problem("No platform is up.", no_platform) from problem
            raise
        if found is None:
            raise Problem(f"No platform named {name or DEFAULT_NAME} is up in {clients.region}.", no_platform)
        return found


def verb() -> str:
    """The verb that was typed, the outermost where there are two (`image push`); empty outside a command."""
    typed = click.get_current_context(silent=True)
    while typed and typed.parent and typed.parent.parent:
        typed = typed.parent
    return typed.info_name or "" if typed and typed.parent else ""


def _never_set_up() -> tuple[type[Exception], ...]:
    """What botocore says where there is no AWS configuration at all; an expired login is another matter."""
    from botocore.exceptions import NoCredentialsError, NoRegionError

    return NoCredentialsError, NoRegionError
