"""Answers without an author satisfy the request, and answers of an author that do not are told."""

from __future__ import annotations

import re
import time
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver.core.composition import compose
from mockserver.core.items import samples
from mockserver.core.items.auto import GREETING, instance, items_for, untruths
from mockserver.core.items.joins import joined
from mockserver.core.items.kinds import complete
from mockserver.core.items.patterns import sample
from mockserver.core.items.samples import FORMATS
from mockserver.core.messages import Request
from mockserver.core.schemas.schema import Schema
from tests.core.answering import asked, assert_legal, assert_valid_response, reply, request

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "minLength": 1}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
WEATHER = {"type": "function", "name": "get_weather", "parameters": CITY}
CUSTOM = {"type": "custom", "name": "run", "format": {"type": "grammar", "syntax": "regex", "definition": "[a-c]{2}"}}
CLOCK = {"type": "function", "name": "get_time", "parameters": None}
ASK = [{"role": "user", "content": "weather?"}]
ANSWERED = [
    *ASK,
    {"type": "function_call", "call_id": "c", "name": "get_weather", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "rain"},
]


def tool_of(items: list[Any]) -> tuple[str, str]:
    """Return type and name of the only item."""
    [item] = items
    return item["type"], item.get("name", "")


@pytest.mark.parametrize(
    ("choice", "tools", "called"),
    [
        ("required", [WEATHER, CLOCK], ("function_call", "get_weather")),
        ("required", [CUSTOM], ("custom_tool_call", "run")),
        ({"type": "function", "name": "get_time"}, [WEATHER, CLOCK], ("function_call", "get_time")),
        ({"type": "custom", "name": "run"}, [WEATHER, CUSTOM], ("custom_tool_call", "run")),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "get_time"}]},
            [WEATHER, CLOCK],
            ("function_call", "get_time"),
        ),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "get_time"}]},
            [WEATHER, CLOCK],
            ("message", ""),
        ),
        ({"type": "shell"}, [{"type": "shell"}], ("shell_call", "")),
        ({"type": "apply_patch"}, [{"type": "apply_patch"}], ("apply_patch_call", "")),
        ("auto", [WEATHER], ("message", "")),
        ("none", [WEATHER], ("message", "")),
        (None, [WEATHER], ("message", "")),
        ("required", [], ("message", "")),
        ("required", None, ("message", "")),
        ("required", 7, ("message", "")),
        ({"type": "allowed_tools", "mode": "required", "tools": 7}, ["x", WEATHER], ("message", "")),
        ({"type": "something_new"}, [], ("message", "")),
    ],
)
def test_forced_tools_are_called(choice: Any, tools: Any, called: tuple[str, str]) -> None:
    """A call when the request leaves the model no choice, else text; nothing about it is untrue."""
    question = request(input=ASK, tools=tools, tool_choice=choice)
    items = items_for(question)
    assert tool_of(items) == called
    assert untruths(question, items) == ()


def test_after_a_tool_output_there_is_text() -> None:
    """A forced tool is called once, not for ever."""
    assert tool_of(items_for(request(input=ASK, tools=[WEATHER], tool_choice="required")))[0] == "function_call"
    assert tool_of(items_for(request(input=ANSWERED, tools=[WEATHER], tool_choice="required")))[0] == "message"


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        ("web_search", "web_search_call"),
        ("web_search_preview_2025_03_11", "web_search_call"),
        ("file_search", "file_search_call"),
        ("image_generation", "image_generation_call"),
        ("code_interpreter", "code_interpreter_call"),
        ("mcp", "mcp_call"),
    ],
)
def test_hosted_tools_run_before_the_answer(kind: str, call: str) -> None:
    """What the service runs itself is followed by its answer."""
    tool = {"type": kind, "server_label": "s"} if kind == "mcp" else {"type": kind}
    items = items_for(request(tools=[tool], tool_choice={"type": kind}))
    assert [item["type"] for item in items] == [call, "message"]
    assert items[0].get("server_label") == ("s" if kind == "mcp" else None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, GREETING),
        ({"format": {"type": "text"}}, GREETING),
        ({"format": {"type": "json_object"}}, "{}"),
        ({"format": {"type": "json_schema", "name": "n", "schema": CITY}}, '{"city":"a","days":1}'),
        ({"format": {"type": "json_schema", "name": "n"}}, "{}"),
        ({"format": 7}, GREETING),
        ("x", GREETING),
    ],
)
def test_text_has_the_format_asked_for(text: Any, said: str) -> None:
    """Structured output is a minimal valid instance as compact JSON."""
    [item] = items_for(request(text=text))
    assert item["content"][0]["text"] == said


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"tools": [WEATHER], "tool_choice": "required"},
        {"tools": [CUSTOM], "tool_choice": "required"},
        {"tools": [{"type": "web_search"}], "tool_choice": "required"},
        {"tools": [{"type": "computer"}], "tool_choice": {"type": "computer"}},
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": CITY}}},
    ],
)
def test_auto_answers_are_valid(fields: dict[str, Any]) -> None:
    """What is made up becomes a valid response and a legal stream."""
    question = asked(**fields)
    made = compose(complete(items_for(question.request), question), reply(), question)
    assert_legal(made.events, question.dialect)
    assert_valid_response(made.response, question.dialect)


NODE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["value", "next", "children"],
        }
    },
    "$ref": "#/$defs/node",
}
INSTANCES: list[tuple[Any, Any]] = [
    ({}, {}),
    ({"type": "null"}, None),
    ({"type": "boolean"}, False),
    ({"const": [1]}, [1]),
    ({"enum": ["b", "a"]}, "b"),
    ({"type": "integer"}, 0),
    ({"type": "integer", "minimum": 3, "multipleOf": 7}, 7),
    ({"type": "integer", "maximum": -3}, -3),
    ({"type": "integer", "exclusiveMinimum": 0}, 1),
    ({"type": "integer", "multipleOf": 0.5, "minimum": 2}, 2),
    ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
    ({"type": "number", "multipleOf": 0.25, "minimum": 0.3}, 0.5),
    ({"type": "string", "minLength": 2, "maxLength": 2}, "aa"),
    ({"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"}, "AA-000"),
    ({"type": "string", "pattern": "(?=x)x", "examples": ["x"]}, "x"),
    ({"type": "array"}, []),
    ({"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True}, [0, 1, 2]),
    ({"type": "array", "prefixItems": [{"const": 1}, {"type": "string"}], "minItems": 2}, [1, ""]),
    ({"type": "array", "contains": {"const": 4}, "items": {"type": "integer"}, "minItems": 2}, [4, 0]),
    (CITY, {"city": "a", "days": 1}),
    (NODE, {"value": 0, "next": None, "children": []}),
    ({"type": "object", "minProperties": 1, "properties": {"a": {"const": 1}, "b": {}}}, {"a": 1}),
    ({"type": "object", "minProperties": 2, "additionalProperties": {"const": 1}}, {"key1": 1, "key2": 1}),
    ({"required": ["z"], "additionalProperties": {"type": "null"}}, {"z": None}),
    ({"anyOf": [{"$ref": "#"}, {"type": "integer"}]}, 0),
    ({"anyOf": [False, {"const": 1}]}, 1),
    ({"oneOf": [{"type": "integer", "minimum": 5}, {"type": "string"}]}, 5),
    ({"type": "object", "properties": {"k": {"const": "a"}}, "anyOf": [{"required": ["k"]}, {}]}, {"k": "a"}),
    (
        {
            "allOf": [
                {"type": "object", "properties": {"a": {"type": "string", "minLength": 3}}, "required": ["a"]},
                {"properties": {"a": {"maxLength": 5}, "b": {"const": 7}}, "required": ["b"]},
            ]
        },
        {"a": "aaa", "b": 7},
    ),
    ({"type": ["number", "null"], "allOf": [{"type": ["integer", "string"]}]}, 0),
    ({"not": {"type": "object"}}, ""),
]


@pytest.mark.parametrize(("schema", "expected"), INSTANCES)
def test_instances(schema: Any, expected: Any) -> None:
    """The small value that one would write by hand, and valid."""
    made = instance(schema)
    assert made == expected
    assert type(made) is type(expected)
    assert Schema(schema).is_valid(made)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (True, {"type": "null"}, {"type": "null"}),
        ({"type": "null"}, True, {"type": "null"}),
        ({"type": "null"}, False, False),
        ({"type": ["string", "null"]}, {"type": "string"}, {"type": ["string"]}),
        ({"type": "number"}, {"type": ["integer", "string"]}, {"type": ["integer"]}),
        ({"type": "string"}, {"type": "null"}, {"type": []}),
        ({"enum": [1, 2]}, {"enum": [2, 3]}, {"enum": [2]}),
        ({"required": ["a"]}, {"required": ["a", "b"]}, {"required": ["a", "b"]}),
        ({"minimum": 1, "maxLength": 9}, {"minimum": 0, "maxLength": 3}, {"minimum": 1, "maxLength": 3}),
        ({"minimum": "x"}, {"minimum": 0}, {"minimum": 0}),
        ({"allOf": [{}]}, {"allOf": [True]}, {"allOf": [{}, True]}),
        ({"properties": {"a": {}}}, {"properties": 7}, {"properties": 7}),
        (
            {"properties": {"a": {"type": "null"}, "b": {}}},
            {"properties": {"a": {}, "c": {}}},
            {"properties": {"a": {"allOf": [{"type": "null"}, {}]}, "b": {}, "c": {}}},
        ),
        ({"items": {"minimum": 1}}, {"items": {"maximum": 2}}, {"items": {"minimum": 1, "maximum": 2}}),
        ({"format": "date"}, {"format": "time", "title": "t"}, {"format": "time", "title": "t"}),
    ],
)
def test_schemas_are_joined(one: Any, other: Any, both: Any) -> None:
    """What both accept, keyword by keyword."""
    assert joined(one, other) == both


@pytest.mark.parametrize(
    ("schema", "nth", "whole", "made"),
    [
        ({}, 3, True, 3),
        ({"maximum": 0}, 3, True, -3),
        ({"maximum": 1, "minimum": 0}, 3, True, 0),
        ({"multipleOf": 0}, 0, False, None),
        ({"minimum": 1, "maximum": 2, "multipleOf": 5}, 0, False, None),
        ({"exclusiveMinimum": 1, "exclusiveMaximum": 2}, 0, True, None),
        ({"exclusiveMinimum": 1, "exclusiveMaximum": 2}, 0, False, 1.5),
        ({"exclusiveMinimum": 1, "exclusiveMaximum": 1}, 0, False, None),
        ({"minimum": 0.5, "maximum": 0.75}, 0, False, 0.625),
        ({"minimum": 2**53}, 0, True, float(2**53)),
        ({"minimum": True, "maximum": "x"}, 0, True, 0),
    ],
)
def test_numbers(schema: dict[str, Any], nth: int, whole: bool, made: float | None) -> None:
    """The number nearest to 0 within bounds, others beside it, none where none fits."""
    assert samples.number(schema, nth, whole=whole) == made


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_formats(form: str) -> None:
    """Each format has a text of its own."""
    assert instance({"type": "string", "format": form}) == FORMATS[form]


SCALAR: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"const": "x"}, {"enum": [1, "a", None]}]),
    st.builds(
        lambda low, span, step: {"type": "integer", "minimum": low, "maximum": low + span, "multipleOf": step},
        st.integers(-50, 50),
        st.integers(10, 20),
        st.integers(1, 10),
    ),
    st.builds(
        lambda low, span: {"type": "number", "exclusiveMinimum": low, "maximum": low + span},
        st.integers(-50, 50),
        st.integers(1, 9),
    ),
    st.builds(
        lambda least, more: {"type": "string", "minLength": least, "maxLength": least + more},
        st.integers(0, 5),
        st.integers(0, 5),
    ),
    st.sampled_from(["^a+b?$", r"\d{2,4}-[xyz]", "(foo|bar)+", "[^a]$"]).map(lambda each: {"pattern": each}),
)


def schemas(below: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return schemas one level up."""
    names = st.sampled_from("abcd")
    return st.one_of(
        st.builds(
            lambda properties, required, closed: {
                "type": "object",
                "properties": properties,
                "required": sorted(required & set(properties)),
                **({"additionalProperties": False} if closed else {}),
            },
            st.dictionaries(names, below, max_size=3),
            st.sets(names),
            st.booleans(),
        ),
        st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, below, st.integers(0, 3)),
        st.builds(lambda branches: {"anyOf": branches}, st.lists(below, min_size=1, max_size=3)),
        st.builds(lambda one: {"allOf": [one, {"description": "the same"}]}, below),
        st.builds(lambda one: {"$ref": "#/$defs/one", "$defs": {"one": one}}, below),
    )


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.recursive(SCALAR, schemas, max_leaves=6).filter(lambda schema: "$ref" not in str(schema)))
def test_instances_of_ordinary_schemas_are_valid(schema: dict[str, Any]) -> None:
    """Objects, arrays, unions and bounds, nested: the instance is valid by the library that judges."""
    assert Schema(schema).violations(instance(schema)) == ()


HOSTILE: list[Any] = [
    {"type": "array", "minItems": 10**9},
    {"type": "array", "minItems": 10**9, "items": True},
    {"type": "array", "contains": True, "minContains": 10**9},
    {"type": "object", "minProperties": 10**9},
    {"type": "string", "minLength": 10**9},
    {"type": "string", "pattern": "a{999999}" * 50},
    {"type": "string", "pattern": "(" * 1500},
    {"type": "integer", "minimum": 1e308, "multipleOf": 1e-300},
    {"$ref": "#"},
    {"$ref": "#/$defs/missing"},
    {"$ref": "https://example.com/schema.json"},
    {"$ref": "file:///etc/passwd"},
    {"type": "nonsense"},
    {"type": []},
    {"properties": 7, "required": "a"},
    {"enum": []},
    {"anyOf": [{"anyOf": [{"$ref": "#"}] * 50}] * 50},
    {"type": "array", "minItems": 40, "items": {"type": "array", "minItems": 40, "items": {"$ref": "#/items"}}},
    {"$defs": {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(500)}, "$ref": "#/$defs/d0"},
    {"properties": {f"p{n}": {} for n in range(20_000)}, "allOf": [{"properties": {"p1": {}}}] * 100},
    False,
    True,
    None,
    [],
]


@pytest.mark.parametrize("schema", HOSTILE, ids=lambda schema: str(schema)[:40])
def test_hostile_schemas_cost_little_and_raise_nothing(schema: Any) -> None:
    """Whatever a request says, the answer comes soon, is JSON and is small."""
    began = time.thread_time()
    made = instance(schema)
    assert len(orjson.dumps(made)) < 1_000_000
    [item] = items_for(request(text={"format": {"type": "json_schema", "name": "n", "schema": schema}}))
    assert item["type"] == "message"
    assert time.thread_time() - began < 5


@pytest.mark.parametrize(
    "pattern",
    [
        "^[A-Z]{2}-[0-9]{3}$", r"^\d{3}-\w+\s\D\S$", "^(foo|bar)baz$", "a|b", "(?:x){3}", "(?P<year>[0-9]{4})",
        "(?<year>[0-9]{4})", r"^\+?[1-9]\d{1,14}$", "[^aA0]", "[]x]", "[a-]", r"[\]\d]", r"\x41\u0042", r"\.\/\$",
        "x{2,}y{0,3}z{,2}", "^$", "", "a*?b+?c??", r"^[\w.+-]+@[\w-]+\.[\w.]+$", r"\bword\b", "{}", "a{x}",
    ],
)  # fmt: skip
def test_easy_patterns(pattern: str) -> None:
    """A text is made for the expressions that schemas use, and the expression finds itself in it."""
    made = sample(pattern)
    assert made is not None
    assert re.search(pattern.replace("(?<", "(?P<"), made)


@pytest.mark.parametrize("pattern", ["(?=a)", "(?!a)", "(?i)a", r"(a)\1", "(a", "a)", "*a", "[a", r"\p{L}", "a" * 3000])
def test_hard_patterns_are_left_alone(pattern: str) -> None:
    """What cannot be read gives nothing, and no error."""
    assert sample(pattern) is None


@settings(max_examples=100, deadline=None)
@given(st.text("ab^$.|()[]{}?*+\\-,019d", max_size=12))
def test_any_pattern_is_read_or_refused(pattern: str) -> None:
    """No expression breaks the reader."""
    made = sample(pattern)
    assert made is None or isinstance(made, str)


def said(text: str, **fields: Any) -> dict[str, Any]:
    """Return a completed message."""
    return {"type": "message", "status": "completed", "content": [{"type": "output_text", "text": text}], **fields}


def called(arguments: str, name: str = "get_weather") -> dict[str, Any]:
    """Return a completed function call."""
    return {"type": "function_call", "status": "completed", "name": name, "arguments": arguments}


STRUCTURED = {"text": {"format": {"type": "json_schema", "name": "n", "schema": CITY}}}
JSON = {"text": {"format": {"type": "json_object"}}}
GOOD = '{"city":"Paris","days":2}'


@pytest.mark.parametrize(
    ("fields", "item", "told"),
    [
        (STRUCTURED, said(GOOD), None),
        (STRUCTURED, said('{"city":"Paris","days":"2"}'), "days: expected integer, found string"),
        (STRUCTURED, said("{}"), "is missing"),
        (STRUCTURED, said("It rains."), "must be JSON"),
        (STRUCTURED, said("commentary", phase="commentary"), None),
        (STRUCTURED, said('{"city":"Par', status="incomplete"), None),
        (STRUCTURED, {"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}, None),
        (STRUCTURED, {"type": "reasoning", "summary": []}, None),
        (JSON, said("{}"), None),
        (JSON, said("[]"), "expected object, found array"),
        ({}, said("anything"), None),
        ({"tools": [WEATHER]}, called(GOOD), None),
        ({"tools": [WEATHER]}, called('{"city":"Paris","days":0}'), "output[0]: the arguments of get_weather break"),
        ({"tools": [WEATHER]}, called('{"city"'), "must be JSON"),
        ({"tools": [WEATHER]}, called("{}", "another"), None),
        ({"tools": [CLOCK]}, called("{}", "get_time"), None),
        (
            {"tools": [{"type": "function", "name": "get_weather", "parameters": {"type": 7}}]},
            called("{}"),
            "could not",
        ),
        ({"tools": 7, "text": 7}, called("{}"), None),
        ({}, called("{}"), None),
    ],
)
def test_untruths(fields: dict[str, Any], item: dict[str, Any], told: str | None) -> None:
    """An answer that breaks what the request itself asked for is noted, and nothing else is."""
    notes = untruths(request(**fields), [item])
    if told is None:
        assert notes == ()
    else:
        [note] = notes
        assert told in note


@pytest.mark.parametrize("reference", ["https://example.com/x.json", "file:///etc/passwd", "other.json#/a"])
def test_schemas_of_a_request_fetch_nothing(reference: str) -> None:
    """A reference to anywhere else makes the schema unusable; no file or connection is opened."""
    form = {"type": "json_schema", "name": "n", "schema": {"$ref": reference}}
    [note] = untruths(request(text={"format": form}), [said("{}")])
    assert "could not be checked" in note


def test_large_schemas_are_judged_too() -> None:
    """Schemas too large to be kept are compiled for the one request."""
    large = {"type": "object", "description": "x" * 20_000, "required": ["a"]}
    [note] = untruths(request(text={"format": {"type": "json_schema", "schema": large}}), [said("{}")])
    assert "'a' is missing" in note


def test_a_request_that_is_no_json_is_answered() -> None:
    """Let through, even an empty body gets the greeting."""
    assert tool_of(items_for(Request("POST", "/v1/responses"))) == ("message", "")
