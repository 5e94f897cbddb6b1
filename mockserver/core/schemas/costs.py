"""What judging by a stranger's schema may cost: counted ahead, so that no request makes the server think for ever.

Request bodies carry schemas. A few hundred bytes of one can ask for more steps than there is time: definitions that each
name the next one twice double with every level, and so do `unevaluated...` keywords inside one another. This room decides
which schemas are judged by and which are not. It must not know what is judged, or how (`schema`, `judges`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from mockserver.core.errors import SchemaSourceError
from mockserver.core.messages import Json
from mockserver.core.schemas.schema import Schema, resolve

MOST_BYTES: Final = 512 * 1024
"""The longest schema, as JSON text. Compiling one so long takes some 60 ms (measured)."""

MOST_PATTERNS: Final = 50
"""Costly patterns. One with counted repeats may weigh a megabyte once compiled, one that looks around or back backtracks."""

MOST_STEPS: Final = 20_000
"""How often judging may look at a schema node."""

_ONE: Final = ("not", "if", "then", "else", "propertyNames")
_SEVERAL: Final = ("allOf", "anyOf", "oneOf")
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_LEFT_OVER: Final = ("unevaluatedProperties", "unevaluatedItems")
_REWALKS: Final = 4
"""How often a node with an `unevaluated...` keyword has its branches judged to learn what they left over (measured: 3)."""

_COSTLY: Final = re.compile(r"\{\d|\(\?<?[=!>]|\\[1-9k]")
_PATTERN_STEPS: Final = 100
"""What a costly pattern counts for."""


class StrangersSchema:
    """A schema that came with a request. Raises `SchemaSourceError` when it cannot be compiled or costs too much.

    Its verdicts are those of `Schema`. Ask `affords` first.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        text = orjson.dumps(document)
        if len(text) > MOST_BYTES:
            raise _too_costly(f"it is longer than {MOST_BYTES} bytes")
        costly = sum(1 for found in _patterns(document) if _COSTLY.search(found))
        if costly > MOST_PATTERNS:
            raise _too_costly(f"it has more than {MOST_PATTERNS} patterns that count, or look around or back")
        # Without references and left-over keywords each node is looked at once for each value, at most.
        self._tame = not costly and b"Ref" not in text and b'"$ref"' not in text and b'"unevaluated' not in text
        self._nodes = text.count(b":") + text.count(b",") + 1  # there are no more
        if not self._tame and b'"$id"' in text and _renamed(document):
            raise _too_costly("a part of it has an `$id` of its own")
        self._document = document
        self._schema = Schema(document)
        self.is_valid = self._schema.is_valid
        self.violations = self._schema.violations

    def affords(self, instance: Json) -> bool:
        """Say whether judging this value takes no more than `MOST_STEPS`."""
        if self._tame and self._nodes * _count(instance, MOST_STEPS) <= MOST_STEPS:
            return True
        try:
            _Meter(self._document).look(self._document, instance, 1)
        except _SpentError:
            return False
        return True


class _SpentError(Exception):
    """Judging would take too long, or nobody can say how long."""


class _Meter:
    """Walks schema and value as a judge does that tries every branch, and counts."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._left = MOST_STEPS
        self._inside: set[tuple[int, int]] = set()

    def look(self, schema: Any, value: Json, times: int) -> None:
        """Take the steps of judging `value` by `schema`, `times` over, off what is left."""
        self._left -= times
        if isinstance(schema, Mapping) and isinstance(schema.get("pattern"), str) and _COSTLY.search(schema["pattern"]):
            self._left -= times * _PATTERN_STEPS
        if self._left < 0:
            raise _SpentError
        if not isinstance(schema, Mapping):
            return
        place = (id(schema), id(value))
        if place in self._inside:
            return  # a reference back to itself for the same value: judges look once
        self._inside.add(place)
        again = times * _REWALKS if any(key in schema for key in _LEFT_OVER) else times
        for below in self._in_place(schema):
            self.look(below, value, again)
        if isinstance(value, dict):
            self._members(schema, value, again)
        elif isinstance(value, list):
            for each in value:
                for below in _of_items(schema):
                    self.look(below, each, again)
        self._inside.discard(place)

    def _in_place(self, schema: Mapping[str, Any]) -> Iterator[Any]:
        for key in _ONE:
            if key in schema:
                yield schema[key]
        for key in _SEVERAL:
            branches = schema.get(key)
            if isinstance(branches, list):
                yield from branches
        for key in ("dependentSchemas", "dependencies"):
            dependent = schema.get(key)
            if isinstance(dependent, Mapping):
                yield from dependent.values()
        for key in _REFERENCES:
            reference = schema.get(key)
            if isinstance(reference, str):
                if reference != "#" and not reference.startswith("#/"):
                    raise _SpentError  # an anchor: where it leads is for the judge to know
                yield resolve(self._document, {"$ref": reference})

    def _members(self, schema: Mapping[str, Any], value: Mapping[str, Json], times: int) -> None:
        named = schema.get("properties")
        patterns = schema.get("patternProperties")
        rest = [schema[key] for key in ("additionalProperties", "unevaluatedProperties") if key in schema]
        rest += patterns.values() if isinstance(patterns, Mapping) else ()
        for name, each in value.items():
            if isinstance(named, Mapping) and name in named:
                self.look(named[name], each, times)
            for below in rest:
                self.look(below, each, times)


def _of_items(schema: Mapping[str, Any]) -> Iterator[Any]:
    for key in ("items", "prefixItems"):
        below = schema.get(key)
        if isinstance(below, list):
            yield from below
        elif below is not None:
            yield below
    for key in ("additionalItems", "contains", "unevaluatedItems"):
        if key in schema:
            yield schema[key]


def _count(value: Json, most: int) -> int:
    """Return how many values stand in `value`, itself included; more than `most` when there are more."""
    seen, stack = 1, [value]
    while stack and seen <= most:
        node = stack.pop()
        if isinstance(node, (dict, list)):
            seen += len(node)
            stack += node.values() if isinstance(node, dict) else node
    return seen


def _nodes(document: Json) -> Iterator[Mapping[str, Any]]:
    stack = [document]
    while stack:
        node = stack.pop()
        if isinstance(node, Mapping):
            yield node
            stack += node.values()
        elif isinstance(node, list):
            stack += node


def _patterns(document: Json) -> Iterator[str]:
    for node in _nodes(document):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        below = node.get("patternProperties")
        if isinstance(below, Mapping):
            yield from below


def _renamed(document: Mapping[str, Any]) -> bool:
    """Say whether a part below the root has an `$id`: references would start there, and lead elsewhere."""
    return any(node is not document and isinstance(node.get("$id"), str) for node in _nodes(document))


def _too_costly(reason: str) -> SchemaSourceError:
    return SchemaSourceError(f"judging by this JSON Schema may take too long: {reason}")
