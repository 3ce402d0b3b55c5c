"""The JSON documents of `--json`: their version, and whether standard output has one already."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event
from typing import Any

#: Set by the screen that writes the document, cleared where a command begins: an error after it must not become a
#: second one.
DOCUMENT_WRITTEN = Event()
#: Of documents that have no version of their own.
_VERSION = 1


def with_version(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A document with a `schema_version`, so that a script can tell when the fields change."""
    return document if "schema_version" in document else {"schema_version": _VERSION, **document}
