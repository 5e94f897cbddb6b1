"""Drift: what counts as another structure, what the model merely chose, and what says nothing at all."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.recordings.capture import STREAM_TYPE, Capture, End, Piece
from mockserver.core.recordings.drift.comparison import differences, obstacle
from mockserver.core.recordings.drift.shape import Shape, shape_differences
from mockserver.core.sse import decode
from tests.core.asking import ask, engine

RULES = """
rules:
  - {name: text, when: {input: hi}, reply: {text: Hello there., usage: {input_tokens: 3}}}
  - {name: other words, when: {input: hello}, reply: {text: One two three four five six seven.}}
  - {name: call, when: {input: call}, reply: {call: {get_weather: {city: Paris}}}}
  - {name: refusal, when: {input: refuse}, reply: {refusal: I will not.}}
  - name: thought
    when: {input: think}
    reply: {output: [{reasoning: [one, two]}, {message: done}]}
  - name: more thought
    when: {input: think harder}
    reply: {output: [{reasoning: [one]}, {reasoning: [three]}, {message: now it is done}]}
  - {name: short, when: {input: short}, reply: {text: Hello there., incomplete: max_output_tokens}}
  - {name: fails, when: {input: fail}, reply: {text: Hello there., failed: {code: server_error, after: 1}}}
  - {name: image, when: {input: image}, reply: {text: Hello there., failed: {code: image_too_large, after: 1}}}
  - {name: limit, when: {input: limit}, reply: {error: rate_limit_exceeded}}
  - {name: gone, when: {input: gone}, reply: {error: {status: 404, code: model_not_found, message: No such model.}}}
"""


def capture(
    body: bytes, *, status: int = 200, content_type: str = "application/json", end: End = "complete", **headers: str
) -> Capture:
    named = {"content-type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Capture("POST", "/v1/responses", status, tuple(named.items()), (Piece(1.0, body),), end=end)


@cache
def _answer(said: str, stream: bool) -> Capture:
    answered = ask(engine(RULES), said, stream=stream)
    return Capture(
        "POST", "/v1/responses", answered.status, tuple(answered.headers.items()), (Piece(1.0, answered.body),)
    )


def answer(said: str, stream: bool = True) -> Capture:
    """What a rule answers."""
    return _answer(said, stream)


def bearing(source: Capture, body: bytes) -> Capture:
    """The same answer with another body."""
    return replace(source, pieces=(Piece(1.0, body),))


def edited(source: Capture, edit: Callable[[Any], object]) -> Capture:
    """The same answer with the document, or every event of it, edited in place; an edit that returns False drops it."""
    if not source.is_stream:
        document = orjson.loads(source.body)
        edit(document)
        return bearing(source, orjson.dumps(document))
    frames = []
    for frame in decode(source.body):
        event = orjson.loads(frame.data or "null")
        if edit(event) is not False:
            frames.append(b"event: %b\ndata: %b\n\n" % (event["type"].encode(), orjson.dumps(event)))
    return bearing(source, b"".join(frames))


def found(recorded: Capture, now: Capture) -> list[tuple[str, str, str, str]]:
    assert obstacle(recorded, now) == ""
    return [(each.where, each.recorded, each.now, each.kind) for each in differences(recorded, now)]


def kinds(recorded: Capture, now: Capture) -> set[str]:
    return {kind for *_, kind in found(recorded, now)}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("before", "after"), [("hi", "hello"), ("think", "think harder")])
def test_other_words_are_the_same(before: str, after: str, stream: bool) -> None:
    """Ids, text, times, counts, the number of deltas and of thoughts."""
    assert found(answer(before, stream), answer(after, stream)) == []
    assert found(answer(after, stream), answer(before, stream)) == []


@pytest.mark.parametrize("stream", [True, False])
def test_another_choice_of_the_model_is_behaviour(stream: bool) -> None:
    rows = found(answer("hi", stream), answer("call", stream))
    assert rows[0] == ("output", "message", "function_call get_weather", "behaviour")
    assert {kind for *_, kind in rows} == {"behaviour"}
    assert kinds(answer("hi", stream), answer("refuse", stream)) == {"behaviour"}
    assert kinds(answer("hi", stream), answer("think", stream)) == {"behaviour"}
    assert kinds(answer("hi", stream), answer("short", stream)) == {"behaviour"}


def test_a_field_that_is_gone_or_new() -> None:
    recorded = answer("hi", stream=False)
    now = edited(recorded, lambda body: (body.pop("truncation"), body.update(moderation=None)))
    assert found(recorded, now) == [
        ("truncation", "string", "nothing", "structure"),
        ("moderation", "nothing", "null", "structure"),
    ]
    now = edited(recorded, lambda body: body["output"][0]["content"][0].pop("annotations"))
    assert found(recorded, now) == [
        ("output[message].content[output_text].annotations", "array", "nothing", "structure")
    ]


def test_a_field_of_another_type() -> None:
    recorded = answer("hi", stream=False)
    now = edited(recorded, lambda body: body["usage"].update(total_tokens="12", input_tokens=None))
    assert found(recorded, now) == [
        ("usage.input_tokens", "number", "null", "structure"),
        ("usage.total_tokens", "number", "string", "structure"),
    ]


def test_whole_numbers_are_numbers() -> None:
    recorded = answer("hi", stream=False)
    assert found(recorded, edited(recorded, lambda body: body.update(created_at=body["created_at"] + 0.5))) == []


@pytest.mark.parametrize(("name", "value"), [("object", "answer"), ("status", "cancelled")])
def test_the_api_s_own_words(name: str, value: str) -> None:
    recorded = answer("hi", stream=False)
    now = edited(recorded, lambda body: body.update({name: value}))
    assert [row[0] for row in found(recorded, now)] == [name]
    assert kinds(recorded, now) == {"structure"}


def test_role() -> None:
    recorded = answer("hi", stream=False)
    now = edited(recorded, lambda body: body["output"][0].update(role="model"))
    assert found(recorded, now) == [("output[message].role", "assistant", "model", "structure")]


def test_a_kind_nobody_knows_is_structure() -> None:
    """The same item under a new name is no choice of the model's."""
    recorded = answer("hi", stream=False)
    now = edited(recorded, lambda body: body["output"][0].update(type="utterance"))
    assert ("kinds of output", "message", "utterance", "structure") in found(recorded, now)
    now = edited(recorded, lambda body: body["output"][0].pop("type"))
    assert "structure" in kinds(recorded, now)


def test_one_difference_of_many_events_is_told_once() -> None:
    def without_background(event: Any) -> None:
        if "response" in event:
            del event["response"]["background"]

    recorded = answer("hi")
    where = "response.created, response.in_progress, response.completed: response.background"
    assert found(recorded, edited(recorded, without_background)) == [(where, "boolean", "nothing", "structure")]


def test_items_of_a_stream() -> None:
    """An item has one place, whichever event carries it."""

    def rename(event: Any) -> None:
        for item in [event.get("item"), *event.get("response", {}).get("output", [])]:
            if item is not None:
                item["identity"] = item.pop("id")

    rows = found(answer("hi"), edited(answer("hi"), rename))
    events = "response.output_item.added, response.output_item.done, response.completed"
    assert rows == [
        (f"{events}: response.output[message].id", "string", "nothing", "structure"),
        (f"{events}: response.output[message].identity", "nothing", "string", "structure"),
    ]


@pytest.mark.parametrize(
    ("gone", "where"),
    [
        ("response.in_progress", "events"),
        ("response.output_item.done", "events of message"),
        ("response.content_part.added", "events of message part output_text"),
        ("response.output_text.delta", "events of message part output_text"),
        ("response.output_text.done", "events of message part output_text"),
    ],
)
def test_an_event_that_does_not_come_any_more(gone: str, where: str) -> None:
    recorded = answer("hi")
    now = edited(recorded, lambda event: event["type"] != gone)
    assert (where, gone, "nothing", "structure") in found(recorded, now)
    assert (where, "nothing", gone, "structure") in found(now, recorded)


def test_a_new_event() -> None:
    recorded = answer("hi")
    frames = decode(recorded.body)
    extra = b'event: response.thinking\ndata: {"type":"response.thinking"}\n\n'
    now = bearing(recorded, b"".join([frames[0].raw, extra, *(frame.raw for frame in frames[1:])]))
    assert found(recorded, now) == [("events", "nothing", "response.thinking", "structure")]


def test_another_order() -> None:
    recorded = answer("hi")
    raw = [frame.raw for frame in decode(recorded.body)]
    raw[0], raw[1] = raw[1], raw[0]
    [(where, before, after, kind)] = found(recorded, bearing(recorded, b"".join(raw)))
    assert (where, kind) == ("events", "structure")
    assert before == "response.created > response.in_progress > output items > response.completed"
    assert after == "response.in_progress > response.created > output items > response.completed"
    raw = [frame.raw for frame in decode(recorded.body)]
    raw[-2], raw[-3] = raw[-3], raw[-2]
    [(where, *_, kind)] = found(recorded, bearing(recorded, b"".join(raw)))
    assert (where, kind) == ("events of message", "structure")


def test_what_keeps_a_connection_open_is_no_event() -> None:
    recorded = answer("hi")
    raw = [frame.raw for frame in decode(recorded.body)]
    ping = b'event: keepalive\ndata: {"type":"keepalive","sequence_number":7}\n\n'
    assert found(recorded, bearing(recorded, b": wait\n\n".join(raw))) == []
    assert found(recorded, bearing(recorded, ping.join(raw))) == []
    assert found(recorded, bearing(recorded, recorded.body.replace(b"\n", b"\r\n"))) == []


def test_frames_that_lose_their_names() -> None:
    recorded = answer("hi")
    bare = b"".join(b"data: %b\n\n" % (frame.data or "").encode() for frame in decode(recorded.body))
    now = bearing(recorded, bare)
    assert found(recorded, now) == [("frames", "`event:` lines", "no `event:` lines", "structure")]


def test_done_line() -> None:
    recorded = answer("hi")
    now = bearing(recorded, recorded.body + b"data: [DONE]\n\n")
    assert found(recorded, now) == [("events", "nothing", "[DONE]", "structure")]


def test_an_empty_text_has_no_deltas() -> None:
    def empty(event: Any) -> bool:
        if event["type"] == "response.output_text.done":
            event["text"] = ""
        return bool(event["type"] != "response.output_text.delta")

    recorded = answer("hi")
    assert found(recorded, edited(recorded, empty)) == []


def test_an_error_instead() -> None:
    """Nothing but that is told: all else follows from it."""
    [(where, before, after, kind)] = found(answer("hi"), answer("gone"))
    assert (where, before, kind) == ("status", "200", "structure")
    assert after == "404 invalid_request_error model_not_found"


def test_errors_by_their_shape() -> None:
    recorded = answer("gone", stream=False)

    def change(**fields: Any) -> Capture:
        return edited(recorded, lambda body: body["error"].update(fields))

    assert found(recorded, change(message="Other words.")) == []
    assert [row[0] for row in found(recorded, change(code="no_model"))] == ["error.code"]
    assert [row[0] for row in found(recorded, change(type="not_found_error"))] == ["error.type"]
    assert [row[0] for row in found(recorded, change(param=["model"]))] == ["error.param"]
    assert [row[0] for row in found(recorded, edited(recorded, lambda body: body["error"].pop("param")))] == [
        "error.param"
    ]
    other = replace(recorded, status=400)
    assert found(recorded, other)[0][0] == "status"


def test_content_types() -> None:
    recorded = answer("hi")
    [row] = found(recorded, capture(recorded.body, content_type="text/plain"))
    assert row == ("content type", "text/event-stream", "text/plain", "structure")
    json = capture(b"{}")
    assert found(json, capture(b"<html>")) == [("body", "JSON", "other content", "structure")]
    assert found(json, capture(b"")) == [("body", "JSON", "nothing", "structure")]
    audio = capture(b"\xff\x00", content_type="audio/mpeg")
    assert found(audio, capture(b"\x00\xff\x01", content_type="audio/mpeg")) == []


def test_headers_that_a_client_goes_by() -> None:
    recorded = capture(b"{}", x_request_id="req_1", x_ratelimit_limit_requests="60", cf_ray="1")
    now = capture(b"{}", x_ratelimit_limit_tokens="9", openai_version="2020", server="x")
    assert found(recorded, now) == [
        ("header x-ratelimit-limit-requests", "there", "nothing", "structure"),
        ("header x-request-id", "there", "nothing", "structure"),
        ("header x-ratelimit-limit-tokens", "nothing", "there", "structure"),
    ]


def test_keys_that_are_data() -> None:
    recorded = answer("hi", stream=False)
    one = edited(recorded, lambda body: body.update(metadata={"a": "b"}))
    two = edited(recorded, lambda body: body.update(metadata={"c": "d"}))
    assert found(one, two) == []
    assert found(one, edited(recorded, lambda body: body.update(metadata="a"))) != []


def test_lists_are_merged_by_kind() -> None:
    """What one item of a kind may lack is not missing; what none has is."""

    def listing(*names: str) -> Capture:
        entries = [{"type": "a", "id": "1", **dict.fromkeys(each.split(), "x")} for each in names]
        return capture(orjson.dumps({"object": "list", "data": entries}))

    assert found(listing("one two", "two"), listing("two")) == []
    assert [row[:3] for row in found(listing("one two", "two"), listing("one"))] == [
        ("data[a].two", "string", "nothing")
    ]
    assert found(listing("one"), listing()) == []


@pytest.mark.parametrize(
    ("recorded", "now", "words"),
    [
        (capture(b"", end="partial"), capture(b""), "the recording is not whole"),
        (capture(b"", end="unreachable", status=502), capture(b""), "the recording is not whole"),
        (capture(b""), capture(b"", end="reset"), "the connection broke"),
        (capture(b""), capture(b"{}", status=401), "401: the key is not accepted"),
        (capture(b""), capture(b"{}", status=403), "403: the key is not accepted"),
        (capture(b""), capture(b"", status=307, location="https://b/v1"), "307: redirected to https://b/v1"),
        (capture(b""), capture(b"{}", status=503), "503: the upstream would not answer now"),
        (capture(b"{}", status=500), capture(b"{}"), "a 500 was recorded"),
        (
            capture(b""),
            capture(b'{"error":{"code":"previous_response_not_found","message":"No."}}', status=400),
            '400: what an earlier request stored is not there: "No."',
        ),
        (
            capture(b'{"object":"response","status":"completed"}'),
            capture(b'{"object":"response","status":"queued"}'),
            "the response was `completed`",
        ),
    ],
)
def test_what_says_nothing(recorded: Capture, now: Capture, words: str) -> None:
    assert obstacle(recorded, now).startswith(words)


@pytest.mark.parametrize("stream", [True, False])
def test_failures_that_pass(stream: bool) -> None:
    assert obstacle(answer("hi", stream), answer("limit", stream)).startswith("429: the upstream would not answer now")
    assert obstacle(answer("limit", stream), answer("hi", stream)).startswith("a 429 was recorded")
    assert obstacle(answer("limit", stream), answer("limit", stream)) == ""
    assert obstacle(answer("hi", stream), answer("fail", stream)) == "it failed now: server_error"
    assert obstacle(answer("fail", stream), answer("hi", stream)).startswith("a failure was recorded")
    assert obstacle(answer("fail", stream), answer("fail", stream)) == ""
    assert "structure" in kinds(answer("hi", stream), answer("image", stream))


def test_a_refused_key_that_was_recorded() -> None:
    body = b'{"error":{"code":"invalid_api_key","message":"No.","type":"invalid_request_error","param":null}}'
    assert found(capture(body, status=401), capture(body, status=401)) == []


def test_a_deep_body_is_looked_at_no_further() -> None:
    deep = b'{"a":' * 500 + b"1" + b"}" * 500
    assert found(capture(deep), capture(deep)) == []
    stream = capture(b"data: %b\n\n" % deep, content_type=STREAM_TYPE)
    assert found(stream, stream) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["a", "message", "completed"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "status", "output", "item", "id", "error", "code"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@settings(max_examples=200)
@given(JSON)
def test_a_value_is_like_itself(value: Any) -> None:
    assert list(shape_differences(Shape().note(value), Shape().note(copy.deepcopy(value)))) == []


@settings(max_examples=200)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), JSON, min_size=1, max_size=4), st.data())
def test_a_field_taken_away_is_found(value: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(value)))
    less = {key: child for key, child in value.items() if key != name}
    rows = list(shape_differences(Shape().note(value), Shape().note(less)))
    assert [(row.where, row.now) for row in rows] == [(name, "nothing")]
