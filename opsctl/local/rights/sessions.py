"""The sessions of assumed roles: the keys that jobs and instances sign their requests with."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sts.models import sts_backends

from opsctl.local.rights.roles import account_of


@dataclass(frozen=True)
class Session:
    """An assumed role's session with its temporary credentials.

    Attributes
    ----------
    name
        On AWS a task's id or an instance's.
    """

    role_arn: str
    name: str
    access_key: str = field(default_factory=lambda: f"ASIA{base64.b32encode(secrets.token_bytes(10)).decode()}")
    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(30))
    token: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def account(self) -> str:
        """The account of the role."""
        return account_of(self.role_arn)

    @property
    def arn(self) -> str:
        """The ARN that AWS shows as the caller. It holds the role's name without its path."""
        return f"arn:aws:sts::{self.account}:assumed-role/{self.role_arn.rpartition('/')[2]}/{self.name}"

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of the credentials."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_SESSION_TOKEN": self.token,
        }


class Sessions:
    """The sessions that have begun and not ended. Several threads may use it at once."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def begin(self, role_arn: str, name: str) -> Session:
        """Give out a key for a role."""
        session = Session(role_arn, name)
        self._sessions[session.access_key] = session
        return session

    def end(self, session: Session) -> None:
        """Forget a key: from now on its requests are refused."""
        self._sessions.pop(session.access_key, None)

    def find(self, access_key: str) -> Session | None:
        """Return the session of a key, also of one that AssumeRole has given to the user; None: there is none."""
        session = self._sessions.get(access_key)
        if session is not None:
            return session
        assumed = sts_backends[DEFAULT_ACCOUNT_ID]["aws"].get_assumed_role_from_access_key(access_key)
        if assumed is None:
            return None
        name, secret = assumed.session_name, assumed.secret_access_key
        return Session(assumed.role_arn, name, access_key, secret, assumed.session_token)
