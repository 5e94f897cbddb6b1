"""Things the real API would not do, done on purpose: timeline in, timeline out.

This room decides what each named fault does to a timeline, and where. It must not know sockets: a `Reset` step says what
should happen, an adapter makes it happen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from mockserver.core.timeline import Chunk, Cut, Head, Reset, Stall, Step, Timeline

PlaceKind: TypeAlias = Literal["start", "events", "deltas", "text", "bytes", "time", "before"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a fault strikes.

    `after` counts `events` or `deltas`, finds `text` in the answer, counts body `bytes`, or waits a `time` in milliseconds;
    `before` names an event type (full, e.g. `response.completed`). `start` is before anything is sent.
    """

    kind: PlaceKind = "start"
    value: float | str = 0

    def __str__(self) -> str:
        if self.kind == "start":
            return "at the start"
        if self.kind == "before":
            return f"before {self.value}"
        shown = f"{self.value:g}" if isinstance(self.value, float) else repr(self.value)
        return f"after {self.kind} {shown}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault by name. `time` is milliseconds: how long a `delay` is, or a `stall` that ends; None for ever."""

    name: str
    place: Place = Place()
    time: float | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.place}"


@dataclass(frozen=True, slots=True)
class FaultType:
    """What a fault does once its place is found: the steps before it, its moment, the steps after it -> steps."""

    strike: Callable[[Fault, list[Step], float, list[Step]], list[Step]]
    doc: str
    takes_time: Literal["must", "may", "never"]


def _delay(fault: Fault, before: list[Step], at: float, after: list[Step]) -> list[Step]:
    return before + [replace(step, at=step.at + (fault.time or 0.0)) for step in after]


def _stall(fault: Fault, before: list[Step], at: float, after: list[Step]) -> list[Step]:
    return [*before, Stall(at)] if fault.time is None else _delay(fault, before, at, after)


def _cut(fault: Fault, before: list[Step], at: float, after: list[Step]) -> list[Step]:
    return [*before, Cut(at)]


def _reset(fault: Fault, before: list[Step], at: float, after: list[Step]) -> list[Step]:
    return [*before, Reset(at)]


FAULTS: Final[Mapping[str, FaultType]] = MappingProxyType(
    {
        "delay": FaultType(_delay, "send everything after this place later by a time", "must"),
        "stall": FaultType(_stall, "send nothing more, for a time or until the client leaves", "may"),
        "cut": FaultType(_cut, "close the connection cleanly (FIN) without the end of the answer", "never"),
        "reset": FaultType(_reset, "reset the connection (RST) once what came before has arrived", "never"),
    }
)


def strike(timeline: Timeline, faults: tuple[Fault, ...]) -> tuple[Timeline, tuple[str, ...]]:
    """Apply `faults` in order. Return the new timeline, and a note for each fault whose place was never reached."""
    notes = []
    steps = list(timeline.steps)
    for fault in faults:
        found = locate(steps, fault.place)
        if found is None:
            notes.append(f"fault {fault} never struck: the answer has no such place")
            continue
        before, at, after = found
        steps = FAULTS[fault.name].strike(fault, before, at, after)
    return Timeline(tuple(steps)), tuple(notes)


def locate(steps: list[Step], place: Place) -> tuple[list[Step], float, list[Step]] | None:
    """Split `steps` at `place`: what comes before, the moment in milliseconds, what comes after. None: no such place.

    A byte place inside a chunk splits the chunk. Events, deltas, text and event names are places of streams only.
    """
    if place.kind == "start":
        return [], 0.0, steps
    finder = _FINDERS[place.kind]
    return finder(steps, place.value)


Split: TypeAlias = "tuple[list[Step], float, list[Step]] | None"


def _split(steps: list[Step], index: int) -> tuple[list[Step], float, list[Step]]:
    """Split before `index`, at the moment of the step before it."""
    return steps[:index], steps[index - 1].at if index else 0.0, steps[index:]


def _after_events(steps: list[Step], value: Any) -> Split:
    return _after_count(steps, value, lambda chunk: chunk.events)


def _after_deltas(steps: list[Step], value: Any) -> Split:
    return _after_count(steps, value, lambda chunk: int(chunk.delta is not None))


def _after_count(steps: list[Step], wanted: float, weight: Callable[[Chunk], int]) -> Split:
    if not any(isinstance(step, Chunk) and step.events for step in steps):
        return None
    count = 0
    for index, step in enumerate(steps):
        if isinstance(step, Head) and wanted == 0:
            return _split(steps, index + 1)
        if isinstance(step, Chunk):
            count += weight(step)
            if wanted and count >= wanted:
                return _split(steps, index + 1)
    return None


def _after_text(steps: list[Step], value: Any) -> Split:
    text = ""
    for index, step in enumerate(steps):
        if isinstance(step, Chunk) and step.delta is not None:
            text += step.delta
            if str(value) in text:
                return _split(steps, index + 1)
    return None


def _after_bytes(steps: list[Step], value: Any) -> Split:
    left = int(value)
    for index, step in enumerate(steps):
        if isinstance(step, Head) and left == 0:
            return _split(steps, index + 1)
        if isinstance(step, Chunk):
            if left < len(step.data):
                # An event has been sent once its last byte has.
                head = replace(step, data=step.data[:left], events=0, delta=None)
                tail = replace(step, data=step.data[left:])
                return [*steps[:index], head], step.at, [tail, *steps[index + 1 :]]
            left -= len(step.data)
            if left == 0:
                return _split(steps, index + 1)
    return None


def _after_time(steps: list[Step], value: Any) -> Split:
    moment = float(value)
    for index, step in enumerate(steps):
        if step.at > moment:
            return steps[:index], moment, steps[index:]
    return None


def _before(steps: list[Step], value: Any) -> Split:
    for index, step in enumerate(steps):
        if isinstance(step, Chunk) and step.event == value:
            return _split(steps, index)
    return None


_FINDERS: Final[Mapping[str, Callable[[list[Step], Any], Split]]] = MappingProxyType(
    {
        "events": _after_events,
        "deltas": _after_deltas,
        "text": _after_text,
        "bytes": _after_bytes,
        "time": _after_time,
        "before": _before,
    }
)
