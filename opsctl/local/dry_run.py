"""EC2's `DryRun`: AWS says whether a call is permitted and does nothing. moto ignores it, for example in CreateVpc."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from opsctl.local.front import Application
from opsctl.local.rights import refusals
from opsctl.local.rights.api_call import call_of
from opsctl.local.rights.signature import signature_of


class DryRun:
    """A WSGI application that ends EC2's permitted calls with `DryRun`, and passes all others on.

    Parameters
    ----------
    application
        moto. Requests that the caller has no permission for do not come so far.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        signature = signature_of(environ)
        if signature is None or signature.service != "ec2":
            return self._application(environ, start_response)
        if call_of(environ, signature)["parameters"].get("DryRun", "").lower() != "true":
            return self._application(environ, start_response)
        refused = refusals.dry_run()
        headers, body = refusals.body_of(refused, environ)
        start_response(f"{refused.status} {refused.code}", headers)
        return [body]
