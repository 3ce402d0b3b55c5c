"""A process's output as lines that CloudWatch Logs takes."""

from __future__ import annotations

from collections.abc import Iterator

# PutLogEvents takes 256 KiB an event, 26 bytes of which it counts for itself.
MAX_LINE_BYTES = 262_144 - 26


class Lines:
    """Cuts a stream of bytes into lines that CloudWatch Logs takes: not empty, valid UTF-8, at most 256 KiB."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> Iterator[str]:
        """Take more bytes in, give the lines that they end."""
        *whole, self._held = (self._held + data).split(b"\n") if data else [self._held]
        for line in whole:
            yield from _pieces(line)
        while len(self._held) > MAX_LINE_BYTES:
            head, self._held = _cut(self._held)
            yield head.decode(errors="replace")

    def rest(self) -> Iterator[str]:
        """Give what stands after the last line end."""
        yield from _pieces(self._held)


def _pieces(line: bytes) -> Iterator[str]:
    line = line.rstrip(b"\r")
    while line:
        head, line = _cut(line)
        yield head.decode(errors="replace")


def _cut(line: bytes) -> tuple[bytes, bytes]:
    end = min(MAX_LINE_BYTES, len(line))
    # Never through a character: bytes 10xxxxxx continue one.
    while 0 < end < len(line) and end > MAX_LINE_BYTES - 4 and line[end] & 0xC0 == 0x80:
        end -= 1
    return line[:end], line[end:]
