"""Before moto: every request carries the user's key, or a role's key and is then answered only if policies allow it.

The user's own key may do everything: the local platform is the user's. Which policies count and what differs from AWS:
docs/decisions/0019-local-rights.md.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from opsctl.core.openneuro.accession import BUCKET as OPENNEURO_BUCKET
from opsctl.local.front import Application
from opsctl.local.request_body import BODY, SHOWED_KEY, BadBody, RequestBody
from opsctl.local.rights import refusals
from opsctl.local.rights.api_call import call_of
from opsctl.local.rights.called_actions import requests_of
from opsctl.local.rights.evaluator import Request, refusal
from opsctl.local.rights.permission import UnknownCall
from opsctl.local.rights.roles import boundary_of, bucket_policies, find_bucket, find_role, policies_of
from opsctl.local.rights.server_clock import ServerClock
from opsctl.local.rights.sessions import Session, Sessions
from opsctl.local.rights.signature import Signature, signature_of
from opsctl.local.rights.signing_time import untimely
from opsctl.local.s3.keys import REFUSED_DELETIONS

_LOG = logging.getLogger("opsctl.local")
_READS = ("GetObject", "HeadObject", "GetObjectAttributes")

StartResponse = Callable[..., Any]


@dataclass(frozen=True)
class _Caller:
    """Who asks: a role's session, with the policies that count."""

    session: Session
    role: Any
    bucket: Any

    def why_refused(self, request: Request) -> str | None:
        """Return AWS's words, or None if the request is allowed."""
        resource = bucket_policies(self.bucket) if self.bucket is not None else []
        if self.role is None:
            # The role was deleted meanwhile: its policies are gone.
            return refusal(request)
        context = {
            **request.context,
            "aws:PrincipalArn": self.session.role_arn,
            "aws:PrincipalAccount": self.session.account,
            "aws:PrincipalType": "AssumedRole",
            "aws:userid": f"{self.role.id}:{self.session.name}",
            "aws:ResourceAccount": self.session.account,
        }
        named = replace(request, context=context, principal=self.session.role_arn, session=self.session.arn)
        return refusal(named, identity=policies_of(self.role), resource=resource, boundary=boundary_of(self.role))

    def message(self, request: Request, why: str) -> str:
        """Return AWS's message about a refused request."""
        resource = f'"{request.resource}"' if request.action.startswith("s3:") else request.resource
        return f"User: {self.session.arn} is not authorized to perform: {request.action} on resource: {resource} {why}"


class Enforcement:
    """A WSGI application that decides each request, and passes the allowed ones on.

    Parameters
    ----------
    application
        moto.
    sessions
        Whose key is whose.
    user_key
        The access key that may do everything.
    """

    def __init__(self, application: Application, sessions: Sessions, *, user_key: str) -> None:
        self._application = application
        self._sessions = sessions
        self._user_key = user_key.encode()
        self._clock = ServerClock()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        signature = signature_of(environ)
        if signature is None:
            return _refuse(refusals.unsigned(environ), environ, start_response)
        service = signature.service
        is_user = hmac.compare_digest(signature.access_key.encode(), self._user_key)
        session = None if is_user else self._sessions.find(signature.access_key)
        if not is_user and session is None:
            return _refuse(refusals.unknown_key(service, environ), environ, start_response)
        if not is_user and not signature.is_version_4:
            return _refuse(refusals.old_signature(), environ, start_response)
        # A key is looked up as it is; the secret that decides is the token, and AWS knows a key only together with it.
        if session is not None and not hmac.compare_digest(signature.token.encode(), session.token.encode()):
            unknown = refusals.wrong_token if signature.token else refusals.unknown_key
            return _refuse(unknown(service, environ), environ, start_response)
        # Only now may the request take time, and its body be read.
        environ[SHOWED_KEY]()
        body: RequestBody = environ[BODY]
        try:
            body.expect(service)
        except BadBody as too_long:
            return too_long(environ, start_response)
        late = [untimely(signature, environ, now=now) for now in self._clock.times()]
        if late[0] is not None and all(late):
            return _refuse(late[0], environ, start_response)
        if session is None:
            return self._application(environ, start_response)
        try:
            return self._decide(environ, start_response, signature, session)
        except UnknownCall as unknown_call:
            message = f"The local platform does not know which permissions this call needs: {unknown_call}"
            return _refuse(refusals.denied(service, environ, message), environ, start_response)

    def _decide(
        self,
        environ: dict[str, Any],
        start_response: StartResponse,
        signature: Signature,
        session: Session,
    ) -> Iterable[bytes]:
        call = _understood(environ, signature)
        service, operation = call["service"], call["operation"]
        if (service, operation) == ("sts", "GetCallerIdentity"):
            return _identity(session, start_response)
        bucket = find_bucket(call["parameters"].get("Bucket", "")) if service == "s3" else None
        is_public = call["parameters"].get("Bucket") == OPENNEURO_BUCKET
        if service == "s3" and bucket is None and operation not in ("CreateBucket", "ListBuckets") and not is_public:
            return _refuse(refusals.missing_bucket(), environ, start_response)
        caller = _Caller(session, find_role(session.role_arn), bucket)
        requests = _requests(call, session)
        reasons = [(request, why) for request in requests if (why := _why(caller, request)) is not None]
        if reasons and operation != "DeleteObjects":
            return _refuse(refusals.denied(service, environ, caller.message(*reasons[0])), environ, start_response)
        if service == "sts":
            # moto gives every role's credentials to everybody: trust policies are not its concern.
            raise UnknownCall("an assumed role that assumes another")
        # moto looks at a role's session through this header.
        environ.pop("HTTP_X_MOTO_ACCOUNT_ID", None)
        if operation == "DeleteObjects":
            return self._delete(environ, start_response, {request.resource for request, _ in reasons})
        if operation in _READS:
            return self._read(environ, start_response, caller, requests[0])
        return self._application(environ, start_response)

    def _delete(self, environ: dict[str, Any], start_response: StartResponse, refused: set[str]) -> Iterable[bytes]:
        """Delete what may be deleted; S3 answers 200 with an error for each other key."""
        token = REFUSED_DELETIONS.set(frozenset(refused))
        try:
            return self._application(environ, start_response)
        finally:
            REFUSED_DELETIONS.reset(token)

    def _read(
        self, environ: dict[str, Any], start_response: StartResponse, caller: _Caller, request: Request
    ) -> Iterable[bytes]:
        """Read an object. S3 tells that it does not exist only to those who may list the bucket."""
        started: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> None:
            started.append((status, headers, *more))

        body = self._application(environ, start)
        if started[0][0].startswith("404"):
            listing = replace(request, action="s3:ListBucket", resource=request.resource.partition("/")[0])
            why = _why(caller, listing)
            if why is not None:
                close = getattr(body, "close", None)
                if close is not None:
                    close()
                return _refuse(refusals.denied("s3", environ, caller.message(listing, why)), environ, start_response)
        start_response(*started[0])
        return body


def _understood(environ: dict[str, Any], signature: Signature) -> dict[str, Any]:
    """The call, if moto is certain to understand the same."""
    if signature.service != "s3" and "HTTP_AUTHORIZATION" not in environ:
        raise UnknownCall("a presigned URL of another service than S3")
    call = call_of(environ, signature)
    if not call["operation"]:
        raise UnknownCall(f"{call['service']}: {environ['REQUEST_METHOD']} without an operation that is known")
    return call


def _requests(call: dict[str, Any], session: Session) -> list[Request]:
    try:
        return list(requests_of(call, account=session.account, region=call["region"], platform=""))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # The parameters are not what the service expects.
        raise UnknownCall(f"{call['service']}:{call['operation']}") from error


def _why(caller: _Caller, request: Request) -> str | None:
    try:
        return caller.why_refused(request)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        _LOG.warning("a policy cannot be evaluated, %s is refused: %r", request.action, error)
        return "because the local platform cannot evaluate one of its policies"


def _identity(session: Session, start_response: StartResponse) -> Iterable[bytes]:
    role = find_role(session.role_arn)
    user = f"{role.id if role is not None else 'AROA'}:{session.name}"
    result = f"<Arn>{session.arn}</Arn><UserId>{user}</UserId><Account>{session.account}</Account>"
    body = (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        f"<GetCallerIdentityResult>{result}</GetCallerIdentityResult></GetCallerIdentityResponse>"
    ).encode()
    start_response("200 OK", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
    return [body]


def _refuse(refused: refusals.Refusal, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    headers, body = refusals.body_of(refused, environ)
    start_response(f"{refused.status} {refused.code}", headers)
    return [body]
