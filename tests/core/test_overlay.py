"""Overlays: what they may change, how a mistake in one reads, and the files of a built dialect."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema_rs
import pytest

from mockserver.core.dialect import Quirks
from mockserver.core.errors import SchemaSourceError
from mockserver.core.schemas.overlay import MANIFEST, apply, build_dialect, digest, text
from tests.core.sources import DIALECTS, built


def small() -> dict[str, Any]:
    """Return a description with one request, and two events."""
    schemas: dict[str, Any] = {
        "Ask": {
            "type": "object",
            "required": ["model"],
            "properties": {"model": {"type": "string"}, "size": {"type": "integer", "minimum": 5}},
        },
        "StreamEvent": {"oneOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}]},
    }
    for name in ("A", "B", "C"):
        schemas[name] = {"type": "object", "required": ["type"], "properties": {"type": {"const": name.lower()}}}
    content = {"text/event-stream": {"schema": {"$ref": "#/components/schemas/StreamEvent"}}}
    operation = {
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ask"}}}},
        "responses": {"200": {"content": content}},
    }
    return {
        "openapi": "3.1.0",
        "x-mockserver": {"dialect": "small", "requests": {"closed": True}},
        "paths": {"/ask": {"post": operation}},
        "components": {"schemas": schemas},
    }


def accepts(overlay: dict[str, Any], body: Any) -> bool:
    """Say whether the request schema under an overlay accepts a body."""
    return jsonschema_rs.Draft202012Validator(build_dialect(small(), overlay)["request.json"]).is_valid(body)


@pytest.mark.parametrize(
    ("overlay", "body", "expected"),
    [
        ({}, {"model": "m"}, True),
        ({}, {"model": "m", "other": 1}, False),
        ({}, {"model": "m", "size": 1}, False),
        ({"requests": {"closed": False}}, {"model": "m", "other": 1}, True),
        ({"requests": {"bounds": False}}, {"model": "m", "size": 1}, True),
        ({"requests": {"nullable": True}}, {"model": "m", "size": None}, True),
        ({"require": {"Ask": ["size"]}}, {"model": "m"}, False),
        ({"relax": {"Ask": ["model"]}}, {}, True),
        ({"remove": {"Ask": ["model"]}}, {}, True),
        ({"remove": {"Ask": ["size"]}}, {"model": "m", "size": 9}, False),
        ({"nullable": {"Ask": ["model"]}}, {"model": None}, True),
        ({"set": {"Ask": {"size": {"type": "string"}}}}, {"model": "m", "size": "big"}, True),
        ({"set": {"Ask": {"colour": {"type": "string"}}}}, {"model": "m", "colour": "red"}, True),
        ({"schemas": {"Ask": {"type": "array"}}}, [], True),
    ],
)
def test_changes(overlay: dict[str, Any], body: Any, expected: bool) -> None:
    """Every key of an overlay does what it says."""
    assert accepts(overlay, body) is expected


@pytest.mark.parametrize(
    ("overlay", "events"),
    [
        ({}, ["a", "b"]),
        ({"events": ["b"]}, ["b"]),
        ({"union": {"StreamEvent": ["C"]}}, ["a", "b", "c"]),
        ({"union": {"StreamEvent": ["C"]}, "events": ["c", "a"]}, ["c", "a"]),
    ],
)
def test_events(overlay: dict[str, Any], events: list[str]) -> None:
    """Events can be kept and added, and each has its file."""
    files = build_dialect(small(), overlay)
    assert files[MANIFEST]["events"] == events
    assert {name for name in files if name.startswith("events/")} == {f"events/{event}.json" for event in events}


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ({"requires": {}}, ["unknown key 'requires'", "require"]),
        ({"base": "standard"}, ["base is 'standard'", "the source is 'small'"]),
        ({"require": {"Asks": ["size"]}}, ["no schema 'Asks'", "did you mean 'Ask'?"]),
        ({"require": {"Ask": ["sizes"]}}, ["require.Ask", "no field 'sizes'", "did you mean 'size'?"]),
        ({"relax": {"Ask": ["size"]}}, ["relax.Ask", "'size' is not required"]),
        ({"remove": {"Ask": ["sice"]}}, ["did you mean 'size'?"]),
        ({"nullable": {"Ask": ["sice"]}}, ["no field 'sice'"]),
        ({"union": {"Ask": ["C"]}}, ["union.Ask", "is no union"]),
        ({"events": ["a", "z"]}, ["no event type 'z'"]),
        ({"quirks": {"done_maker": True}}, ["unknown quirk 'done_maker'", "did you mean 'done_marker'?"]),
        ({"remove": {"Ask": ["x"]}, "events": ["z"]}, ["no field 'x'", "no event type 'z'"]),
    ],
)
def test_mistakes_are_explained(overlay: dict[str, Any], words: list[str]) -> None:
    """All mistakes come at once, each with what is near."""
    with pytest.raises(SchemaSourceError) as caught:
        build_dialect(small(), overlay)
    assert [word for word in words if word not in str(caught.value)] == []


def test_source_and_overlay_are_not_changed() -> None:
    """An overlay is applied to a copy."""
    source, overlay = (
        small(),
        {"remove": {"Ask": ["size"]}, "schemas": {"D": {"type": "object"}}, "set": {"D": {"x": {}}}},
    )
    before = copy.deepcopy((source, overlay))
    apply(source, overlay)
    assert (source, overlay) == before


def test_manifest_says_what_was_built() -> None:
    """Name, all quirks, events, and a digest that follows the source and the overlay."""
    plain = build_dialect(small())[MANIFEST]
    assert plain["name"] == "small"
    assert Quirks(**plain["quirks"]) == Quirks()
    assert build_dialect(small(), {"name": "other", "quirks": {"done_marker": True}})[MANIFEST]["quirks"]["done_marker"]
    assert build_dialect(small(), name="mine")[MANIFEST]["name"] == "mine"
    assert plain["digest"] == digest(small())
    assert digest(small(), {"name": "other"}) != digest(small()) != digest({**small(), "info": {}})


def test_text_is_json_with_one_line_per_shared_schema() -> None:
    """What is written is what was built, and a change is a short diff."""
    request = built("standard")["request.json"]
    written = text(request)
    assert json.loads(written) == request
    assert len(written.splitlines()) > len(request["$defs"])
    assert text({"ä": {"$ref": "#"}}) == '{\n"ä": {"$ref":"#"}\n}\n'


USAGE = {
    "input_tokens": 1,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 1,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 2,
}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "conversation": {"id": "conv_1"},
    "usage": USAGE,
}
DELTA = {
    "type": "response.output_text.delta",
    "sequence_number": 1,
    "item_id": "msg_1",
    "output_index": 0,
    "content_index": 0,
    "delta": "x",
}
NESTED = {"type": "error", "sequence_number": 1, "error": {"type": "t", "code": "c", "message": "m", "param": None}}
FLAT = {"type": "error", "sequence_number": 1, "code": None, "message": "m", "param": None}
ASK = {"model": "m", "input": "x"}
ARRAY_OUTPUT = {"model": "m", "input": [{"type": "function_call_output", "call_id": "c", "output": []}]}


class TestOurDialects:
    """What sets the shipped dialects apart, shown on the values they accept."""

    @pytest.mark.parametrize(
        ("schema", "value", "accepted_by"),
        [
            ("request", ASK, "standard reference openai"),
            ("request", {**ASK, "unheard_of": 1}, "reference"),
            ("request", {**ASK, "temperature": 3}, "reference"),
            ("request", {**ASK, "truncation": "never"}, "reference"),
            ("request", {**ASK, "metadata": {"a": 1}}, ""),
            ("request", {**ASK, "user": None}, "standard reference openai"),
            ("request", {**ASK, "client_metadata": {"a": 1}}, "standard reference openai"),
            ("request", {**ASK, "tools": [{"type": "new_tool"}]}, "reference"),
            ("request", {**ASK, "tools": [{"type": "function", "name": "a\n"}]}, "reference"),
            ("request", ARRAY_OUTPUT, "standard openai"),
            ("request", {"model": "m"}, ""),
            ("response", RESPONSE, "standard reference openai"),
            ("response", {**RESPONSE, "user": None, "extra": 1}, "standard reference openai"),
            ("response", {**RESPONSE, "usage": None}, "openai"),
            ("response", {key: value for key, value in RESPONSE.items() if key != "conversation"}, "openai"),
            ("response", {**RESPONSE, "usage": {**USAGE, "input_tokens_details": {}}}, "reference"),
            ("response", {**RESPONSE, "status": "new"}, "reference"),
            ("response", {**RESPONSE, "output": [{"type": "new_item"}]}, "reference"),
            ("events/response.output_text.delta", DELTA, "openai"),
            ("events/response.output_text.delta", {**DELTA, "logprobs": []}, "standard reference openai"),
            ("events/error", FLAT, "standard reference openai"),
            ("events/error", NESTED, "openai"),
            (
                "error",
                {"error": {"message": "m", "type": "t", "param": None, "code": None}},
                "standard reference openai",
            ),
            ("error", {"error": {"message": "m"}}, "reference"),
            ("error", {"error": {"message": "m", "type": "t"}}, "reference openai"),
        ],
    )
    def test_accepted(self, schema: str, value: Any, accepted_by: str) -> None:
        """Each value is accepted by exactly these dialects."""
        found = [
            name
            for name in DIALECTS
            if jsonschema_rs.Draft202012Validator(built(name)[f"{schema}.json"]).is_valid(value)
        ]
        assert found == accepted_by.split()

    def test_event_types(self) -> None:
        """59 published types, the 21 of the page's owner, and two more that were seen live."""
        counts = {name: len(built(name)[MANIFEST]["events"]) for name in DIALECTS}
        assert counts == {"standard": 59, "reference": 21, "openai": 61}

    def test_quirks(self) -> None:
        """How the three speakers differ on the wire."""
        live = Quirks(usage_null_until_end=True, conversation_always=False, error_event_nested=True, obfuscation=True)
        found = {name: Quirks(**built(name)[MANIFEST]["quirks"]) for name in DIALECTS}
        assert found == {"standard": Quirks(), "reference": Quirks(tool_choice_object=True), "openai": live}
