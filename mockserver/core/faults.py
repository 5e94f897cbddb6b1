"""Things the real API would not do, done on purpose: timeline in, timeline out.

This room decides what each named fault does to a timeline, and where. It must not know sockets: a `Reset` step says what
should happen, an adapter makes it happen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Place:
    """Where a fault strikes.

    `after` counts `events` or `deltas`, finds `text` in the answer, counts body `bytes`, or waits a `time` in milliseconds;
    `before` names an event type (full, e.g. `response.completed`). The default is before anything: `after` 0 bytes.
    """

    kind: Literal["events", "deltas", "text", "bytes", "time", "before", "start"] = "start"
    value: float | str = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault by name. `time` is milliseconds for `delay` and for a `stall` that ends; None for ever."""

    name: str
    place: Place = Place()
    time: float | None = None


FaultName: TypeAlias = Literal["delay", "stall", "cut", "reset"]
