"""The event grammar: which stream events exist and which may follow which.

This room decides whether a sequence of events could have come from the API, and gathers the tables that everyone else
uses: `EVENTS` (the types, from `event_types`) and `ITEM_ROWS` (how an item runs, from `item_rows`; its docstring shows
how to walk a row). It must not know rules, requests or bytes.

A response runs `created`, `queued` (background only), `in_progress`, then its items, and ends in exactly one of
`completed`, `incomplete` or `failed`; `failed` may come any time after `created`. Items of different index interleave
freely. Types without a known order may stand anywhere between `in_progress` and the end, those of an item while it is
open; `error` anywhere after `created`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mockserver.core.grammar.event_types import EVENTS, SCHEMA_TYPES, TERMINALS, EventType, full_name, similar_name
from mockserver.core.grammar.item_rows import (
    ITEM_ROWS,
    Extras,
    Parts,
    Row,
    Signal,
    Step,
    Text,
    has_failed,
    opened,
    row_of,
)
from mockserver.core.grammar.item_run import Finding, ItemRun, step_types
from mockserver.core.messages import ABSENT

__all__ = [
    "EVENTS",
    "ITEM_ROWS",
    "SCHEMA_TYPES",
    "TERMINALS",
    "EventType",
    "Extras",
    "GrammarProblem",
    "Parts",
    "Row",
    "Signal",
    "Step",
    "Text",
    "check",
    "full_name",
    "has_failed",
    "opened",
    "row_of",
    "similar_name",
    "step_types",
]


@dataclass(frozen=True, slots=True)
class GrammarProblem:
    """One thing the API would never send. `index` is the event's place in the stream, from 0; `code` names the rule."""

    index: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"event {self.index}: {self.message}"


_STATUSES: Final[Mapping[str, tuple[str, ...]]] = {
    "response.created": ("in_progress", "queued"),
    "response.queued": ("queued",),
    "response.in_progress": ("in_progress",),
    **{name: (status,) for name, status in TERMINALS.items()},
}
"""The response statuses that a life cycle event may show."""


def check(events: Iterable[Mapping[str, Any]], *, types: Container[str] = SCHEMA_TYPES) -> tuple[GrammarProblem, ...]:
    """Return everything that keeps these events from being one whole, legal stream; () when they are.

    `events` are the JSON objects in the order sent. `types` are the event types of the dialect: an item is not expected
    to run through steps that the dialect has no events for.
    """
    stream = _Stream(types)
    problems: list[GrammarProblem] = []
    last = -1
    for index, event in enumerate(events):
        last = index
        problems.extend(GrammarProblem(index, code, message) for code, message in stream.take(event))
    problems.extend(GrammarProblem(max(last, 0), code, message) for code, message in stream.finish())
    return tuple(problems)


class _Stream:
    """The state of a stream while its events pass by."""

    def __init__(self, types: Container[str]) -> None:
        self._types = types
        self._expected = 0
        self._phase = ""
        """The last life cycle event, "" before the first."""
        self._response_id: Any = None
        self._open: dict[int, ItemRun] = {}
        self._done: dict[int, Mapping[str, Any]] = {}
        self._ids: set[str] = set()
        self._count = 0

    def take(self, event: Mapping[str, Any]) -> Iterator[Finding]:
        """Take the next event; yield what is wrong with it."""
        yield from self._number(event)
        name = event.get("type")
        if self._phase in TERMINALS:
            yield "after_terminal", f"`{name}` came after `{_short(self._phase)}`, which ends the stream"
            return
        row = EVENTS.get(name) if isinstance(name, str) else None
        if row is None:
            hint = similar_name(name) if isinstance(name, str) else None
            yield "unknown_type", f"there is no event type {name!r}" + (f"; did you mean `{hint}`?" if hint else "")
            return
        missing = [key for key in row.required if key not in event and key not in row.defaults]
        if missing and not (name == "error" and isinstance(event.get("error"), Mapping)):  # live errors are nested
            yield "missing_field", f"`{row.short}` lacks {', '.join(f'`{key}`' for key in missing)}"
        if row.scope == "response":
            yield from self._life_cycle(event, row)
        elif not self._phase:
            yield "not_created", f"`{row.short}` came first; expected `created` to open the stream"
        elif row.type != "error" and self._phase != "response.in_progress":
            yield "too_early", f"`{row.short}` came before `in_progress`"
        if row.type == "response.output_item.added":
            yield from self._open_item(event)
        elif "output_index" in row.required:
            yield from self._item_event(event, row)

    def finish(self) -> Iterator[Finding]:
        """Yield what the whole stream lacks."""
        if self._phase not in TERMINALS:
            yield "no_terminal", "the stream ends without `completed`, `incomplete` or `failed`"

    def _number(self, event: Mapping[str, Any]) -> Iterator[Finding]:
        number = event.get("sequence_number")
        if isinstance(number, int) and not isinstance(number, bool):
            if number != self._expected:
                yield "sequence", f"sequence_number is {number}; expected {self._expected}"
            self._expected = number + 1
        else:
            shown = repr(number) if "sequence_number" in event else "missing"
            yield "sequence", f"sequence_number is {shown}; expected {self._expected}"
            self._expected += 1

    def _life_cycle(self, event: Mapping[str, Any], row: EventType) -> Iterator[Finding]:
        before, now = self._phase, row.type
        match now:
            case "response.created":
                legal, wish = before == "", "only as the first event"
            case "response.queued":
                legal, wish = before == "response.created", "once, right after `created`"
            case "response.in_progress":
                legal, wish = before in ("response.created", "response.queued"), "once, after `created` or `queued`"
            case "response.failed":
                legal, wish = before != "", "after `created`"
            case _:
                legal, wish = before == "response.in_progress", "after `in_progress`"
        if not legal:
            yield (
                "wrong_order",
                f"`{row.short}` came after {f'`{_short(before)}`' if before else 'nothing'}; expected {wish}",
            )
        if now != "response.created" or not before:
            self._phase = now
        response = event.get("response")
        if not isinstance(response, Mapping):
            return
        status = response.get("status", _STATUSES[now][0])
        if status not in _STATUSES[now]:
            yield "wrong_status", f"the response's status is {status!r}; expected {' or '.join(_STATUSES[now])}"
        if self._response_id is None:
            self._response_id = response.get("id")
        elif response.get("id") != self._response_id:
            yield "wrong_response", f"the response's id is {response.get('id')!r}; expected {self._response_id!r}"
        if now in TERMINALS:
            yield from self._end(response, now)

    def _open_item(self, event: Mapping[str, Any]) -> Iterator[Finding]:
        item, index = event.get("item"), event.get("output_index")
        item = item if isinstance(item, Mapping) else {}
        if index != self._count:
            yield "wrong_index", f"output_index is {index!r}; expected {self._count}, the next item's"
        name = item.get("id")
        if isinstance(name, str):
            if name in self._ids:
                yield "duplicate_item", f"an item with id {name!r} was already opened"
            self._ids.add(name)
        if isinstance(index, int):
            self._open[index] = ItemRun(item, self._types)
            self._count = max(self._count, index + 1)

    def _item_event(self, event: Mapping[str, Any], row: EventType) -> Iterator[Finding]:
        index = event.get("output_index")
        run = self._open.get(index) if isinstance(index, int) else None
        if run is None:
            state = "already closed" if isinstance(index, int) and index in self._done else "not open"
            yield "item_not_open", f"item {index!r} is {state}; `{row.short}` is expected between its added and done"
            return
        if "item_id" in row.required and "item_id" in event and run.id is not None and event["item_id"] != run.id:
            yield (
                "wrong_item",
                f"item_id is {event['item_id']!r}; expected {run.id!r}, the item at output_index {index}",
            )
        if row.type != "response.output_item.done":
            yield from run.take(event, row)
            return
        item = event.get("item")
        item = item if isinstance(item, Mapping) else {}
        yield from run.close(item)
        assert isinstance(index, int)
        del self._open[index]
        self._done[index] = item

    def _end(self, response: Mapping[str, Any], now: str) -> Iterator[Finding]:
        output = response.get("output")
        output = output if isinstance(output, list) else []
        if now != "response.failed":  # which may cut off anywhere: only what was finished must still agree
            for index, run in self._open.items():
                yield "item_unfinished", f"item {run.id!r} at output_index {index} was not closed by `output_item.done`"
            if not self._open and len(output) != len(self._done):
                yield "output_differs", f"the response has {len(output)} output items; {len(self._done)} were streamed"
        for index, item in self._done.items():
            difference = _difference(index, item, output[index]) if index < len(output) else ""
            if difference:
                yield "output_differs", difference


_REWRITTEN: Final = frozenset({"encrypted_content"})
"""Fields that the live service encrypts anew for the final response, so that they differ from the streamed item."""


def _difference(index: int, streamed: Mapping[str, Any], final: Any) -> str:
    """Say in which fields a finished item differs from the final output, "" where it is the same."""
    if final == streamed:
        return ""
    if not isinstance(final, Mapping):
        return f"output[{index}] of the response is no object; expected the item that was streamed"
    keys = [
        key for key in {**streamed, **final} if key not in _REWRITTEN and _value(streamed, key) != _value(final, key)
    ]
    if not keys:
        return ""
    return f"output[{index}] of the response differs from the streamed item in {', '.join(f'`{key}`' for key in keys)}"


def _value(item: Mapping[str, Any], key: str) -> Any:
    return item.get(key, ABSENT)


def _short(name: str) -> str:
    return name.removeprefix("response.")
