"""The official client, unmodified, over a real socket: every way it has of asking, sync and async."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

from tests.live import Live, serving

RULES = """
rules:
  - name: the weather, as a scripted tool loop
    when: {model: {glob: "gpt-*"}, transcript: {contains: weather}}
    turns:
      - call: {get_weather: {city: Paris}}
      - text: "It is {{ tool_outputs.get_weather }} in Paris."

  - name: rain, asked
    when: {input: {contains: rain}, tools: {include: get_weather}}
    reply:
      output:
        - reasoning: The user wants the weather; I have a tool for that.
        - function_call: {name: get_weather, arguments: {city: Paris}, call_id: call_1}
  - name: rain, answered
    when: {tool_output: {name: get_weather}}
    reply: {text: It rains., timing: {first: 30ms, every: 5ms, jitter: 2ms}}

  - name: two rate limits, then fine
    when: {headers: {x-case: retry}}
    replies:
      - {error: rate_limit_exceeded, times: 2, retry_after: 10ms}
      - {text: ok}

  - {when: {input: thinking}, reply: {output: [{reasoning: [First., Then.]}, {message: Done.}]}}
  - {when: {input: refuse}, reply: {refusal: I cannot help with that.}}
  - {when: {input: structured}, reply: {json: {city: Paris, degrees: 18}}}
  - {when: {input: cut short}, reply: {text: one two three, incomplete: max_output_tokens}}
  - {when: {input: fail}, reply: {text: half an answer, failed: {code: server_error, message: The model broke., after: 2}}}
  - {when: {input: custom}, reply: {output: [{custom_tool_call: {name: sql, input: SELECT 1}}]}}
  - {when: {input: die}, reply: {text: one two three four five, faults: [{reset: {after: {deltas: 3}}}]}}
  - name: literal
    when: {metadata: {case: literal}, stream: true}
    reply:
      events: [created, in_progress, {output_text.delta: Hel}, {at: 20ms, output_text.delta: lo}, completed]
otherwise: {text: Hello there.}
"""

TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Look up the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


class Weather(BaseModel):
    city: str
    degrees: int


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    file: Path = tmp_path_factory.mktemp("rules") / "client.mock.yaml"
    file.write_text(RULES, encoding="utf-8")
    with serving(file) as server:
        yield server


@pytest.fixture
def client(live: Live) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=live.base_url, api_key="sk-any", max_retries=0) as made:
        yield made


@pytest.fixture
async def aclient(live: Live) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=live.base_url, api_key="sk-any", max_retries=0) as made:
        yield made


def strict(events: list[Any]) -> list[dict[str, Any]]:
    """Check every event against the client's own models, and the order against nothing but counting from 0."""
    plain = [event.to_dict() for event in events]
    for event in plain:
        EVENT.validate_json(json.dumps(event), strict=True)
    assert [event["sequence_number"] for event in plain] == list(range(len(plain)))
    return plain


def test_create(client: openai.OpenAI) -> None:
    """Text as JSON, with the fields that the API always gives."""
    response = client.responses.create(model="m", input="hi", metadata={"a": "b"}, temperature=0.5)
    assert response.output_text == "Hello there."
    assert response.status == "completed"
    assert (response.model, response.metadata, response.temperature) == ("m", {"a": "b"}, 0.5)
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    Response.model_validate_json(response.to_json(), strict=True)


def test_create_stream(client: openai.OpenAI) -> None:
    """The same text as events; deltas add up to the closing text and to the final response."""
    with client.responses.create(model="m", input="hi", stream=True) as stream:
        events = list(stream)
    plain = strict(events)
    assert plain[0]["type"] == "response.created"
    assert plain[-1]["type"] == "response.completed"
    deltas = "".join(event["delta"] for event in plain if event["type"] == "response.output_text.delta")
    done = next(event["text"] for event in plain if event["type"] == "response.output_text.done")
    assert deltas == done == plain[-1]["response"]["output"][0]["content"][0]["text"] == "Hello there."


def test_stream_helper(client: openai.OpenAI) -> None:
    """The accumulating helper needs `response.created` first and `response.completed` at the end."""
    with client.responses.stream(model="m", input="hi") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert "response.output_text.delta" in kinds
    assert final.output_text == "Hello there."


def test_parse(client: openai.OpenAI) -> None:
    """Structured output into a model, whole and streamed."""
    parsed = client.responses.parse(model="m", input="structured", text_format=Weather)
    assert parsed.output_parsed == Weather(city="Paris", degrees=18)
    with client.responses.stream(model="m", input="structured", text_format=Weather) as stream:
        list(stream)
        assert stream.get_final_response().output_parsed == Weather(city="Paris", degrees=18)


def loop(client: openai.OpenAI, model: str, question: str, *, stored: bool) -> tuple[str, int]:
    """Run a tool loop as an agent would; return the final text and how many requests it took."""
    items: list[Any] = [{"role": "user", "content": question}]
    previous: Any = openai.omit
    for requests in range(1, 6):
        response = client.responses.create(model=model, input=items, tools=[TOOL], previous_response_id=previous)
        calls = [item for item in response.output if item.type == "function_call"]
        if not calls:
            return response.output_text, requests
        assert json.loads(calls[0].arguments) == {"city": "Paris"}
        outputs = [{"type": "function_call_output", "call_id": call.call_id, "output": "18 °C"} for call in calls]
        if stored:
            previous, items = response.id, outputs
        else:
            items = [*items, *(item.to_dict() for item in response.output), *outputs]
    raise AssertionError("the loop does not end")


@pytest.mark.parametrize("stored", [False, True], ids=["whole conversation sent", "previous_response_id"])
@pytest.mark.parametrize(
    ("model", "question", "text"),
    [("gpt-5", "What is the weather in Paris?", "It is 18 °C in Paris."), ("other", "Does rain fall?", "It rains.")],
)
def test_tool_loops_end_in_two_requests(
    client: openai.OpenAI, model: str, question: str, text: str, stored: bool
) -> None:
    """The two examples of the documentation, each way a client can carry the conversation on."""
    assert loop(client, model, question, stored=stored) == (text, 2)


def test_a_streamed_tool_call(client: openai.OpenAI) -> None:
    """Reasoning, then a call whose argument deltas add up."""
    with client.responses.create(model="other", input="Does rain fall?", tools=[TOOL], stream=True) as stream:
        plain = strict(list(stream))
    deltas = "".join(e["delta"] for e in plain if e["type"] == "response.function_call_arguments.delta")
    assert json.loads(deltas) == {"city": "Paris"}
    kinds = [event["type"] for event in plain]
    assert "response.reasoning_summary_text.delta" in kinds
    assert [item["type"] for item in plain[-1]["response"]["output"]] == ["reasoning", "function_call"]


@pytest.mark.parametrize("question", ["thinking", "refuse", "cut short", "custom", "fail", "structured", "hi"])
def test_one_reply_in_both_encodings(client: openai.OpenAI, question: str) -> None:
    """The terminal event's response says the same as the JSON answer: output, status, error, details."""
    whole = client.responses.create(model="m", input=question).to_dict()
    with client.responses.create(model="m", input=question, stream=True) as stream:
        plain = strict(list(stream))
    final = plain[-1]["response"]

    def bare(items: Any) -> Any:
        return [{k: v for k, v in item.items() if k not in ("id", "call_id")} for item in items]

    assert bare(whole["output"]) == bare(final["output"])
    for field in ("status", "error", "incomplete_details", "usage"):
        assert whole[field] == final[field], field


def test_refusal_incomplete_and_failed(client: openai.OpenAI) -> None:
    """The three ways an answer is not what was asked for, each as the API says it."""
    refused = client.responses.create(model="m", input="refuse")
    assert refused.to_dict()["output"][0]["content"] == [{"type": "refusal", "refusal": "I cannot help with that."}]  # type: ignore[index]  # plain JSON
    short = client.responses.create(model="m", input="cut short")
    assert short.status == "incomplete"
    assert short.incomplete_details is not None
    assert short.incomplete_details.reason == "max_output_tokens"
    failed = client.responses.create(model="m", input="fail")
    assert failed.status == "failed"
    assert failed.error is not None
    assert (failed.error.code, failed.error.message) == ("server_error", "The model broke.")


def test_the_helper_reads_incomplete_and_failed_streams(client: openai.OpenAI) -> None:
    """Their terminal events reach the caller."""
    for question, terminal in (("cut short", "response.incomplete"), ("fail", "response.failed")):
        with client.responses.create(model="m", input=question, stream=True) as stream:
            plain = strict(list(stream))
        assert plain[-1]["type"] == terminal


def test_literal_events(client: openai.OpenAI) -> None:
    """A hand-written sequence is as good as a made one."""
    with client.responses.create(model="m", input="hi", metadata={"case": "literal"}, stream=True) as stream:
        plain = strict(list(stream))
    assert plain[-1]["response"]["output"][0]["content"][0]["text"] == "Hello"


def test_retries_are_told_when_to_come_back(live: Live) -> None:
    """Two injected rate limits, then the answer; the client waits as told, not a second each."""
    with openai.OpenAI(base_url=live.session_url("retries"), api_key="k", max_retries=2) as patient:
        raw = patient.responses.with_raw_response.create(model="m", input="hi", extra_headers={"x-case": "retry"})
    assert raw.parse().output_text == "ok"
    assert raw.retries_taken == 2


def test_errors_are_the_client_s_own_classes(client: openai.OpenAI) -> None:
    """A rejection is a BadRequestError with param and code, a rate limit a RateLimitError with its headers."""
    with pytest.raises(openai.BadRequestError) as bad:
        client.responses.create(model="m", input="hi", temperature=9)
    assert (bad.value.param, bad.value.code, bad.value.type) == (
        "temperature", "decimal_above_max_value", "invalid_request_error",
    )  # fmt: skip
    assert bad.value.request_id is not None
    assert bad.value.request_id.startswith("req_")
    with pytest.raises(openai.RateLimitError) as limited:
        client.responses.create(model="m", input="hi", extra_headers={"x-case": "retry", "x-mock-session": "limited"})
    assert limited.value.response.headers["retry-after-ms"] == "10"
    assert limited.value.response.headers["retry-after"] == "1"


def test_a_reset_comes_after_what_was_promised(client: openai.OpenAI) -> None:
    """The first three deltas arrive, then the connection breaks under the client."""
    seen: list[str] = []
    with (
        pytest.raises(Exception, match=r"(?i)reset|closed|read|connection"),
        client.responses.create(model="m", input="die", stream=True) as stream,
    ):
        seen.extend(event.type for event in stream)
    assert seen.count("response.output_text.delta") == 3


async def test_async_create_stream_helper_and_parse(aclient: openai.AsyncOpenAI) -> None:
    """The async client has the same four ways."""
    response = await aclient.responses.create(model="m", input="hi")
    assert response.output_text == "Hello there."
    stream = await aclient.responses.create(model="m", input="hi", stream=True)
    strict([event async for event in stream])
    async with aclient.responses.stream(model="m", input="thinking") as helper:
        kinds = [event.type async for event in helper]
        final = await helper.get_final_response()
    assert "response.reasoning_summary_text.delta" in kinds
    assert final.output_text == "Done."
    parsed = await aclient.responses.parse(model="m", input="structured", text_format=Weather)
    assert parsed.output_parsed == Weather(city="Paris", degrees=18)
