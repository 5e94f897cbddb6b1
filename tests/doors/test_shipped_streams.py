"""Every rule that we ship, asked over a socket in both encodings and both dialects: what comes back is what the API sends.

The official client's types judge first, strictly and with fields they do not know looked at too; then our schemas of the
dialect and the event grammar. A rule that nothing here asks for is a failure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx2
import pytest
from openai.types.responses import (
    Response,
    ResponseCustomToolCall,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseStreamEvent,
)
from pydantic import BaseModel, TypeAdapter

from mockserver.adapters import disk
from mockserver.assembly import CATALOGUE, SHIPPED
from mockserver.core.grammar.event_types import TERMINALS
from mockserver.core.grammar.sequence import check
from mockserver.core.reply import Error, Events
from mockserver.core.sse import Decoder
from tests.facts.reference_page import RESPONSE
from tests.live import Live, serving

FILES: Final = tuple(disk.data("fixtures") / name for name in (*CATALOGUE, SHIPPED))
RULES: Final = disk.load_rules(FILES).book.rules
CLIENT: Final = httpx2.Client(verify=False)  # plain HTTP: loading certificates would take longer than the tests
CLIENT_EVENT: Final[TypeAdapter[Any]] = TypeAdapter(ResponseStreamEvent)
WEATHER: Final = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CALLED: Final = [
    {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "call_1", "output": "18 °C"},
]
PERSON: Final = {
    "type": "json_schema",
    "name": "person",
    "schema": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    },
}

REQUIRED: Final = [
    field.path for field in RESPONSE if field.required and not field.path.startswith(("instructions[]", "tools[].p"))
]

ASKED: Final[Mapping[str, dict[str, Any]]] = {
    "the weather, as a scripted tool loop": {"input": "How is the weather?", "tools": [WEATHER], "model": "gpt-5"},
    "rain, as separate rules, first the call": {"input": "Will there be rain?", "tools": [WEATHER], "model": "o9"},
    "rain, then what the tool said": {"input": CALLED, "tools": [WEATHER], "model": "o9"},
    "two rate limits, then fine": {"x-case": "retry"},
    "overloaded": {"x-case": "overloaded"},
    "a connection that dies in the middle of a stream": {"x-case": "die"},
    "a failure inside the stream": {"x-case": "fail"},
    "an answer cut short by its length": {"x-case": "incomplete"},
    "a refusal": {"x-case": "refuse"},
    "literal events, each at its time": {"metadata": {"case": "literal"}},
    "structured output that fits the schema asked for": {"text": {"format": PERSON}},
    "a forced tool call with arguments that fit": {"tools": [WEATHER], "tool_choice": "required"},
    "otherwise": {"input": [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}]},
}
"""A request for each rule that is not asked for by a model name of its own."""

LIVE: Final[Mapping[type[BaseModel], tuple[str, ...]]] = {
    Response: ("store", "frequency_penalty", "presence_penalty"),  # Open Responses requires them
    ResponseFunctionCallArgumentsDoneEvent: ("name",),  # the published event requires it
    ResponseCustomToolCall: ("status",),  # every item of the live service has one
}
"""Fields that the API sends though the client's types do not name them."""


@pytest.fixture(scope="module", params=["standard", "reference"])
def live(request: pytest.FixtureRequest) -> Iterator[Live]:
    with serving(*FILES, speed=0.0, dialect=request.param) as live:
        yield live


def request_for(name: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the body and the headers that the rule of this name answers."""
    fields = dict(ASKED.get(name) or {})
    headers = {"x-case": fields.pop("x-case")} if "x-case" in fields else {}
    if name not in ASKED:
        [rule] = [rule for rule in RULES if rule.name == name]
        [fields["model"]] = [each.equality[1] for each in rule.conditions if each.equality]
    return {"model": "gpt-5", "input": "hello", **fields}, headers


def post(live: Live, name: str, stream: bool) -> httpx2.Response:
    """Ask in a session of its own; the answer is from that rule."""
    body, headers = request_for(name)
    session = f"{name} {stream}".replace(" ", "-").replace(",", "")
    answer = CLIENT.post(f"{live.session_url(session)}/responses", json={**body, "stream": stream}, headers=headers)
    assert answer.headers.get("x-mock-rule", "").endswith((f'"{name}"', name)), answer.text[:500]
    return answer


def unknown_fields(value: Any, path: str = "") -> Iterator[str]:
    """Yield where a parsed value holds a field that the client's types do not have, but for `LIVE`."""
    if isinstance(value, BaseModel):
        known = LIVE.get(type(value), ())
        yield from (f"{path}.{name}" for name in value.model_extra or () if name not in known)
        for name in type(value).model_fields:
            yield from unknown_fields(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from unknown_fields(each, f"{path}[{index}]")


def lacking(value: Any, steps: list[str]) -> bool:
    """Say whether what is there of a path of the reference page lacks its last step."""
    if not steps:
        return False
    name = steps[0].removesuffix("[]")
    if not isinstance(value, dict) or (value.get(name) is None and len(steps) > 1):
        return False  # the page's fields hold for the members that have what is above them
    if name not in value:
        return True
    below = value[name] if steps[0].endswith("[]") and isinstance(value[name], list) else [value[name]]
    return any(lacking(each, steps[1:]) for each in below)


def named(name: str) -> frozenset[str]:
    """Return the event types that a rule names itself: sent as written, with their frames, whatever the dialect has."""
    [rule] = [rule for rule in RULES if rule.name == name]
    kinds = [reply.kind for reply, _ in rule.replies]
    return frozenset(entry.type for kind in kinds if isinstance(kind, Events) for entry in kind.entries)


def assert_response(live: Live, response: dict[str, Any]) -> None:
    """A response object is valid for the client, by our schema, and has what the reference page requires."""
    parsed = Response.model_validate_json(json.dumps(response), strict=True)
    assert list(unknown_fields(parsed)) == []
    assert live.engine.dialect.schema("response").violations(response) == ()
    assert [path for path in REQUIRED if lacking(response, path.split("."))] == []
    assert isinstance(response["usage"], dict)
    assert isinstance(response["conversation"]["id"], str)
    assert isinstance(response["tool_choice"], dict) == live.engine.dialect.quirks.tool_choice_object


SERVED: Final = [rule.name for rule in RULES if not isinstance(rule.replies[0][0].kind, Error)]
CUT: Final = [rule.name for rule in RULES if any(reply.faults for reply, _ in rule.replies)]
REFUSED: Final = [rule.name for rule in RULES if isinstance(rule.replies[0][0].kind, Error)]
STREAMED_ONLY: Final = "literal events, each at its time"


@pytest.mark.parametrize("name", [name for name in SERVED if name not in CUT])
def test_every_event_is_valid_and_the_stream_legal(live: Live, name: str) -> None:
    dialect = live.engine.dialect
    answer = post(live, name, stream=True)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    frames = Decoder().feed(answer.content)
    events = [json.loads(frame.data or "") for frame in frames]
    assert [frame.event for frame in frames] == [event["type"] for event in events]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    types = dialect.event_types
    if not named(name) <= types:
        types |= {event["type"] for event in events}
    assert check(events, types=types) == ()
    for event in events:
        speaks = dialect if event["type"] in dialect.event_types else disk.load_dialect("standard")
        assert list(unknown_fields(CLIENT_EVENT.validate_json(json.dumps(event), strict=True), event["type"])) == []
        assert event["type"] in types
        assert speaks.schema(f"events/{event['type']}").violations(event) == ()
        if "response" in event:
            assert_response(live, event["response"])
    assert events[-1]["type"] in TERMINALS


@pytest.mark.parametrize("name", [name for name in SERVED if name not in CUT and name != STREAMED_ONLY])
def test_the_same_as_json(live: Live, name: str) -> None:
    """The JSON answer is valid, and but for what is drawn it is what the stream's last event holds."""
    answer = post(live, name, stream=False)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    response = answer.json()
    assert_response(live, response)
    last = json.loads(Decoder().feed(post(live, name, stream=True).content)[-1].data or "")["response"]
    assert [item["type"] for item in response["output"]] == [item["type"] for item in last["output"]]
    assert (response["status"], response["usage"]) == (last["status"], last["usage"])


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("name", REFUSED)
def test_errors_are_never_streams(live: Live, name: str, stream: bool) -> None:
    answer = post(live, name, stream)
    assert answer.headers["content-type"] == "application/json"
    assert live.engine.dialect.schema("error").violations(answer.json()) == ()
    assert answer.json()["error"].keys() == {"message", "type", "param", "code"}


def test_every_rule_is_asked_for() -> None:
    assert {rule.name for rule in RULES} == {*SERVED, *REFUSED}
    assert {rule.name for rule in RULES} >= set(ASKED)
    assert CUT == ["a connection that dies in the middle of a stream"]
