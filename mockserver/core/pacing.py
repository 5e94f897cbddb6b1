"""Pacing: at which offset each event of an answer is due.

This room decides offsets from a `Timing`, and wraps bytes into steps at those offsets. It must not know the clock (the
player has one), faults or rules. All offsets are milliseconds from the arrival of the request and never decrease.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mockserver.core.draws import Draw
from mockserver.core.events import Event
from mockserver.core.grammar.event_types import TERMINALS
from mockserver.core.sse import encode
from mockserver.core.timeline import Chunk, Finish, Head, Step, Timeline, Timing

OPENING: Final = frozenset({"response.created", "response.queued", "response.in_progress"})
"""Lifecycle events that go out at once."""

DONE_FRAME: Final = b"data: [DONE]\n\n"
"""The closing frame of dialects that send one."""


def stream(
    events: Sequence[Event], timing: Timing, speed: float, draw: Draw, head: Head, *, done_marker: bool = False
) -> Timeline:
    """Return the timeline of an event stream: `head` at once, one chunk an event, the end with the last event."""
    steps: list[Step] = [head]
    last = 0.0
    for event, last in zip(events, offsets(events, timing, speed, draw), strict=True):
        steps.append(Chunk(last, encode(event), 1, event.type, event.delta))
    if done_marker:
        steps.append(Chunk(last, DONE_FRAME))
    steps.append(Finish(last))
    return Timeline(tuple(steps))


def whole(head: Head, body: bytes) -> Timeline:
    """Return the timeline of an answer sent in one piece, when its `head` is due."""
    return Timeline((head, Chunk(head.at, body), Finish(head.at)))


def is_instant(timing: Timing, speed: float) -> bool:
    """Say whether this timing puts every event at offset 0, explicit offsets of literal events aside."""
    return speed == 0 or not (timing.first or timing.every or timing.tokens_per_second or timing.duration)


def first_offset(timing: Timing, speed: float) -> float:
    """Return when an answer without deltas is due."""
    return scaled(timing.first or 0.0, speed)


def offsets(events: Sequence[Event], timing: Timing, speed: float, draw: Draw) -> list[float]:
    """Return the offset of each event.

    Deltas follow `timing`. An item's opening frames go with its first delta and its closing frames with its last; an item
    without deltas goes with the next delta, else the previous; the terminal goes with the last delta, or at `duration`.
    An event with an offset of its own keeps it. `speed` divides every offset; 0 means all at once.
    """
    if speed == 0:
        return [0.0] * len(events)
    count = sum(event.delta is not None for event in events)
    due = _delta_offsets(count, timing, draw)
    placed = _placed(events, due, timing)
    result: list[float] = []
    latest = 0.0
    for event, offset in zip(events, placed, strict=True):
        latest = max(latest, offset if event.at is None else event.at)
        result.append(scaled(latest, speed))
    return result


def scaled(offset: float, speed: float) -> float:
    """Return an offset at this speed: 2 is twice as fast, 0 at once."""
    return round(offset / speed, 3) if speed else 0.0


def _delta_offsets(count: int, timing: Timing, draw: Draw) -> list[float]:
    """Return the offset of each delta."""
    if not count:
        return []
    if timing.duration is not None:
        first = timing.first
        if first is None:
            first = timing.duration / count
        gap = (timing.duration - first) / (count - 1) if count > 1 else 0.0
    else:
        first = timing.first or 0.0
        gap = 1000.0 / timing.tokens_per_second if timing.tokens_per_second else timing.every or 0.0
    gaps = [gap] * (count - 1)
    if timing.jitter:
        gaps = [max(0.0, gap + timing.jitter * (2 * draw.fraction(f"jitter {n}") - 1)) for n in range(count - 1)]
        drawn = sum(gaps)
        if timing.duration is not None and drawn:
            # The end is promised: jitter moves what lies between, never the last delta.
            stretch = (timing.duration - first) / drawn
            gaps = [each * stretch for each in gaps]
    due = [first]
    for each in gaps:
        due.append(due[-1] + each)
    return due


def _placed(events: Sequence[Event], due: Sequence[float], timing: Timing) -> list[float]:
    """Return the offset of each event before explicit offsets: deltas as due, the others beside their deltas."""
    owners = [_owner(event) for event in events]
    upcoming = _upcoming(events, owners, due)
    end = max(due[-1] if due else timing.first or 0.0, timing.duration or 0.0)
    placed: list[float] = []
    previous_of: dict[Any, float] = {}
    previous = None
    delta = 0
    for index, event in enumerate(events):
        owner = owners[index]
        if event.delta is not None:
            previous = previous_of[owner] = due[delta]
            placed.append(due[delta])
            delta += 1
        elif event.type in OPENING:
            placed.append(0.0)
        elif owner is None:
            placed.append(end if event.type in TERMINALS else previous or 0.0)
        else:
            own_next, any_next = upcoming[index]
            before = previous_of.get(owner)
            candidates: tuple[float | None, ...] = (before,)
            if before is None:
                candidates = (own_next, any_next, previous, end)
            elif event.type.endswith(".added"):
                candidates = (own_next, before)
            placed.append(next(offset for offset in candidates if offset is not None))
    return placed


def _upcoming(
    events: Sequence[Event], owners: Sequence[Any], due: Sequence[float]
) -> list[tuple[float | None, float | None]]:
    """Return, for each event, the offset of the next delta of the same item and of the next delta at all."""
    result: list[tuple[float | None, float | None]] = [(None, None)] * len(events)
    next_of: dict[Any, float] = {}
    following: float | None = None
    delta = len(due)
    for index in range(len(events) - 1, -1, -1):
        if events[index].delta is not None:
            delta -= 1
            following = next_of[owners[index]] = due[delta]
        result[index] = (next_of.get(owners[index]), following)
    return result


def _owner(event: Event) -> Any:
    """Return what tells the item of an event apart, None for events of the whole response."""
    return None if isinstance(event.data, str) else event.data.get("output_index")
