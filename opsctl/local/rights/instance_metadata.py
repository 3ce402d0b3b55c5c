"""The instance metadata service of the jobs' instances (IMDSv2), below a path that only the jobs know.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html. A request needs a token,
which a PUT gives. On AWS the address is the same on every instance and each answers its own jobs; here all jobs share
one server, so each attempt has a path of its own.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from opsctl.local.rights.roles import role_of_profile
from opsctl.local.rights.sessions import Session, Sessions

_PATH = "/_opsctl/instances/"
_LIFETIME = timedelta(hours=6)
_LONGEST_TOKEN_SECONDS = 21_600
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_CREDENTIALS = "meta-data/iam/security-credentials/"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass
class Instance:
    """The instance that an attempt would run on, as its metadata show it.

    Attributes
    ----------
    profile
        The name or the ARN of its instance profile.
    """

    account: str
    region: str
    instance_type: str
    profile: str
    instance_id: str = field(default_factory=lambda: f"i-{secrets.token_hex(9)[:17]}")
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    tokens: set[str] = field(default_factory=set)
    session: Session | None = None

    @property
    def path(self) -> str:
        """The path of its metadata on the server, without a slash at the end."""
        return f"{_PATH}{self.key}"


class InstanceMetadata:
    """Answers for the instances of running attempts. Several threads may use it at once."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._instances: dict[str, Instance] = {}

    def begin(self, instance: Instance) -> None:
        """Answer requests below the instance's path."""
        self._instances[instance.key] = instance

    def end(self, instance: Instance) -> None:
        """Answer them no longer, and end the session of the instance's role."""
        self._instances.pop(instance.key, None)
        if instance.session is not None:
            self._sessions.end(instance.session)

    def before(self, application: Application) -> Application:
        """Return a WSGI application that answers the requests to metadata, and passes all others on."""

        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            if not environ["PATH_INFO"].startswith(_PATH):
                return application(environ, start_response)
            key, _, path = environ["PATH_INFO"].removeprefix(_PATH).partition("/")
            instance = self._instances.get(key)
            status, text = self._answer(instance, path, environ) if instance is not None else ("404 Not Found", "")
            body = text.encode()
            start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
            return [body]

        return answer

    def _answer(self, instance: Instance, path: str, environ: dict[str, Any]) -> tuple[str, str]:
        if path == "latest/api/token":
            return _token(instance, environ)
        if environ["REQUEST_METHOD"] != "GET":
            return "405 Method Not Allowed", ""
        if environ.get("HTTP_X_AWS_EC2_METADATA_TOKEN") not in instance.tokens:
            return "401 Unauthorized", ""
        texts = self._texts(instance)
        name = path.removeprefix("latest/")
        if name in texts:
            return "200 OK", texts[name]
        folder = f"{name.rstrip('/')}/"
        below = {text.removeprefix(folder) for text in texts if text.startswith(folder)}
        entries = {entry.partition("/")[0] + ("/" if "/" in entry else "") for entry in below}
        return ("200 OK", "\n".join(sorted(entries))) if entries else ("404 Not Found", "")

    def _texts(self, instance: Instance) -> dict[str, str]:
        zone = f"{instance.region}a"
        document = {
            "accountId": instance.account,
            "availabilityZone": zone,
            "instanceId": instance.instance_id,
            "instanceType": instance.instance_type,
            "region": instance.region,
        }
        texts = {
            "meta-data/instance-id": instance.instance_id,
            "meta-data/instance-type": instance.instance_type,
            "meta-data/placement/availability-zone": zone,
            "meta-data/placement/region": instance.region,
            "dynamic/instance-identity/document": json.dumps(document),
        }
        role = role_of_profile(instance.profile, instance.account)
        if role is not None:
            texts[f"{_CREDENTIALS}{role.name}"] = json.dumps(self._credentials(instance, role.arn))
        return texts

    def _credentials(self, instance: Instance, role_arn: str) -> dict[str, str]:
        if instance.session is None or instance.session.role_arn != role_arn:
            instance.session = self._sessions.begin(role_arn, instance.instance_id)
        now = datetime.now(UTC)
        return {
            "Code": "Success",
            "LastUpdated": now.strftime(_TIME),
            "Type": "AWS-HMAC",
            "AccessKeyId": instance.session.access_key,
            "SecretAccessKey": instance.session.secret_key,
            "Token": instance.session.token,
            "Expiration": (now + _LIFETIME).strftime(_TIME),
        }


def _token(instance: Instance, environ: dict[str, Any]) -> tuple[str, str]:
    if environ["REQUEST_METHOD"] != "PUT":
        return "405 Method Not Allowed", ""
    seconds = environ.get("HTTP_X_AWS_EC2_METADATA_TOKEN_TTL_SECONDS", "")
    if not seconds.isdigit() or not 1 <= int(seconds) <= _LONGEST_TOKEN_SECONDS:
        return "400 Bad Request", ""
    token = secrets.token_urlsafe(40)
    instance.tokens.add(token)
    return "200 OK", token
