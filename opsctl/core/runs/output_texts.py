"""Checks the addresses, atlases and checksums of a result's outputs, all of them in one piece.

A pattern for each text would take most of the time that a result with 45 connectomes takes to read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from opsctl.core.location import is_plain_path

if TYPE_CHECKING:
    from opsctl.core.runs.result import Graph, OutputFile

#: So many characters of a wrong text are shown.
SHOWN = 150
_LONGEST_NAME = 255
#: Of ASCII, what cannot be printed. To look for these bytes takes a tenth of `str.isprintable`'s time.
_CONTROL = bytes([*range(0x20), 0x7F])
_HEXADECIMAL = b"0123456789abcdef"


def wrong_text(files: Sequence[OutputFile], connectomes: Sequence[str], graphs: Sequence[Graph], *, folder: str) -> str:
    """Which text of a result's files and graphs is wrong; empty where none is.

    Parameters
    ----------
    folder
        The S3 address below which every output must be.
    """
    # Nearly all connectomes and graphs are among the files: each address is checked once.
    of_files, of_connectomes, of_graphs = [file.uri for file in files], list(connectomes), [g.uri for g in graphs]
    uris: Collection[str] = of_files
    if of_graphs not in ([], of_connectomes) or place_of(of_connectomes, of_files) is None:
        uris = {*of_files, *of_connectomes, *of_graphs}
    start = f"{folder}/"
    if uris and not _are_plain_below(uris, start):
        ordered = [*(file.uri for file in files), *connectomes, *(graph.uri for graph in graphs)]
        wrong = next(uri for uri in ordered if not uri.startswith(start) or not is_plain_path(uri[len(start) :]))
        return f"`outputs` is wrong ({wrong[:SHOWN]} is not in {folder[:SHOWN]})"
    atlases = {graph.atlas for graph in graphs}
    names = "/".join(atlases)
    if atlases and (max(map(len, atlases)) > _LONGEST_NAME or names.count("/") >= len(atlases) or not _is_plain(names)):
        return "`outputs.graphs` is wrong (an `atlas` is no name of a folder)"
    if not _are_sha256([file.sha256 for file in files]):
        return "`outputs.files` is wrong (a `sha256` has another form than opsctl writes)"
    return ""


def place_of(texts: Sequence[str], others: Sequence[str]) -> int | None:
    """Where texts stand among others in one piece, which nearly always is so; None where they do not."""
    if not texts:
        return 0
    try:
        place = others.index(texts[0])
    except ValueError:
        return None
    return place if others[place : place + len(texts)] == texts else None


def _are_plain_below(uris: Collection[str], start: str) -> bool:
    """Whether each address is `start` and then a plain path; all of them together, in a fifth of the time.

    Paths with a `/` between them are one path: it is plain where each of them is.
    """
    # A list takes half of a generator's time.
    if not all([uri.startswith(start) for uri in uris]):  # noqa: C419
        return False
    length = len(start)
    return _is_plain("/".join([uri[length:] for uri in uris]))


def _is_plain(path: str) -> bool:
    """The same as `is_plain_path`; of a path of printable characters a few searches tell it."""
    between = f"/{path}/"
    if _is_printable(path) and "//" not in between and "/." not in between and "\\" not in path:
        return True
    return is_plain_path(path)


def _are_sha256(texts: Sequence[str]) -> bool:
    """Whether each text has 64 hexadecimal digits in lower case; in a tenth of a pattern's time."""
    together = "".join(texts)
    is_long = set(map(len, texts)) <= {64}
    return is_long and together.isascii() and not together.encode().translate(None, _HEXADECIMAL)


def _is_printable(text: str) -> bool:
    if not text.isascii():
        return text.isprintable()
    return len(text.encode().translate(None, _CONTROL)) == len(text)
