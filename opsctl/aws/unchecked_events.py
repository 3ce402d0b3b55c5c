"""botocore's register of event handlers, without a look at each handler's signature.

botocore registers 120 handlers of its own in each session, and lets `inspect` read every signature to say early that
one does not take any keyword. That takes 12 ms of each command, for handlers that botocore's own tests look at.
"""

from __future__ import annotations

from typing import Any

from botocore.hooks import HierarchicalEmitter


class UncheckedEvents(HierarchicalEmitter):
    """A register that trusts its handlers: one that does not take `**kwargs` fails when it is called."""

    def _verify_accept_kwargs(self, func: Any) -> None:
        """Accept every handler. A botocore without this method would check as it likes."""
