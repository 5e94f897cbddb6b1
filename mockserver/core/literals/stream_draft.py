"""A stream while it is being made: what was sent so far, and the frames that open and close items.

This room decides how one frame is made from what is known: its ids, indexes, sequence number and what was streamed. It
must not know why a frame is sent (`filling` decides that) or whether it is legal (`grammar`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from mockserver.core.events import Event
from mockserver.core.grammar.event_types import EVENTS, TERMINALS, EventType
from mockserver.core.grammar.item_rows import Extras, Parts, Signal, Text, opened
from mockserver.core.items.kinds import KINDS, PARTS, UNKNOWN, complete
from mockserver.core.literals.item_draft import ItemDraft, PartDraft, closed_part
from mockserver.core.messages import EMPTY
from mockserver.core.reply import LiteralEvent
from mockserver.core.response import Asked

ADDED: Final = "response.output_item.added"
DONE: Final = "response.output_item.done"


class StreamDraft:
    """The events sent so far, each with the number of the entry it stems from (`source`), and the items they tell of."""

    def __init__(self, asked: Asked) -> None:
        self.events: list[tuple[int, Event]] = []
        self.items: dict[int, ItemDraft] = {}
        self.response: Mapping[str, Any] | None = None
        """The response of the last terminal event."""
        self.source = 0
        self._asked = asked
        self._number = 0

    def emit(
        self, row: EventType, made: Mapping[str, Any], written: Mapping[str, Any] = EMPTY, at: float | None = None
    ) -> None:
        """Send one event; what was written wins over what was made."""
        data = {"type": row.type, "sequence_number": self._number, **made, **written}
        self._send(row, data, data, at)

    def as_written(self, entry: LiteralEvent, row: EventType | None) -> None:
        """Send an event as it stands; `row` is None for a type that does not exist."""
        if entry.raw is None:
            data: Mapping[str, Any] | str = {"type": entry.type, **entry.fields}
            seen: Any = data
        else:
            data = entry.raw
            try:
                seen = orjson.loads(entry.raw)
            except orjson.JSONDecodeError:
                seen = None
        if row is None or not isinstance(seen, Mapping):
            self.events.append((self.source, Event(entry.type, data, None, entry.at)))
            if entry.written != "exact" and isinstance(data, dict):
                data.setdefault("sequence_number", self._number)
            self._number += 1
        else:
            self._send(row, data, seen, entry.at)

    def _send(self, row: EventType, data: Mapping[str, Any] | str, seen: Mapping[str, Any], at: float | None) -> None:
        """Append the event, and take note of what it tells."""
        piece = seen.get(row.delta) if row.delta else None
        if isinstance(piece, Mapping):
            piece = "".join(text for text in piece.values() if isinstance(text, str))
        self.events.append((self.source, Event(row.type, data, piece if isinstance(piece, str) else None, at)))
        number = seen.get("sequence_number")
        self._number = (number if isinstance(number, int) else self._number) + 1
        if row.type in TERMINALS and isinstance(seen.get("response"), Mapping):
            self.response = seen["response"]
        index = seen.get("output_index")
        if not isinstance(index, int):
            return
        if row.type == ADDED and isinstance(seen.get("item"), Mapping):
            self.items[index] = ItemDraft(index, seen["item"])
        elif index in self.items:
            self.items[index].note(row, seen)

    def find(self, row: EventType, written: Mapping[str, Any]) -> ItemDraft | None:
        """Return the open item an event speaks of: the one it names, else the newest of a fitting type."""
        index, name = written.get("output_index"), written.get("item_id")
        for draft in reversed(self.items.values()):
            if draft.closed:
                continue
            if index is not None or name is not None:
                if index in (None, draft.index) and name in (None, draft.item.get("id")):
                    return draft
            elif not row.items or draft.type in row.items:
                return draft
        return None

    def whereabouts(self, row: EventType, draft: ItemDraft) -> dict[str, Any]:
        """Return the ids and indexes that an event of this item carries."""
        known: dict[str, Any] = {"item_id": draft.item.get("id"), "output_index": draft.index}
        place = draft.place(row.type)
        if place is not None:
            step = draft.step(place.step)
            if isinstance(step, Parts):
                count = len(draft.parts.get(place.step, ()))
                known[step.index] = count if place.role == "part_added" else max(0, count - 1)
        return {key: value for key, value in known.items() if key in row.required}

    def fresh_item(self, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return a new item of that type, complete, with ids of its own."""
        number = len(self.items)
        table = KINDS.get(kind, UNKNOWN)
        made: dict[str, Any] = {"type": kind, **given}
        made.setdefault("id", self._asked.draw.identifier(table.prefix, f"item {number}"))
        if table.calls:
            earlier = [draft.item["call_id"] for draft in self.items.values() if "call_id" in draft.item]
            if table.calls == "answered" and earlier:
                made.setdefault("call_id", earlier[-1])
            made.setdefault("call_id", self._asked.draw.identifier("call_", f"call {number}"))
        for key, prefix in table.drawn:
            made.setdefault(key, self._asked.draw.identifier(prefix, f"{key} {number}"))
        return complete([made], self._asked)[0]

    def open_item(self, kind: str, written: Mapping[str, Any]) -> ItemDraft:
        """Open an item that nobody wrote the frame of."""
        named = {key: written[key] for key in ("output_index", "item_id") if key in written}
        if not named:
            self.close_ours()
        index = named.get("output_index")
        index = index if isinstance(index, int) else len(self.items)
        item = self.fresh_item(kind, {"id": named["item_id"]} if "item_id" in named else {})
        self.emit(EVENTS[ADDED], {"output_index": index, "item": opened(item)})
        draft = self.items.setdefault(index, ItemDraft(index, opened(item)))
        draft.ours, draft.pinned = True, bool(named)
        return draft

    def close_ours(self) -> None:
        """Close every open item that nobody wrote the opening of, but for those called by index or id."""
        for draft in list(self.items.values()):
            if draft.ours and not draft.closed and not draft.pinned:
                self.close_item(draft, "completed")

    def open_part(self, draft: ItemDraft, index: int, kind: str, number: Any = None) -> PartDraft:
        """Open a part of that type, at a step of the item, that nobody wrote the frame of; `number` is its index."""
        step = draft.step(index)
        assert isinstance(step, Parts)
        row = EVENTS[step.added]
        made = {**self.whereabouts(row, draft), "part": step.opened(fresh_part({"type": kind}))}
        if number is not None:
            made[step.index] = number
        self.emit(row, made)
        part = draft.parts[index][-1]
        part.ours = True
        return part

    def _has(self, *names: str) -> bool:
        """Say whether the dialect has these event types: what we add must not speak another dialect."""
        return all(name in self._asked.dialect.event_types for name in names)

    def advance(self, draft: ItemDraft, to: int) -> None:
        """Complete the steps before `to`, counted in the row."""
        for index in range(draft.at, to):
            step = draft.step(index)
            match step:
                case Signal():
                    if index not in draft.seen and self._has(step.types[0]):
                        row = EVENTS[step.types[0]]
                        self.emit(row, self.whereabouts(row, draft))
                case Text():
                    if self._has(step.done):
                        self.end_text(draft, index)
                case Parts():
                    self.close_part(draft, index)
                case Extras():
                    pass
        draft.at = max(draft.at, to)

    def end_text(self, draft: ItemDraft, index: int) -> None:
        """Send the done event of the text at a step, of an item or of its open part, unless it was sent."""
        step = draft.step(index)
        if isinstance(step, Parts):
            part = draft.open_part(index)
            text = step.texts.get(part.type) if part is not None else None
        else:
            text = step if isinstance(step, Text) else None
        if text is None:
            return
        row = EVENTS[text.done]
        run = draft.text_of(row, EMPTY)
        if run is not None and run.whole is None:
            self.emit(row, {**self.whereabouts(row, draft), **row.defaults, row.whole or "": run.text})

    def close_part(self, draft: ItemDraft, index: int) -> None:
        """Close the open part at a step, its text first; nothing where no part is open."""
        part = draft.open_part(index)
        step = draft.step(index)
        if part is None or not isinstance(step, Parts):
            return
        self.end_text(draft, index)
        row = EVENTS[step.done]
        self.emit(row, {**self.whereabouts(row, draft), "part": closed_part(part, step)})

    def close_item(self, draft: ItemDraft, status: str) -> None:
        """Close an item of ours. One that stays incomplete ends where it is, but leaves nothing open inside.

        An item that cannot say that it is incomplete is completed.
        """
        if not may_be(draft, status):
            status = "completed"
        for index in draft.parts:
            self.close_part(draft, index)
        if status == "completed":
            self.advance(draft, len(draft.row.steps))
        else:
            for index in range(len(draft.row.steps)):
                if index in draft.texts:
                    self.end_text(draft, index)
        self.emit(EVENTS[DONE], {"output_index": draft.index, "item": draft.finished(status)})


def may_be(draft: ItemDraft, status: str) -> bool:
    """Say whether the API knows this status for items of this type."""
    return status in KINDS.get(draft.type, UNKNOWN).statuses if isinstance(draft.type, str) else False


def fresh_part(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a new part with the fields its type requires."""
    kind = given.get("type")
    text, defaults = PARTS.get(kind, ("", EMPTY)) if isinstance(kind, str) else ("", EMPTY)
    return {"type": kind, **({text: ""} if text else {}), **defaults, **given}
