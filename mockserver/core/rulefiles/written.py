"""Stream events as an author would write them in a rule file's `events`: as short as still gives the same events.

This room decides the spelling of a list. It must not know what completes a list: it is told what a list becomes, and goes
on spelling out more until that is what was wanted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from mockserver.core.grammar.event_types import EVENTS
from mockserver.core.rulefiles.yamlscalars import plain

Data = Mapping[str, Any]
Entry = Any
"""One entry of `events`: a name, or a mapping."""

_LEVELS: Final = 5
"""How much is spelled out: the name; why a response ended; its usage too; every field; the exact data."""
_TOLD: Final = {1: ("error", "incomplete_details"), 2: ("error", "incomplete_details", "usage")}
"""What is told of a response at the middle levels."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*", re.ASCII)
_OFFSET: Final = re.compile(r"\d+(?:\.\d+)?ms", re.ASCII)
_UNPRINTABLE: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def spell(events: Sequence[Data], at: Sequence[float], becomes: Callable[[list[Entry]], Sequence[Data]]) -> list[Entry]:
    """Return entries for these events (their data) due at these offsets in milliseconds.

    `becomes` tells the data of the events that a list gives. Where even the full spelling gives others, that full
    spelling is returned.
    """
    due = [*at, *[0.0] * len(events)][: len(events)]
    levels = [0] * len(events)
    while True:
        entries = [_entry(*each) for each in zip(events, due, levels, strict=True)]
        found = becomes(entries)
        wrong = _wrong(events, found, levels)
        if not wrong:
            return entries
        for index in wrong:
            levels[index] += 1


def _wrong(events: Sequence[Data], found: Sequence[Data], levels: Sequence[int]) -> list[int]:
    """Return which entries to spell out more: those that came out otherwise, unless others may be to blame for that.

    A done event repeats what came before it, and a response repeats all: they come last.
    """
    whole = len(found) == len(events)
    wrong = [
        index
        for index, data in enumerate(events)
        if levels[index] < _LEVELS - 1 and not (whole and found[index] == data)
    ]
    first = min((_repeats(events[index]) for index in wrong), default=0)
    return [index for index in wrong if _repeats(events[index]) == first]


def _repeats(data: Data) -> int:
    if "response" in data:
        return 2
    return 1 if str(data.get("type", "")).endswith(".done") else 0


def _entry(data: Data, at: float, level: int) -> Entry:
    kind = str(data.get("type", ""))
    row = EVENTS.get(kind)
    due = {"at": f"{round(at, 3):g}ms"} if at > 0 else {}
    if level == _LEVELS - 1 or row is None:
        return {**due, "type": kind, "data": dict(data)}
    if level > 0:
        fields = {name: data[name] for name in data if name not in ("type", "sequence_number")}
        response = fields.get("response")
        if level in _TOLD and isinstance(response, Mapping):
            fields["response"] = {key: response[key] for key in _TOLD[level] if response.get(key) is not None}
        return {**due, row.short: fields}
    piece = data.get(row.main) if row.main else None
    if isinstance(piece, str):
        return {**due, row.short: piece}
    return {**due, row.short: {}} if due else row.short


def lines(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield the entries as the lines of a YAML list: one line each, in flow style."""
    for entry in entries:
        yield f"- {entry if isinstance(entry, str) else flow(entry)}"


def flow(value: Any) -> str:
    """Return a value as YAML on one line: JSON, but names stand without quotes and unprintable text is escaped."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_name(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str) and _OFFSET.fullmatch(value):
        return value
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _name(key: str) -> str:
    return key if _NAME.fullmatch(key) and plain(key) == key else flow(key)
