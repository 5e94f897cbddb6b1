"""Every field of the reference page is checked: a good value passes, a wrong type is refused at exactly that place."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from tests.core.sources import built
from tests.facts.reference_page import ERROR, EVENT, REQUEST, RESPONSE, Field

DIALECTS = ("standard", "reference")

WRONG: dict[str, tuple[Any, ...]] = {
    "string": (5, True, {}),
    "boolean": ("true", 1, []),
    "integer": ("1", 1.5, True, {}),
    "number": ("1", True, []),
    "object": ("x", 5, []),
    "array": ("x", 5, {}),
    "string or array": (5, True, {}),
    "any": (),
}
"""Values of a wrong type, by the page's word for the right one."""

ALSO_FINE: dict[str, dict[str, Any]] = {
    "standard": {
        "input[].output": "a list of parts",
        "instructions[].output": "whatever the item's output was",
        "instructions[].arguments": "an object, as tool searches have them",
    },
    "reference": {
        "instructions[].output": "whatever the item's output was",
        "instructions[].arguments": "an object, as tool searches have them",
    },
}
"""Fields that take an object or a list too, each with what: there only a number is a wrong type."""

NODE = {
    "type": "object",
    "description": "d",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "items": {"type": "string"},
    "enum": ["a"],
    "additionalProperties": False,
}
SCHEMA = {**NODE, "properties": {"a": NODE}}
TOOL = {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True}
TEXT = {
    "format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "description": "d", "strict": True},
    "verbosity": "low",
}
REASONING = {"effort": "low", "generate_summary": "auto", "summary": "auto"}
CALL = {
    "type": "function_call",
    "id": "fc_1",
    "status": "completed",
    "call_id": "call_1",
    "name": "f",
    "arguments": "{}",
}
MESSAGE = {
    "type": "message",
    "id": "msg_1",
    "role": "user",
    "status": "completed",
    "content": [
        {"type": "input_text", "text": "x"},
        {"type": "input_image", "image_url": "https://example.org/a.png"},
        {"type": "input_image", "file_id": "file_1"},
    ],
}
CALL_OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "x"}
ANNOTATIONS = [
    {"type": "file_citation", "file_id": "file_1", "filename": "a.txt", "index": 0},
    {"type": "url_citation", "url": "https://example.org", "title": "t", "start_index": 0, "end_index": 1},
]
OUTPUT_MESSAGE = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [
        {"type": "output_text", "text": "x", "annotations": ANNOTATIONS},
        {"type": "refusal", "refusal": "no"},
    ],
}

GOOD_REQUEST = {
    "model": "m",
    "background": False,
    "include": ["reasoning.encrypted_content"],
    "input": [MESSAGE, CALL, CALL_OUTPUT],
    "instructions": "x",
    "max_output_tokens": 16,
    "max_tool_calls": 1,
    "metadata": {"a": "b"},
    "parallel_tool_calls": True,
    "previous_response_id": "resp_1",
    "reasoning": REASONING,
    "service_tier": "auto",
    "store": True,
    "stream": False,
    "temperature": 0.5,
    "text": TEXT,
    "tools": [TOOL],
    "top_logprobs": 0,
    "top_p": 0.5,
    "truncation": "auto",
    "user": "u",
}
GOOD_RESPONSE = {
    "id": "resp_1",
    "created_at": 1.5,
    "error": {"code": "server_error", "message": "m", "type": "server_error"},
    "incomplete_details": {"reason": "max_output_tokens"},
    "instructions": [MESSAGE, CALL, CALL_OUTPUT],
    "metadata": {"a": "b"},
    "model": "m",
    "object": "response",
    "output": [OUTPUT_MESSAGE, CALL],
    "parallel_tool_calls": True,
    "temperature": 0.5,
    "tool_choice": "auto",
    "tools": [TOOL],
    "top_p": 0.5,
    "background": False,
    "conversation": {"id": "conv_1"},
    "max_output_tokens": 16,
    "max_tool_calls": 1,
    "previous_response_id": "resp_0",
    "reasoning": REASONING,
    "service_tier": "auto",
    "status": "completed",
    "text": TEXT,
    "top_logprobs": 0,
    "truncation": "auto",
    "user": "u",
    "usage": {
        "input_tokens": 1,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 1,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 2,
    },
}
PLACE = {"sequence_number": 0, "item_id": "msg_1", "output_index": 0, "content_index": 0}
GOOD_EVENTS: dict[str, dict[str, Any]] = {
    "response": {"type": "response.completed", "sequence_number": 0, "response": GOOD_RESPONSE},
    "delta": {"type": "response.output_text.delta", **PLACE, "delta": "x", "logprobs": []},
    "text": {"type": "response.output_text.done", **PLACE, "text": "x", "logprobs": []},
    "item": {"type": "response.output_item.done", "sequence_number": 0, "output_index": 0, "item": OUTPUT_MESSAGE},
    "item of a call": {"type": "response.output_item.done", "sequence_number": 0, "output_index": 0, "item": CALL},
}
GOOD_ERROR = {"error": {"message": "m", "type": "t", "param": None, "code": "c"}}

Case = tuple[str, Field, dict[str, Any], list[tuple[str | int, ...]]]


def places(path: str, value: Any) -> list[tuple[str | int, ...]]:
    """Return every place of a value that a path of the table means."""
    found: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    for step in path.replace("[]", ".[]").split("."):
        below: list[tuple[tuple[str | int, ...], Any]] = []
        for place, here in found:
            if step == "[]" and isinstance(here, list):
                below.extend(((*place, index), inner) for index, inner in enumerate(here))
            elif step == "*" and isinstance(here, dict):
                below.extend(((*place, key), inner) for key, inner in here.items())
            elif isinstance(here, dict) and step in here:
                below.append(((*place, step), here[step]))
        found = below
    return [place for place, _ in found]


def put(value: Any, place: tuple[str | int, ...], new: Any) -> Any:
    """Return a copy of a value with something else at one place."""
    changed = json.loads(json.dumps(value))
    holder = functools.reduce(lambda here, step: here[step], place[:-1], changed)
    holder[place[-1]] = new
    return changed


def without(value: Any, place: tuple[str | int, ...]) -> Any:
    """Return a copy of a value without one place."""
    changed = json.loads(json.dumps(value))
    holder = functools.reduce(lambda here, step: here[step], place[:-1], changed)
    del holder[place[-1]]
    return changed


def cases() -> Iterator[Case]:
    """Yield every field of the page with a schema's name, a good body, and the places of the field in that body."""
    bodies: list[tuple[tuple[Field, ...], list[tuple[str, dict[str, Any]]]]] = [
        (REQUEST, [("request", GOOD_REQUEST)]),
        (RESPONSE, [("response", GOOD_RESPONSE)]),
        (EVENT, [(f"events/{event['type']}", event) for event in GOOD_EVENTS.values()]),
        (ERROR, [("error", GOOD_ERROR)]),
    ]
    for fields, candidates in bodies:
        for field in fields:
            carriers = [(name, body) for name, body in candidates if places(field.path, body)]
            assert carriers, f"no good body has {field.path}"
            for name, body in carriers:
                yield name, field, body, places(field.path, body)


CASES = list(cases())
REQUIRED = [
    case
    for case in CASES
    if case[1].required and not case[1].path.endswith(("instructions[].role", "instructions[].content"))
]
"""Echoed instructions alone are as loose as a client's items: what the page flattened there is required in messages only."""


def each(cases: list[Case]) -> pytest.MarkDecorator:
    """Run a test with each case."""
    named = [pytest.param(*case, id=f"{case[0]}:{case[1].path}") for case in cases]
    return pytest.mark.parametrize(("name", "field", "body", "where"), named)


both_dialects = pytest.mark.parametrize("dialect", DIALECTS)


@functools.cache
def validator(dialect: str, name: str) -> Any:
    """Return the compiled schema of a dialect."""
    return jsonschema_rs.Draft202012Validator(built(dialect)[f"{name}.json"])


def found_at(dialect: str, name: str, body: Any) -> set[tuple[str | int, ...]]:
    """Return the places at which a body is refused."""
    return {tuple(error.instance_path) for error in validator(dialect, name).iter_errors(body)}


def test_table_is_whole() -> None:
    """As many fields as the page shows, the repeated ones counted wherever they stand; elements of lists add rows."""
    tables = (REQUEST, RESPONSE, EVENT, ERROR)
    assert [sum(not field.path.endswith("[]") for field in table) for table in tables] == [80, 118, 147, 4]
    assert [sum(field.required for field in table) for table in tables] == [6, 25, 29, 0]
    assert all(len({field.path for field in table}) == len(table) for table in tables)


@both_dialects
@each(CASES)
def test_good_value_is_accepted(
    dialect: str, name: str, field: Field, body: Any, where: list[tuple[str | int, ...]]
) -> None:
    """The good body passes; so does each form that the page offers, and null where a field is optional."""
    assert found_at(dialect, name, body) == set()
    if field.type == "string or array":
        for place in where:
            assert found_at(dialect, name, put(body, place, "x")) == set()
            assert found_at(dialect, name, put(body, place, [])) == set()


@both_dialects
@each(CASES)
def test_wrong_type_is_refused_in_its_place(
    dialect: str, name: str, field: Field, body: Any, where: list[tuple[str | int, ...]]
) -> None:
    """Every value of another type is refused, nowhere but at the field."""
    suffix = field.path.removeprefix("response.")
    wrong = WRONG[field.type][:1] if suffix in ALSO_FINE[dialect] else WRONG[field.type]
    for place in where:
        for value in wrong:
            assert found_at(dialect, name, put(body, place, value)) == {place}, value


@both_dialects
@each(REQUIRED)
def test_required_field_may_not_be_missing(
    dialect: str, name: str, field: Field, body: Any, where: list[tuple[str | int, ...]]
) -> None:
    """Without a required field, its holder is refused."""
    for place in where:
        assert found_at(dialect, name, without(body, place)) == {place[:-1]}
