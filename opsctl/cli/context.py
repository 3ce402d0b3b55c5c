"""What every verb needs: opsctl's folder, the chosen platform, and the adapters to it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

import click

from opsctl import first_request
from opsctl.cli.adapters import batch_of, records_of, storage_of
from opsctl.cli.defaults import is_typed
from opsctl.config import load
from opsctl.config_files import working_folder
from opsctl.core.config import Configuration
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.absent import MAKE_ONE, local_platform_ended, no_such_platform
from opsctl.core.platform.platform_name import DEFAULT_NAME, LOCAL_NAME, check_name
from opsctl.core.printed_command import TypedPlatform
from opsctl.home import Home
from opsctl.private_folder import make_private
from opsctl.render.typed_platform import TYPED

if TYPE_CHECKING:
    from opsctl.aws.batch.batch import Batch
    from opsctl.aws.clients import Clients
    from opsctl.aws.logs import Logs
    from opsctl.aws.s3.storage import Storage
    from opsctl.commands.runs.records import Records
    from opsctl.commands.runs.snapshot import SnapshotReader
    from opsctl.core.location import Location
    from opsctl.core.openneuro.accession import Accession
    from opsctl.core.platform.platform import Platform
    from opsctl.core.runs.manifest import Run
    from opsctl.core.runs.snapshot import Pricing
    from opsctl.first_request import FirstRequest
    from opsctl.render.screen import Screen

#: These verbs explain what is wrong with the configuration, so a broken one does not stop them.
_ACCEPT_BROKEN_CONFIGURATION = ("config", "doctor")


class Context:
    """The adapters of one command, each created on first use: importing boto3 alone takes 250 ms.

    Parameters
    ----------
    platform_name, region, profile
        As typed; None: from the configuration, else the platform that was brought up or picked last and the user's own
        AWS configuration.

    Raises
    ------
    Problem
        If the configuration is broken: nothing is done with a part of one.
    """

    def __init__(
        self, *, platform_name: str | None = None, region: str | None = None, profile: str | None = None
    ) -> None:
        click_context = click.get_current_context(silent=True)
        configuration = click_context.find_object(Configuration) if click_context else None
        self.configuration = configuration or load(os.environ, working_folder())
        if click_context is None or click_context.info_name not in _ACCEPT_BROKEN_CONFIGURATION:
            self.configuration.ensure_whole()
        self.home = Home.of(os.environ)
        if warning := make_private(self.home.path):
            self.screen.warn(warning)
        configured = self.configuration.get("platform")
        is_other = is_typed("local") and (configured or self.home.current() or platform_name) != platform_name
        TYPED.platform = TypedPlatform(
            name=platform_name or "" if is_typed("platform") or is_typed("name") or is_other else "",
            profile=profile or "" if is_typed("profile") else "",
            is_local=is_typed("local"),
        )
        name = platform_name or configured
        self._name = check_name(name) if name else None
        self._region = region or self.configuration.get("region")
        self._profile = profile or self.configuration.get("profile")
        self._verb = verb()
        self._pricing: dict[str, Pricing] = {}

    @cached_property
    def screen(self) -> Screen:
        """The consoles for messages and data."""
        from opsctl.render.screen import Screen

        return Screen()

    @property
    def chosen_name(self) -> str | None:
        """The name of the platform that was typed or is configured, else of this machine's current one."""
        return self._name or self.home.current()

    @cached_property
    def platform(self) -> Platform:
        """The chosen platform.

        Raises
        ------
        Problem
            If there is none, or the local platform's process has ended.
        """
        platform = self.known_platform or self._from_aws(self.chosen_name)
        return self._at_current_endpoint(platform) if platform.is_local else platform

    @property
    def known_platform(self) -> Platform | None:
        """The chosen platform as this machine remembers it; None where it knows none. AWS is not asked."""
        name = self.chosen_name
        return self.home.recall(name) if name else None

    @cached_property
    def clients(self) -> Clients:
        """AWS clients of the platform."""
        if (sent := self._sent) is not None:
            return sent.clients
        from opsctl.aws.clients import Clients

        local_key = None
        if self.platform.is_local:
            from opsctl.local import control

            local_key = control.credentials(self.home.path)
        return Clients.of(self.platform, profile=self._profile, verb=self._verb, local_key=local_key)

    @cached_property
    def storage(self) -> Storage:
        """S3."""
        return storage_of(self.clients) if self._sent is None else self._sent.storage

    @cached_property
    def _sent(self) -> FirstRequest | None:
        """What was sent to this platform before the command line was read."""
        return first_request.taken(self.platform, profile=self._profile, verb=self._verb)

    def dataset(self, typed: str, *, bucket: str | None = None) -> Location:
        """The location of a dataset: a name in the configuration or in the data bucket, a URI, or an accession.

        Parameters
        ----------
        typed
            As typed. A configured name takes precedence over a folder of that name in the data bucket, with a message.
        bucket
            As typed: the bucket that holds the dataset, whatever is configured.

        Raises
        ------
        UsageProblem
            If it names a version: only what reads a dataset's files can choose one (`opsctl.cli.opened_dataset`).
        """
        from opsctl.core.dataset_argument import refuse_version

        accession, location = self.dataset_source(typed, bucket=bucket)
        if accession is not None:
            refuse_version(accession)
        return location

    def dataset_source(self, typed: str, *, bucket: str | None = None) -> tuple[Accession | None, Location]:
        """The accession of a dataset, where it is OpenNeuro's, and its location; see `dataset`."""
        from opsctl.core.dataset_argument import accession_of, dataset_location
        from opsctl.core.location import Location

        configured = self.configuration.dataset(typed) if bucket is None else None
        named = typed if configured is None else configured.value
        location = dataset_location(named, data_bucket=self.platform.data_bucket, bucket=bucket)
        if configured is not None:
            message = f"{typed} is {location.uri} ({configured.source})"
            in_data_bucket = Location(self.platform.data_bucket, typed)
            if location != in_data_bucket and self._has_folder(in_data_bucket):
                self.screen.warn(f"{message}, not {in_data_bucket.uri}, which is there too.")
            else:
                self.screen.say(message)
        return accession_of(named, location), location

    def _has_folder(self, location: Location) -> bool:
        """Whether a bucket has a folder; False also if the caller may not list the bucket."""
        from opsctl.core.location import Location

        try:
            return location.prefix in self.storage.folders(Location(location.bucket, ""))
        except Problem:
            return False

    def storage_of(self, dataset: Location, *, is_public: bool) -> Storage:
        """S3 for reading a dataset: without credentials if it is public. Checks that its bucket can be read.

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
        return Storage(client, None if is_public else self.clients.s3_direct)

    @cached_property
    def records(self) -> Records:
        """The runs' records; one that cannot be read is a warning of every command that needs it."""
        return records_of(
            self.storage,
            self.home,
            data_bucket=self.platform.data_bucket,
            on_unreadable=lambda problem: self.screen.warn(str(problem)),
        )

    def begin_reading_runs(self, run_id: str | None) -> None:
        """Ask S3 for a run (None: which runs there are) while the rest of opsctl is imported, which takes as long.

        `snapshots` and `records.run` with the same `run_id` take the reply.
        """
        first_request.begin_reading_runs(self.storage, data_bucket=self.platform.data_bucket, run_id=run_id)

    def snapshots(self, run_id: str | None) -> SnapshotReader:
        """Takes snapshots of a run; None: the latest run."""
        # First: whoever asks for a run that there is not need not wait for the rest to be imported.
        run = self.records.run(run_id)
        from opsctl.commands.runs.snapshot import SnapshotReader
        from opsctl.core.location import parse_uri
        from opsctl.core.platform.source_buckets import permit_command

        if (bucket := parse_uri(run.dataset).bucket) not in self.platform.readable_buckets:
            self.screen.warn(
                f"The run {run.run_id} names the dataset {run.dataset}, in a bucket that the platform's jobs may not"
                f" read. `{permit_command(self.platform, bucket)}` permits it."
            )
        return SnapshotReader(
            run, records=self.records, batch=self.batch, now=lambda: datetime.now(UTC), is_saving=True
        )

    def pricing(self, run: Run) -> Pricing:
        """The prices of a run's instances."""
        return self.pricing_of_model(run.resources)

    def pricing_of_model(self, model: str) -> Pricing:
        """The prices of the instances that a model's jobs use."""
        from opsctl.aws.pricing import rates
        from opsctl.core.runs.snapshot import Pricing

        if model not in self._pricing:
            resources = self.platform.models[model]
            self._pricing[model] = Pricing(
                rates=rates(self.clients, self.platform, resources, home=self.home), is_local=self.platform.is_local
            )
        return self._pricing[model]

    @cached_property
    def batch(self) -> Batch:
        """AWS Batch."""
        return batch_of(self.clients)

    @cached_property
    def logs(self) -> Logs:
        """CloudWatch Logs."""
        from opsctl.aws.logs import Logs

        return Logs(self.clients.logs, group=self.platform.log_group)

    def _at_current_endpoint(self, platform: Platform) -> Platform:
        """The local platform's record with the endpoint of its running process."""
        from dataclasses import replace

        from opsctl.local import control

        server = control.find(self.home.path)
        if server is None:
            raise local_platform_ended()
        return replace(platform, endpoint_url=server.endpoint_url)

    def _from_aws(self, name: str | None) -> Platform:
        """A platform from the SSM Parameter Store, where another user's `up` recorded it."""
        from opsctl.commands.platform.remembered_platform import stopped_up_of

        stopped = stopped_up_of(self.home, name)
        if name == LOCAL_NAME:
            if stopped is not None:
                raise stopped
            raise Problem(
                "The local platform is not up.", "`opsctl up --local` makes it.", code=ErrorCode.PLATFORM_NOT_FOUND
            )
        from opsctl.aws.clients import Clients
        from opsctl.aws.platform.platform_parameter import read_record

        try:
            clients = Clients(region=self._region, profile=self._profile, verb=self._verb)
            platform = read_record(clients.ssm, name or DEFAULT_NAME)
        except Problem as problem:
            is_for_aws = bool(self._region or self._profile)
            if isinstance(problem.__cause__, _not_configured_errors()) and not (name and is_for_aws):
                # The user did not ask for AWS: a platform is missing, not credentials.
                if name is not None and stopped is None:
                    raise no_such_platform(name, self.home.known()) from problem
                nothing = Problem("No platform is up.", MAKE_ONE, code=ErrorCode.PLATFORM_NOT_FOUND)
                raise stopped or nothing from problem
            raise
        if platform is None:
            raise Problem(
                f"No platform named {name or DEFAULT_NAME} is up in {clients.region}.",
                f"On this machine: {', '.join(self.home.known())}." if self.home.known() else MAKE_ONE,
                code=ErrorCode.PLATFORM_NOT_FOUND,
            )
        return platform


def verb() -> str:
    """The verb that was typed, of `image push` the first word; empty outside a command."""
    context = click.get_current_context(silent=True)
    while context and context.parent and context.parent.parent:
        context = context.parent
    return context.info_name or "" if context and context.parent else ""


def _not_configured_errors() -> tuple[type[Exception], ...]:
    """The errors of botocore without any AWS configuration; an expired login is not among them."""
    from botocore.exceptions import NoCredentialsError, NoRegionError

    return NoCredentialsError, NoRegionError
