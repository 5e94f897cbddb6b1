"""The concrete answer as steps at absolute offsets, and the pacing that places them.

This room decides when each piece of an answer is due. It must not know the clock (the player has one), faults or rules.
All offsets are milliseconds from the arrival of the request; they never decrease.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mockserver.core.draws import Draw
from mockserver.core.events import Event
from mockserver.core.sse import encode

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and headers."""

    at: float
    status: int
    headers: Headers


@dataclass(frozen=True, slots=True)
class Chunk:
    """Body bytes: whole frames of a stream, or a JSON body.

    `events` tells how many events the bytes hold, `event` the type of the first, `delta` the text they add (None: no
    delta), so that a fault can find its place.
    """

    at: float
    data: bytes
    events: int = 0
    event: str = ""
    delta: str | None = None


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes for the socket itself, past the HTTP server's framing."""

    at: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Finish:
    """The body is whole."""

    at: float


@dataclass(frozen=True, slots=True)
class Cut:
    """Close the connection cleanly (FIN) without the end of the body."""

    at: float


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset the connection (RST) after all that was sent has left."""

    at: float


@dataclass(frozen=True, slots=True)
class Stall:
    """Send nothing more and keep the connection open until the client leaves or the server stops."""

    at: float


Step: TypeAlias = Head | Chunk | Raw | Finish | Cut | Reset | Stall


@dataclass(frozen=True, slots=True)
class Timeline:
    """Steps in order; the first is a `Head` (or a `Cut`, `Reset` or `Stall` before any answer), the last ends the exchange."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Timing:
    """How a reply is paced. Times are milliseconds; at most one of `every`, `tokens_per_second`, `duration` is set."""

    first: float | None = None
    every: float | None = None
    tokens_per_second: float | None = None
    duration: float | None = None
    jitter: float = 0.0
    chunk: Literal["word", "char", "whole"] | int = "word"


INSTANT = Timing()
