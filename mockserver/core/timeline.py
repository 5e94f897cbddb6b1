"""The concrete answer as steps at absolute offsets.

This room decides what a player can be told to do. It must not know how offsets come about (`pacing`), faults or rules.
All offsets are milliseconds from the arrival of the request; they never decrease.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and headers; `shared` are those that many answers have in common, sent after the others."""

    at: float
    status: int
    headers: Headers
    shared: Headers = ()


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


def coalesced(timeline: Timeline) -> Timeline:
    """Return the same timeline with neighbouring chunks due at the same moment as one write of whole frames."""
    steps: list[Step] = []
    run: list[Chunk] = []
    for step in timeline.steps:
        if isinstance(step, Chunk) and (not run or run[0].at == step.at):
            run.append(step)
            continue
        _flush(run, steps)
        if isinstance(step, Chunk):
            run.append(step)
        else:
            steps.append(step)
    _flush(run, steps)
    return Timeline(tuple(steps))


def hurried(timeline: Timeline) -> Timeline:
    """Return the same timeline with everything due at once: what a frozen clock makes of it."""
    return coalesced(Timeline(tuple([replace(step, at=0.0) for step in timeline.steps])))


def _flush(run: list[Chunk], steps: list[Step]) -> None:
    if len(run) > 1:
        data = b"".join([chunk.data for chunk in run])
        steps.append(Chunk(run[0].at, data, sum([chunk.events for chunk in run]), run[0].event))
    else:
        steps.extend(run)
    run.clear()
