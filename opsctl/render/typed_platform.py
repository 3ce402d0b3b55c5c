"""The platform that the user named on this command line, for the commands that are printed."""

from __future__ import annotations

from opsctl.core.printed_command import TypedPlatform

_NOTHING = TypedPlatform()


class _Typed:
    def __init__(self) -> None:
        self.platform = _NOTHING

    def forget(self) -> None:
        """Begin a new command line."""
        self.platform = _NOTHING


#: Set where a verb has read its options, cleared where a command begins.
TYPED = _Typed()
