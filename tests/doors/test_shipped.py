"""The rule files that we ship: they are examples, default answers, and tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import openai
import pytest
import yaml
from openai.types.responses import FunctionToolParam
from pydantic import BaseModel

from mockserver.adapters import disk
from mockserver.assembly import CATALOGUE, SHIPPED
from mockserver.core.catalogue import ERRORS
from mockserver.core.rulefiles import schema as rulefile_schema
from tests.live import Live, serving

FIXTURES = disk.data("fixtures")
WEATHER: FunctionToolParam = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with serving(FIXTURES / SHIPPED, *(FIXTURES / name for name in CATALOGUE), speed=0.0) as live:
        yield live


@pytest.fixture
def client(live: Live) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=live.base_url, api_key="any", max_retries=0) as client:
        yield client


def tool_loop(client: openai.OpenAI, question: str) -> tuple[str, int]:
    """Run the loop as an app does; return the final text and the number of requests."""
    history: list[Any] = [{"role": "user", "content": question}]
    for requests in range(1, 6):
        response = client.responses.create(model="gpt-5", input=history, tools=[WEATHER])
        history += [item.to_dict() for item in response.output]
        calls = [item for item in response.output if item.type == "function_call"]
        if not calls:
            return response.output_text, requests
        for call in calls:
            assert json.loads(call.arguments) == {"city": "Paris"}
            history.append({"type": "function_call_output", "call_id": call.call_id, "output": "18 °C"})
    raise AssertionError("the loop did not end")


def test_the_first_example_ends_a_tool_loop_in_two_requests(client: openai.OpenAI) -> None:
    assert tool_loop(client, "What is the weather like?") == ("It is 18 °C in Paris.", 2)


def test_the_second_example_ends_a_tool_loop_in_two_requests(client: openai.OpenAI) -> None:
    assert tool_loop(client, "Will it rain?") == ("It rains.", 2)


def test_anything_else_gets_the_default_text_both_ways(client: openai.OpenAI) -> None:
    whole = client.responses.create(model="gpt-5", input="Tell me a story").output_text
    with client.responses.stream(model="gpt-5", input="Tell me a story") as stream:
        pieces = [event.delta for event in stream if event.type == "response.output_text.delta"]
    assert "".join(pieces) == whole
    assert "mockserver" in whole
    assert len(pieces) > 10


def test_structured_output_fits_without_a_rule(client: openai.OpenAI) -> None:
    class Weather(BaseModel):
        city: str
        degrees: int

    parsed = client.responses.parse(model="gpt-5", input="Where?", text_format=Weather).output_parsed
    assert isinstance(parsed, Weather)


def test_a_forced_tool_is_called_with_arguments_that_fit(client: openai.OpenAI) -> None:
    response = client.responses.create(model="gpt-5", input="Go", tools=[WEATHER], tool_choice="required")
    [call] = [item for item in response.output if item.type == "function_call"]
    assert set(json.loads(call.arguments)) == {"city"}


def test_two_rate_limits_then_fine(live: Live) -> None:
    """The client's own retries get there, without a second of waiting."""
    with openai.OpenAI(base_url=live.session_url("retry"), api_key="any", max_retries=2) as client:
        answer = client.responses.create(model="gpt-5", input="x", extra_headers={"x-case": "retry"})
    assert answer.output_text == "ok"
    assert [entry.exchange.status for entry in live.engine.sessions.find("retry").journal.entries()] == [429, 429, 200]


@pytest.mark.parametrize(
    ("case", "status", "reason"),
    [("fail", "failed", None), ("incomplete", "incomplete", "max_output_tokens"), ("refuse", "completed", None)],
)
def test_other_ends(client: openai.OpenAI, case: str, status: str, reason: str | None) -> None:
    response = client.responses.create(model="gpt-5", input="x", extra_headers={"x-case": case})
    assert response.status == status
    assert (response.incomplete_details.reason if response.incomplete_details else None) == reason


def test_a_connection_that_dies(client: openai.OpenAI) -> None:
    """What came before the reset is there; then the client's own connection error."""
    pieces: list[str] = []

    def read() -> None:
        events = client.responses.create(model="gpt-5", input="x", stream=True, extra_headers={"x-case": "die"})
        pieces.extend(event.delta for event in events if event.type == "response.output_text.delta")

    with pytest.raises((openai.APIConnectionError, httpx2.TransportError)):
        read()
    assert "".join(pieces) == "one two three"


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_has_a_model_name(client: openai.OpenAI, name: str) -> None:
    """`mock/error/NAME` answers with that row of the table; the official client raises it as its own class."""
    entry = ERRORS[name]
    with pytest.raises(openai.APIStatusError) as raised:
        client.responses.create(model=f"mock/error/{name}", input="x")
    assert raised.value.status_code == entry.status
    assert (raised.value.code, raised.value.type) == (entry.code, entry.type)
    assert isinstance(raised.value.body, dict)


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.mock.yaml")), ids=lambda path: path.name)
def test_the_schema_of_rule_files_holds_them(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    jsonschema.validate(document, rulefile_schema.schema())
