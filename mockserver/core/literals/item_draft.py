"""One output item as the events sent so far tell it: what it holds, what is open, what is whole.

This room decides how an event adds to its item, so that the finished item repeats what was streamed. It takes events as
they are, legal or not. It must not know which events come next (`filling`) or whether they were allowed (`item_run`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mockserver.core.grammar.event_types import EventType
from mockserver.core.grammar.item_rows import Parts, Row, Step, Text, row_of
from mockserver.core.grammar.item_run import PLACES, Place

_EXITED: Final[Mapping[str, Any]] = {"outcome": {"type": "exit", "exit_code": 0}}


@dataclass(slots=True)
class TextDraft:
    """A text that is being streamed. `whole` is set by its done event."""

    pieces: list[Any] = field(default_factory=list)
    whole: str | None = None

    @property
    def text(self) -> str:
        """The text as far as it is known."""
        return "".join(piece for piece in self.pieces if isinstance(piece, str)) if self.whole is None else self.whole


@dataclass(slots=True)
class PartDraft:
    """A content or summary part. `ours` says that nobody wrote its opening frame."""

    part: dict[str, Any]
    text: TextDraft = field(default_factory=TextDraft)
    closed: bool = False
    ours: bool = False

    @property
    def annotations(self) -> int:
        """How many annotations the part has."""
        return len(_listed(self.part.get("annotations")))

    @property
    def type(self) -> str:
        """The part's type, "" where it has none."""
        kind = self.part.get("type")
        return kind if isinstance(kind, str) else ""


class ItemDraft:
    """An item from its `output_item.added` on. `ours` says that nobody wrote that frame, so we also close the item.

    `pinned` items were called by index or id and stay open beside others.
    """

    def __init__(self, index: int, item: Mapping[str, Any], *, ours: bool = False, pinned: bool = False) -> None:
        self.index = index
        self.item = dict(item)
        self.ours = ours
        self.pinned = pinned
        self.closed = False
        self.at = 0
        self.seen: set[int] = set()
        self.texts: dict[object, TextDraft] = {}
        self.parts: dict[int, list[PartDraft]] = {}
        self.images = 0
        self.commands: set[int] = set()

    @property
    def type(self) -> Any:
        """The item's type."""
        return self.item.get("type")

    @property
    def row(self) -> Row:
        """The item's row of the grammar."""
        return row_of(self.item)

    def step(self, index: int) -> Step:
        """Return one step of the row."""
        return self.row.steps[index]

    @property
    def next_command(self) -> int:
        """The index of the next shell command."""
        return len(self.commands)

    @property
    def last_command(self) -> int:
        """The index of the newest shell command; 0 before any."""
        return max(self.commands, default=0)

    def place(self, name: str) -> Place | None:
        """Return where an event type stands in this item's row, None where it has no fixed place."""
        return PLACES.get(self.type, {}).get(name) if isinstance(self.type, str) else None

    def open_part(self, step: int) -> PartDraft | None:
        """Return the part of that step which is open, None when none is."""
        parts = self.parts.get(step)
        return parts[-1] if parts and not parts[-1].closed else None

    def text_of(self, row: EventType, data: Mapping[str, Any]) -> TextDraft | None:
        """Return the text that a delta or done event belongs to, None where it names no open part."""
        place = self.place(row.type)
        if place is None:
            return self.texts.setdefault((row.closes or row.type, repr(data.get("command_index"))), TextDraft())
        if isinstance(self.step(place.step), Parts):
            part = self.open_part(place.step)
            return None if part is None else part.text
        return self.texts.setdefault(place.step, TextDraft())

    def note(self, row: EventType, data: Mapping[str, Any]) -> None:
        """Take one event that was sent, other than the item's own added."""
        if row.type == "response.output_item.done":
            self.closed = True
            item = data.get("item")
            if isinstance(item, Mapping):
                self.item = dict(item)
            return
        place = self.place(row.type)
        if place is not None:
            self.at = max(self.at, place.step)
            self._note_placed(place, row, data)
            return
        command = data.get("command_index")
        if isinstance(command, int):
            self.commands.add(command)
        if row.delta or row.whole:
            self._note_text(row, data)
            self._keep_shell(row, data)

    def finished(self, status: str) -> dict[str, Any]:
        """Return the item as `output_item.done` holds it: all that was streamed, and its last status."""
        made = dict(self.item)
        for index, step in enumerate(self.row.steps):
            if isinstance(step, Parts) and self.parts.get(index):
                made[step.field] = [closed_part(draft, step) for draft in self.parts[index]]
            elif isinstance(step, Text) and index in self.texts:
                made = _put(made, step.path, self.texts[index].text)
        if made.get("status") == "in_progress":
            made["status"] = status
        return made

    def _note_placed(self, place: Place, row: EventType, data: Mapping[str, Any]) -> None:
        step = self.step(place.step)
        match place.role:
            case "signal":
                self.seen.add(place.step)
                if row.type.endswith(".failed") and "status" in self.item:
                    self.item["status"] = "failed"
            case "extra":
                self.images += 1
                self.item["result"] = data.get("partial_image_b64")
            case "part_added":
                part = data.get("part")
                self.parts.setdefault(place.step, []).append(PartDraft(dict(part) if isinstance(part, Mapping) else {}))
            case "part_done":
                draft, part = self.open_part(place.step), data.get("part")
                if draft is not None:
                    draft.closed = True
                    draft.part = dict(part) if isinstance(part, Mapping) else draft.part
            case "beside":
                draft = self.open_part(place.step)
                if draft is not None:
                    draft.part["annotations"] = [*_listed(draft.part.get("annotations")), data.get("annotation")]
            case "delta" | "done":
                assert isinstance(step, (Parts, Text))
                self._note_text(row, data)

    def _note_text(self, row: EventType, data: Mapping[str, Any]) -> None:
        text = self.text_of(row, data)
        if text is None:
            return
        if row.delta:
            text.pieces.append(data.get(row.delta))
        elif row.whole:
            whole = data.get(row.whole)
            text.whole = whole if isinstance(whole, str) else ""

    def _keep_shell(self, row: EventType, data: Mapping[str, Any]) -> None:
        """Put finished commands and their output, which no row orders, into the item."""
        if row.type == "response.shell_call_command.done":
            action = self.item.get("action")
            action = action if isinstance(action, Mapping) else {}
            told = _listed(action.get("commands"))
            if data.get("command_index") == len(told):
                self.item["action"] = {**action, "commands": [*told, data.get("command")]}
        elif row.type == "response.shell_call_output_content.done":
            self.item["output"] = [*_listed(self.item.get("output")), *_listed(data.get("output"))]


def closed_part(draft: PartDraft, step: Parts) -> dict[str, Any]:
    """Return the part as its done event holds it."""
    text = step.texts.get(draft.type)
    if draft.closed or text is None:
        return draft.part
    return _put(draft.part, text.path, draft.text.text)


def shell_output(text: TextDraft) -> list[dict[str, Any]]:
    """Return what a command wrote, joined from its deltas (objects with `stdout` or `stderr`)."""
    pieces = [piece for piece in text.pieces if isinstance(piece, Mapping)]
    joined = {key: "".join(piece.get(key) or "" for piece in pieces) for key in ("stdout", "stderr")}
    return [{**joined, **_EXITED}]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _put(holder: Mapping[str, Any], path: tuple[str, ...], text: str) -> dict[str, Any]:
    """Return a copy that holds the text at the path."""
    key, *rest = path
    if not rest:
        return {**holder, key: text}
    inner = holder.get(key)
    return {**holder, key: _put(inner if isinstance(inner, Mapping) else {}, tuple(rest), text)}
