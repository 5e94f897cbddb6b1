"""A small JSON value that a JSON Schema accepts.

This room decides which of all valid values is made: required properties alone, the fewest items, the first alternative
that works, round numbers. It must not know what the schema is for. Its work is bounded whatever the schema says, and
nothing a schema says makes it look anywhere else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from mockserver.core.errors import SchemaSourceError
from mockserver.core.items import samples
from mockserver.core.items.joins import joined, listed
from mockserver.core.messages import EMPTY, Json
from mockserver.core.schemas.costs import StrangersSchema
from mockserver.core.schemas.schema import resolve

BUDGET: Final = 5_000
"""How many schema nodes one attempt may look at."""

DEEPEST: Final = 64
_ATTEMPTS: Final = (
    (0, 0, False),
    (0, 0, True),
    (1, 0, False),
    (1, 0, True),
    (2, 0, False),
    (3, 0, False),
    (0, 1, False),
)
"""Which alternative of a union is tried first, which of several values, and whether optional properties are made too."""

_LAST_RESORTS: Final[tuple[Json, ...]] = ({}, "", 0, [], None, True, 1, "a")
"""Values tried for a schema that says only what it does not want."""


class _NoValueError(Exception):
    """This branch has no value that can be made: it forbids everything, recurses for ever, or costs too much."""


def instance(schema: Json) -> Json:
    """Return a small value that is valid against `schema`.

    A schema that cannot be met, or only in ways this room does not try, gets the best attempt: check it.
    """
    if not isinstance(schema, Mapping):
        return {}
    try:
        judge: StrangersSchema | None = StrangersSchema(schema)
    except SchemaSourceError:
        judge = None
    attempts: list[Json] = []
    for turn, nth, generous in _ATTEMPTS:
        try:
            made = _Maker(schema, turn, generous).make(schema, nth)
        except _NoValueError:
            continue
        if judge is None or not judge.affords(made) or judge.is_valid(made):
            return made
        attempts.append(made)
    if judge is not None:
        for value in _LAST_RESORTS:
            if judge.affords(value) and judge.is_valid(value):
                return value
    return attempts[0] if attempts else {}


_SIGNS: Final[Mapping[str, tuple[str, ...]]] = {
    "object": ("properties", "required", "additionalProperties", "minProperties", "patternProperties"),
    "array": ("items", "prefixItems", "minItems", "contains", "uniqueItems"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
"""Keywords by which a schema without `type` shows what it speaks of."""


class _Maker:
    """One attempt. `turn` rotates the alternatives of unions; `generous` makes optional properties too."""

    def __init__(self, document: Mapping[str, Any], turn: int, generous: bool) -> None:
        self._document = document
        self._turn = turn
        self._generous = generous
        self._left = BUDGET
        self._inside: list[str] = []

    def make(self, schema: Any, nth: int, depth: int = 0) -> Json:
        """Return the `nth` value (from 0; they differ where the schema lets them) of a schema node."""
        if schema is False or depth > DEEPEST:
            raise _NoValueError
        self._spend(schema)
        if not isinstance(schema, Mapping):
            return {}
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return self._follow(reference, schema, nth, depth)
        if "const" in schema:
            return schema["const"]
        options = schema.get("enum")
        if isinstance(options, list) and options:
            return options[(nth + self._turn) % len(options)]
        for keyword in ("allOf", "anyOf", "oneOf"):
            branches = schema.get(keyword)
            if isinstance(branches, list) and branches:
                rest = {key: value for key, value in schema.items() if key != keyword}
                if keyword == "allOf":
                    for branch in branches:
                        rest = self._both(rest, branch)
                    return self.make(rest, nth, depth + 1)
                rotated = branches[self._turn % len(branches) :] + branches[: self._turn % len(branches)]
                return self._first((self._both(rest, branch) for branch in rotated), nth, depth)
        return self._typed(schema, nth, depth)

    def _spend(self, schema: Any) -> None:
        """Take the size of a schema node off the budget."""
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        size = len(schema) if isinstance(schema, Mapping) else 0
        self._left -= 1 + size + (len(properties) if isinstance(properties, Mapping) else 0)
        if self._left < 0:
            raise _NoValueError

    def _follow(self, reference: str, schema: Mapping[str, Any], nth: int, depth: int) -> Json:
        # A smallest value never nests a definition in itself, so meeting it again means: take another alternative.
        if reference in self._inside:
            raise _NoValueError
        target = resolve(self._document, {"$ref": reference})
        if target is None:
            raise _NoValueError
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        self._inside.append(reference)
        try:
            return self.make(self._both(rest, target), nth, depth + 1)
        finally:
            self._inside.pop()

    def _first(self, schemas: Iterable[Any], nth: int, depth: int) -> Json:
        for schema in schemas:
            try:
                return self.make(schema, nth, depth + 1)
            except _NoValueError:
                if self._left < 0:
                    raise
        raise _NoValueError

    def _both(self, one: Any, other: Any) -> Any:
        # Joining compares lists member by member, so their members count too.
        for schema in (one, other):
            self._spend(schema)
            if isinstance(schema, Mapping):
                self._left -= sum(len(value) for value in schema.values() if isinstance(value, list))
        return joined(one, other) if self._left >= 0 else False

    def _typed(self, schema: Mapping[str, Any], nth: int, depth: int) -> Json:
        kinds = listed(schema["type"]) if "type" in schema else _shown(schema)
        if not kinds:
            raise _NoValueError
        rotated = kinds[self._turn % len(kinds) :] + kinds[: self._turn % len(kinds)]
        for kind in rotated:
            try:
                return self._of_kind(kind, schema, nth, depth)
            except _NoValueError:
                if self._left < 0:
                    raise
        raise _NoValueError

    def _of_kind(self, kind: Any, schema: Mapping[str, Any], nth: int, depth: int) -> Json:
        match kind:
            case "object":
                return self._object(schema, nth, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                made: Json = samples.text(schema, nth)
            case "integer" | "number":
                made = samples.number(schema, nth, whole=kind == "integer")
            case "boolean":
                return nth % 2 == 1
            case "null":
                return None
            case _:
                made = None
        if made is None:
            raise _NoValueError
        return made

    def _object(self, schema: Mapping[str, Any], nth: int, depth: int) -> dict[str, Json]:
        properties = _mapping(schema.get("properties"))
        required = dict.fromkeys(name for name in listed(schema.get("required", [])) if isinstance(name, str))
        names = [name for name in properties if name in required]
        names += [name for name in required if name not in properties]
        made = {name: self._property(schema, name, nth, depth) for name in dict.fromkeys(names)}
        least = _count(schema, "minProperties")
        if self._generous or len(made) < least:
            self._add_optional(made, schema, depth, math.inf if self._generous else least)
        extra = 0
        while len(made) < least:
            extra += 1
            made.setdefault(f"key{extra}", self._property(schema, f"key{extra}", extra, depth))
        return made

    def _add_optional(self, made: dict[str, Json], schema: Mapping[str, Any], depth: int, most: float) -> None:
        for name in _mapping(schema.get("properties")):
            if len(made) >= most:
                return
            if name not in made:
                try:
                    made[name] = self._property(schema, name, 0, depth)
                except _NoValueError:
                    if self._left < 0:
                        raise

    def _property(self, schema: Mapping[str, Any], name: str, nth: int, depth: int) -> Json:
        properties = _mapping(schema.get("properties"))
        return self.make(properties.get(name, schema.get("additionalProperties", True)), nth, depth + 1)

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Json]:
        first = schema.get("prefixItems")
        prefix = first if isinstance(first, list) else []
        least = _count(schema, "minItems")
        if self._generous:
            least = max(least, len(prefix), 1 if "items" in schema and schema.get("maxItems") != 0 else 0)
        contained = schema.get("contains")
        wanted = _count(schema, "minContains", 1) if contained is not None else 0
        made: list[Json] = [self.make(each, 0, depth + 1) for each in prefix[:least]]
        made += [self.make(contained, nth, depth + 1) for nth in range(wanted)]
        made += [self.make(schema.get("items", True), nth, depth + 1) for nth in range(least - len(made))]
        return made


def _shown(schema: Mapping[str, Any]) -> list[str]:
    """Return the type that a schema without `type` speaks of; anything goes for one that shows none."""
    return [kind for kind, words in _SIGNS.items() if any(word in schema for word in words)][:1] or ["object"]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else EMPTY


def _count(schema: Mapping[str, Any], key: str, default: int = 0) -> int:
    value = schema.get(key)
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default
