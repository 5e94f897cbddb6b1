"""Literal events completed: the fields an author left out, and the frames without which a short entry makes no sense.

This room decides what is added to a list of literal events:

* A short entry gets every required field: ids, indexes, sequence number, defaults, what was streamed so far.
* A short entry about an item or part that is not open is preceded by the frames that open it; whatever was opened so is
  closed again before the next item, or before the end. Inside such an item the steps of its row are completed as well.
  So `[created, in_progress, {output_text.delta: Hel}, {output_text.delta: lo}, completed]` is what the API would send.
* Frames that an author opened by hand are the author's to close, and the life cycle is never completed: a list without
  `created` or without an end stays one.
* An item called by `output_index` or `item_id` stays open beside others until the end, so that items can interleave.
* A failed response breaks off: nothing is closed before `failed`.
* A long entry (`type` and fields) gets its missing fields, and nothing around it. An exact one is sent as it stands.

It must not know how entries are spelt (`literal`) or whether the outcome is legal (`grammar`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mockserver.core.grammar.event_types import EVENTS, TERMINALS, EventType
from mockserver.core.grammar.item_rows import Parts, opened
from mockserver.core.grammar.item_run import Place
from mockserver.core.items.kinds import ANNOTATIONS
from mockserver.core.literals.item_draft import ItemDraft, closed_part, shell_output
from mockserver.core.literals.stream_draft import ADDED, DONE, StreamDraft, fresh_part, may_be
from mockserver.core.messages import EMPTY
from mockserver.core.reply import LiteralEvent, Reply
from mockserver.core.response import Asked, merged, snapshot

DOT: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A PNG of one pixel, in base64: the image of whoever did not bring one."""

ERROR_MESSAGE: Final = "The server had an error while processing the request."


def fill(entries: Sequence[LiteralEvent], reply: Reply, asked: Asked) -> StreamDraft:
    """Return the stream that these entries make once completed."""
    filling = _Filling(entries, reply, asked)
    for filling.stream.source, entry in enumerate(entries):
        filling.take(entry)
    return filling.stream


class _Filling:
    """Takes the entries of one list in order and adds them, and what they need, to `stream`."""

    def __init__(self, entries: Sequence[LiteralEvent], reply: Reply, asked: Asked) -> None:
        self.stream = StreamDraft(asked)
        self._entries = entries
        self._reply = reply
        self._asked = asked

    def take(self, entry: LiteralEvent) -> None:
        row = EVENTS.get(entry.type)
        if entry.raw is not None or entry.written == "exact" or row is None:
            self.stream.as_written(entry, row)
        elif row.scope == "response":
            self._life_cycle(row, entry)
        elif "output_index" not in row.required:
            self._free(row, entry)
        elif entry.written == "long":
            draft = self.stream.find(row, entry.fields)
            known = {} if draft is None else self.stream.whereabouts(row, draft)
            self.stream.emit(row, {**known, **row.defaults}, entry.fields, entry.at)
        elif row.type == ADDED:
            self._open_by_hand(row, entry)
        else:
            self._inside(row, entry)

    def _life_cycle(self, row: EventType, entry: LiteralEvent) -> None:
        written = dict(entry.fields)
        given = written.pop("response", EMPTY)
        status = TERMINALS.get(row.type, "queued" if self._is_queued(row) else "in_progress")
        error = reason = None
        if status == "failed":
            error = {
                "code": written.pop("code", "server_error"),
                "message": written.pop("message", ERROR_MESSAGE),
            }
        elif status == "incomplete":
            reason = written.pop("reason", "max_output_tokens")
        if entry.written == "short" and status in ("completed", "incomplete"):
            for draft in [draft for draft in self.stream.items.values() if draft.ours and not draft.closed]:
                self.stream.close_item(draft, status)
        output = self._output(status) if row.type in TERMINALS else []
        made: Any = snapshot(self._asked, self._reply, status=status, output=output, error=error, incomplete=reason)
        self.stream.emit(
            row, {"response": merged(made, given) if isinstance(given, Mapping) else given}, written, entry.at
        )

    def _is_queued(self, row: EventType) -> bool:
        """Say whether the response waits in line: until `in_progress`, where the list has a `queued` event."""
        if row.type == "response.created":
            return any(entry.type == "response.queued" for entry in self._entries)
        return row.type == "response.queued"

    def _output(self, status: str) -> list[dict[str, Any]]:
        """Return the output at the end: what was closed, and in a failed response also what was not."""
        drafts = [self.stream.items[index] for index in sorted(self.stream.items)]
        return [
            draft.item
            if draft.closed
            else draft.finished("incomplete" if may_be(draft, "incomplete") else "in_progress")
            for draft in drafts
            if draft.closed or status == "failed"
        ]

    def _free(self, row: EventType, entry: LiteralEvent) -> None:
        """Send an event that belongs to no item."""
        made: dict[str, Any] = {**dict.fromkeys(row.required, ""), **row.defaults}
        written = entry.fields
        if row.type == "error":
            made["message"] = ERROR_MESSAGE
            if self._asked.dialect.quirks.error_event_nested and "error" not in written:
                inner = {"type": "server_error", **made, **written}
                made, written = {"error": inner}, EMPTY
        self.stream.emit(row, made, written, entry.at)

    def _open_by_hand(self, row: EventType, entry: LiteralEvent) -> None:
        self.stream.close_ours()
        given = entry.fields.get("item", EMPTY)
        given = {"type": given} if isinstance(given, str) else given
        made: dict[str, Any] = {"output_index": len(self.stream.items), "item": given}
        kind = given.get("type", self._upcoming()) if isinstance(given, Mapping) else None
        if isinstance(kind, str):
            item = self.stream.fresh_item(kind, given)
            made["item"] = {**opened(item), **given}
        written = {key: value for key, value in entry.fields.items() if key != "item"}
        self.stream.emit(row, made, written, entry.at)

    def _upcoming(self) -> str:
        """Guess the type of an item from the entries after this one."""
        for entry in self._entries[self.stream.source + 1 :]:
            item = entry.fields.get("item")
            if entry.type == DONE:
                return str(item.get("type", "message")) if isinstance(item, Mapping) else "message"
            if entry.type in EVENTS and EVENTS[entry.type].items:
                return EVENTS[entry.type].items[0]
        return "message"

    def _upcoming_part(self, step: Parts) -> str:
        """Guess the type of a part from the next text after this entry."""
        kinds = {name: kind for kind, text in step.texts.items() for name in (text.delta, text.done)}
        later = (entry.type for entry in self._entries[self.stream.source + 1 :])
        return next((kinds[name] for name in later if name in kinds), next(iter(step.texts)))

    def _kind_for(self, row: EventType, written: Mapping[str, Any]) -> str:
        """Return the type of the item that an event asks for, "" where any of its types will do."""
        if len(row.items) == 1:
            return row.items[0]
        item, part = written.get("item"), written.get("part")
        if isinstance(item, Mapping) and isinstance(item.get("type"), str):
            return str(item["type"])
        if isinstance(part, Mapping) and "type" in part:
            return "reasoning" if part["type"] == "reasoning_text" else "message"
        return self._upcoming() if row.type == "response.content_part.added" else ""

    def _inside(self, row: EventType, entry: LiteralEvent) -> None:
        """Send a short entry about an item, with whatever must come before it."""
        written = dict(entry.fields)
        if isinstance(written.get("part"), str):
            written["part"] = {"type": written["part"]}
        draft = self.stream.find(row, written)
        kind = self._kind_for(row, written)
        if draft is None or (draft.ours and not (_goes_on(draft, row) and kind in ("", draft.type))):
            draft = self.stream.open_item(kind or next(iter(row.items), "message"), written)
        place = draft.place(row.type)
        if row.type == DONE:
            self._done_by_hand(row, draft, written, entry.at)
        elif place is None:
            self._unordered(row, draft, written, entry.at)
        else:
            self._in_order(row, draft, place, written, entry.at)

    def _in_order(
        self, row: EventType, draft: ItemDraft, place: Place, written: dict[str, Any], at: float | None
    ) -> None:
        """Send an event that has its place in the item's row."""
        if draft.ours:
            self.stream.advance(draft, place.step)
        step = draft.step(place.step)
        made: dict[str, Any] = {}
        if isinstance(step, Parts):
            made = self._in_part(draft, place, step, written)
        if place.role == "extra":
            made = {"partial_image_index": draft.images, "partial_image_b64": DOT}
        elif place.role in ("delta", "done"):
            made = self._piece_or_whole(row, draft, place, written)
        self.stream.emit(row, {**self.stream.whereabouts(row, draft), **row.defaults, **made}, written, at)

    def _in_part(self, draft: ItemDraft, place: Place, step: Parts, written: dict[str, Any]) -> dict[str, Any]:
        """Open or close parts as the event needs; return what else it must carry.

        A part or annotation given as a mapping is completed, and so taken out of `written`.
        """
        for index, parts in draft.parts.items():
            if index != place.step and parts[-1].ours:
                self.stream.close_part(draft, index)
        part = draft.open_part(place.step)
        if place.role == "part_added":
            if part is not None and part.ours:
                self.stream.close_part(draft, place.step)
            given = written.pop("part", EMPTY)
            if not isinstance(given, Mapping):
                return {"part": given}
            return {"part": {**step.opened(fresh_part({"type": self._upcoming_part(step), **given})), **given}}
        wanted = next((kind for kind, text in step.texts.items() if text is place.text), None)
        number = written.get(step.index)
        if part is not None and part.ours:
            ended = part.text.whole is not None and place.role in ("delta", "done")
            moved = number is not None and number != len(draft.parts[place.step]) - 1
            if ended or moved or (wanted is not None and part.type != wanted):
                self.stream.close_part(draft, place.step)
                part = None
        if part is None:
            part = self.stream.open_part(draft, place.step, wanted or next(iter(step.texts)), number)
        if place.role == "part_done":
            if part.ours:
                self.stream.end_text(draft, place.step)
            return {"part": _overlaid(closed_part(part, step), written.pop("part", EMPTY))}
        if place.role == "beside":
            annotation = _overlaid({"type": "url_citation"}, written.pop("annotation", EMPTY))
            if isinstance(annotation, Mapping) and isinstance(annotation["type"], str):
                annotation = {**ANNOTATIONS.get(annotation["type"], EMPTY), **annotation}
            return {"annotation_index": part.annotations, "annotation": annotation}
        return {}

    def _piece_or_whole(
        self, row: EventType, draft: ItemDraft, place: Place, written: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the delta or whole that an entry left out; a whole that nothing led up to gets one delta before it."""
        text = draft.text_of(row, written)
        if row.whole is None or text is None:
            return {"delta": ""}
        whole = written.get(row.whole)
        if isinstance(whole, str) and whole and not text.pieces and draft.ours and place.text is not None:
            delta = EVENTS[place.text.delta]
            self.stream.emit(delta, {**self.stream.whereabouts(delta, draft), **delta.defaults, "delta": whole})
        return {row.whole: text.text}

    def _unordered(self, row: EventType, draft: ItemDraft, written: dict[str, Any], at: float | None) -> None:
        """Send an event without a place in its item's row."""
        known = self.stream.whereabouts(row, draft)
        if "command_index" in row.required:
            known["command_index"] = draft.next_command if row.type.endswith(".added") else draft.last_command
        if row.type == "response.shell_call_output_content.delta" and isinstance(written.get("delta", ""), str):
            written["delta"] = {"stdout": written.get("delta", "")}
        text = draft.text_of(row, {**known, **written}) if row.delta or row.whole else None
        if row.type == "response.shell_call_output_content.done" and text is not None:
            known["output"] = shell_output(text)
        elif row.main is not None:
            known[row.main] = text.text if row.whole and text is not None else ""
        self.stream.emit(row, {**known, **row.defaults}, written, at)

    def _done_by_hand(self, row: EventType, draft: ItemDraft, written: dict[str, Any], at: float | None) -> None:
        if draft.ours:
            self.stream.advance(draft, len(draft.row.steps))
        for index, parts in draft.parts.items():
            if parts[-1].ours:
                self.stream.close_part(draft, index)
        item = _overlaid(draft.finished("completed"), written.pop("item", EMPTY))
        self.stream.emit(row, {"output_index": draft.index, "item": item}, written, at)


def _overlaid(made: Mapping[str, Any], given: Any) -> Any:
    """Return what was made with what was given over it; anything but a mapping replaces it."""
    return {**made, **given} if isinstance(given, Mapping) else given


def _goes_on(draft: ItemDraft, row: EventType) -> bool:
    """Say whether the event can still belong to this item: its row runs neither backwards nor twice."""
    place = draft.place(row.type)
    if place is None or isinstance(draft.step(place.step), Parts):
        return True
    if place.role == "signal":
        return place.step >= draft.at and place.step not in draft.seen
    text = draft.texts.get(place.step)
    return place.step >= draft.at and (text is None or text.whole is None)
