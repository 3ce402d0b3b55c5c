"""Decide a request as IAM does: one account's policies, with conditions, NotAction, NotResource and explicit denials.

The rules are AWS's ("Policy evaluation logic", "IAM JSON policy elements" in the IAM user guide). test_evaluator.py
compares this module with the examples there. An unknown element raises an error and never matches silently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

Decision = Literal["allow", "deny"]
Policy = Mapping[str, Any]

_KNOWN_ELEMENTS = {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"}


@dataclass(frozen=True)
class Request:
    """An action on a resource, asked for by a principal.

    Attributes
    ----------
    context
        The values of condition keys. IAM treats a key that is missing here as missing.
    principal
        A service or an ARN, for policies that name a principal. A role's ARN if the role has been assumed.
    session
        The ARN of the assumed role's session, which a policy may name instead.
    """

    action: str
    resource: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    principal: str = ""
    session: str = ""

    def values(self, key: str) -> list[str]:
        """Return a condition key's values. Keys are not case sensitive."""
        values = next((value for name, value in self.context.items() if name.lower() == key.lower()), [])
        return [values] if isinstance(values, str) else list(values)


def decide(
    request: Request,
    *,
    identity: Iterable[Policy] = (),
    resource: Iterable[Policy] = (),
    boundary: Policy | None = None,
) -> Decision:
    """Allow or deny a request; the parameters are those of `refusal`."""
    return "allow" if refusal(request, identity=identity, resource=resource, boundary=boundary) is None else "deny"


def refusal(
    request: Request,
    *,
    identity: Iterable[Policy] = (),
    resource: Iterable[Policy] = (),
    boundary: Policy | None = None,
) -> str | None:
    """Return why a request is denied, as AWS's messages end ("because no …", "with an explicit deny …"), or None.

    Parameters
    ----------
    identity
        The principal's own policies.
    resource
        The policies of the requested resource: a bucket's, or a role's trust policy.
    boundary
        The principal's permissions boundary: what it does not allow is denied, whatever other policies say.
    """
    kinds = {
        "an identity-based policy": _effects(identity, request),
        "a resource-based policy": _effects(resource, request),
        "a permissions boundary": _effects(() if boundary is None else (boundary,), request),
    }
    for kind, effects in kinds.items():
        if "Deny" in effects:
            return f"with an explicit deny in {kind}"
    if boundary is not None and not kinds["a permissions boundary"]:
        return f"because no permissions boundary allows the {request.action} action"
    if not kinds["an identity-based policy"] and not kinds["a resource-based policy"]:
        return f"because no identity-based policy allows the {request.action} action"
    return None


def _effects(policies: Iterable[Policy], request: Request) -> set[str]:
    statements = [statement for policy in policies for statement in _as_list(policy.get("Statement", ()))]
    return {statement["Effect"] for statement in statements if _applies(statement, request)}


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    if unknown := set(statement) - _KNOWN_ELEMENTS:
        raise ValueError(f"unknown elements: {unknown}")
    return (
        _principal_matches(statement.get("Principal"), request)
        and _element_matches(statement, "Action", lambda pattern: glob(pattern.lower(), request.action.lower()))
        and _element_matches(
            statement, "Resource", lambda pattern: same_arn(_with_variables(pattern, request), request.resource)
        )
        and all(
            _condition_holds(operator, key, _as_list(patterns), request)
            for operator, keys in statement.get("Condition", {}).items()
            for key, patterns in keys.items()
        )
    )


def _element_matches(statement: Mapping[str, Any], element: str, matches: Callable[[str], bool]) -> bool:
    if f"Not{element}" in statement:
        return not any(map(matches, _as_list(statement[f"Not{element}"])))
    # A trust policy has no Resource: it belongs to its role.
    return element not in statement or any(map(matches, _as_list(statement[element])))


def _principal_matches(element: Any, request: Request) -> bool:
    if element is None or element == "*":
        return True
    names = [name for names_of_kind in element.values() for name in _as_list(names_of_kind)]
    parts = request.principal.split(":")
    account = parts[4] if len(parts) > 4 else None
    known = {"*", request.principal, request.session, account, ":".join([*parts[:5], "root"])} - {"", None}
    return any(name in known for name in names)


def glob(pattern: str, text: str) -> bool:
    """Whether a pattern matches: `*` stands for any text, `?` for one character, and nothing else is special."""
    return _compiled(pattern).fullmatch(text) is not None


# Bounded: patterns with policy variables differ from request to request.
@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def same_arn(pattern: str, arn: str) -> bool:
    """Whether a pattern matches an ARN. A `*` does not match across the colons between the first six parts."""
    if pattern == "*":
        return True
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) and all(map(glob, patterns, parts))


def _with_variables(pattern: str, request: Request) -> str:
    """Replace policy variables. A variable without a value matches nothing."""
    return re.sub(r"\$\{([^}]+)\}", lambda match: "".join(request.values(match[1])[:1]) or "\0", pattern)


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda pattern, value: compare(float(value), float(pattern))


#: By operator: whether a condition's pattern matches the request's value.
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda pattern, value: pattern == value,
    "StringEqualsIgnoreCase": lambda pattern, value: pattern.lower() == value.lower(),
    "StringLike": glob,
    "ArnEquals": same_arn,
    "ArnLike": same_arn,
    "Bool": lambda pattern, value: pattern.lower() == value.lower(),
    "NumericEquals": _number(float.__eq__),
    "NumericLessThan": _number(float.__lt__),
    "NumericLessThanEquals": _number(float.__le__),
    "NumericGreaterThan": _number(float.__gt__),
    "NumericGreaterThanEquals": _number(float.__ge__),
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
}


def _condition_holds(operator: str, key: str, patterns: Sequence[str], request: Request) -> bool:
    values = request.values(key)
    if operator == "Null":
        return all((pattern.lower() == "true") == (not values) for pattern in patterns)
    quantifier, _, name = operator.rpartition(":")
    if name.endswith("IfExists"):
        name = name.removesuffix("IfExists")
        if not values:
            return True
    is_negated = name in _NEGATED
    matches = _OPERATORS[_NEGATED.get(name, name)]

    def value_fits(value: str) -> bool:
        return any(matches(_with_variables(pattern, request), value) for pattern in patterns) != is_negated

    if quantifier == "ForAllValues":
        return all(map(value_fits, values))
    if quantifier == "ForAnyValue" or not is_negated:
        return any(map(value_fits, values))
    # A negated operator is true if the key is missing.
    return all(map(value_fits, values))


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
