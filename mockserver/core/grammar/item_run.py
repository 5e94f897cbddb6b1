"""One output item while its events pass by: whether each may come now, and whether the item ends as it was told.

This room decides the order inside one item, by its row. It must not know other items, sequence numbers or the response.
"""

from __future__ import annotations

from collections.abc import Container, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from mockserver.core.grammar.event_types import INDEX, EventType
from mockserver.core.grammar.item_rows import ITEM_ROWS, Extras, Parts, Row, Signal, Step, Text, has_failed, row_of

Finding: TypeAlias = tuple[str, str]
"""A code and a message for people."""

Role: TypeAlias = Literal["signal", "extra", "delta", "done", "beside", "part_added", "part_done"]
"""What an event is to its step; `beside` may stand between the deltas of a text."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event type stands in a row."""

    step: int
    role: Role
    text: Text | None = None


def _places(row: Row) -> dict[str, Place]:
    found: dict[str, Place] = {}
    for index, step in enumerate(row.steps):
        match step:
            case Signal():
                found |= dict.fromkeys(step.types, Place(index, "signal"))
            case Extras():
                found[step.type] = Place(index, "extra")
            case Text():
                found |= _text_places(step, index)
            case Parts():
                found[step.added] = Place(index, "part_added")
                found[step.done] = Place(index, "part_done")
                for text in step.texts.values():
                    found |= _text_places(text, index)
    return found


def _text_places(text: Text, index: int) -> dict[str, Place]:
    return {
        text.delta: Place(index, "delta", text),
        text.done: Place(index, "done", text),
        **dict.fromkeys(text.interleaved, Place(index, "beside", text)),
    }


PLACES: Final = {kind: _places(row) for kind, row in ITEM_ROWS.items()}
"""By item type and event type: where the event stands in the item's row."""


def step_types(step: Step) -> tuple[str, ...]:
    """Return the event types without which this step cannot be told; () when it may be left out anyway."""
    match step:
        case Signal():
            return step.types[:1]
        case Text():
            return (step.delta, step.done)
        case Parts():
            return (step.added, step.done)
        case Extras():
            return ()


@dataclass(slots=True)
class _TextRun:
    pieces: list[str] = field(default_factory=list)
    whole: str | None = None


@dataclass(slots=True)
class _PartRun:
    type: str
    text: _TextRun = field(default_factory=_TextRun)
    closed: bool = False


class ItemRun:
    """The state of one open item.

    `types` are the event types that the dialect has; steps it has no events for are not missed.
    """

    def __init__(self, item: Mapping[str, Any], types: Container[str]) -> None:
        self.kind = item.get("type")
        self.id = item.get("id")
        self._row = row_of(item)
        self._places = PLACES.get(self.kind, {}) if isinstance(self.kind, str) else {}
        self._types = types
        self._at = 0
        self._seen: set[int] = set()
        self._texts: dict[object, _TextRun] = {}
        self._parts: dict[int, list[_PartRun]] = {i: [] for i, s in enumerate(self._row.steps) if isinstance(s, Parts)}

    def take(self, event: Mapping[str, Any], row: EventType) -> Iterator[Finding]:
        """Take one event of this item; yield what is wrong with it. Must be exhausted to have an effect."""
        if row.items and self.kind not in row.items:
            expected = " or ".join(f"`{kind}`" for kind in row.items)
            yield "wrong_item", f"`{row.short}` belongs to {expected} items, but item {self.id!r} is a `{self.kind}`"
            return
        place = self._places.get(row.type)
        if place is None:
            yield from self._take_text(self._unordered(event, row), event, row)
            return
        yield from self._advance(place, row)
        match place.role:
            case "signal":
                if place.step in self._seen:
                    yield "repeated", f"`{row.short}` or its opposite was already sent for item {self.id!r}"
                self._seen.add(place.step)
            case "part_added":
                yield from self._open_part(place.step, event, row)
            case "part_done":
                yield from self._close_part(place.step, event, row)
            case "delta" | "done" | "beside":
                yield from self._text_event(place, event, row)
            case "extra":
                pass

    def close(self, item: Mapping[str, Any]) -> Iterator[Finding]:
        """Compare the finished item with what was streamed of it; yield every difference."""
        for key, was in (("id", self.id), ("type", self.kind)):
            if item.get(key) != was:
                yield "item_differs", f"the item was opened with {key} {was!r} and is closed with {item.get(key)!r}"
        cut_short = has_failed(item) or item.get("status") == "incomplete"
        for index, step in enumerate(self._row.steps):
            known = all(name in self._types for name in step_types(step))
            if self._begun(index) if cut_short else known:
                missing = self._missing(index)
                if missing:
                    yield "item_unfinished", f"item {self.id!r} is closed, but {missing}"
            if known or self._begun(index):
                yield from self._compare(index, step, item)

    def _advance(self, place: Place, row: EventType) -> Iterator[Finding]:
        steps = self._row.steps
        if place.step < self._at:
            if not (isinstance(steps[place.step], Parts) and isinstance(steps[self._at], Parts)):
                later = _name(steps[self._at])
                yield "wrong_order", f"`{row.short}` came after {later} of the same item; expected it before"
                return
            # Reasoning's raw content and its summary may come in either order, but not one inside the other.
            if missing := self._missing(self._at):
                yield "wrong_order", f"`{row.short}` came too early: {missing}"
            self._at = place.step
            return
        failure = row.short.endswith(".failed")
        for index in range(self._at, place.step):
            if not failure and all(name in self._types for name in step_types(steps[index])):
                missing = self._missing(index)
                if missing:
                    yield "wrong_order", f"`{row.short}` came too early: {missing}"
        self._at = place.step

    def _begun(self, index: int) -> bool:
        return index in self._seen or bool(self._parts.get(index)) or index in self._texts

    def _missing(self, index: int) -> str:
        """Say what the step still lacks, "" when it is whole."""
        step = self._row.steps[index]
        match step:
            case Signal():
                return "" if index in self._seen else f"{_name(step)} was expected and is missing"
            case Text():
                run = self._texts.get(index)
                return "" if run and run.whole is not None else f"`{_short(step.done)}` was expected and is missing"
            case Parts():
                runs = self._parts[index]
                if runs and not runs[-1].closed:
                    return f"`{_short(step.done)}` for {step.index} {len(runs) - 1} was expected and is missing"
                return ""
            case Extras():
                return ""

    def _open_part(self, index: int, event: Mapping[str, Any], row: EventType) -> Iterator[Finding]:
        runs = self._parts[index]
        counter = INDEX[row.scope]
        if runs and not runs[-1].closed:
            yield "part_unfinished", f"part {len(runs) - 1} is still open; expected it to be closed before the next"
        if event.get(counter) != len(runs):
            yield "wrong_part", f"{counter} is {event.get(counter)!r}; expected {len(runs)}, the next part's"
        part = event.get("part")
        kind = part.get("type") if isinstance(part, Mapping) else None
        runs.append(_PartRun(kind if isinstance(kind, str) else ""))

    def _close_part(self, index: int, event: Mapping[str, Any], row: EventType) -> Iterator[Finding]:
        run = yield from self._open_run(index, event, row)
        if run is None:
            return
        run.closed = True
        step = self._row.steps[index]
        assert isinstance(step, Parts)
        text = step.texts.get(run.type)
        part = event.get("part")
        if not isinstance(part, Mapping) or part.get("type", "") != run.type:
            yield "part_differs", f"the part was opened as `{run.type}`; expected it to be closed as that"
        elif text is not None:
            if run.text.whole is None:
                yield "part_unfinished", f"the part is closed, but `{_short(text.done)}` was expected and is missing"
            elif text.read(part) != run.text.whole:
                yield "part_differs", _differs("the closed part holds", text.read(part), run.text.whole)

    def _open_run(
        self, index: int, event: Mapping[str, Any], row: EventType
    ) -> Generator[Finding, None, _PartRun | None]:
        """Return the open part that the event speaks of; None, after saying so, where none is open."""
        runs, counter = self._parts[index], INDEX[row.scope]
        given = event.get(counter)
        if runs and not runs[-1].closed:
            if given != len(runs) - 1:
                yield "wrong_part", f"{counter} is {given!r}; expected {len(runs) - 1}, the open part's"
            return runs[-1]
        step = self._row.steps[index]
        assert isinstance(step, Parts)
        yield "part_not_open", f"part {given!r} of item {self.id!r} is not open; expected `{_short(step.added)}` before"
        return None

    def _text_event(self, place: Place, event: Mapping[str, Any], row: EventType) -> Iterator[Finding]:
        step, text = self._row.steps[place.step], place.text
        if isinstance(step, Parts):
            run = yield from self._open_run(place.step, event, row)
            if run is None:
                return
            if step.texts.get(run.type) is not text:
                yield "wrong_part", f"`{row.short}` does not belong into a part of type `{run.type}`"
                return
            text_run = run.text
        else:
            text_run = self._texts.setdefault(place.step, _TextRun())
        yield from self._take_text(text_run, event, row)

    def _unordered(self, event: Mapping[str, Any], row: EventType) -> _TextRun:
        """Return the text that an event without a place in the row adds to."""
        return self._texts.setdefault((row.closes or row.type, repr(event.get("command_index"))), _TextRun())

    def _take_text(self, run: _TextRun, event: Mapping[str, Any], row: EventType) -> Iterator[Finding]:
        if run.whole is not None:
            yield "after_done", f"`{row.short}` came after the text was already closed by its done event"
        elif row.delta is not None:
            piece = event.get(row.delta)
            if isinstance(piece, str):
                run.pieces.append(piece)
        elif row.whole is not None:
            whole = event.get(row.whole)
            run.whole = whole if isinstance(whole, str) else ""
            if isinstance(whole, str) and whole != "".join(run.pieces):
                yield "text_differs", _differs(f"`{row.whole}` is", whole, "".join(run.pieces))

    def _compare(self, index: int, step: Step, item: Mapping[str, Any]) -> Iterator[Finding]:
        if isinstance(step, Text):
            run = self._texts.get(index)
            if run is not None and run.whole is not None and step.read(item) != run.whole:
                yield "item_differs", _differs(f"`{'.'.join(step.path)}` of the item is", step.read(item), run.whole)
        elif isinstance(step, Parts):
            runs, held = self._parts[index], item.get(step.field)
            parts = held if isinstance(held, list) else []
            if len(parts) != len(runs):
                yield "item_differs", f"the item's `{step.field}` has {len(parts)} parts; {len(runs)} were streamed"
            for number, (told, part) in enumerate(zip(runs, parts, strict=False)):
                text, whole = step.texts.get(told.type), told.text.whole
                if text is not None and whole is not None and isinstance(part, Mapping) and text.read(part) != whole:
                    yield (
                        "item_differs",
                        _differs(f"`{step.field}[{number}]` of the item holds", text.read(part), whole),
                    )


def _short(name: str) -> str:
    return name.removeprefix("response.")


def _name(step: Step) -> str:
    match step:
        case Signal():
            return " or ".join(f"`{_short(name)}`" for name in step.types)
        case Text():
            return f"`{_short(step.delta)}`"
        case Parts():
            return f"`{_short(step.added)}`"
        case Extras():
            return f"`{_short(step.type)}`"


def _differs(what: str, found: str, expected: str) -> str:
    return f"{what} {_cut(found)}; expected what was streamed, {_cut(expected)}"


def _cut(text: str) -> str:
    """Quote a text, shortened: a message must stay one line."""
    return repr(text if len(text) <= 60 else text[:57] + "...")
