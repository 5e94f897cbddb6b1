"""The order of a stream's events, without how often what repeats came and how often the model did the same again.

This room decides what of a stream's order is structure: the events of the response, those of each kind of item, those of
each kind of part. It must not know the fields of events, nor how they came over the wire.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, TypeAlias

import orjson

from mockserver.core.grammar.event_types import EVENTS
from mockserver.core.messages import MAX_DEPTH, Json, depth_exceeds
from mockserver.core.recordings.drift.shape import Difference
from mockserver.core.rules.showing import NOTHING
from mockserver.core.sse import decode

Row: TypeAlias = tuple[str, ...]

ITEMS: Final = "output items"
"""What stands in a response's row for all events of its items."""
PARTS: Final = "parts"

_SILENT: Final = frozenset({"keepalive", "ping", "response.output_text.annotation.added"})
"""Events that say how the connection or the model fares: they come or stay away as they like."""

_MIXED: Final = "mcp_list_tools"
"""Items of this type may be under way at the same time; no others are."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One event as the stream told it: its type (`[DONE]` for that line), and its data."""

    type: str
    data: Mapping[str, Json]
    named: bool
    """Whether the frame had an `event:` line."""


def events_of(stream: bytes) -> list[Seen]:
    """Return the events of a stream; comments, frames without data and an unfinished last frame are left out."""
    found = []
    for frame in decode(stream):
        if frame.data is None or not frame.complete:
            continue
        try:
            data = orjson.loads(frame.data)
        except orjson.JSONDecodeError:
            data = None
        if not isinstance(data, dict) or depth_exceeds(data, frame.data.encode(), MAX_DEPTH):
            data = {}
        name = data.get("type", data.get("object"))
        if not isinstance(name, str):
            name = frame.data if frame.data == "[DONE]" else frame.event
        found.append(Seen(name, data, frame.event != "message"))
    return found


@dataclass(slots=True)
class _Unit:
    """One item or one part while its events are gathered."""

    kind: str = ""
    types: list[str] = field(default_factory=list)
    parts: dict[tuple[str, int], _Unit] = field(default_factory=dict)
    hollow: bool = False
    """Whether a text in it is empty: then it has no deltas."""

    def add(self, event: Seen, kind: Json) -> None:
        if isinstance(kind, dict) and not self.kind:
            self.kind = str(kind.get("type", ""))
        whole = EVENTS[event.type].whole if event.type in EVENTS else None
        self.hollow |= whole is not None and event.data.get(whole) == ""
        self.types.append(event.type)


@dataclass(frozen=True, slots=True)
class Order:
    """The rows of one stream."""

    response: Row
    items: tuple[tuple[str, Row, bool], ...]
    """Kind, row and whether it holds an empty text; of each item, and of each part under `<item> part <kind>`."""
    mixed: bool
    named: bool


def order_of(events: Sequence[Seen]) -> Order:
    """Return the rows of a stream's events."""
    top: list[str] = []
    units: dict[int, _Unit] = {}
    places: list[int] = []
    for event in events:
        if event.type in _SILENT:
            continue
        place = event.data.get("output_index")
        if not isinstance(place, int):
            top.append(event.type)
            continue
        if not top or top[-1] != ITEMS:
            top.append(ITEMS)
        unit = units.setdefault(place, _Unit())
        if not places or places[-1] != place:
            places.append(place)
        index = next((name for name in ("content_index", "summary_index", "command_index") if name in event.data), "")
        number = event.data.get(index)
        if isinstance(number, int):
            if not unit.types or unit.types[-1] != PARTS:
                unit.types.append(PARTS)
            unit.parts.setdefault((index, number), _Unit()).add(event, event.data.get("part"))
        else:
            unit.add(event, event.data.get("item"))
    kinds = {unit.kind for unit in units.values()}
    return Order(
        _row(top),
        tuple(_rows(units.values())),
        len(places) > len(units) and _MIXED not in kinds,
        any(event.named for event in events),
    )


def _rows(units: Iterable[_Unit]) -> Iterator[tuple[str, Row, bool]]:
    for unit in units:
        yield unit.kind, _row(unit.types), unit.hollow
        for part in unit.parts.values():
            yield f"{unit.kind} part {part.kind}", _row(part.types), part.hollow


def _repeats(name: str) -> bool:
    """Say whether an event carries a piece of something, so that its number means nothing."""
    return name.endswith((".delta", ".chunk", ".partial_image"))


def _row(types: Sequence[str]) -> Row:
    """Return types in order, those that carry pieces once for each place where they stand."""
    row: list[str] = []
    for repeats, run in groupby(types, _repeats):
        names = list(run)
        row += sorted(set(names)) if repeats else names
    return tuple(row)


def order_differences(recorded: Order, now: Order) -> Iterator[Difference]:
    """Yield where the order of two streams differs."""
    if recorded.named != now.named:
        words = {True: "`event:` lines", False: "no `event:` lines"}
        yield Difference("frames", words[recorded.named], words[now.named])
    if now.mixed and not recorded.mixed:
        yield Difference("events", "one item after the other", "the events of items mixed")
    yield from _row_differences("events", [(recorded.response, False)], [(now.response, False)])
    before, after = _by_kind(recorded), _by_kind(now)
    for kind, rows in before.items():
        if kind in after:
            yield from _row_differences(f"events of {kind or 'an unknown item'}", rows, after[kind])


def _by_kind(order: Order) -> dict[str, list[tuple[Row, bool]]]:
    found: dict[str, list[tuple[Row, bool]]] = {}
    for kind, row, hollow in order.items:
        found.setdefault(kind, []).append((row, hollow))
    return found


def _row_differences(
    where: str, recorded: Sequence[tuple[Row, bool]], now: Sequence[tuple[Row, bool]]
) -> Iterator[Difference]:
    """Yield how the first row that is like none of those recorded differs from the one it is most like."""
    for row, hollow in now:
        pairs = [_comparable(old, row, hollow or old_hollow) for old, old_hollow in recorded]
        if any(old == new for old, new in pairs):
            continue
        old, new = min(pairs, key=lambda pair: _distance(*pair))
        gone, more = list((Counter(old) - Counter(new)).elements()), list((Counter(new) - Counter(old)).elements())
        if not gone and not more:
            yield Difference(where, " > ".join(old), " > ".join(new))
            return
        chosen = {*gone, *more} <= {ITEMS, "response.completed", "response.incomplete"}
        yield Difference(
            where, ", ".join(gone) or NOTHING, ", ".join(more) or NOTHING, "behaviour" if chosen else "structure"
        )
        return


def _comparable(old: Row, new: Row, hollow: bool) -> tuple[Row, Row]:
    """Return two rows without what may be there or not: the parts of an item, the pieces of an empty text."""
    if (PARTS in old) != (PARTS in new):
        old, new = _without(old, PARTS), _without(new, PARTS)
    if hollow:
        old, new = (tuple(name for name in row if not _repeats(name)) for row in (old, new))
    return old, new


def _without(row: Row, word: str) -> Row:
    return tuple(name for name in row if name != word)


def _distance(old: Row, new: Row) -> int:
    return sum(((Counter(old) - Counter(new)) + (Counter(new) - Counter(old))).values())
