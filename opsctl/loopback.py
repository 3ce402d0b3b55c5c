"""The address that the local platform's server listens on: only programs of this machine reach it."""

from __future__ import annotations

import socket

from opsctl.core.errors import ErrorCode, Problem

LOOPBACK = "127.0.0.1"


def ensure_loopback() -> None:
    """Ensure that this machine has the address.

    Raises
    ------
    Problem
        On a machine without IPv4 on its loopback interface, as in a container that has IPv6 only.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.bind((LOOPBACK, 0))
    except OSError as error:
        raise Problem(
            f"The local platform cannot listen on {LOOPBACK} ({error.strerror}): it needs IPv4 on the loopback"
            " interface, and uses no other address.",
            f"Add the address: `sudo ip addr add {LOOPBACK}/8 dev lo`.",
            code=ErrorCode.PLATFORM_NOT_RUNNING,
        ) from None
