"""Which bodies are refused, in which words and in which order, over the request schemas that we ship."""

from __future__ import annotations

import copy
import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.dialect import Dialect, Quirks
from mockserver.core.messages import Request, Violation
from mockserver.core.schemas.schema import Schema
from mockserver.core.schemas.validation import MOST_TOLD, Mode, Validator
from mockserver.core.schemas.wording import edits, where

SCHEMAS = Path(__file__).parents[2] / "schemas"


def dialect(name: str = "standard") -> Dialect:
    def load(part: str) -> Mapping[str, Any]:
        document: dict[str, Any] = json.loads((SCHEMAS / name / f"{part}.json").read_text(encoding="utf-8"))
        return document

    return Dialect(name, Quirks(), frozenset(), load)


STANDARD = dialect()
VALIDATOR = Validator(STANDARD)
OUT = {"model": "m", "input": "hi"}


def ask(body: Any, **headers: str) -> Request:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return Request("POST", "/v1/responses", headers={"content-type": "application/json", **headers}, body=raw)


def check(body: Any, validator: Validator = VALIDATOR) -> tuple[Violation, ...]:
    return validator.violations(ask(body))


def first(body: Any, validator: Validator = VALIDATOR) -> tuple[str | None, str | None, str]:
    """Code, param and message of what the client is told, with the house's hint cut off."""
    told = check(body, validator)[0]
    return told.code, told.param, told.message.partition(" (mockserver:")[0]


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in OUT.items() if name not in names}


# --- the provider's table: what is told first -----------------------------------------------------------------------------

MISSING, TYPE, VALUE, UNKNOWN = "missing_required_parameter", "invalid_type", "invalid_value", "unknown_parameter"
TABLE: list[tuple[dict[str, Any], str, str | None, str]] = [
    # missing
    (without("model"), MISSING, "model", "Missing required parameter: 'model'."),
    (without("input"), MISSING, "input", "Missing required parameter: 'input'."),
    ({}, MISSING, "model", "Missing required parameter: 'model'."),
    ({**OUT, "input": [{"role": "user"}]}, MISSING, "input[0].content", "Missing required parameter: 'input[0].content'."),
    ({**OUT, "tools": [{}]}, MISSING, "tools[0].type", "Missing required parameter: 'tools[0].type'."),
    (
        {**OUT, "tools": [{"type": "function", "function": {"name": "f"}}]},
        MISSING, "tools[0].name", "Missing required parameter: 'tools[0].name'.",
    ),
    (
        {**OUT, "tool_choice": {"type": "function", "function": {"name": "f"}}},
        MISSING, "tool_choice.name", "Missing required parameter: 'tool_choice.name'.",
    ),
    (
        {**OUT, "text": {"format": {"type": "json_schema", "schema": {}}}},
        MISSING, "text.format.name", "Missing required parameter: 'text.format.name'.",
    ),
    # unknown, at the top and below
    ({**OUT, "zzz_unknown": 1}, UNKNOWN, "zzz_unknown", "Unknown parameter: 'zzz_unknown'."),
    ({**OUT, "max_tokens": 16}, UNKNOWN, "max_tokens", "Unknown parameter: 'max_tokens'."),
    ({**OUT, "stop": ["x"]}, UNKNOWN, "stop", "Unknown parameter: 'stop'. Did you mean 'store'?"),
    ({**OUT, "sto": 1}, UNKNOWN, "sto", "Unknown parameter: 'sto'. Did you mean 'store'?"),
    ({**OUT, "st": 1}, UNKNOWN, "st", "Unknown parameter: 'st'."),
    ({**OUT, "stre": 1}, UNKNOWN, "stre", "Unknown parameter: 'stre'. Did you mean 'store' or 'stream'?"),
    ({**OUT, "strem": 1}, UNKNOWN, "strem", "Unknown parameter: 'strem'. Did you mean 'stream' or 'store'?"),
    ({**OUT, "modell": 1}, UNKNOWN, "modell", "Unknown parameter: 'modell'."),
    ({**OUT, "reasoning": {"bogus": 1}}, UNKNOWN, "reasoning.bogus", "Unknown parameter: 'reasoning.bogus'."),
    (
        {**OUT, "reasoning": {"efort": "low"}},
        UNKNOWN, "reasoning.efort", "Unknown parameter: 'reasoning.efort'. Did you mean 'reasoning.effort'?",
    ),
    (
        {**OUT, "input": [{"role": "user", "content": "hi", "x": 1}]},
        UNKNOWN, "input[0].x", "Unknown parameter: 'input[0].x'.",
    ),
    ({**OUT, "stream_options": {"include_usage": True}}, UNKNOWN, "stream_options.include_usage",
     "Unknown parameter: 'stream_options.include_usage'."),
    # wrong type
    ({**OUT, "model": None}, TYPE, "model", "Invalid type for 'model': expected a string, but got an object instead."),
    ({**OUT, "input": None}, TYPE, "input", "Invalid type for 'input': expected a string, but got an object instead."),
    ({**OUT, "model": 7}, TYPE, "model", "Invalid type for 'model': expected a string, but got an integer instead."),
    ({**OUT, "input": 7.5}, TYPE, "input",
     "Invalid type for 'input': expected one of a string or array of input items, but got a decimal instead."),
    ({**OUT, "input": [7]}, TYPE, "input[0]",
     "Invalid type for 'input[0]': expected an input item, but got an integer instead."),
    ({**OUT, "input": [None]}, TYPE, "input[0]",
     "Invalid type for 'input[0]': expected an input item, but got null instead."),
    ({**OUT, "input": [{"role": "user", "content": 7}]}, TYPE, "input[0].content",
     "Invalid type for 'input[0].content': expected one of a string or array of objects, but got an integer instead."),
    ({**OUT, "temperature": "hot"}, TYPE, "temperature",
     "Invalid type for 'temperature': expected a decimal, but got a string instead."),
    ({**OUT, "top_logprobs": []}, TYPE, "top_logprobs",
     "Invalid type for 'top_logprobs': expected an integer, but got an array instead."),
    ({**OUT, "stream": "yes"}, TYPE, "stream", "Invalid type for 'stream': expected a boolean, but got a string instead."),
    ({**OUT, "store": {}}, TYPE, "store", "Invalid type for 'store': expected a boolean, but got an object instead."),
    ({**OUT, "user": True}, TYPE, "user", "Invalid type for 'user': expected a string, but got a boolean instead."),
    ({**OUT, "text": "x"}, TYPE, "text", "Invalid type for 'text': expected an object, but got a string instead."),
    ({**OUT, "tools": "x"}, TYPE, "tools", "Invalid type for 'tools': expected an array of tools, but got a string instead."),
    ({**OUT, "metadata": "x"}, TYPE, "metadata",
     "Invalid type for 'metadata': expected a metadata object, but got a string instead."),
    ({**OUT, "metadata": {"a": 1}}, TYPE, "metadata.a",
     "Invalid type for 'metadata.a': expected a string, but got an integer instead."),
    ({**OUT, "context_management": "x"}, TYPE, "context_management",
     "Invalid type for 'context_management': expected an array of objects, but got a string instead."),
    ({**OUT, "truncation": {"a": 1}}, TYPE, "truncation",
     "Invalid type for 'truncation': expected one of 'auto' or 'disabled', but got an object instead."),
    ({**OUT, "tool_choice": 7}, TYPE, "tool_choice",
     "Invalid type for 'tool_choice': expected one of an object or 'none', 'auto', or 'required', "
     "but got an integer instead."),
    ({**OUT, "previous_response_id": {"a": 1}}, TYPE, "previous_response_id",
     "Invalid type for 'previous_response_id': expected a string, but got an object instead."),
    # not among the values
    ({**OUT, "truncation": "x"}, VALUE, "truncation", "Invalid value: 'x'. Supported values are: 'auto' and 'disabled'."),
    ({**OUT, "tool_choice": "x"}, VALUE, "tool_choice",
     "Invalid value: 'x'. Supported values are: 'none', 'auto', and 'required'."),
    ({**OUT, "reasoning": {"effort": "x"}}, VALUE, "reasoning.effort",
     "Invalid value: 'x'. Supported values are: 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', and 'max'."),
    ({**OUT, "input": [{"role": "x", "content": "hi"}]}, VALUE, "input[0].role",
     "Invalid value: 'x'. Supported values are: 'user', 'system', 'developer', and 'assistant'."),
    ({**OUT, "input": ["a", {"role": "user", "content": [{"type": "text", "text": "hi"}]}][1:]}, VALUE,
     "input[0].content[0].type",
     "Invalid value: 'text'. Supported values are: 'input_text', 'input_image', 'input_file', and 'input_audio'."),
    # out of bounds
    ({**OUT, "max_output_tokens": 15}, "integer_below_min_value", "max_output_tokens",
     "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 15 instead."),
    ({**OUT, "max_tool_calls": 0}, "integer_below_min_value", "max_tool_calls",
     "Invalid 'max_tool_calls': integer below minimum value. Expected a value >= 1, but got 0 instead."),
    ({**OUT, "top_logprobs": 21}, "integer_above_max_value", "top_logprobs",
     "Invalid 'top_logprobs': integer above maximum value. Expected a value <= 20, but got 21 instead."),
    ({**OUT, "temperature": -1}, "decimal_below_min_value", "temperature",
     "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got -1 instead."),
    ({**OUT, "top_p": 1.5}, "decimal_above_max_value", "top_p",
     "Invalid 'top_p': decimal above maximum value. Expected a value <= 1, but got 1.5 instead."),
    ({**OUT, "metadata": {f"k{n}": "v" for n in range(17)}}, "object_above_max_properties", "metadata",
     "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, "
     "but got an object with 17 properties instead."),
    ({**OUT, "metadata": {"k": "v" * 513}}, "string_above_max_length", "metadata.k",
     "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, "
     "but got a string with length 513 instead."),
    ({**OUT, "metadata": {"k" * 65: "v"}}, "property_name_above_max_length", f"metadata.{'k' * 65}",
     "Invalid property name in 'metadata': 'kkk...kkk' is too long. Expected a string with maximum length 64, "
     "but got a string with length 65 instead."),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "param", "message"), TABLE)
def test_the_provider_s_words(body: dict[str, Any], code: str, param: str | None, message: str) -> None:
    """Code, parameter and message of each fault that the schema shows."""
    assert first(body) == (code, param, message)


BETWEEN: list[tuple[dict[str, Any], str, str | None, str]] = [
    ({**OUT, "input": ""}, MISSING, None, "Missing required parameter: one of"),
    ({**OUT, "input": []}, MISSING, None, "Missing required parameter: one of"),
    ({**without("input"), "messages": []}, "unsupported_parameter", None, "Unsupported parameter: 'messages'."),
    ({**OUT, "messages": []}, "unsupported_parameter", None, "Unsupported parameter: 'messages'."),
    ({**OUT, "response_format": {}}, "unsupported_parameter", None, "Unsupported parameter: 'response_format'."),
    (
        {**OUT, "conversation": "c", "previous_response_id": "r"},
        "mutually_exclusive_parameters",
        None,
        "Mutually exclusive",
    ),
    ({**OUT, "model": ""}, "model_not_found", "model", ""),
]


@pytest.mark.parametrize(("body", "code", "param", "start"), BETWEEN)
def test_rules_between_fields(body: dict[str, Any], code: str, param: str | None, start: str) -> None:
    """What no schema states: empty input, a moved parameter, two that exclude each other, no model's name."""
    told = check(body)
    assert [(each.code, each.param) for each in told] == [(code, param)]
    assert told[0].message.startswith(start)


GOOD: list[dict[str, Any]] = [
    OUT,
    {**without("input"), "prompt": {"id": "pmpt_1"}},
    {"prompt": {"id": "pmpt_1"}},
    {**OUT, "input": "", "previous_response_id": "resp_1"},
    {**OUT, "input": [], "conversation": {"id": "conv_1"}},
    {**OUT, "input": "", "prompt": {"id": "pmpt_1", "variables": {"a": "b"}}},
    {**OUT, "conversation": None, "previous_response_id": "resp_1"},
    {
        **OUT,
        "temperature": None, "metadata": None, "tools": None, "truncation": None, "store": None, "user": None,
        "instructions": None, "max_output_tokens": None, "stream": None, "reasoning": None, "text": None,
        "conversation": None, "previous_response_id": None, "prompt": None, "tool_choice": None, "service_tier": None,
    },
    {
        "model": "m",
        "input": [
            {"role": "user", "content": "weather?"},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "and this?"},
                {"type": "input_image", "image_url": "https://example.com/a.png"},
            ]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "think"}]},
            {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
            {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
             "content": [{"type": "output_text", "text": "rain", "annotations": []}]},
            {"type": "item_reference", "id": "msg_2"},
        ],
        "tools": [
            {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
            {"type": "web_search"},
        ],
        "tool_choice": {"type": "function", "name": "f"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}},
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "metadata": {"case": "one"}, "stream": True, "store": False, "temperature": 1, "top_p": 0.5,
        "max_output_tokens": 16, "parallel_tool_calls": False, "service_tier": "auto",
    },
]  # fmt: skip


@pytest.mark.parametrize("body", GOOD)
def test_good_bodies_pass(body: dict[str, Any]) -> None:
    """Null is as good as absent but for model and input; a stored prompt may bring both."""
    assert VALIDATOR.refuse_body(ask(body)) is None
    assert check(body) == ()


def test_a_chain_brings_input_but_not_the_key() -> None:
    """After a response or in a conversation the input may be empty, yet it has to be there."""
    for name, value in (("previous_response_id", "resp_1"), ("conversation", "conv_1")):
        assert first({"model": "m", name: value})[:2] == (MISSING, "input")


# --- the order ------------------------------------------------------------------------------------------------------------

FAULTS: list[tuple[str | None, dict[str, Any]]] = [
    ("input", {"input": 7}),
    ("moderation", {"moderation": "x"}),
    ("include[0]", {"include": ["x"]}),
    ("tools", {"tools": "x"}),
    ("tool_choice", {"tool_choice": 7}),
    ("metadata", {"metadata": "x"}),
    ("text", {"text": "x"}),
    ("temperature", {"temperature": "x"}),
    ("top_p", {"top_p": "x"}),
    ("presence_penalty", {"presence_penalty": "x"}),
    ("frequency_penalty", {"frequency_penalty": "x"}),
    ("parallel_tool_calls", {"parallel_tool_calls": "x"}),
    ("stream", {"stream": "x"}),
    ("stream_options", {"stream_options": "x"}),
    ("background", {"background": "x"}),
    ("max_output_tokens", {"max_output_tokens": "x"}),
    ("max_tool_calls", {"max_tool_calls": "x"}),
    ("reasoning", {"reasoning": "x"}),
    ("user", {"user": 7}),
    ("safety_identifier", {"safety_identifier": 7}),
    ("prompt_cache_key", {"prompt_cache_key": 7}),
    ("truncation", {"truncation": "x"}),
    ("instructions", {"instructions": 7}),
    ("store", {"store": "x"}),
    ("service_tier", {"service_tier": 7}),
    ("top_logprobs", {"top_logprobs": "x"}),
    ("context_management", {"context_management": "x"}),
    ("conversation", {"conversation": 7}),
    ("prompt", {"prompt": 7}),
    ("previous_response_id", {"previous_response_id": 7}),
]
"""A fault in each field, in the order in which the API looks at them."""


def test_fields_are_told_in_the_order_the_api_looks() -> None:
    """All at once, and in whatever order the body has them."""
    body = {"model": "m"}
    for _, fault in reversed(FAULTS):
        body.update(fault)
    exclusive = {"conversation", "previous_response_id"}
    told = [each.param for each in check(body) if each.code != "mutually_exclusive_parameters"]
    assert told == [param for param, _ in FAULTS]
    assert exclusive <= set(told)


STAGES: list[tuple[str | None, str | None, dict[str, Any]]] = [
    (MISSING, "input", {"input": ...}),
    (UNKNOWN, "zzz", {"zzz": 1}),
    (VALUE, "truncation", {"truncation": "x"}),
    ("mutually_exclusive_parameters", None, {"conversation": "c", "previous_response_id": "r"}),
    (TYPE, "prompt", {"prompt": 7}),
    ("model_not_found", "model", {"model": ""}),
]


@pytest.mark.parametrize("hidden", range(len(STAGES)))
def test_an_earlier_stage_is_told_before_a_later_one(hidden: int) -> None:
    """Absent model, absent input, unknown key, fields, server state, empty input, the model's abilities."""
    body: dict[str, Any] = dict(OUT)
    for _, _, fault in STAGES[hidden:]:
        body.update(fault)
    body = {name: value for name, value in body.items() if value is not ...}
    assert first(body)[:2] == STAGES[hidden][:2]


def test_the_remaining_stages() -> None:
    """The model comes first of all; empty input comes after state and before the model's name."""
    assert first({"zzz": 1, "truncation": "x"})[:2] == (MISSING, "model")
    told = check({"model": "", "input": "", "prompt": None, "truncation": "x"})
    assert [each.code for each in told] == [VALUE, MISSING, "model_not_found"]
    assert first({**without("input"), "messages": [], "zzz": 1})[0] == "unsupported_parameter"


def test_at_one_place_what_is_missing_comes_before_what_is_unknown() -> None:
    """A tool in an older API's shape is told what it lacks, then what it has too much; nothing twice."""
    told = check({**OUT, "tools": [{"type": "function", "function": {}}], "truncation": {"a": 1}})
    assert [(each.code, each.param) for each in told] == [
        (MISSING, "tools[0].name"),
        (UNKNOWN, "tools[0].function"),
        (TYPE, "truncation"),
    ]


# --- the body as a whole --------------------------------------------------------------------------------------------------

BODIES: list[tuple[bytes, int, str | None, str]] = [
    (b"", 400, None, "empty"),
    (b"   ", 400, None, "JSON"),
    (b"{", 400, None, "JSON"),
    (b'{"model": "m", "input": "hi",}', 400, None, "JSON"),
    (b"model=m", 400, None, "JSON"),
    (b'{"model": "\xff"}', 400, None, "JSON"),
    (b'{"model": "\\ud800"}', 400, None, "JSON"),
    (b'{"temperature": NaN}', 400, None, "JSON"),
    (b'{"temperature": -Infinity}', 400, None, "JSON"),
    (b"[" * 100_000, 400, None, "JSON"),
    (b'{"a":' * 100_000, 400, None, "JSON"),
    (b'{"input": ' + b"[" * 128 + b"]" * 128 + b"}", 400, None, "deeper than 128"),
    (b"[]", 400, "invalid_type", "got an array instead"),
    (b"null", 400, "invalid_type", "got null instead"),
    (b'"text"', 400, "invalid_type", "got a string instead"),
    (b"7", 400, "invalid_type", "got an integer instead"),
    (b"true", 400, "invalid_type", "got a boolean instead"),
]


@pytest.mark.parametrize("mode", ["enforce", "warn", "off"])
@pytest.mark.parametrize(
    ("body", "status", "code", "said"), BODIES, ids=[body[:12].decode("latin-1") for body, *_ in BODIES]
)
def test_a_body_that_is_no_json_object_is_refused(
    body: bytes, status: int, code: str | None, said: str, mode: Mode
) -> None:
    """In the provider's shape, whatever the mode: there are no fields to look at."""
    error = Validator(STANDARD, mode).refuse_body(ask(body))
    assert error is not None
    assert error.status == status
    assert error.body["error"].keys() == {"message", "type", "param", "code"}
    assert (error.body["error"]["type"], error.body["error"]["code"]) == ("invalid_request_error", code)
    assert said in error.body["error"]["message"]


@pytest.mark.parametrize(
    ("content_type", "taken"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("APPLICATION/JSON", True),
        ("application/vnd.example+json;v=1", True),
        ("", True),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=x", False),
        ("json", False),
    ],
)
def test_content_types(content_type: str, taken: bool) -> None:
    """JSON under any name and none at all are taken; a form is a 415 that names it; `off` does not look."""
    request = ask(OUT, **{"content-type": content_type})
    error = VALIDATOR.refuse_body(request)
    assert (error is None) is taken
    if error is not None:
        assert error.status == 415
        assert content_type in error.body["error"]["message"]
    assert Validator(STANDARD, "off").refuse_body(request) is None


def test_no_content_type_header_at_all() -> None:
    """The body speaks for itself."""
    assert VALIDATOR.refuse_body(Request("POST", "/v1/responses", body=orjson.dumps(OUT))) is None


def test_what_the_client_sent_is_echoed_within_bounds() -> None:
    """Keys and values of a megabyte do not come back as a megabyte, and cost no time."""
    long = "x" * 1_000_000
    bodies = [
        {**OUT, long: 1},
        {**OUT, "truncation": long},
        {**OUT, "metadata": {long: "v"}},
        {**OUT, "reasoning": {long: 1}},
    ]
    for body in bodies:
        (told,) = check(body)
        assert len(orjson.dumps([told.message, told.param])) < 1000
    error = VALIDATOR.refuse_body(ask(OUT, **{"content-type": long}))
    assert error is not None
    assert len(orjson.dumps(error.body)) < 1000


# --- modes ----------------------------------------------------------------------------------------------------------------


def test_off_finds_nothing_and_needs_no_schema() -> None:
    """A dialect without a request schema can still be served unchecked."""

    def load(part: str) -> Mapping[str, Any]:
        raise AssertionError(part)

    assert check({"zzz": 1}, Validator(Dialect("none", Quirks(), frozenset(), load), "off")) == ()


def test_warn_finds_what_enforce_finds() -> None:
    """What becomes of it is the engine's."""
    body = {"zzz": 1, "temperature": "x"}
    assert check(body, Validator(STANDARD, "warn")) == check(body)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"model": "", "input": ""},
        {**OUT, "max_tool_calls": 0},
        {**OUT, "conversation": "c", "previous_response_id": "r"},
        {"conversation": "c", "previous_response_id": "r", "max_tool_calls": 0},
    ],
)
def test_lenient_takes_what_generated_suites_post(body: dict[str, Any]) -> None:
    """Empty bodies, contradictions and a `max_tool_calls` of 0; each of them is refused without it."""
    assert check(body, Validator(STANDARD, lenient=True)) == ()
    assert check(body)


def test_lenient_still_checks_types_and_keys() -> None:
    """It forgives what is not there, not what is wrong."""
    lenient = Validator(STANDARD, lenient=True)
    assert first({"model": 7}, lenient)[:2] == (TYPE, "model")
    assert first({"zzz": 1}, lenient)[:2] == (UNKNOWN, "zzz")
    assert first({"max_tool_calls": "x"}, lenient)[:2] == (TYPE, "max_tool_calls")


def test_an_unknown_key_s_refusal_says_how_to_let_it_through() -> None:
    """What the message names is what the flag takes."""
    bodies: list[dict[str, Any]] = [
        {**OUT, "zzz": 1},
        {**OUT, "reasoning": {"zzz": 1}},
        {**OUT, "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi", "zzz": 1}]}]},
    ]
    for body, name in zip(bodies, ["zzz", "reasoning.zzz", "input.content.zzz"], strict=True):
        (told,) = check(body)
        assert told.message.endswith(f" (mockserver: --allow-param {name} lets it through)")
        assert check(body, Validator(STANDARD, allow_params=frozenset({name}))) == ()
        assert check(body, Validator(STANDARD, allow_params=frozenset({"zzz"}))) == ()


def test_an_allowed_key_allows_nothing_else() -> None:
    """Other keys, other places of a dotted one, and other faults are still told; a known key is still checked."""
    validator = Validator(STANDARD, allow_params=frozenset({"zzz", "reasoning.yyy", "temperature"}))
    assert first({**OUT, "zzz": 1, "zz": 1}, validator)[:2] == (UNKNOWN, "zz")
    assert first({**OUT, "text": {"yyy": 1}}, validator)[:2] == (UNKNOWN, "text.yyy")
    assert first({**OUT, "zzz": 1, "temperature": "x"}, validator)[:2] == (TYPE, "temperature")
    assert first({**OUT, "zzz": 1, "input": ""}, validator)[:2] == (MISSING, None)


def test_the_reference_dialect_states_fields_and_types_alone() -> None:
    """The page requires a model and no more: no rules between fields, no bounds, extra keys accepted."""
    reference = Validator(dialect("reference"))
    for body in ({"model": "", "input": "", "zzz": 1}, {**OUT, "temperature": -1, "messages": []}):
        assert check(body, reference) == ()
    assert first({"input": "hi"}, reference)[:2] == (MISSING, "model")
    assert first({**OUT, "temperature": "x"}, reference)[:2] == (TYPE, "temperature")


def test_error_for_tells_the_first_violation() -> None:
    """A 400 in the provider's envelope, under the catalogue's name where it has one."""
    error = VALIDATOR.error_for(check({**OUT, "temperature": "x", "user": 7}))
    assert (error.status, error.name) == (400, "invalid_type")
    assert error.body == {
        "error": {
            "message": "Invalid type for 'temperature': expected a decimal, but got a string instead.",
            "type": "invalid_request_error",
            "param": "temperature",
            "code": "invalid_type",
        }
    }
    assert VALIDATOR.error_for((Violation("m", "empty_array", "tools"),)).name == ""


# --- schemas of other dialects: every keyword has its words -----------------------------------------------------------------


def told_by(schema: dict[str, Any], value: Any) -> tuple[str | None, str | None, str]:
    document = {"type": "object", "properties": {"a": schema}}
    (told,) = Validator(Dialect("own", Quirks(), frozenset(), lambda _: document)).violations(ask({"a": value}))
    return told.code, told.param, told.message


@pytest.mark.parametrize(
    ("schema", "value", "code", "said"),
    [
        ({"const": "x"}, "y", VALUE, "Invalid value: 'y'. Supported values are: 'x'."),
        ({"enum": [1, 2, None]}, 3, VALUE, "Invalid value: '3'. Supported values are: '1' and '2'."),
        ({"exclusiveMinimum": 0}, 0, "integer_below_min_value", "Expected a value > 0, but got 0"),
        ({"type": "number", "exclusiveMaximum": 1}, 1, "decimal_above_max_value", "Expected a value < 1, but got 1"),
        ({"minimum": 2}, 1.5, "decimal_below_min_value", "Expected a value >= 2, but got 1.5"),
        (
            {"minLength": 1},
            "",
            "empty_string",
            "empty string. Expected a string with minimum length 1, but got an empty",
        ),
        ({"minLength": 3}, "ab", "string_below_min_length", "minimum length 3, but got a string with length 2"),
        ({"minItems": 1}, [], "empty_array", "empty array. Expected an array with minimum length 1, but got an empty"),
        ({"minItems": 2}, [1], "array_below_min_length", "minimum length 2, but got an array with length 1"),
        ({"maxItems": 1}, [1, 2], "array_above_max_length", "maximum length 1, but got an array with length 2"),
        ({"minProperties": 1}, {}, "object_below_min_properties", "at least 1 properties, but got an object with 0"),
        ({"pattern": "^x"}, "y", VALUE, "Expected a string that matches the pattern '^x'."),
        ({"multipleOf": 2}, 3, VALUE, "Invalid 'a': expected multipleOf 2, found 3."),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, VALUE, "Invalid 'a': 1 fits none of the alternatives"),
        ({"type": "array"}, 1, TYPE, "expected an array, but got an integer instead."),
        ({"type": "array", "items": {"type": "string"}}, 1, TYPE, "expected an array of strings, but"),
        ({"type": "array", "items": {"enum": ["x", "y"]}}, 1, TYPE, "expected an array of one of 'x' or 'y', but"),
        ({"type": "string", "enum": ["x"]}, 1, TYPE, "expected 'x', but got an integer instead."),
        ({"type": "null"}, 1, TYPE, "expected null, but got an integer instead."),
        ({"type": ["integer", "boolean", "object"]}, "x", TYPE, "expected one of an integer, boolean, or object, but"),
        (False, 1, UNKNOWN, "Unknown parameter: 'a'."),
    ],
)
def test_every_keyword_has_its_words(schema: Any, value: Any, code: str, said: str) -> None:
    """Users bring their own API descriptions; whatever they use is told in the same style."""
    found = told_by(schema, value)
    assert found[:2] == (code, "a")
    assert said in found[2]


def test_a_misnamed_key_and_a_fault_of_the_whole_body() -> None:
    """Where no key or no length is to be named."""
    assert told_by({"propertyNames": {"pattern": "^x"}}, {"y": 1}) == (
        VALUE,
        "a.y",
        "Invalid property name in 'a': 'y'.",
    )
    document = {"type": "object", "anyOf": [{"required": ["x"]}, {"required": ["y"]}]}
    (told,) = Validator(Dialect("own", Quirks(), frozenset(), lambda _: document)).violations(ask({}))
    assert (told.code, told.param) == (VALUE, None)
    assert told.message.startswith("Invalid request body: ")


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_edits_is_a_distance(one: str, other: str) -> None:
    """Zero only between equals, the same both ways, bounded by the lengths."""
    distance = edits(one, other)
    assert distance == edits(other, one)
    assert (distance == 0) is (one == other)
    assert abs(len(one) - len(other)) <= distance <= max(len(one), len(other))


def test_paths_read_as_the_api_writes_them() -> None:
    """Dots between keys, indexes in brackets, nothing before the first."""
    assert where(("input", 2, "content", 0, "type")) == "input[2].content[0].type"
    assert where(()) == ""


# --- safety, and the oracle -------------------------------------------------------------------------------------------------


def test_schemas_inside_a_request_open_nothing(tmp_path: Path) -> None:
    """What a client puts into tools or text.format is data: no connection, no file."""
    (tmp_path / "a.json").write_text('{"type": "string"}')
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        for url in (f"http://127.0.0.1:{server.getsockname()[1]}/a.json", (tmp_path / "a.json").as_uri()):
            for keyword in ("$ref", "$schema", "$dynamicRef", "$id"):
                evil = {"type": "object", keyword: url, "properties": {"a": {keyword: url}}}
                check(
                    {
                        **OUT,
                        "text": {"format": {"type": "json_schema", "name": "n", "schema": evil}},
                        "tools": [{"type": "function", "name": "f", "parameters": evil}],
                    }
                )
        with pytest.raises(BlockingIOError):
            server.accept()


ORACLE = Schema(STANDARD.load("request"), "jsonschema")
FAST = STANDARD.schema("request")

pieces: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1.5,
        17,
        "",
        "hi",
        "auto",
        "user",
        "message",
        "function_call",
        "low",
        [],
        {},
        [{}],
        ["hi"],
        {"type": "x"},
    ]
)
keys = st.sampled_from(["type", "role", "content", "name", "text", "id", "zzz", "status", "output", "effort"])


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A good body with up to three places changed, dropped or added to."""
    body: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(0, 3))):
        node: Any = body
        while True:
            places = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not places:
                break
            place = draw(st.sampled_from(places))
            if isinstance(node[place], (dict, list)) and node[place] and draw(st.integers(0, 3)):
                node = node[place]
                continue
            change = draw(st.sampled_from(["swap", "drop", "add"]))
            if change == "swap":
                node[place] = copy.deepcopy(draw(pieces))
            elif change == "drop":
                del node[place]
            elif isinstance(node, dict):
                node[draw(keys)] = copy.deepcopy(draw(pieces))
            else:
                node.append(copy.deepcopy(draw(pieces)))
            break
    return body


@settings(max_examples=60, deadline=None)
@given(mutated())
def test_the_slow_library_agrees_about_request_bodies(body: dict[str, Any]) -> None:
    """Same verdict, same places and keywords; every violation is told with a place that is there or is missing."""
    assert FAST.is_valid(body) is ORACLE.is_valid(body)
    fast, slow = FAST.violations(body), ORACLE.violations(body)
    assert [(each.path, each.keyword, each.keys) for each in fast] == [
        (each.path, each.keyword, each.keys) for each in slow
    ]
    told = check(body)
    if not fast:
        assert all(each.code in (MISSING, "mutually_exclusive_parameters", "model_not_found") for each in told)
    for each in told:
        assert each.message
        assert each.param is None or each.param == where(each.path)
        assert each.code in VALIDATOR.error_for([each]).body["error"].values()


@settings(max_examples=60, deadline=None)
@given(mutated())
def test_order_does_not_depend_on_the_body_s_order(body: dict[str, Any]) -> None:
    """The API tells faults by its own order; only within a field does the body's count."""
    turned = dict(reversed(body.items()))
    fields = [each for each in check(body) if len(each.path) != 1 or each.code != UNKNOWN]
    assert [each for each in check(turned) if len(each.path) != 1 or each.code != UNKNOWN] == fields


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "input": "x", **{f"k{number:05d}": 1 for number in range(15_000)}},
        {"model": "m", "input": [{"role": "user", "content": "x", "tipe": 1}] * 4_000},
        {"model": "m", "input": [{"role": "usr", "content": 5, "type": "massage"}] * 4_000, "truncation": "no"},
    ],
    ids=["unknown at the top", "unknown below", "of every kind"],
)
def test_thousands_of_faults_are_told_in_bounds(body: dict[str, Any]) -> None:
    """The first is the one the API would tell; the rest are cut off before they weigh megabytes or take seconds."""
    began = time.thread_time()
    found = Validator(STANDARD).violations(ask(body))
    assert time.thread_time() - began < 2.0
    assert 0 < len(found) <= MOST_TOLD + 1
    assert found[0].param in ("k00000", "input[0].tipe", "input[0].type")


def test_of_thousands_of_faults_those_told_are_the_first_the_api_looks_at() -> None:
    """Whatever their order in the body."""
    body = {"tools": [{"type": "x"}] * 3000, "input": [{"role": "usr"}] * 3000, "odd": 1, "model": 5}
    params = [each.param for each in Validator(STANDARD).violations(ask(body))]
    assert params[0] == "odd"
    assert not any(str(param).startswith("tools") for param in params)
