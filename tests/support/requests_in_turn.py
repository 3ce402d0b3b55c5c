"""Clients whose requests are held until those have arrived that are to be under way at the same moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from threading import Event, Lock
from typing import Any

#: Nothing waits as long unless a request is missing that should be under way: then its turn is told as broken.
_FALLBACK_SECONDS = 20.0
_OPERATIONS = {
    "get_object": "GET",
    "list_objects_v2": "LIST",
    "put_object": "PUT",
    "describe_jobs": "DescribeJobs",
    "list_jobs": "ListJobs",
    "filter_log_events": "FilterLogEvents",
}


class Turns:
    """Holds each request until all of its turn have arrived.

    Parameters
    ----------
    turns
        The requests of each turn, one after the other: `LIST attempts/`, `DescribeJobs`, as `name_of` tells them.

    Attributes
    ----------
    broken
        What was wrong: a request that no turn has, and one that waited in vain for the others of its turn.
    """

    def __init__(self, *turns: Sequence[str]) -> None:
        self._remaining = [Counter(turn) for turn in turns]
        self._complete = [Event() for _ in turns]
        self._lock = Lock()
        self.broken: list[str] = []

    @property
    def missing(self) -> list[str]:
        """The requests that have not come."""
        return [name for turn in self._remaining for name in turn.elements()]

    def take(self, name: str) -> None:
        """Hold a request until its turn is complete."""
        with self._lock:
            number = next((number for number, turn in enumerate(self._remaining) if turn[name]), None)
            if number is None:
                self.broken.append(f"{name} is one too many")
                return
            self._remaining[number][name] -= 1
            if not self._remaining[number].total():
                self._complete[number].set()
        if not self.broken and not self._complete[number].wait(_FALLBACK_SECONDS):
            self.broken.append(f"{name} waits in vain in turn {number + 1}: {self.missing}")


class HeldClient:
    """A client that asks `turns` before each request.

    Parameters
    ----------
    folder
        What the names of keys leave out.
    """

    def __init__(self, client: Any, turns: Turns, *, folder: str = "") -> None:
        self._client = client
        self._turns = turns
        self._folder = folder

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._client, name)
        return self._held(name, value) if name in _OPERATIONS else value

    def get_paginator(self, operation: str) -> Any:
        """Pages, each of which is held."""
        return _HeldPages(self, operation)

    def _held(self, operation: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def held(**request: Any) -> Any:
            key = request.get("Key") or request.get("Prefix") or request.get("jobStatus") or ""
            self._turns.take(f"{_OPERATIONS[operation]} {key.removeprefix(self._folder)}".strip())
            return call(**request)

        return held


class _HeldPages:
    def __init__(self, client: HeldClient, operation: str) -> None:
        self._call = getattr(client, operation)

    def paginate(self, **request: Any) -> Any:
        page = self._call(**request)
        assert not page.get("NextContinuationToken", page.get("nextToken"))
        yield page
