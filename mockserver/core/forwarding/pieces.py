"""A body on its way through, in pieces: event streams frame by frame, everything else as it comes.

This room decides where a stream is cut, so that each frame can be one write as soon as its last byte is there, and that no
byte waits for ever. It must not know who reads or writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockserver.core import sse

MOST_HELD: Final = 1024 * 1024
"""Bytes of a frame without its end that wait for it; more are let go as they are."""
MOST_FRAMED: Final = 64 * 1024 * 1024
"""Bytes of a frame whose end is looked for; in a larger one nobody looks any more."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes to be sent now.

    `event` says that they bring a client one event; `ends_piece_before` that they are the last byte of the frame before,
    which was sent as soon as it could be read.
    """

    data: bytes
    event: bool = False
    ends_piece_before: bool = False


class Whole:
    """A body that is no event stream: it passes as it comes."""

    def feed(self, data: bytes) -> list[Part]:
        """Take the next bytes; return what is to be sent."""
        return [Part(data)] if data else []

    def close(self) -> list[Part]:
        """Say that nothing follows."""
        return []


class Frames:
    """An event stream. The parts joined are what was fed."""

    def __init__(self) -> None:
        self._decoder = sse.Decoder()
        self._sent = 0
        """How many bytes of the frame that is still open have been sent."""
        self._told = False
        """Whether the event of the open frame has been counted."""
        self._lost = False

    def feed(self, data: bytes) -> list[Part]:
        """Take the next bytes; return what is to be sent."""
        if self._lost:
            return [Part(data)]
        parts = [self._part(frame) for frame in self._decoder.feed(data)]
        decoder = self._decoder
        ajar = decoder.ajar
        if ajar is not None:
            # Complete but for a line feed that may never come.
            parts.append(Part(ajar.raw[self._sent :], ajar.data is not None))
            self._sent, self._told = decoder.held, True
        elif decoder.held - self._sent > MOST_HELD:
            parts.append(Part(decoder.pending[self._sent :]))
            self._sent = decoder.held
            if self._sent > MOST_FRAMED:
                self._lost = True
                self._decoder = sse.Decoder()
        return [part for part in parts if part.data or part.event]

    def close(self) -> list[Part]:
        """Say that nothing follows; return what is left."""
        parts = [self._part(frame) for frame in self._decoder.close()]
        return [part for part in parts if part.data or part.event]

    def _part(self, frame: sse.Frame) -> Part:
        rest = frame.raw[self._sent :]
        event = frame.data is not None and frame.complete and not self._told
        part = Part(rest, event, ends_piece_before=self._told and rest == b"\n")
        self._sent, self._told = 0, False
        return part
