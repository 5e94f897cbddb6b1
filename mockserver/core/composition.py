"""Output items made into the answer: the final response, and the same answer as ordered events.

This room decides which events an item becomes, by walking its row of the grammar, how text is cut into deltas, and where
`failed` and `incomplete` end an answer. It must not know offsets (`pacing`), bytes (`sse`) or how items were written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, assert_never

from mockserver.core.draws import Draw
from mockserver.core.events import Answer, Event
from mockserver.core.grammar.event_types import EVENTS
from mockserver.core.grammar.item_rows import Extras, Parts, Signal, Text, opened, row_of
from mockserver.core.items.kinds import KINDS, PARTIAL_IMAGES, UNKNOWN
from mockserver.core.progress import output_so_far
from mockserver.core.reply import Reply
from mockserver.core.response import Asked, at_moment, frame

Item: TypeAlias = Mapping[str, Any]
Chunk: TypeAlias = Literal["word", "char", "whole"] | int

_WORD: Final = re.compile(r"\s*\S+")
_SIGN: Final = re.compile(r"\s*(?:\w+|[^\w\s]+)")
_WORDS_EACH: Final = 20
"""More words than so many for each delta are never cut one by one: they go into groups at once."""
_PROSE: Final = frozenset(
    {
        "response.output_text.delta",
        "response.refusal.delta",
        "response.reasoning_text.delta",
        "response.reasoning_summary_text.delta",
    }
)
"""Deltas of text for people, whose words are cut at white space. Arguments, input, code and JSON are cut at signs too."""


MOST_DELTAS: Final = 50_000
"""Deltas of one text. A model says less, but a rule may say back what a client said, and that may be megabytes."""


def pieces(text: str, chunk: Chunk, prose: bool = True) -> list[str]:
    """Cut a text into the deltas of a stream; joined they are the text again. Empty text has none.

    `word` keeps white space with the word after it, at the end of the text with the word before. An integer is a length
    in characters, as is `char` (1). Pieces are longer than that where there would be more than `MOST_DELTAS`.
    """
    least = -(-len(text) // MOST_DELTAS)
    if not text:
        return []
    if chunk == "word":
        return _words(text, _WORD if prose and text[0] not in "{[" else _SIGN)
    if chunk == "whole":
        return [text]
    size = max(least, chunk if isinstance(chunk, int) else 1)
    return [text[start : start + size] for start in range(0, len(text), size)]


def _words(text: str, pattern: re.Pattern[str]) -> list[str]:
    body = text.rstrip()  # also keeps the search linear: every white space is then followed by something else
    if not body:
        return [text]
    most = MOST_DELTAS * _WORDS_EACH
    if len(body) > 2 * most and (pattern is _SIGN or len(body.split(None, most)) > most):
        # Even the list of its words would weigh a gigabyte.
        pattern = re.compile(f"(?:{pattern.pattern}){{1,{-(-len(body) // 2 // MOST_DELTAS)}}}")
    found = pattern.findall(body)
    if len(body) != len(text):
        found[-1] += text[len(body) :]
    if len(found) > MOST_DELTAS:
        size = -(-len(found) // MOST_DELTAS)
        found = ["".join(found[start : start + size]) for start in range(0, len(found), size)]
    return found


def compose(items: Sequence[Item], reply: Reply, asked: Asked) -> Answer:
    """Return the answer that consists of these completed items, in both encodings.

    The events are numbered from 0 without gaps, are of types that the dialect has, and end with exactly one terminal.
    With `failed` they stop before the delta that would follow `failed.after` deltas, and the response holds the output
    so far; with `incomplete` all are there and the last item is incomplete.
    """
    shared = frame(asked)
    output: Sequence[Item] = _output(items, reply)
    writer = _Writer(asked)
    if shared["background"] is True:
        queued = at_moment(shared, asked, reply, status="queued", output=[])
        writer.emit("response.created", {"response": queued})
        writer.emit("response.queued", {"response": queued})
        writer.emit("response.in_progress", {"response": {**queued, "status": "in_progress"}})
    else:
        begun = at_moment(shared, asked, reply, status="in_progress", output=[])
        writer.emit("response.created", {"response": begun})
        writer.emit("response.in_progress", {"response": begun})
    walk = _Walk(writer, reply.timing.chunk)
    for index, (written, item) in enumerate(zip(items, output, strict=True)):
        walk.item(index, item, written)
    if reply.failed is not None and reply.failed.after is not None:
        _stop_after(writer.events, reply.failed.after)
        output = output_so_far(writer.events)
    final = _ended(shared, output, reply, asked)
    writer.emit(f"response.{final['status']}", {"response": final})
    return Answer(final, tuple(writer.events))


def final_response(items: Sequence[Item], reply: Reply, asked: Asked) -> Mapping[str, Any]:
    """Return the final response of `compose` alone, at less cost: for a JSON answer that no timing holds back."""
    if reply.failed is not None:
        return compose(items, reply, asked).response
    return _ended(frame(asked), _output(items, reply), reply, asked)


def _output(items: Sequence[Item], reply: Reply) -> list[Item]:
    """Return the items as the final response holds them."""
    output = [
        {key: value for key, value in item.items() if key != PARTIAL_IMAGES} if PARTIAL_IMAGES in item else item
        for item in items
    ]
    if output and reply.incomplete is not None and reply.failed is None:
        last = output[-1]
        if "incomplete" in KINDS.get(last["type"], UNKNOWN).statuses:
            output[-1] = {**last, "status": "incomplete"}
    return output


def _ended(shared: Mapping[str, Any], output: Sequence[Item], reply: Reply, asked: Asked) -> dict[str, Any]:
    """Return the response as its terminal event holds it."""
    failed = reply.failed
    if failed is not None:
        error = {"code": failed.code, "message": failed.message}
        return at_moment(shared, asked, reply, status="failed", output=output, error=error)
    status = "completed" if reply.incomplete is None else "incomplete"
    return at_moment(shared, asked, reply, status=status, output=output, incomplete=reply.incomplete)


_OPENING: Final = frozenset(
    {"response.output_item.added", "response.content_part.added", "response.reasoning_summary_part.added"}
)


def _stop_after(events: list[Event], deltas: int) -> None:
    """Drop every event from the one on that belongs to the delta after so many; closing frames stay with their delta."""
    seen = 0
    for index, event in enumerate(events):
        if seen == deltas and (event.delta is not None or event.type in _OPENING):
            del events[index:]
            return
        seen += event.delta is not None


class _Writer:
    """Numbers events and leaves out those that the dialect does not have."""

    def __init__(self, asked: Asked) -> None:
        self.events: list[Event] = []
        self._types = asked.dialect.event_types
        self._obfuscate: Draw | None = None
        if asked.dialect.quirks.obfuscation:
            options = asked.request.fields.get("stream_options")
            if not isinstance(options, Mapping) or options.get("include_obfuscation") is not False:
                self._obfuscate = asked.draw

    def emit(self, name: str, fields: Mapping[str, Any], delta: str | None = None) -> None:
        if name not in self._types:
            return
        number = len(self.events)
        data: dict[str, Any] = {"type": name, "sequence_number": number, **fields}
        if delta is not None and self._obfuscate is not None and "delta" in data:
            data["obfuscation"] = self._obfuscate.hex(f"obfuscation {number}", 16)
        self.events.append(Event(name, data, delta))


class _Walk:
    """Tells items as events, each by its row of the grammar."""

    def __init__(self, writer: _Writer, chunk: Chunk) -> None:
        self._emit = writer.emit
        self._chunk = chunk

    def item(self, index: int, item: Item, written: Item) -> None:
        """Tell one item from `added` to `done`; `written` is the item with what only its stream shows."""
        here = {"item_id": item["id"], "output_index": index}
        self._emit("response.output_item.added", {"output_index": index, "item": _begun(item)})
        for step in row_of(item).steps:
            match step:
                case Signal():
                    if (signal := step.told_of(item)) is not None:
                        self._emit(signal, here)
                case Text():
                    self._text(step, item, here)
                case Parts():
                    self._parts(step, item, here)
                case Extras():
                    self._partial_images(step.type, written, here)
                case _:
                    assert_never(step)
        self._emit("response.output_item.done", {"output_index": index, "item": item})

    def _parts(self, step: Parts, item: Item, here: Mapping[str, Any]) -> None:
        for number, part in enumerate(item.get(step.field) or ()):
            place = {**here, step.index: number}
            self._emit(step.added, {**place, "part": step.opened(part)})
            text = step.texts.get(part["type"])
            if text is not None:
                self._text(text, part, place)
            self._emit(step.done, {**place, "part": part})

    def _text(self, text: Text, holder: Mapping[str, Any], place: Mapping[str, Any]) -> None:
        emit, whole = self._emit, text.read(holder)
        begun = {**place, **EVENTS[text.delta].defaults}
        annotations = _placed(holder.get("annotations"))
        told = 0
        for piece in pieces(whole, self._chunk, text.delta in _PROSE):
            emit(text.delta, {**begun, "delta": piece}, piece)
            told += len(piece)
            while annotations and annotations[0][0] <= told:
                self._annotation(text, annotations.pop(0), place)
        for left in annotations:
            self._annotation(text, left, place)
        row = EVENTS[text.done]
        done = {**place, row.whole or "": whole, **row.defaults}
        if "name" in row.optional:
            done["name"] = holder["name"]
        emit(text.done, done)

    def _annotation(self, text: Text, placed: tuple[int, int, Any], place: Mapping[str, Any]) -> None:
        _, number, annotation = placed
        for name in text.interleaved:
            self._emit(name, {**place, "annotation_index": number, "annotation": annotation})

    def _partial_images(self, name: str, written: Item, here: Mapping[str, Any]) -> None:
        look = {key: written[key] for key in EVENTS[name].optional if key in written}
        for number, image in enumerate(written.get(PARTIAL_IMAGES) or ()):
            self._emit(name, {**here, "partial_image_index": number, "partial_image_b64": image, **look}, image)


def _begun(item: Item) -> Mapping[str, Any]:
    """Return the item as its added event holds it; a type that is never in progress keeps its status."""
    begun = opened(item)
    if "in_progress" not in KINDS.get(item["type"], UNKNOWN).statuses and "status" in item:
        begun["status"] = item["status"]
    return begun


def _placed(annotations: Sequence[Mapping[str, Any]] | None) -> list[tuple[int, int, Any]]:
    """Return where each annotation is told: once the text it ends in has been sent, in the order of the list."""
    placed: list[tuple[int, int, Any]] = []
    latest = 0
    for number, annotation in enumerate(annotations or ()):
        ends = annotation.get("end_index", annotation.get("index", 0))
        latest = max(latest, ends if isinstance(ends, int) else 0)
        placed.append((latest, number, annotation))
    return placed
