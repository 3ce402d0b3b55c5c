"""Commands within opsctl's sentences, completed so that they are about the same platform as the command before."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

from opsctl.core.platform.platform_name import LOCAL_NAME

#: These verbs use no platform.
WITHOUT_A_PLATFORM = frozenset({"config", "parcellations", "sample"})
#: These verbs have `--local`.
_OF_PLATFORMS = frozenset({"up", "down"})
_COMMAND = re.compile(r"`(opsctl [a-z][^`]*)`")


class TypedPlatform(NamedTuple):
    """How the user named a platform on the command line; empty where an option was not typed.

    Attributes
    ----------
    is_local
        Whether `--local` was typed.
    """

    name: str = ""
    profile: str = ""
    is_local: bool = False

    def command(self, command: str) -> str:
        """A command of opsctl's with the options that name this platform, unless it has them."""
        words = command.split()
        if len(words) < 2 or words[0] != "opsctl":
            return command
        if words[1] in WITHOUT_A_PLATFORM or words[1:3] == ["image", "build"]:
            return command
        # `--name` of `up` and `down` is the platform's, that of `upload` the dataset's.
        is_named = "--platform" in words or ("--name" in words and words[1] != "upload")
        options = ""
        if self.is_local and words[1] in _OF_PLATFORMS and not is_named:
            options += "" if "--local" in words else " --local"
            is_named = self.name == LOCAL_NAME
        if self.name and not is_named:
            options += f" --platform {shlex.quote(self.name)}"
        # With `--local` there is no login to choose.
        if self.profile and not {"--profile", "--local"} & {*words, *options.split()}:
            options += f" --profile {shlex.quote(self.profile)}"
        return command + options

    def sentence(self, text: str) -> str:
        """A sentence in which each command between backquotes is completed."""
        return _COMMAND.sub(lambda match: f"`{self.command(match[1])}`", text)
