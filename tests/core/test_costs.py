"""Schemas that came with a request: what is judged, what is refused as too costly, and that neither takes long."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest

from mockserver.core.errors import SchemaSourceError
from mockserver.core.items.auto import items_for, untruths
from mockserver.core.items.instances import instance
from mockserver.core.messages import Request
from mockserver.core.schemas.costs import MOST_BYTES, StrangersSchema

SOON = 3.0
"""Seconds: far above what any of these takes, far below what they would ask for."""


def doubling(keyword: str, levels: int = 40) -> dict[str, Any]:
    """Definitions that each name the next one twice: 2 ** levels steps."""
    each = {f"a{level}": {keyword: [{"$ref": f"#/$defs/a{level + 1}"}] * 2} for level in range(levels)}
    return {"$ref": "#/$defs/a0", "$defs": {**each, f"a{levels}": {"type": "object" if keyword == "allOf" else "null"}}}


def left_over(levels: int = 50) -> dict[str, Any]:
    schema: dict[str, Any] = {"properties": {"a": {}}}
    for _ in range(levels):
        schema = {"unevaluatedProperties": False, "allOf": [schema]}
    return schema


ENDLESS: dict[str, dict[str, Any]] = {
    "allOf": doubling("allOf"),
    "anyOf": doubling("anyOf"),
    "oneOf": doubling("oneOf"),
    "unevaluated": left_over(),
    "an anchor": {"$ref": "#a", "$defs": {"x": {"$anchor": "a", "type": "object"}}},
}

COSTLY: dict[str, dict[str, Any]] = {
    "long": {"enum": ["x" * MOST_BYTES]},
    "many big patterns": {"allOf": [{"pattern": f"\\w{{{100 + number}}}"} for number in range(60)]},
    "many backtracking patterns": {"properties": {f"p{n}": {"pattern": f"(a*)*\\1b{n}"} for n in range(60)}},
    "references that start elsewhere": {
        "$ref": "#/$defs/inner",
        "$defs": {"inner": {"$id": "http://inner/", **doubling("allOf")}, "a0": {}},
    },
}

HARMLESS: dict[str, dict[str, Any]] = {
    "a quarter of a gigabyte of items": {"type": "array", "minItems": 10**9},
    "a long text": {"type": "string", "minLength": 10**12, "maxLength": 10**12},
    "many members": {"type": "object", "minProperties": 10**9},
    "many contained": {"type": "array", "contains": {}, "minContains": 10**9},
    "names by the hundred thousand": {
        "properties": {f"p{number}": {} for number in range(4000)},
        "required": [f"r{number}" for number in range(40_000)],
    },
    "long lists joined": {"allOf": [{"enum": list(range(start, start + 20_000))} for start in (0, 10_000)]},
    "a pattern that backtracks": {"type": "string", "pattern": r"^(?=(a|aa)+$)(a|aa)+\1b$"},
    "itself": {"$ref": "#"},
    "in a ring": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
}


def asked(schema: dict[str, Any]) -> Request:
    form = {"type": "json_schema", "name": "n", "schema": schema}
    return Request("POST", "/v1/responses", body=orjson.dumps({"model": "m", "input": "x", "text": {"format": form}}))


def said(text: str) -> list[dict[str, Any]]:
    return [{"type": "message", "content": [{"type": "output_text", "text": text}]}]


@pytest.mark.parametrize("name", [*ENDLESS, *COSTLY])
def test_what_costs_too_much_is_not_judged_and_says_so(name: str) -> None:
    began = time.thread_time()
    request = asked((ENDLESS | COSTLY)[name])
    assert items_for(request)
    (note,) = untruths(request, said('{"a": 1}'))
    assert "could not be checked" in note
    assert time.thread_time() - began < SOON


@pytest.mark.parametrize("name", HARMLESS)
def test_what_asks_for_much_is_soon_done(name: str) -> None:
    began = time.thread_time()
    request = asked(HARMLESS[name])
    assert items_for(request)
    untruths(request, said(f'"{"a" * 5000}c"'))
    assert time.thread_time() - began < SOON


@pytest.mark.parametrize("name", COSTLY)
def test_a_costly_schema_is_refused_when_compiled(name: str) -> None:
    with pytest.raises(SchemaSourceError, match="take too long"):
        StrangersSchema(COSTLY[name])


@pytest.mark.parametrize("name", ENDLESS)
def test_an_endless_schema_affords_nothing(name: str) -> None:
    assert not StrangersSchema(ENDLESS[name]).affords({"a": 1})


TREE: dict[str, Any] = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"value": {"type": "integer"}, "below": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
            "required": ["value", "below"],
            "additionalProperties": False,
        }
    },
}


def test_ordinary_recursion_is_judged() -> None:
    tree: dict[str, Any] = {"value": 1, "below": []}
    for _ in range(40):
        tree = {"value": 1, "below": [tree, {"value": 2, "below": []}]}
    judge = StrangersSchema(TREE)
    assert judge.affords(tree)
    assert judge.is_valid(tree)
    assert not judge.is_valid({"value": "x", "below": []})
    assert StrangersSchema(TREE).is_valid(instance(TREE))


def test_a_value_that_is_huge_is_not_judged_for_ever() -> None:
    """Schema and value may both be the client's, where a rule says back what was said."""
    schema = {"items": {"allOf": [{"pattern": f"(a*)*\\1b{number}"} for number in range(40)]}}
    assert not StrangersSchema(schema).affords(["a" * 30] * 100_000)
    assert StrangersSchema(schema).affords(["a"])


def test_left_over_keywords_in_their_usual_place_are_judged() -> None:
    schema = {"allOf": [{"properties": {"a": {"type": "string"}}}], "unevaluatedProperties": False}
    judge = StrangersSchema(schema)
    assert judge.affords({"a": "x"})
    assert judge.is_valid({"a": "x"})
    assert not judge.is_valid({"b": "x"})


def test_a_big_ordinary_schema_is_judged() -> None:
    """A thousand properties, each with a pattern that costs nothing."""
    schema = {"properties": {f"p{number}": {"type": "string", "pattern": "^[a-z]+$"} for number in range(1000)}}
    value = {f"p{number}": "abc" for number in range(1000)}
    judge = StrangersSchema(schema)
    assert judge.affords(value)
    assert judge.is_valid(value)
    assert not judge.is_valid({**value, "p1": "A"})
