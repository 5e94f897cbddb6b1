"""Literal event lists: how an author writes an event, and the answer that a list of them becomes.

This room decides which spellings of an event are understood, and what is reported about a list before anyone asks. How a
list is completed is decided by `filling`, whether it is legal by `grammar`. It must not know YAML, pacing or bytes.

An entry is one of

* a name, short or full: `created`;
* a name with its value: `{output_text.delta: Hel}`, `{output_item.added: {type: message}}`, or with fields:
  `{output_text.delta: {delta: Hel, logprobs: []}}`; a lone text for an item or part is its type, for `failed` the error's
  message, for `incomplete` the reason;
* written in full: `{type: response.output_text.delta, delta: Hel}`; only missing fields are completed;
* exact: `{type: response.output_text.delta, data: {...}}`, or `data` as a string, which is sent verbatim;

each but the first also with `at`, the offset at which it is due.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, Final

import orjson

from mockserver.core.dialect import Dialect, Quirks
from mockserver.core.draws import Draw
from mockserver.core.durations import milliseconds
from mockserver.core.errors import Report, nearest
from mockserver.core.events import Answer, Event
from mockserver.core.grammar.event_types import EVENTS, SCHEMA_TYPES, TERMINALS, full_name, similar_name
from mockserver.core.grammar.sequence import GrammarProblem, check
from mockserver.core.literals.filling import fill
from mockserver.core.messages import Request
from mockserver.core.reply import Events, LiteralEvent, Reply
from mockserver.core.response import Asked, snapshot

Path = tuple[str | int, ...]

_LONE: Final[Mapping[str, str]] = {"response.failed": "message", "response.incomplete": "reason"}
"""What a lone value means in events that have no main field of their own."""

_MORE: Final[Mapping[str, tuple[str, ...]]] = {
    "response.failed": ("code", "message"),
    "response.incomplete": ("reason",),
    "error": ("error",),
}
"""What a shorthand takes besides the event's own fields: shortcuts into the response, and the error as seen live."""

_OBJECTS: Final = frozenset({"item", "part", "annotation"})
"""Main fields that hold an object with a type. An event's fields never have one, so a mapping that has is the object."""


def entry(value: Any, report: Report, path: Path) -> LiteralEvent | None:
    """Read one entry of an `events` list; report each mistake at `path` and return None where there is no event."""
    if isinstance(value, str):
        name = _known(value, report, path)
        return None if name is None else LiteralEvent(name)
    if not isinstance(value, dict):
        report(path, f"expected an event, got {_said(value)}", "write a name such as `created`, or a mapping")
        return None
    fields = dict(value)
    at = _offset(fields.pop("at"), report, (*path, "at")) if "at" in fields else None
    if "type" in fields:
        return _in_full(fields, at, report, path)
    if len(fields) != 1:
        found = ", ".join(f"`{key}`" for key in fields) or "none"
        report(path, f"expected one event in an entry, found {found}", "give each event its own `-`, or write `type`")
        return None
    key, given = next(iter(fields.items()))
    name = _known(key, report, (*path, key))
    return None if name is None else _short(name, given, at, report, (*path, key))


def compose(kind: Events, reply: Reply, asked: Asked) -> Answer:
    """Return the answer that a literal list becomes.

    With `fill` it is completed (see `filling`), without it every event is sent as written. The response is that of the
    terminal event; where a list has none, the response as it was when the list ended.
    """
    events, response = _events(kind, reply, asked)
    if response is None:
        response = snapshot(asked, reply, status="in_progress", output=[])
    return Answer(response, tuple(event for _, event in events))


def has_terminal(kind: Events) -> bool:
    """Say whether the list has an event that ends a response, so that a JSON answer can be made of it."""
    return any(entry.type in TERMINALS for entry in kind.entries)


def check_literal(kind: Events, types: Container[str] = SCHEMA_TYPES) -> tuple[GrammarProblem, ...]:
    """Return what the API would never send about this list, completed for a made-up request.

    `index` of a problem is the entry's place in the list as written, from 0. `types` are the event types of the dialect.
    """
    events, _ = _events(kind, Reply(kind), _NOBODY)
    problems: list[GrammarProblem] = []
    documents: list[Mapping[str, Any]] = []
    for source, event in events:
        document = _document(event)
        if document is None:
            problems.append(GrammarProblem(source, "not_json", f"the data of `{event.type}` is no JSON object"))
        elif document.get("type") != event.type:
            found = f"the event is `{event.type}`, but its data has type {document.get('type')!r}"
            problems.append(GrammarProblem(source, "wrong_type", found))
        documents.append({"type": event.type} if document is None else document)
    for problem in check(documents, types=types):
        source = events[problem.index][0] if events else 0
        problems.append(GrammarProblem(source, problem.code, problem.message))
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.index))


def _events(kind: Events, reply: Reply, asked: Asked) -> tuple[list[tuple[int, Event]], Mapping[str, Any] | None]:
    """Return each event to send with the entry it stems from, and the final response where the list has one."""
    if kind.fill:
        stream = fill(kind.entries, reply, asked)
        return stream.events, stream.response
    events = [(index, _plain(entry)) for index, entry in enumerate(kind.entries)]
    response = None
    for _, event in events:
        document = _document(event) if event.type in TERMINALS else None
        if document is not None and isinstance(document.get("response"), Mapping):
            response = document["response"]
    return events, response


def _plain(entry: LiteralEvent) -> Event:
    if entry.raw is not None:
        return Event(entry.type, entry.raw, None, entry.at)
    row = EVENTS.get(entry.type)
    piece = entry.fields.get(row.delta) if row is not None and row.delta else None
    return Event(entry.type, {"type": entry.type, **entry.fields}, piece if isinstance(piece, str) else None, entry.at)


def _document(event: Event) -> Mapping[str, Any] | None:
    """Return the JSON object that an event carries, None where it carries something else."""
    data: Any = event.data
    if isinstance(data, str):
        try:
            data = orjson.loads(data)
        except orjson.JSONDecodeError:
            return None
    return data if isinstance(data, Mapping) else None


def _known(name: Any, report: Report, path: Path) -> str | None:
    full = full_name(name) if isinstance(name, str) else None
    if full is None:
        similar = similar_name(name) if isinstance(name, str) else None
        hint = f"did you mean `{similar}`?" if similar else "`mockserver list events` shows them all"
        report(path, f"there is no event {name!r}", hint)
    return full


def _short(name: str, given: Any, at: float | None, report: Report, path: Path) -> LiteralEvent | None:
    """Read the value of a shorthand: fields, or the value of its main field alone."""
    if given is None:
        return LiteralEvent(name, at=at)
    row = EVENTS[name]
    main = row.main or _LONE.get(name)
    if isinstance(given, dict):
        if main in _OBJECTS and "type" in given:
            return LiteralEvent(name, {main: given}, at=at)
        fields = {*row.required, *row.optional, "sequence_number", *_MORE.get(name, ())}
        for key in given:
            if key not in fields:
                similar = nearest(str(key), fields)
                meant = f"did you mean `{similar}`? " if similar else ""
                report(
                    (*path, key), f"`{row.short}` has no field {key!r}", f"{meant}to send it all the same, write `type`"
                )
        return LiteralEvent(name, given, at=at)
    if main is None or main == "annotation" or (main == "output") != isinstance(given, list):
        report(path, f"`{row.short}` takes fields, got {_said(given)}", "write a mapping, or the name alone")
        return None
    if not isinstance(given, (str, list)):
        report(path, f"`{row.short}` takes a text, got {_said(given)}", f'write "{_spelt(given)}", in quotes')
        return None
    return LiteralEvent(name, {main: given}, at=at)


def _in_full(fields: dict[str, Any], at: float | None, report: Report, path: Path) -> LiteralEvent | None:
    name = fields.pop("type")
    if not isinstance(name, str) or not name:
        report((*path, "type"), f"expected the name of an event, got {_said(name)}")
        return None
    name = full_name(name) or name  # any type may be sent; the grammar reports those that do not exist
    if "data" not in fields:
        return LiteralEvent(name, fields, at=at, written="long")
    data = fields.pop("data")
    for key in fields:
        report((*path, key), f"`{key}` stands beside `data`, which is sent as it is", f"put `{key}` into `data`")
    if isinstance(data, str):
        if "\n" in data or "\r" in data:
            report((*path, "data"), "verbatim data must be one line", "use a mapping, or an `http` reply for any bytes")
            return None
        return LiteralEvent(name, raw=data, at=at, written="exact")
    if isinstance(data, dict):
        return LiteralEvent(name, data, at=at, written="exact")
    report((*path, "data"), f"expected a mapping or a string, got {_said(data)}")
    return None


def _offset(value: Any, report: Report, path: Path) -> float | None:
    try:
        return milliseconds(value)
    except ValueError as error:
        report(path, str(error))
        return None


def _spelt(value: Any) -> str:
    """Return a YAML scalar as it was probably written."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _said(value: Any) -> str:
    """Name a YAML value as its author sees it."""
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else repr(value)


def _no_schemas(name: str) -> Mapping[str, Any]:
    raise KeyError(name)


_NOBODY: Final = Asked(
    Request("POST", "/v1/responses", body=b'{"model":"gpt"}'),
    Draw.of(0, "", b"", 1),
    Dialect("any", Quirks(), SCHEMA_TYPES, _no_schemas),
    0.0,
    "conv_0",
)
"""Whoever asks while a list is only checked."""
