"""The first request of the verbs about one run, sent before typer has read the command line.

typer, click and the verbs take 60 ms to import, as long as a request takes: S3 answers meanwhile. Only a command line
of the usual form for a platform on AWS that this machine knows is read here. `opsctl.cli.context` decides everything
again, and takes the reply only if it has come to the same platform and profile. Whatever fails here is tried again and
said there.
"""

from __future__ import annotations

import importlib
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from opsctl.aws.clients import Clients
    from opsctl.aws.s3.storage import Storage
    from opsctl.core.location import Location
    from opsctl.core.platform.platform import Platform

#: The verbs that ask for a run first (`Context.begin_reading_runs`).
VERBS = ("status", "logs", "why", "cost", "cancel")
#: With these the verb asks for something else, shows each call, or asks nothing.
_WITHOUT = {"every", "verbose", "help"}
_READ_FROM_THE_TABLE = {"OPSCTL_HOME", "OPSCTL_CONFIG", "OPSCTL_PLATFORM", "OPSCTL_PROFILE"}
_SIGNED_SECONDS = 0.1
_OTHERS_RIGHTS = stat.S_ISVTX | 0o077


class FirstRequest(NamedTuple):
    """What has been sent: the reply waits in `storage`."""

    #: Of the platform: where it was sent.
    region: str
    data_bucket: str
    profile: str | None
    verb: str
    clients: Clients
    storage: Storage


#: Of this process, until it is taken.
_SENT: list[FirstRequest] = []


def begin(words: Sequence[str], environment: Mapping[str, str]) -> None:
    """Send the request, if the command line tells which.

    Parameters
    ----------
    words
        The words after the program's name.
    """
    _SENT.clear()
    # Where typer is imported already, nothing is won.
    if not words or words[0] not in VERBS or "typer" in sys.modules:
        return
    try:
        _begin(words, environment)
    except Exception:
        # The verb does the same again, and says what is wrong.
        _SENT.clear()


def taken(platform: Platform, *, profile: str | None, verb: str) -> FirstRequest | None:
    """What was sent, once; None if nothing was, or for another platform, profile or verb."""
    sent = _SENT.pop() if _SENT else None
    asked = (platform.region, platform.data_bucket, profile, verb)
    return sent if sent is not None and sent[:4] == asked and not platform.is_local else None


def begin_reading_runs(storage: Storage, *, data_bucket: str, run_id: str | None) -> None:
    """Ask S3 for a run (None: which runs there are), in a thread."""
    from opsctl.core.location import run_location
    from opsctl.core.size_limits import RUN_BYTES

    if run_id is None:
        storage.begin_folders(runs_folder(data_bucket))
    else:
        record = run_location(run_id, data_bucket=data_bucket)
        storage.begin_body(data_bucket, f"{record.prefix}/run.json", at_most=RUN_BYTES)


def runs_folder(data_bucket: str) -> Location:
    """Where the folders of all runs are."""
    from opsctl.core.location import RUNS_PREFIX, Location

    return Location(data_bucket, RUNS_PREFIX.rstrip("/"))


def _begin(words: Sequence[str], environment: Mapping[str, str]) -> None:
    from opsctl.completion.option_table import option_table
    from opsctl.completion.typed_line import TypedLine
    from opsctl.core.platform.platform_name import check_name
    from opsctl.home import Home

    line = TypedLine.read(option_table(), words, environment)
    configured = _configured(environment)
    home = Home.of(environment)
    facts = home.path.stat()
    # Somebody else could have written the platform's record, and the user's credentials would go to where it says.
    is_private = facts.st_uid == os.geteuid() and not facts.st_mode & _OTHERS_RIGHTS
    if line.expected is not None or _WITHOUT & line.typed or configured is None or not is_private:
        return
    name = line.params.get("platform") or configured.get("platform")
    name = check_name(name) if name else home.current()
    record = home.unchecked_record(name) if name else {}
    region, bucket = record.get("region"), record.get("data_bucket")
    # Of a local platform the process must be looked for first.
    if not isinstance(region, str) or not isinstance(bucket, str) or record.get("endpoint_url") is not None:
        return

    from opsctl.aws.lean_imports import import_lean

    import_lean()

    from opsctl.aws.clients import Clients
    from opsctl.aws.s3.storage import Storage

    profile = line.params.get("profile") or configured.get("profile")
    clients = Clients(region=region, profile=profile, verb=words[0])
    storage = Storage(clients.s3)
    # The thread that sends needs it for the host's name. While others compute, it would wait for Python at each file.
    importlib.import_module("encodings.idna")
    is_signed = Event()
    clients.s3.meta.events.register("before-send.s3", lambda **_: is_signed.set())
    begin_reading_runs(storage, data_bucket=bucket, run_id=line.params.get("run_id"))
    # Two threads that compute get half of Python each; a login that must be fetched first is not waited for.
    is_signed.wait(_SIGNED_SECONDS)
    storage.direct = clients.s3_direct
    _SENT.append(FirstRequest(region, bucket, profile, words[0], clients, storage))


def _configured(environment: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The configuration's values; None where it is broken."""
    from opsctl.config_files import config_files, is_nothing_said, working_folder

    files = config_files(environment, working_folder())
    settings = {name for name in environment if name.startswith("OPSCTL_")} - _READ_FROM_THE_TABLE
    if is_nothing_said(files) and not settings and not any(file.must_be_there and not file.is_there for file in files):
        # The rules of all settings take 10 ms to import; they are imported while S3 answers.
        return {}
    from opsctl.config import load

    configuration = load(environment, working_folder())
    return None if configuration.problems else {key: value.value for key, value in configuration.values.items()}
