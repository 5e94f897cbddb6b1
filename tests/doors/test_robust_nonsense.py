"""Nonsense that is let through: with validation off, warning or lenient, any JSON object gets an answer that is valid."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver.adapters import disk
from tests.live import Live, serving

RULES = """
rules:
  - name: made up
    when: {metadata: {x: {exists: false}}, body: {"$.temperature": {exists: false}}}
    reply: {auto: true}
  - {name: a call, when: {body: {"$.top_p": {exists: false}}}, reply: {call: {f: {a: 1}}, response: {metadata: {a: b}}}}
  - name: a loop
    when: {tools: {include: f}}
    turns: [{call: {f: {}}}, {text: "{{ body.tools }} {{ input }} {{ tool_output }} {{ tool_outputs.f }} {{ metadata.a }}"}]
  - {name: an output, when: {tool_output: {name: f, data: {$.a: 1}}}, reply: {text: x}}
  - {name: all, when: {user: {matches: a}, transcript: b, turn: 1, tool_choice: auto, text_format: text}, reply: {text: x}}
  - {name: by name, when: {conversation: a, previous_response_id: b, instructions: c, model: d}, reply: {text: x}}
  - {name: fails, when: {stream: true}, reply: {text: "{{ body }}", failed: {code: server_error, message: x, after: 0}}}
otherwise: {output: [{message: "{{ input }}"}, {reasoning: "{{ user }}"}, {function_call: {name: g, arguments: {}}}]}
"""

STANDARD = disk.load_dialect("standard")
FIELDS = list(STANDARD.schema("request").document["properties"])

WORDS = st.sampled_from(
    [
        "message",
        "function_call",
        "function_call_output",
        "reasoning",
        "function",
        "custom",
        "mcp",
        "web_search",
        "json_schema",
        "json_object",
        "text",
        "allowed_tools",
        "input_text",
        "output_text",
        "item_reference",
        "computer_call_output",
        "object",
        "array",
        "string",
        "integer",
        "#",
        "#/$defs/a",
        "required",
        "auto",
        "none",
        "assistant",
        "user",
        "tool",
        "completed",
        "failed",
        "high",
        "f",
        "g",
        "a",
    ]
)
NAMES = st.sampled_from(
    [
        "type",
        "role",
        "content",
        "text",
        "format",
        "schema",
        "name",
        "call_id",
        "output",
        "arguments",
        "tools",
        "parameters",
        "properties",
        "items",
        "required",
        "$ref",
        "$defs",
        "id",
        "effort",
        "mode",
        "server_label",
        "enum",
        "const",
        "minimum",
        "pattern",
        "anyOf",
        "allOf",
        "status",
        "phase",
        "input",
        "model",
        "stream",
        "metadata",
        "strict",
        "syntax",
        "definition",
        "summary",
        "conversation",
        "usage",
        "0",
        "007",
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=6)
    | WORDS
)
VALUES = st.recursive(
    LEAVES,
    lambda below: (
        st.lists(below, max_size=4)
        | st.dictionaries(NAMES | st.text(st.characters(codec="utf-8"), max_size=4), below, max_size=5)
    ),
    max_leaves=20,
)
BODIES = st.fixed_dictionaries({}, optional={name: VALUES for name in FIELDS if name != "stream"})

MODES: dict[str, dict[str, Any]] = {
    "enforce": {},
    "off": {"validate": "off"},
    "warn": {"validate": "warn"},
    "lenient": {"lenient": True},
    "off and lenient": {"validate": "off", "lenient": True},
}


@pytest.fixture(scope="module", params=MODES)
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server for each mode."""
    path = tmp_path_factory.mktemp("rules") / "a.mock.yaml"
    path.write_text(RULES, encoding="utf-8")
    with serving(path, speed=0.0, **MODES[request.param]) as live:
        yield live


def answer(live: Live, body: bytes) -> tuple[int, bytes]:
    connection = HTTPConnection(urlsplit(live.url).netloc, timeout=10)
    try:
        connection.request("POST", "/v1/responses", body, {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(BODIES, st.booleans())
def test_any_object_has_a_valid_answer(live: Live, fields: dict[str, Any], stream: bool) -> None:
    """A response, a stream of valid events, or a refusal in the provider's shape; never an error of ours."""
    status, text = answer(live, orjson.dumps({**fields, "stream": stream}))
    assert status < 500
    if status != 200:
        assert STANDARD.schema("error").violations(orjson.loads(text)) == ()
    elif not stream:
        assert STANDARD.schema("response").violations(orjson.loads(text)) == ()
    else:
        events = [orjson.loads(line[6:]) for line in text.splitlines() if line.startswith(b"data: ")]
        assert events[-1]["type"] in ("response.completed", "response.failed")
        for event in events:
            assert STANDARD.schema(f"events/{event['type']}").violations(event) == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": {"0": None, "007": 1}},
        {"input": [{"type": []}, {"type": {}, "role": []}, None, 5, {"role": "user", "content": [[], {"text": {}}]}]},
        {"tools": [{"type": []}, [], {"type": "function", "name": [], "parameters": 5}], "tool_choice": {"type": {}}},
        {"tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{}, 5]}, "tools": [{}]},
        {"text": {"format": {"type": "json_schema", "schema": {"type": 5}}}, "reasoning": 5, "conversation": []},
        {"input": {"role": "user"}, "model": 5, "previous_response_id": ["x"], "prompt": {}, "instructions": [None]},
        {"include": {}, "truncation": [], "service_tier": {}, "temperature": "hot", "stream_options": 1},
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_once_broke_or_might_have(live: Live, fields: dict[str, Any], stream: bool) -> None:
    test_any_object_has_a_valid_answer.hypothesis.inner_test(live, fields, stream)  # type: ignore[attr-defined]  # its own


def test_a_thousand_violations_fit_into_a_header(tmp_path: Path) -> None:
    """Official clients refuse a header of more than 64 KiB."""
    path = tmp_path / "a.mock.yaml"
    path.write_text("otherwise: {text: ok}\n", encoding="utf-8")
    with serving(path, validate="warn") as live:
        body = {"model": "m", "input": "x", **{f"ü{number}": number for number in range(1000)}}
        status, _ = answer(live, orjson.dumps(body))
        assert status == 200
        (entry,) = live.engine.sessions.find("default").journal.entries()
        assert 0 < len(entry.exchange.violations) <= 101
