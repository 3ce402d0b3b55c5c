"""How opsctl recognises the local platform's server on a port: by a question that only the owner's server can answer.

Another user may have taken the port of a server that has ended. So nobody sends the key to a port before the process
behind it has proved that it knows the token in `server.json`; the token itself is never sent.
"""

from __future__ import annotations

import hmac
import re
import secrets
from urllib.parse import parse_qs

IDENTITY_PATH = "/_opsctl/identity"
_CHALLENGE = re.compile(r"[0-9a-f]{64}")
_SECONDS = 5.0


def answer_to(query: str, token: str) -> str | None:
    """Return the answer to a question; None: the query holds none.

    Parameters
    ----------
    query
        `challenge=` with 64 hexadecimal digits.
    """
    challenge = parse_qs(query).get("challenge", [""])[0]
    return _mac(challenge, token) if _CHALLENGE.fullmatch(challenge) else None


def is_server(port: int, token: str) -> bool:
    """Whether the process that listens on a port of 127.0.0.1 knows the token."""
    from http.client import HTTPConnection, HTTPException

    challenge = secrets.token_hex(32)
    connection = HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        connection.request("GET", f"{IDENTITY_PATH}?challenge={challenge}")
        answer = connection.getresponse().read(1000)
    except (OSError, HTTPException, OverflowError):
        return False
    finally:
        connection.close()
    return hmac.compare_digest(answer, _mac(challenge, token).encode())


def _mac(challenge: str, token: str) -> str:
    return hmac.new(token.encode(), challenge.encode(), "sha256").hexdigest()
