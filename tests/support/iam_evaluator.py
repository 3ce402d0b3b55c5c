"""Decides a request as IAM does: policies of one account, with conditions, NotAction, NotResource and denials.

The rules are AWS's ("Policy evaluation logic", "IAM JSON policy elements" in the IAM user guide); test_iam_evaluator.py
holds this against the examples there. An element that is not known here is an error, never a silent match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

Decision = Literal["allow", "deny"]
_KNOWN = {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"}


@dataclass(frozen=True)
class Request:
    """Who wants to do what to what.

    Parameters
    ----------
    principal
        A service or an ARN, for policies that name one.
    context
        Values of condition keys; a key that is not there is not there for IAM either.
    """

    action: str
    resource: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    principal: str = ""

    def values(self, key: str) -> list[str]:
        """A condition key's values; IAM does not tell upper from lower case in keys."""
        found = next((value for name, value in self.context.items() if name.lower() == key.lower()), [])
        return [found] if isinstance(found, str) else list(found)


def decide(
    request: Request, *, identity: Iterable[Mapping[str, Any]] = (), resource: Iterable[Mapping[str, Any]] = ()
) -> Decision:
    """Allow or deny.

    Parameters
    ----------
    identity
        The principal's own policies.
    resource
        Policies on what is asked for: a bucket's, or a role's trust.
    """
    statements = [one for policy in (*identity, *resource) for one in _many(policy["Statement"])]
    effects = {statement["Effect"] for statement in statements if _applies(statement, request)}
    return "allow" if effects == {"Allow"} else "deny"


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    if unknown := set(statement) - _KNOWN:
        raise ValueError(f"elements that are not known here: {unknown}")
    return (
        _named(statement.get("Principal"), request.principal)
        and _listed(statement, "Action", lambda pattern: glob(pattern.lower(), request.action.lower()))
        and _listed(statement, "Resource", lambda pattern: same_arn(_filled(pattern, request), request.resource))
        and all(
            _holds(operator, key, _many(wanted), request)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _listed(statement: Mapping[str, Any], element: str, matches: Callable[[str], bool]) -> bool:
    if f"Not{element}" in statement:
        return not any(map(matches, _many(statement[f"Not{element}"])))
    # A trust policy has no resource: it lies on it.
    return element not in statement or any(map(matches, _many(statement[element])))


def _named(principal: Any, who: str) -> bool:
    if principal is None or principal == "*":
        return True
    names = [name for kind in principal.values() for name in _many(kind)]
    account = ":".join(who.split(":")[:5])
    return any(name in ("*", who) or (name.endswith(":root") and name == f"{account}:root") for name in names)


def glob(pattern: str, text: str) -> bool:
    """`*` stands for anything, `?` for one character; nothing else is special."""
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def same_arn(pattern: str, arn: str) -> bool:
    """ARNs are compared part by part: a `*` does not reach over the colons between the first six."""
    if pattern == "*":
        return True
    wanted, found = pattern.split(":", 5), arn.split(":", 5)
    return len(wanted) == len(found) and all(map(glob, wanted, found))


def _filled(pattern: str, request: Request) -> str:
    """A policy's variables; one without a value matches nothing."""
    return re.sub(r"\$\{([^}]+)\}", lambda found: "".join(request.values(found[1])[:1]) or "\0", pattern)


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda wanted, found: compare(float(found), float(wanted))


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, found: wanted == found,
    "StringEqualsIgnoreCase": lambda wanted, found: wanted.lower() == found.lower(),
    "StringLike": glob,
    "ArnEquals": same_arn,
    "ArnLike": same_arn,
    "Bool": lambda wanted, found: wanted.lower() == found.lower(),
    "NumericLessThan": _number(float.__lt__),
    "NumericLessThanEquals": _number(float.__le__),
    "NumericGreaterThan": _number(float.__gt__),
    "NumericGreaterThanEquals": _number(float.__ge__),
}
_NEGATED = {"StringNotEquals": "StringEquals", "StringNotLike": "StringLike", "ArnNotLike": "ArnLike"}


def _holds(operator: str, key: str, wanted: Sequence[str], request: Request) -> bool:
    found = request.values(key)
    if operator == "Null":
        return all((value.lower() == "true") == (not found) for value in wanted)
    quantifier, _, name = operator.rpartition(":")
    if name.endswith("IfExists"):
        name = name.removesuffix("IfExists")
        if not found:
            return True
    is_negated = name in _NEGATED
    matches = _OPERATORS[_NEGATED.get(name, name)]

    def one(value: str) -> bool:
        return any(matches(_filled(pattern, request), value) for pattern in wanted) != is_negated

    if quantifier == "ForAllValues":
        return all(map(one, found))
    if quantifier == "ForAnyValue" or not is_negated:
        return any(map(one, found))
    # Without the key, what must not be so is not so.
    return all(map(one, found))


def _many(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
