"""Exact bytes as a timeline: what came, piece by piece, at its offset.

This room decides how recorded bytes become steps, and what they say when they are read: which events they hold, what the
response was. It must not know rules, headers of ours, or why these bytes answer. They are read when first asked for, and
once for each recording.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, assert_never

import orjson

from mockserver.core.grammar.event_types import TERMINALS
from mockserver.core.pacing import DONE_FRAME, scaled
from mockserver.core.recordings.capture import Piece
from mockserver.core.reply import Exact
from mockserver.core.sse import Decoder, Frame
from mockserver.core.timeline import Chunk, Cut, Finish, Head, Reset, Step, Timeline

DONE: Final = DONE_FRAME.removeprefix(b"data: ").strip().decode()
"""The data of the closing frame that some speakers send; it is no event."""


class Event(NamedTuple):
    """One event of a recorded stream: when its last byte came, its type, its data."""

    at: float
    type: str
    data: str


@dataclass(frozen=True, slots=True)
class Reel:
    """A recorded answer at one speed: a chunk for each piece, and the offset of each event."""

    chunks: tuple[Chunk, ...]
    planned: tuple[float, ...]
    last: Finish | Cut | Reset


def timeline(kind: Exact, head: Head, speed: float, *, telling: bool = False) -> Timeline:
    """Return the recorded answer under this `head`, whose own offset does not count.

    With `telling` each chunk says which text its events add, which takes reading them: faults find their place by that.
    """
    reel = reel_of(kind, speed)
    chunks: Sequence[Chunk] = tuple(_telling(kind, reel)) if telling else reel.chunks
    steps: tuple[Step, ...] = (
        Head(scaled(kind.head_at, speed), head.status, head.headers, head.shared),
        *chunks,
        reel.last,
    )
    return Timeline(steps)


def reel_of(kind: Exact, speed: float) -> Reel:
    """Return the recorded answer at this speed."""
    reel: Reel | None = kind.made.get(speed)
    if reel is None:
        reel = kind.made[speed] = _reel(kind, speed)
    return reel


def _reel(kind: Exact, speed: float) -> Reel:
    chunks: list[Chunk] = []
    planned: list[float] = []
    frames = _by_piece(kind.pieces) if kind.stream else ((piece, ()) for piece in kind.pieces)
    for piece, found in frames:
        at = scaled(piece.at, speed)
        events = [frame for frame in found if _is_event(frame)]
        planned += [at] * len(events)
        chunks.append(Chunk(at, piece.data, len(events), events[0].event if events else ""))
    end = scaled(kind.ended_at, speed)
    last: Finish | Cut | Reset
    match kind.end:
        case "complete" | "unreachable":  # then the answer was a whole one of ours
            last = Finish(end)
        case "partial" | "cut" | "timeout":
            last = Cut(end)
        case "reset":
            last = Reset(end)
        case _:
            assert_never(kind.end)
    return Reel(tuple(chunks), tuple(planned), last)


def _telling(kind: Exact, reel: Reel) -> Iterator[Chunk]:
    if not kind.stream:
        yield from reel.chunks
        return
    for chunk, (_, frames) in zip(reel.chunks, _by_piece(kind.pieces), strict=True):
        deltas = [text for frame in frames if (text := _delta(json_object(frame.data or ""))) is not None]
        yield Chunk(chunk.at, chunk.data, chunk.events, chunk.event, "".join(deltas) if deltas else None)


def events_of(pieces: Sequence[Piece]) -> Iterator[Event]:
    """Yield the events of a recorded stream; frames without data, the closing mark and an unfinished last one are none."""
    for piece, frames in _by_piece(pieces):
        for frame in frames:
            if _is_event(frame):
                yield Event(piece.at, frame.event, frame.data or "")


def first_delta(pieces: Sequence[Piece]) -> float | None:
    """Return when the first delta of a recorded stream came, None where there is none."""
    return next((event.at for event in events_of(pieces) if _delta(json_object(event.data)) is not None), None)


def response_of(kind: Exact) -> Mapping[str, Any] | None:
    """Return the response object that the recorded answer ends with, None where it has none or broke off before."""
    if "response" not in kind.made:
        kind.made["response"] = _response(kind)
    found: Mapping[str, Any] | None = kind.made["response"]
    return found


def _response(kind: Exact) -> Mapping[str, Any] | None:
    if not 200 <= kind.status < 300:
        return None
    if not kind.stream:
        found = json_object(b"".join(piece.data for piece in kind.pieces))
        return found if found is not None and isinstance(found.get("id"), str) else None
    for event in reversed(list(events_of(kind.pieces))):
        document = json_object(event.data)
        if document is not None and document.get("type", event.type) in TERMINALS:
            response = document.get("response")
            return response if isinstance(response, dict) else None
    return None


def _by_piece(pieces: Sequence[Piece]) -> Iterator[tuple[Piece, list[Frame]]]:
    """Yield each piece with the frames that it completes."""
    decoder = Decoder()
    for index, piece in enumerate(pieces, 1):
        frames = decoder.feed(piece.data)
        yield piece, frames if index < len(pieces) else frames + decoder.close()


def _is_event(frame: Frame) -> bool:
    return frame.complete and frame.data is not None and frame.data != DONE


def json_object(text: str | bytes) -> Mapping[str, Any] | None:
    """Return the JSON object that a text is, None for any other text."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def _delta(document: Mapping[str, Any] | None) -> str | None:
    delta = document.get("delta") if document is not None else None
    return delta if isinstance(delta, str) else None
