"""Objects of JSON, each value of which is parsed when it is asked for: of a large document a command needs little."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

import msgspec

#: Texts and numbers, objects, and lists of objects that hold such objects: botocore's models and its endpoints.
_FORM = dict[str, str | int | dict[str, msgspec.Raw] | list[dict[str, str | dict[str, msgspec.Raw]]]]


if TYPE_CHECKING:
    _Dictionary = dict[str, Any]
else:
    # `MutableMapping` makes all other methods of those below, so that none gives a value that is not parsed.
    class _Dictionary(MutableMapping, dict):
        pass


class ParsedWhenAsked(_Dictionary):
    """A dictionary whose values are JSON until they are asked for first."""

    def __getitem__(self, name: str) -> Any:
        """A value."""
        value = dict.__getitem__(self, name)
        if isinstance(value, msgspec.Raw):
            value = self[name] = msgspec.json.decode(value)
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        """Set a value."""
        dict.__setitem__(self, name, value)

    def __delitem__(self, name: str) -> None:
        """Remove a value."""
        dict.__delitem__(self, name)

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return dict.__iter__(self)

    def __len__(self) -> int:
        """How many names there are."""
        return dict.__len__(self)

    def __contains__(self, name: object) -> bool:
        """Whether there is a name, without parsing its value."""
        return dict.__contains__(self, name)


def parsed_when_asked(content: bytes) -> Any:
    """A document of the form of botocore's, the objects in which are parsed when they are asked for.

    Raises
    ------
    msgspec.DecodeError
        If it is of another form, or no JSON.
    """
    document: dict[str, Any] = msgspec.json.decode(content, type=_FORM)
    for objects in (document, *(entry for value in document.values() if isinstance(value, list) for entry in value)):
        for name, value in objects.items():
            if isinstance(value, dict):
                objects[name] = ParsedWhenAsked(value)
    return document
