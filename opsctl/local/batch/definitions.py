"""AWS's rules for a job definition's retry strategy and timeout, which moto does not check."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from moto.batch.exceptions import ClientException
from moto.batch.responses import BatchResponse

_MOST_ATTEMPTS, _MOST_RULES, _LONGEST_PATTERN, _LEAST_SECONDS = 10, 5, 512, 60
#: What a condition's pattern may hold; a `*` only at its end.
_PATTERNS = {
    "onStatusReason": re.compile(r"[A-Za-z0-9.:\s]*\*?"),
    "onReason": re.compile(r"[A-Za-z0-9.:\s]*\*?"),
    "onExitCode": re.compile(r"[0-9]*\*?"),
}


class DefinitionRules(BatchResponse):
    """RegisterJobDefinition as AWS answers it.

    https://docs.aws.amazon.com/batch/latest/APIReference/API_RetryStrategy.html, API_EvaluateOnExit.html and
    API_JobTimeout.html there.
    """

    __module__ = "moto.batch.responses"

    def registerjobdefinition(self) -> str:
        """Answer RegisterJobDefinition: refused with a retry strategy or a timeout that Batch does not take."""
        request = json.loads(self.body)
        check_retry_strategy(request.get("retryStrategy") or {})
        seconds = (request.get("timeout") or {}).get("attemptDurationSeconds")
        if seconds is not None and seconds < _LEAST_SECONDS:
            raise ClientException(f"attemptDurationSeconds must be at least {_LEAST_SECONDS}.")
        return super().registerjobdefinition()


def check_retry_strategy(strategy: Mapping[str, Any]) -> None:
    """Check a retry strategy, of a definition or of a submission.

    Raises
    ------
    ClientException
        With the first of AWS's rules that it breaks.
    """
    rules = strategy.get("evaluateOnExit") or ()
    if not 1 <= strategy.get("attempts", 1) <= _MOST_ATTEMPTS:
        raise ClientException(f"A retry strategy has 1 to {_MOST_ATTEMPTS} attempts.")
    if rules and "attempts" not in strategy:
        raise ClientException("A retry strategy with evaluateOnExit needs attempts.")
    if len(rules) > _MOST_RULES:
        raise ClientException(f"A retry strategy has at most {_MOST_RULES} evaluateOnExit rules.")
    for rule in rules:
        if rule.get("action", "").upper() not in ("RETRY", "EXIT"):
            raise ClientException("The action of an evaluateOnExit rule is RETRY or EXIT.")
        for name, pattern in _PATTERNS.items():
            text = rule.get(name)
            if text is not None and (len(text) > _LONGEST_PATTERN or not pattern.fullmatch(text)):
                raise ClientException(f"{name} {text!r} is not a pattern that Batch takes.")
