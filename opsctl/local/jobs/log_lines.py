"""A process's output as lines that CloudWatch Logs accepts."""

from __future__ import annotations

from collections.abc import Iterator

# PutLogEvents accepts 256 KiB an event and counts 26 bytes of overhead for each.
MAX_LINE_BYTES = 262_144 - 26


class LineSplitter:
    """Splits a stream of bytes into lines that are not empty, valid UTF-8 and at most `MAX_LINE_BYTES` long."""

    def __init__(self) -> None:
        self._incomplete = b""

    def feed(self, data: bytes) -> Iterator[str]:
        """Add bytes and yield the lines that they complete."""
        *complete, self._incomplete = (self._incomplete + data).split(b"\n") if data else [self._incomplete]
        for line in complete:
            yield from _pieces(line)
        while len(self._incomplete) > MAX_LINE_BYTES:
            piece, self._incomplete = _split_off(self._incomplete)
            yield piece.decode(errors="replace")

    def rest(self) -> Iterator[str]:
        """Yield what follows the last line end."""
        yield from _pieces(self._incomplete)


def _pieces(line: bytes) -> Iterator[str]:
    line = line.rstrip(b"\r")
    while line:
        piece, line = _split_off(line)
        yield piece.decode(errors="replace")


def _split_off(line: bytes) -> tuple[bytes, bytes]:
    end = min(MAX_LINE_BYTES, len(line))
    # Never within a character: bytes 10xxxxxx continue one.
    while 0 < end < len(line) and end > MAX_LINE_BYTES - 4 and line[end] & 0xC0 == 0x80:
        end -= 1
    return line[:end], line[end:]
