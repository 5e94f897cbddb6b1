"""What was sent back, read from the bytes that a journal keeps, whatever a fault made of them."""

from __future__ import annotations

import orjson
import pytest

from mockserver.core.timeline import Chunk, Cut, Finish, Head, Stall, Timeline
from mockserver.testing.sent import Sent

STREAM = ((b"content-type", b"text/event-stream; charset=utf-8"),)
JSON = ((b"Content-Type", b"application/json"),)
CALL = {"type": "function_call", "name": "f", "call_id": "c1", "arguments": '{"a": 1}'}
TALK = {
    "object": "response",
    "output": [
        {"type": "message", "content": [{"type": "output_text", "text": "Hel"}, {"type": "refusal", "refusal": "lo"}]},
        CALL,
        {"type": "web_search_call", "id": "ws"},
        {"type": "custom_tool_call", "name": "g", "call_id": "c2", "input": "raw"},
        {"type": "function_call", "name": "h", "call_id": "c3", "arguments": "{broken"},
    ],
    "usage": {"total_tokens": 3},
}


def event(kind: str, **fields: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, **fields}))


def stream(*frames: bytes) -> Sent:
    return Sent(Timeline((Head(0, 200, STREAM), *(Chunk(0, each) for each in frames), Finish(0))))


def test_a_json_answer() -> None:
    sent = Sent(Timeline((Head(0, 200, JSON, ((b"x-a", b"b"),)), Chunk(0, orjson.dumps(TALK)), Finish(0))))
    assert sent.headers == {"content-type": "application/json", "x-a": "b"}
    assert (sent.text, sent.usage, sent.is_whole, sent.events) == ("Hello", {"total_tokens": 3}, True, [])
    assert [(call.name, call.arguments) for call in sent.calls] == [("f", {"a": 1}), ("g", "raw"), ("h", "{broken")]


def test_a_whole_stream_is_read_from_its_end() -> None:
    sent = stream(event("response.created", response={"object": "response", "output": []}))
    assert not sent.is_whole
    sent = stream(
        event("response.created", response={"object": "response", "output": []}),
        event("response.completed", response=TALK),
        b"data: [DONE]\n\n",
    )
    assert (sent.is_whole, sent.text, len(sent.calls)) == (True, "Hello", 3)
    assert sent.response == TALK


def test_a_stream_that_broke_off_is_read_as_far_as_it_goes() -> None:
    """Deltas make the text, finished items the calls; half a frame is nothing."""
    sent = stream(
        event("response.created", response={"object": "response", "status": "in_progress", "output": []}),
        event("response.output_text.delta", delta="Hel"),
        event("response.refusal.delta", delta="lo"),
        event("response.output_item.done", item=CALL),
        b"data: {broken\n\n",
        event("response.output_text.delta", delta="never")[:-1],
    )
    assert (sent.text, [call.call_id for call in sent.calls], sent.usage) == ("Hello", ["c1"], {})
    assert sent.response is not None
    assert sent.response["status"] == "in_progress"


@pytest.mark.parametrize(
    "answer",
    [
        None,
        Timeline((Stall(0),)),
        Timeline((Cut(0),)),
        Timeline((Head(0, 500, JSON), Chunk(0, b'{"error": {}}'), Finish(0))),
        Timeline((Head(0, 200, JSON), Chunk(0, b'{"object": "response", "out'), Cut(0))),
        Timeline((Head(0, 204, ()), Finish(0))),
    ],
)
def test_an_answer_that_is_no_response(answer: Timeline | None) -> None:
    sent = Sent(answer)
    assert (sent.response, sent.text, sent.calls, sent.usage, sent.events) == (None, "", (), {}, [])
