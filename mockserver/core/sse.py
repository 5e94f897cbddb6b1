"""Server-sent events to bytes and back, exactly.

This room decides the wire form of one event, and how a stream of bytes falls into frames without losing one of them. It
must not know what the events mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from mockserver.core.events import Event

_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_BOM: Final = b"\xef\xbb\xbf"
_DIGITS: Final = re.compile(r"[0-9]{1,18}\Z")


def encode(event: Event) -> bytes:
    """Return the frame of one event: `event:` and one-line `data:`, LF line ends, a blank line."""
    data = event.data.encode() if isinstance(event.data, str) else orjson.dumps(event.data)
    return b"event: %b\ndata: %b\n\n" % (event.type.encode(), data)


@dataclass(frozen=True, slots=True)
class Frame:
    """Some lines and the blank line that ends them, as they came and as they are understood.

    `raw` is every byte since the frame before, a byte order mark and line ends included. `data` joins the data lines by
    LF; None when there was none, then a client sees no event. `id` and `retry` (milliseconds) are None unless this frame
    sets them. `comments` are the lines that open with a colon, without it. `complete` is False for what stands at the end
    of a stream without a blank line, which a client must ignore.
    """

    raw: bytes
    event: str = "message"
    data: str | None = None
    id: str | None = None
    retry: int | None = None
    comments: tuple[str, ...] = ()
    complete: bool = True


class Decoder:
    """Bytes in, frames out, by the rules of the WHATWG HTML standard (section on interpreting an event stream).

    How the bytes are cut into chunks makes no difference, and the `raw` of all frames joined is what was fed. A frame is
    given out with its last byte; only one whose blank line is a lone CR waits for the next byte, which may be an LF.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        """What came since the last frame."""
        self._lines: list[bytes] = []
        self._line_start = 0
        self._searched = 0
        self._at_start = True

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take the next bytes; return the frames that they complete, in order."""
        self._buffer += chunk
        return list(self._frames(last=False))

    def close(self) -> list[Frame]:
        """Say that nothing follows; return what is left, at most one complete and one incomplete frame."""
        frames = list(self._frames(last=True))
        if self._buffer:
            if self._line_start < len(self._buffer):
                self._lines.append(self._line(len(self._buffer)))
            frames.append(_frame(bytes(self._buffer), self._lines, complete=False))
            self._buffer.clear()
            self._lines = []
            self._line_start = self._searched = 0
        return frames

    @property
    def held(self) -> int:
        """How many bytes came since the last frame that was given out."""
        return len(self._buffer)

    @property
    def pending(self) -> bytes:
        """Those bytes."""
        return bytes(self._buffer)

    @property
    def ajar(self) -> Frame | None:
        """The frame that they are already where their blank line is a CR: only an LF of it may follow. Else None."""
        if self._buffer.endswith(b"\r") and self._line_start == len(self._buffer) - 1:
            return _frame(bytes(self._buffer), self._lines, complete=True)
        return None

    def _frames(self, *, last: bool) -> Iterator[Frame]:
        buffer = self._buffer
        frame_start = 0
        while True:
            found = _LINE_END.search(buffer, self._searched)
            if found is None:
                self._searched = len(buffer)
                break
            start, end = found.span()
            if end == len(buffer) and buffer[start] == 0x0D and end - start == 1 and not last:
                self._searched = start
                break
            line = self._line(start)
            self._line_start = self._searched = end
            if line:
                self._lines.append(line)
            else:
                yield _frame(bytes(buffer[frame_start:end]), self._lines, complete=True)
                self._lines = []
                frame_start = end
        del found  # it holds on to the buffer, which could then not shrink
        del buffer[:frame_start]
        self._line_start -= frame_start
        self._searched -= frame_start

    def _line(self, end: int) -> bytes:
        """Return the line up to `end`; the stream's first without a byte order mark."""
        line = bytes(self._buffer[self._line_start : end])
        if self._at_start:
            self._at_start = False
            return line.removeprefix(_BOM)
        return line


def decode(stream: bytes) -> list[Frame]:
    """Return the frames of a whole stream."""
    decoder = Decoder()
    return decoder.feed(stream) + decoder.close()


def _frame(raw: bytes, lines: Sequence[bytes], *, complete: bool) -> Frame:
    event, name, retry = "", None, None
    data: list[str] = []
    comments: list[str] = []
    for line in lines:
        key, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        match key:
            case "":
                comments.append(value)
            case "data":
                data.append(value)
            case "event":
                event = value
            case "id" if "\0" not in value:
                name = value
            case "retry" if _DIGITS.match(value):
                retry = int(value)
            case _:
                pass  # the standard wants unknown and malformed fields ignored
    return Frame(
        raw, event or "message", "\n".join(data) if data else None, name, retry, tuple(comments), complete=complete
    )
