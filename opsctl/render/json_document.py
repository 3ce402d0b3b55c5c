"""Whether standard output has its JSON document already: an error after it must not become a second one."""

from __future__ import annotations

from threading import Event

#: Set by the screen that writes the document, cleared where a command begins.
DOCUMENT_WRITTEN = Event()
