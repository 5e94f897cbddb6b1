"""The target `tool_output`: one output item in the tail that meets all of some fields.

This room decides which outputs are looked at and which fields they have. It must not know how a matcher decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import orjson

from mockserver.core.conversation import Conversation, output_text
from mockserver.core.errors import nearest
from mockserver.core.messages import ABSENT, MAX_DEPTH, Json, Request, depth_exceeds
from mockserver.core.rules.conditions import HOLDS, Condition, Mismatch, Mismatches
from mockserver.core.rules.jsonpath import Path, compile_path
from mockserver.core.rules.matchers import compile_matcher
from mockserver.core.rules.target_draft import Draft, words
from mockserver.core.rules.verdicts import Matcher, Site, shown


class Output:
    """One tool output and what can be asked of it; its text is parsed as JSON at most once."""

    __slots__ = ("_data", "_parsed", "call_id", "name", "text")

    def __init__(self, item: Mapping[str, Any], conversation: Conversation) -> None:
        call_id = item.get("call_id")
        name = conversation.call_name(call_id)
        self.call_id: Json = ABSENT if call_id is None else call_id
        self.name: Json = ABSENT if name is None else name
        self.text = output_text(item)
        self._data: Json = ABSENT
        self._parsed = False

    @property
    def data(self) -> Json:
        """The text as JSON; ABSENT when it is none."""
        if not self._parsed:
            self._parsed = True
            try:
                self._data = orjson.loads(self.text)
            except orjson.JSONDecodeError:
                self._data = ABSENT
            else:
                if depth_exceeds(self._data, self.text.encode(), MAX_DEPTH):
                    self._data = ABSENT
        return self._data


Ask: TypeAlias = Callable[[Output], list[Json]]
"""What a field gives for one output: the values any of which may satisfy the matcher; never empty, ABSENT for nothing."""

FIELDS: Final[Mapping[str, tuple[str, Ask]]] = MappingProxyType(
    {
        "call_id": ("the id of the call", lambda output: [output.call_id]),
        "name": ("the tool's name, found by the call's id", lambda output: [output.name]),
        "output": ("the text the tool gave back", lambda output: [output.text]),
    }
)


@dataclass(frozen=True, slots=True)
class Test:
    """One field and its matcher."""

    ask: Ask
    matcher: Matcher

    def mismatches(self, output: Output) -> Mismatches:
        """Return why no value of this field is accepted."""
        first: Mismatches = HOLDS
        for value in self.ask(output):
            found = self.matcher.mismatches(value)
            if not found:
                return HOLDS
            first = first or found
        return first


def make(given: Any, site: Site, draft: Draft) -> None:
    """Compile `tool_output`: fields, or a list of such, each met by some output."""
    if isinstance(given, list):
        if not given:
            site.wrong("an empty list asks for nothing", "one entry per tool output")
        for index, one in enumerate(given):
            _make_one(one, site.below(index), draft)
    else:
        _make_one(given, site, draft)


def _make_one(given: Any, site: Site, draft: Draft) -> None:
    if not isinstance(given, dict):
        site.wrong(f"expected fields such as {{name: get_weather}}, got {shown(given)}", _KNOWN)
        return
    tests: list[Test] = []
    patterns: list[tuple[Ask, re.Pattern[str]]] = []
    for name, spec in given.items():
        below = site.below(str(name))
        if name in FIELDS:
            _add_test(FIELDS[name][1], spec, below, tests, patterns, text=True)
        elif name == "data":
            for path, ask in _data_asks(spec, below):
                _add_test(ask, spec[path], below.below(path), tests, patterns, text=False)
        else:
            guess = nearest(str(name), (*FIELDS, "data"))
            below.wrong(f"unknown field {name!r}", f"did you mean `{guess}`?" if guess else _KNOWN)
    draft.conditions.append(_condition(given, site, tuple(tests)))
    draft.sources.extend((_values(ask, tuple(tests)), pattern) for ask, pattern in patterns)


def _add_test(
    ask: Ask, spec: Any, site: Site, tests: list[Test], patterns: list[tuple[Ask, re.Pattern[str]]], *, text: bool
) -> None:
    compiled: list[re.Pattern[str]] = []
    matcher = compile_matcher(spec, site.report, site.path, label=site.label, text=text, patterns=compiled)
    tests.append(Test(ask, matcher))
    patterns.extend((ask, pattern) for pattern in compiled)


def _data_asks(spec: Any, site: Site) -> Iterator[tuple[str, Ask]]:
    """Yield each JSONPath of `data` with the values that it selects."""
    if not isinstance(spec, dict) or not spec:
        site.wrong(f"expected JSONPaths with matchers, got {shown(spec)}", "such as `data: {$.temperature: {gt: 10}}`")
        return
    for text in spec:
        path = compile_path(text, site.report, (*site.path, str(text)))
        if path is not None:
            yield text, _selected(path)


def _selected(path: Path) -> Ask:
    return lambda output: list(path.values(output.data)) or [ABSENT]


def _condition(given: Any, site: Site, tests: tuple[Test, ...]) -> Condition:
    def test(request: Request) -> Mismatches:
        best: Mismatches = (Mismatch(site.label, given, ABSENT, "no tool output after the model's last item"),)
        for number, output in enumerate(_outputs(request)):
            found: Mismatches = HOLDS
            for each in tests:
                found += each.mismatches(output)
            if not found:
                return HOLDS
            if number == 0 or len(found) < len(best):
                best = found
        return best

    return Condition(site.label, test, spec=words("tool_output", given))


def _values(ask: Ask, tests: tuple[Test, ...]) -> Callable[[Request], list[Json]]:
    """Return what a pattern looks at: a field of the outputs that meet every test."""

    def values(request: Request) -> list[Json]:
        met = (output for output in _outputs(request) if not any(each.mismatches(output) for each in tests))
        return [value for output in met for value in ask(output)]

    return values


def _outputs(request: Request) -> Iterator[Output]:
    conversation = request.conversation
    for item in conversation.tail_outputs:
        yield Output(item, conversation)


_KNOWN: Final = f"known: {', '.join((*FIELDS, 'data'))}; no output at all is `not: {{tool_output: {{}}}}`"

_MATCHER: Final = {"$ref": "#/$defs/matcher"}
_ONE: Final = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **{name: {**_MATCHER, "description": doc} for name, (doc, _) in FIELDS.items()},
        "data": {
            "type": "object",
            "description": "JSONPaths into the output as JSON, each with a matcher",
            "minProperties": 1,
            "propertyNames": {"pattern": "^\\$"},
            "additionalProperties": _MATCHER,
        },
    },
}
SCHEMA: Final[Mapping[str, Any]] = {"anyOf": [_ONE, {"type": "array", "minItems": 1, "items": _ONE}]}
"""The JSON Schema of this target."""
