"""Commands within opsctl's sentences, completed so that they are about the same platform as the command before."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

#: These verbs use no platform.
WITHOUT_A_PLATFORM = frozenset({"config", "parcellations", "sample"})
_COMMAND = re.compile(r"`(opsctl [a-z][^`]*)`")


@dataclass(frozen=True)
class TypedPlatform:
    """How the user named a platform on the command line; empty where an option was not typed."""

    name: str = ""
    profile: str = ""

    def command(self, command: str) -> str:
        """A command with the options that name this platform, unless it has them."""
        if not (self.name or self.profile):
            return command
        words = command.split()
        if len(words) < 2 or words[1] in WITHOUT_A_PLATFORM or words[1:3] == ["image", "build"]:
            return command
        options = ""
        # `--name` of `up` and `down` is the platform's, that of `upload` the dataset's.
        is_named = "--platform" in words or ("--name" in words and words[1] != "upload")
        if self.name and not is_named:
            options += f" --platform {shlex.quote(self.name)}"
        if self.profile and "--profile" not in words:
            options += f" --profile {shlex.quote(self.profile)}"
        return command + options

    def sentence(self, text: str) -> str:
        """A sentence in which each command between backquotes is completed."""
        return _COMMAND.sub(lambda match: f"`{self.command(match[1])}`", text)
