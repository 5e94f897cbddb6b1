"""Every kind of reply in both encodings, with what may stand beside it, asked through the whole engine."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from mockserver.core.grammar.sequence import check
from mockserver.core.items.kinds import KINDS
from mockserver.core.rulefiles.replyform import KINDS as REPLY_KINDS
from mockserver.core.rulefiles.rulefile import parse
from tests.core.answering import CLIENT_EVENT, assert_valid_response
from tests.core.asking import Answered, ask, engine

FUNCTION = {
    "type": "function",
    "name": "f",
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
}
SCHEMA = {
    "type": "json_schema",
    "name": "n",
    "schema": {"type": "object", "properties": {"b": {"const": 7}}, "required": ["b"]},
}


def both(reply: Any, dialect: str = "standard", **fields: Any) -> tuple[Answered, Answered]:
    """Return the answers to the same request as JSON and as a stream, from one rule."""
    asked = engine(json.dumps({"rules": [{"reply": reply}]}), dialect)
    whole, stream = ask(asked, **fields), ask(asked, stream=True, **fields)
    if whole.status == 200:
        speaks = asked.dialect
        assert_valid_response(whole.json, speaks)
        assert check(stream.events, types=speaks.event_types) == ()
        for event in stream.events:
            CLIENT_EVENT.validate_json(json.dumps(event), strict=True)
            assert speaks.schema(f"events/{event['type']}").violations(event) == ()
    return whole, stream


def bare(response: dict[str, Any]) -> dict[str, Any]:
    """Return a response without what is drawn for each request."""
    text = json.dumps(response)
    drawn = {response["id"], response["conversation"]["id"]}
    for item in response["output"]:
        drawn |= {item[key] for key in ("id", "call_id", "container_id", "approval_request_id") if item.get(key)}
    for each in drawn:
        text = text.replace(each, each.partition("_")[0])
    made: dict[str, Any] = json.loads(text)
    return made


REPLIES: list[dict[str, Any]] = [
    {"text": "one two"},
    {"text": ""},
    {"refusal": "no"},
    {"json": {"a": [1, None, "x"]}},
    {"json": "text"},
    {"call": {"f": {"a": 1}}},
    {"call": {"f": {"a": 1}, "g": {}}},
    {"output": []},
    {"output": [{"reasoning": "why"}, {"reasoning": ["a", "b"]}, {"reasoning": {"content": "raw"}}, {"message": "m"}]},
    {"auto": True},
    {"events": ["created", "in_progress", {"output_text.delta": "Hi"}, "completed"]},
    {"text": "a b c", "failed": {"code": "server_error", "message": "broke", "after": 1}},
    {"text": "a b c", "failed": {}},
    {"text": "a b c", "incomplete": "content_filter"},
    {"call": {"f": {}}, "incomplete": "max_output_tokens"},
    *({"output": [{"type": kind}]} for kind in KINDS),
]


@pytest.mark.parametrize("dialect", ["standard", "reference"])
@pytest.mark.parametrize("reply", REPLIES, ids=json.dumps)
def test_both_encodings_say_the_same(reply: dict[str, Any], dialect: str) -> None:
    """Valid and legal each; the JSON is the terminal event's response, as far as it is not drawn."""
    whole, stream = both(reply, dialect)
    final = stream.events[-1]["response"]
    assert bare(whole.json) == bare(final)
    opened = [
        event["response"] for event in stream.events if event["type"] in ("response.created", "response.in_progress")
    ]
    assert [each["status"] for each in opened] == ["in_progress"] * 2
    assert all(each["output"] == [] and each["completed_at"] is None for each in opened)
    assert {each["id"] for each in opened} == {final["id"]}


def test_every_kind_of_reply_is_tried_here_or_beside() -> None:
    tried = {next(iter(reply)) for reply in REPLIES}
    assert REPLY_KINDS.keys() - tried == {"error", "http", "forward"}


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "*/*"])
@pytest.mark.parametrize("flag", [True, False, None])
def test_the_flag_in_the_body_decides_never_the_accept_header(accept: str, flag: bool | None) -> None:
    asked = engine("otherwise: {text: hi}")
    answer = ask(asked, stream=flag, headers={"accept": accept})
    assert answer.headers["content-type"].startswith("text/event-stream" if flag else "application/json")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("reply", [{"error": "server_error"}, {"error": {"status": 418, "message": "tea"}}])
def test_errors_are_json_whatever_was_asked(reply: dict[str, Any], stream: bool) -> None:
    answer = both(reply)[stream]
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["error"].keys() == {"message", "type", "param", "code"}


@pytest.mark.parametrize("stream", [False, True])
def test_http_is_sent_as_written(stream: bool) -> None:
    answer = both(
        {"http": {"status": 202, "headers": {"content-type": "text/plain", "x-a": "b"}, "body": "so\nit is"}}
    )[stream]
    assert (answer.status, answer.body) == (202, b"so\nit is")
    assert (answer.headers["content-type"], answer.headers["x-a"]) == ("text/plain", "b")


def test_usage_and_response_are_merged_in_every_snapshot() -> None:
    """Deeply; null stays null; `total_tokens` follows; the details that the client requires stay."""
    reply = {
        "text": "a b",
        "usage": {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4}},
        "response": {
            "metadata": {"k": "v"},
            "reasoning": {"effort": "low"},
            "temperature": None,
            "service_tier": "flex",
        },
    }
    whole, stream = both(reply)
    for response in (whole.json, *(event["response"] for event in stream.events if "response" in event)):
        assert response["metadata"] == {"k": "v"}
        assert response["reasoning"] == {"effort": "low", "summary": None}
        assert (response["temperature"], response["service_tier"]) == (None, "flex")
        usage = response["usage"]
        assert usage["input_tokens"] == 10
        assert usage["input_tokens_details"] == {"cached_tokens": 4, "cache_write_tokens": 0}
        assert usage["output_tokens_details"] == {"reasoning_tokens": 0}
        assert usage["total_tokens"] == 10 + usage["output_tokens"]


def test_literal_events_take_usage_and_response_too() -> None:
    reply = {
        "events": ["created", "in_progress", {"output_text.delta": "Hi"}, "completed"],
        "usage": {"input_tokens": 3},
        "response": {"metadata": {"k": "v"}},
    }
    whole, stream = both(reply)
    for response in (whole.json, *(event["response"] for event in stream.events if "response" in event)):
        assert (response["metadata"], response["usage"]["input_tokens"]) == ({"k": "v"}, 3)


@pytest.mark.parametrize("field", ["status", "output", "usage"])
def test_response_never_sets_what_the_reply_decides(field: str) -> None:
    problems = parse(yaml.safe_dump({"rules": [{"reply": {"text": "a", "response": {field: "x"}}}]}), "a").problems
    assert f"`response` never sets `{field}`" in str(problems)


def test_failed_holds_the_output_so_far_in_both_encodings() -> None:
    reply = {"text": "one two three", "failed": {"code": "server_error", "message": "It broke.", "after": 2}}
    whole, stream = both(reply)
    for response in (whole.json, stream.events[-1]["response"]):
        assert response["status"] == "failed"
        assert response["error"] == {"code": "server_error", "message": "It broke."}
        [message] = response["output"]
        assert (message["status"], message["content"][0]["text"]) == ("incomplete", "one two")
        assert response["completed_at"] is None
    assert stream.events[-1]["type"] == "response.failed"
    assert [event["delta"] for event in stream.events if "delta" in event] == ["one", " two"]
    assert whole.status == stream.status == 200


def test_incomplete_sends_everything_and_then_that_terminal() -> None:
    whole, stream = both({"text": "one two three", "incomplete": "max_output_tokens"})
    for response in (whole.json, stream.events[-1]["response"]):
        assert response["status"] == "incomplete"
        assert response["incomplete_details"] == {"reason": "max_output_tokens"}
        assert response["output"][0]["status"] == "incomplete"
        assert (response["error"], response["completed_at"]) == (None, None)
    assert stream.events[-1]["type"] == "response.incomplete"


def test_deltas_add_up_and_the_items_done_are_the_final_output() -> None:
    call = {"function_call": {"name": "f", "arguments": {"a": 1}}}
    reply = {"output": [{"reasoning": "I think so."}, call, {"message": "Well then."}]}
    _, stream = both(reply)
    said: dict[Any, str] = {}
    for event in stream.events:
        place = (event.get("item_id"), event.get("content_index"), event.get("summary_index"))
        if event["type"].endswith(".delta"):
            said[place] = said.get(place, "") + event["delta"]
        elif event["type"].endswith((".text.done", "_text.done", "arguments.done")):
            assert said[place] == event.get("text", event.get("arguments"))
    done = [event["item"] for event in stream.events if event["type"] == "response.output_item.done"]
    assert done == stream.events[-1]["response"]["output"]
    assert len({item["id"] for item in done}) == 3


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({}, ("message", None)),
        ({"tools": [FUNCTION]}, ("message", None)),
        ({"tools": [FUNCTION], "tool_choice": "none"}, ("message", None)),
        ({"tools": [FUNCTION], "tool_choice": "required"}, ("function_call", {"a": 0})),
        ({"tools": [FUNCTION], "tool_choice": {"type": "function", "name": "f"}}, ("function_call", {"a": 0})),
        ({"text": {"format": SCHEMA}}, ("message", {"b": 7})),
        ({"text": {"format": {"type": "json_object"}}, "said": "as JSON"}, ("message", {})),
        (
            {
                "tools": [FUNCTION],
                "tool_choice": "required",
                "said": [
                    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                    {"type": "function_call_output", "call_id": "c", "output": "1"},
                ],
            },
            ("message", None),
        ),
    ],
)
def test_auto_satisfies_the_request(fields: dict[str, Any], made: tuple[str, Any]) -> None:
    for answer in both({"auto": True}, **fields):
        response = answer.json if answer.body.startswith(b"{") else answer.events[-1]["response"]
        [item] = response["output"]
        assert item["type"] == made[0]
        if made[1] is not None:
            text = item["arguments"] if made[0] == "function_call" else item["content"][0]["text"]
            value = json.loads(text)
            assert value.keys() == made[1].keys()
            assert made[0] == "function_call" or value == made[1]


ILLEGAL = "rules: [{%s reply: {events: [created, {output_text.delta: a}, completed, {output_text.delta: b}]}}]"


def test_an_illegal_sequence_is_a_mistake_unless_it_is_meant() -> None:
    assert parse(ILLEGAL % "", "a").problems != ()
    asked = engine(ILLEGAL % "allow_invalid: true,")
    assert [event["type"] for event in ask(asked, stream=True).events][-1] == "response.output_text.delta"
    assert ask(asked).json["status"] == "completed"


def test_a_sequence_without_an_end_is_for_streams_alone() -> None:
    events = "reply: {events: [created, in_progress, {output_text.delta: a}]}"
    assert "no event ends the response" in str(parse(f"rules: [{{allow_invalid: true, {events}}}]", "a").problems)
    asked = engine(f"rules: [{{when: {{stream: true}}, allow_invalid: true, {events}}}]\notherwise: {{text: whole}}")
    assert ask(asked, stream=True).events[-1]["type"] == "response.output_text.delta"
    assert ask(asked).text == "whole"


def test_fill_false_sends_what_is_written_and_a_string_goes_out_verbatim() -> None:
    asked = engine("""
rules:
  - allow_invalid: true
    when: {stream: true}
    reply:
      fill: false
      events: [{type: response.output_text.delta, delta: x}, {type: response.odd, data: '{"a":  1,'}]
""")
    assert ask(asked, stream=True).body == (
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"x"}\n\n'
        b'event: response.odd\ndata: {"a":  1,\n\n'
    )


def test_constants_of_a_dialect() -> None:
    """The page's fields are always there; the owner's client wants the tool choice as an object."""
    whole, stream = both({"text": "a"}, "reference")
    for response in (whole.json, *(event["response"] for event in stream.events if "response" in event)):
        assert response["tool_choice"] == {"type": "allowed_tools", "mode": "auto", "tools": []}
        assert response["conversation"]["id"].startswith("conv_")
        assert response["usage"]["total_tokens"] >= 0
    for event in stream.events:
        assert "obfuscation" not in event
        assert event.get("logprobs", []) == []
    assert b"[DONE]" not in stream.body
