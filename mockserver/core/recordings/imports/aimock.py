"""Fixture files of aimock as rules.

Its fixtures match by a part of a text and hold no request, so they become rules as people write them, not recordings. This
room decides which conditions have an equivalent, and how answers in sequence become one rule. It must not know what an
answer becomes (`aimockreply` does).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from mockserver.core.errors import Problem, nearest
from mockserver.core.recordings.imports.aimockreply import reply_of
from mockserver.core.recordings.imports.documents import Document
from mockserver.core.recordings.imports.handwritten import rule_file
from mockserver.core.recordings.imports.taken import LeftOut, Ruled, Spot, Taking, UnreadableError, UnusableError
from mockserver.core.rulefiles.rulefile import parse

When: TypeAlias = dict[str, Any]

_SYSTEM: Final = "$.input[?@.role == 'system' || @.role == 'developer']"
_SEQUENCE: Final = "sequenceIndex"
_ABOUT: Final = ("fixtures", "$schema", "$id", "_comment", "comment", "description")
"""Keys of a file that are its fixtures, or say something to readers and editors."""
_SHOWN: Final = 60
_SPECIAL: Final = re.compile(r"[\\.^$|?*+()\[\]{}]")


def is_fixtures(value: Any) -> bool:
    """Say whether a document is a fixture file of aimock."""
    return isinstance(value, Mapping) and "fixtures" in value


def take(document: Document) -> Taking:
    """Return a rule for each fixture, or for each run of fixtures in sequence, in the order of the file.

    Raises `UnreadableError` where there is no list of fixtures.
    """
    fixtures = document.value["fixtures"]
    if not isinstance(fixtures, list):
        raise UnreadableError(
            Problem("a list of fixtures was expected", document.file, document.line("fixtures"), key="fixtures")
        )
    taking = Taking("aimock")
    taking.notes += [f"`{key}` has no equivalent" for key in document.value if key not in _ABOUT]
    sequences: dict[str, list[tuple[Spot, Mapping[str, Any]]]] = {}
    order: list[tuple[Spot, Mapping[str, Any]] | str] = []
    for number, fixture in enumerate(fixtures, 1):
        spot = Spot(number, document.line("fixtures", number - 1))
        match = fixture.get("match") if isinstance(fixture, Mapping) else None
        if not isinstance(match, Mapping) or not isinstance(fixture.get("response"), Mapping):
            taking.left_out.append(LeftOut(spot, _what(match), "it has no `match` or no `response` mapping"))
        elif match.get(_SEQUENCE) is None:
            order.append((spot, fixture))
        else:
            key = json.dumps({name: match[name] for name in match if name != _SEQUENCE}, sort_keys=True, default=str)
            if key not in sequences:
                order.append(key)
            sequences.setdefault(key, []).append((spot, fixture))
    for each in order:
        members = sequences[each] if isinstance(each, str) else [each]
        try:
            taking.rules.append(_usable(_sequence(members) if isinstance(each, str) else _single(*members[0])))
        except UnusableError as error:
            taking.left_out += [LeftOut(spot, _what(fixture["match"]), str(error)) for spot, fixture in members]
    taking.left_out.sort(key=lambda each: each.spot.number)
    return taking


def _usable(ruled: Ruled) -> Ruled:
    """Return the rule if it can be read; what the fixture holds of a wrong kind would be a mistake in the new file."""
    found = parse(rule_file([ruled], ""), "").problems
    if found:
        key = found[0].key.removeprefix("rules[0].")
        raise UnusableError(f"it makes no rule: {key}: {found[0].message}")
    return ruled


def _single(spot: Spot, fixture: Mapping[str, Any]) -> Ruled:
    notes: list[str] = []
    when = _when(fixture["match"])
    reply = reply_of(fixture, notes)
    return Ruled(spot, {"when": when, "reply": reply} if when else {"reply": reply}, tuple(notes))


def _sequence(members: list[tuple[Spot, Mapping[str, Any]]]) -> Ruled:
    """Return one rule for fixtures that differ in their place in a sequence alone."""
    notes: list[str] = []
    members = sorted(members, key=lambda member: _index(member[1]))
    found = [_index(fixture) for _, fixture in members]
    if found != list(range(len(found))):
        raise UnusableError(f"a sequence must count 0, 1, 2 …; this one has {', '.join(map(str, found))}")
    numbers = sorted(spot.number for spot, _ in members)
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        notes.append("the fixtures of a sequence stood apart; together they stand where the first did")
    rule: dict[str, Any] = {
        "when": _when(members[0][1]["match"]),
        "replies": [reply_of(fixture, notes) for _, fixture in members],
        "exhausted": "miss",
    }
    if not rule["when"]:
        del rule["when"]
    return Ruled(min((spot for spot, _ in members), key=lambda spot: spot.number), rule, tuple(notes))


def _index(fixture: Mapping[str, Any]) -> int:
    index = fixture["match"][_SEQUENCE]
    if not isinstance(index, int) or isinstance(index, bool):
        raise UnusableError("`sequenceIndex` is no whole number")
    return index


def _what(match: Any) -> str:
    text = json.dumps(match, ensure_ascii=False, default=str)
    return f"match {text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}"


# Conditions


def _when(match: Mapping[str, Any]) -> When:
    when: When = {}
    fields: When = {}
    for name, value in match.items():
        if value is None or name == _SEQUENCE:
            continue
        if name == "toolCallId":
            fields["call_id"] = _text(name, value)
        elif name == "toolResultContains":
            fields["output"] = {"contains": _text(name, value)}
        elif name in _CONDITIONS:
            when |= _CONDITIONS[name](value)
        else:
            like = nearest(name, [*_CONDITIONS, _SEQUENCE, "toolCallId", "toolResultContains"])
            hint = f"; was `{like}` meant?" if like else ""
            raise UnusableError(f"nothing here matches like `{name}`{hint}")
    if fields:
        when["tool_output"] = {**when.pop("tool_output", {}), **fields}
    return when


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UnusableError(f"`{name}` is no text")
    return value


def _user(value: Any) -> When:
    return {"user": {"contains": _text("userMessage", value)}}


def _system(value: Any) -> When:
    """Return conditions for the text of all system messages, which `instructions` are one of for aimock."""
    parts = value if isinstance(value, list) else [value]
    if not parts or not all(isinstance(part, str) for part in parts):
        raise UnusableError("`systemMessage` is no text or list of texts")
    each = [
        {
            "any_of": [
                {"instructions": {"contains": part}},
                {"body": {f"{_SYSTEM}.content": {"contains": part}}},
                {"body": {f"{_SYSTEM}.content[*].text": {"contains": part}}},
            ]
        }
        for part in parts
    ]
    return each[0] if len(each) == 1 else {"all_of": each}


def _model(value: Any) -> When:
    """Return a condition that also holds for dated versions of the model, as aimock's does."""
    name = _SPECIAL.sub(lambda found: f"\\{found[0]}", _text("model", value))
    return {"model": {"matches": f"^{name}(-[0-9].*)?$"}}


def _turn(value: Any) -> When:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UnusableError("`turnIndex` is no whole number from 0")
    return {"turn": value + 1}


def _tool_result(value: Any) -> When:
    if not isinstance(value, bool):
        raise UnusableError("`hasToolResult` is neither true nor false")
    given = {"tool_output": {"call_id": {"exists": True}}}
    return given if value else {"not": given}


def _endpoint(value: Any) -> When:
    if value != "chat":
        raise UnusableError(f"it answers another endpoint ({value})")
    return {}


_CONDITIONS: Final[Mapping[str, Callable[[Any], When]]] = MappingProxyType(
    {
        "userMessage": _user,
        "systemMessage": _system,
        "toolName": lambda value: {"tools": {"include": _text("toolName", value)}},
        "model": _model,
        "responseFormat": lambda value: {"text_format": _text("responseFormat", value)},
        "turnIndex": _turn,
        "hasToolResult": _tool_result,
        "endpoint": _endpoint,
    }
)
"""What each field of a `match` becomes; those that are not here have no equivalent, or are fields of a tool output."""
