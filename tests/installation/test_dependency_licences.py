"""docs/licences.md names each library under a licence that asks for more than its name: none of them comes unseen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.repository import ROOT

PAGE = ROOT / "docs/licences.md"
_COPYLEFT = re.compile(r"GPL|Lesser General|MPL|Mozilla|EPL|EUPL|CDDL|OSL", re.IGNORECASE)
_PERMISSIVE = re.compile(r"Apache|MIT|BSD|ISC|PSF|Python Software Foundation", re.IGNORECASE)


def licence(name: str) -> str:
    """What a package says about its own licence, in any of the three places for it."""
    fields = metadata.metadata(name)
    classifiers = [text for text in fields.get_all("Classifier") or () if text.startswith("License ::")]
    # Some put the whole text into the field.
    first = str(fields.get("License") or "").strip().partition("\n")[0]
    return " | ".join(filter(None, [fields.get("License-Expression"), first, *classifiers]))


def libraries(*extras: str) -> Iterator[str]:
    """What is installed with opsctl and these extras on this system."""
    seen: set[tuple[str, str]] = set()
    waiting = [("opsctl", extra) for extra in ("", *extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for text in metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(requirement.name), own) for own in ("", *requirement.extras)]
    return iter(sorted({name for name, _ in seen} - {"opsctl"}))


@pytest.mark.parametrize("extras", [(), ("local", "notify", "sbom")], ids=["opsctl", "extras"])
def test_each_library_is_permissive_or_named(extras: tuple[str, ...]) -> None:
    named = set(re.findall(r"`([a-z0-9-]+)`", PAGE.read_text()))
    licences = {name: licence(name) for name in libraries(*extras)}
    assert len(licences) > 30
    assert {name: text for name, text in licences.items() if _COPYLEFT.search(text) and name not in named} == {}
    unknown = {
        name: text for name, text in licences.items() if not (_PERMISSIVE.search(text) or _COPYLEFT.search(text))
    }
    assert unknown == {}
