"""The timed container: the bytes of an answer as they came, with the offset of each piece, in a file that reads well.

This room decides the spelling of that file and nothing else. It must not know what the bytes mean, where the file stands,
or rules. What it writes it reads back: the same pieces, byte for byte, at the same offsets.

    mockserver exact 1
    head 312.401
    @ 312.514 214
    <214 bytes as they came><LF, not counted>
    ...
    end 2210.114

Offsets are milliseconds from the arrival of the request, with three decimals.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mockserver.core.recordings.capture import Capture, Piece

FIRST_LINE: Final = b"mockserver exact 1"
"""How every such file begins; the number is the version of the format."""

_NUMBER: Final = rb"[0-9]{1,15}(?:\.[0-9]{1,3})?"
_HEAD: Final = re.compile(rb"head (%b)\Z" % _NUMBER)
_PIECE: Final = re.compile(rb"@ (%b) ([0-9]{1,15})\Z" % _NUMBER)
_END: Final = re.compile(rb"end (%b)\Z" % _NUMBER)
_SHOWN: Final = 40
"""Bytes of a wrong line that its error shows."""


@dataclass(frozen=True, slots=True)
class Timed:
    """What such a file holds: when the head was there, the pieces of the body, when it was over."""

    head_at: float
    pieces: tuple[Piece, ...]
    ended_at: float


def encode(capture: Capture) -> bytes:
    """Return the file for a capture. Raises `ValueError` for an offset that is no time or comes before the last one."""
    parts = [b"%b\nhead %b\n" % (FIRST_LINE, _offset(capture.head_at, 0.0))]
    latest = capture.head_at
    for piece in capture.pieces:
        parts.append(b"@ %b %d\n%b\n" % (_offset(piece.at, latest), len(piece.data), piece.data))
        latest = piece.at
    parts.append(b"end %b\n" % _offset(capture.ended_at, latest))
    return b"".join(parts)


def decode(content: bytes) -> Timed:
    """Return what the file holds. Raises `ValueError`, with the line and a message for people, where it is damaged."""
    return _Reading(content).timed()


def is_timed(content: bytes) -> bool:
    """Say whether a file is, or was meant to be, one of these."""
    return content.startswith(FIRST_LINE)


def _offset(at: float, least: float) -> bytes:
    if not (math.isfinite(at) and 0 <= at < 1e15):
        raise ValueError(f"{at} is no offset in milliseconds")
    if at < least:
        raise ValueError(f"the offset {at} comes after {least}: offsets never decrease")
    return b"%.3f" % at


class _Reading:
    """The file while it is read, front to back."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0
        self._latest = 0.0

    def timed(self) -> Timed:
        first = self._line("mockserver exact 1")
        if first != FIRST_LINE:
            if first.rstrip(b"\r") == FIRST_LINE:
                raise ValueError(
                    "line 1: the line ends were converted (git's autocrlf, or an editor); restore the file"
                )
            raise self._wrong("`mockserver exact 1`", first)
        line = self._line("`head OFFSET`")
        head = _HEAD.match(line)
        if head is None:
            raise self._wrong("`head OFFSET`", line)
        head_at = self._offset(head[1])
        pieces = tuple(self._pieces())
        if self._at < len(self._content):
            raise ValueError(f"line {self._number(self._at)}: nothing may follow the `end` line")
        return Timed(head_at, pieces, self._latest)

    def _pieces(self) -> Iterator[Piece]:
        """Yield each piece; the `end` line is read with the last."""
        announced: tuple[int, int] | None = None
        while True:
            line = self._line("`end OFFSET`")
            if found := _PIECE.match(line):
                at, size = self._offset(found[1]), int(found[2])
                announced = (self._at - 1, size)
                yield Piece(at, self._bytes(size))
            elif found := _END.match(line):
                self._offset(found[1])
                return
            else:
                guess = ""
                if announced is not None:  # lines are counted late: each count reads the file from its start
                    guess = f"; were there {announced[1]} bytes below line {self._number(announced[0])}?"
                raise self._wrong("`@ OFFSET BYTES` or `end OFFSET`", line, guess)

    def _line(self, expected: str) -> bytes:
        end = self._content.find(b"\n", self._at)
        if end < 0:
            raise ValueError(f"line {self._number(self._at)}: the file ends where {expected} was expected")
        line = self._content[self._at : end]
        self._at = end + 1
        return line

    def _bytes(self, size: int) -> bytes:
        start, end = self._at, self._at + size
        if self._content[end : end + 1] != b"\n":
            left = len(self._content) - start
            told = f"only {left} are left" if left < size else "more follow before the line ends"
            raise ValueError(f"line {self._number(start - 1)}: {size} bytes are announced, {told}")
        self._at = end + 1
        return self._content[start:end]

    def _offset(self, text: bytes) -> float:
        at = float(text)
        if at < self._latest:
            raise ValueError(
                f"line {self._number(self._at - 1)}: the offset {at} comes after {self._latest}: offsets never decrease"
            )
        self._latest = at
        return at

    def _wrong(self, expected: str, line: bytes, guess: str = "") -> ValueError:
        shown = line[:_SHOWN].decode("utf-8", "replace")
        return ValueError(f"line {self._number(self._at - 1)}: expected {expected}, found {shown!r}{guess}")

    def _number(self, place: int) -> int:
        return self._content.count(b"\n", 0, place) + 1
