"""Recorded answers as people read them: short, and never saying what did not come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.recordings.capture import Capture, End, Piece
from mockserver.core.recordings.writing.itemspelling import UnspeakableError, item_of, spelt
from mockserver.core.recordings.writing.readable import reply_of
from mockserver.core.recordings.writing.text import entry_text, new_file
from mockserver.core.sse import decode
from tests.core.answering import asked
from tests.core.asking import ask, engine
from tests.core.capturing import STREAM, captured, http, stream, written

ITEMS: list[dict[str, Any]] = [
    {"message": {"text": "Hello", "id": "msg_1"}},
    {"message": {"text": "a\nb  \nc", "id": "msg_1"}},
    {"message": {"phase": "commentary", "text": "{{ input }} {{{{ 4 }}", "id": "msg_1"}},
    {"message": {"text": "See", "annotations": [{"title": "T", "url": "u", "start_index": 0, "end_index": 3}], "id": "m"}},
    {"message": {"content": [{"text": "one"}, {"refusal": "no"}], "id": "msg_1"}},
    {"message": {"refusal": "I can't.", "id": "msg_1"}},
    {"message": {"status": "incomplete", "text": "Hel", "id": "msg_1"}},
    {"reasoning": {"id": "rs_1"}},
    {"reasoning": {"summary": "Think.", "id": "rs_1", "encrypted_content": "gAAAA"}},
    {"reasoning": {"summary": ["One.", "Two."], "content": "raw", "id": "rs_1"}},
    {"function_call": {"name": "f", "arguments": {"city": "Paris", "n": [1, 1.5, None]}, "call_id": "call_1", "id": "fc_1"}},
    {"function_call": {"name": "f", "arguments": '{"city": "Paris"}', "call_id": "call_1", "id": "fc_1"}},
    {"function_call": {"name": "f", "arguments": "not json", "call_id": "call_1", "id": "fc_1"}},
    {"function_call": {"name": "f", "call_id": "call_1", "id": "fc_1"}},
    {"custom_tool_call": {"name": "run", "input": "print(1)\n", "call_id": "call_1", "id": "ctc_1"}},
    {"web_search_call": {"query": "weather", "id": "ws_1"}},
    {"web_search_call": {"query": "a", "queries": ["a", "b"], "sources": ["http://x"], "id": "ws_1"}},
    {"web_search_call": {"url": "http://x", "pattern": "y", "id": "ws_1"}},
    {"web_search_call": {"action": {"type": "peek", "at": "x"}, "id": "ws_1"}},
    {"file_search_call": {"queries": "q", "id": "fs_1"}},
    {"file_search_call": {"queries": ["q", "r"], "id": "fs_1"}},
    {"code_interpreter_call": {"code": "x()", "container_id": "c", "outputs": [{"type": "image", "url": "u"}], "id": "ci_1"}},
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm.", "more": 1}], "id": "rs_1"},
    {"message": {"content": [{"text": "a", "logprobs": [{"token": "a", "logprob": -0.5}]}], "id": "msg_1"}},
    {"code_interpreter_call": {"code": "1+1", "container_id": "cntr_1", "logs": "2", "id": "ci_1"}},
    {"image_generation_call": {"result": "aGk=", "size": "auto", "id": "ig_1"}},
    {"mcp_call": {"server_label": "s", "name": "t", "arguments": {"a": 1}, "error": "it broke", "id": "mcp_1"}},
    {"mcp_list_tools": {"server_label": "s", "tools": [{"name": "t", "input_schema": {"type": "object"}}], "id": "mcpl_1"}},
    {"type": "mcp_approval_request", "name": "t", "server_label": "s", "arguments": {"a": 1}, "id": "mcpr_1"},
    {"type": "function_call", "name": "f", "namespace": "n", "arguments": {"a": 1}, "call_id": "call_1", "id": "fc_1"},
    {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAAA"},
]  # fmt: skip


@pytest.mark.parametrize("entry", ITEMS, ids=lambda entry: entry.get("type") or next(iter(entry)))
def test_an_item_is_spelt_as_an_author_would(entry: dict[str, Any]) -> None:
    """From what an author writes to the item of the API, and back to the same words."""
    asker = asked()
    item = item_of(entry, asker)
    assert item is not None
    found = spelt(item, asker)
    assert found == entry
    if "type" not in entry:  # ids come last
        [(name, fields)] = entry.items()
        assert list(found[name]) == list(fields)


def test_what_only_the_literal_item_says_is_literal() -> None:
    item = {"id": "msg_1", "type": "message", "role": "user", "status": "completed", "content": []}
    assert spelt(item, asked()) == {"type": "message", "role": "user", "id": "msg_1"}
    with pytest.raises(UnspeakableError, match="hologram"):
        spelt({"type": "hologram", "id": "h_1"}, asked())


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("entry", ITEMS, ids=lambda entry: entry.get("type") or next(iter(entry)))
def test_a_recorded_response_reads_as_output(entry: dict[str, Any], streamed: bool) -> None:
    """What came of a rule is written as that rule, but that template marks are text in a recording."""
    escaped = orjson.loads(orjson.dumps(entry).replace(b"{{ input", b"{{{{ input").replace(b"{{{{ 4", b"{{{{{{{{ 4"))
    capture = captured({"output": [escaped], "usage": {"input_tokens": 5, "output_tokens": 7}}, stream=streamed)
    made = written(capture)
    assert made.entry["reply"]["output"] == [entry]
    assert made.exact_name == ("a.1.sse" if streamed else "a.1.json")


def test_how_a_response_ended_what_it_cost_and_who_answered_is_kept() -> None:
    capture = captured(
        {
            "text": "Hel",
            "incomplete": "max_output_tokens",
            "usage": {"input_tokens": 5, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 3}},
            "response": {"id": "resp_1", "model": "gpt-5-2025", "service_tier": "flex"},
        },
        stream=True,
    )
    reply = written(capture).entry["reply"]
    assert list(reply) == ["output", "incomplete", "usage", "response", "headers"]
    assert reply["output"][0]["message"].keys() == {
        "text",
        "id",
    }  # that the last item is incomplete goes without saying
    assert reply["incomplete"] == "max_output_tokens"
    assert reply["usage"] == {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 3}, "output_tokens": 7}
    reply["response"].pop("conversation", None)  # our own server says one that nobody asked for
    assert reply["response"] == {"id": "resp_1", "model": "gpt-5-2025", "service_tier": "flex"}


def test_a_failed_response_is_failed() -> None:
    reply = written(captured({"text": "Hel", "failed": {"code": "server_error", "message": "Oh."}}, stream=True)).entry[
        "reply"
    ]
    assert reply["failed"] == {"code": "server_error", "message": "Oh."}


def test_headers_that_clients_act_on_are_kept_and_no_others() -> None:
    capture = http(
        b"{}",
        "application/json; charset=utf-8",
        headers=(
            ("date", "today"),
            ("set-cookie", "a=b"),
            ("openai-organization", "org-1"),
            ("x-ratelimit-remaining-requests", "7"),
            ("link", "<a>"),
            ("link", "<b>"),
            ("x-own", "1"),
            ("x-my-api-key", "sk-1"),
            ("cf-ray", "2"),
        ),
    )
    made = written(capture, keep_headers=["X-Own", "x-my-api-key", "set-cookie", "cf-ray", "date"]).entry["reply"]
    assert made == {
        "http": {"status": 200, "headers": {"content-type": "application/json; charset=utf-8"}, "body": {}},
        "headers": {"x-ratelimit-remaining-requests": "7", "link": ["<a>", "<b>"], "x-own": "1"},
    }


def test_an_encoding_that_nobody_undid_is_kept() -> None:
    """Without it nobody could read the bytes; one that was undone is no header of the answer any more."""
    made = written(http(b"\x0b\x02\x80hello\x03", headers=(("content-encoding", "br"),))).entry["reply"]
    assert made["headers"] == {"content-encoding": "br"}


def test_an_unusual_content_type_is_kept_beside_output() -> None:
    capture = captured({"text": "hi"}, stream=True)
    capture = replace(capture, headers=(("content-type", "text/event-stream"),))
    assert written(capture).entry["reply"]["headers"] == {"content-type": "text/event-stream"}


ERROR = {"message": "Slow down.", "type": "requests", "param": None, "code": "rate_limit_exceeded"}


def test_an_error_in_the_providers_shape_is_an_error() -> None:
    capture = http(
        orjson.dumps({"error": ERROR}, option=orjson.OPT_INDENT_2), status=429, headers=(("retry-after", "2"),)
    )
    made = written(capture)
    assert made.entry["reply"] == {"error": {"status": 429, **ERROR}, "headers": {"retry-after": "2"}}
    assert made.exact_name == "a.1.json"  # the spaces
    again = written(http(orjson.dumps({"error": ERROR}), status=429))
    assert again.exact_name is None


@pytest.mark.parametrize(
    ("body", "status", "shown"),
    [
        (b'{"error":{"message":"no"}}', 400, {"error": {"message": "no"}}),
        (b'{"error":{"message":"no","type":"a","param":null,"code":null,"inner":{}}}', 400, None),
        (b'{"error":"no"}', 500, {"error": "no"}),
        (b'{"error":{"message":"no","type":"a","param":null,"code":1}}', 400, None),
        (b'{"error":{"message":"no","type":"a","param":null,"code":null}}', 200, None),
        (b'{"detail":"no"}', 401, {"detail": "no"}),
        (b"<html>Bad gateway</html>", 502, "<html>Bad gateway</html>"),
        (b'"text"', 200, '"text"'),
        (b"null", 200, "null"),
        (b'{"a":1,"a":2}', 200, '{"a":1,"a":2}'),
    ],
)
def test_what_is_no_error_of_the_provider_stays_http(body: bytes, status: int, shown: Any) -> None:
    made = written(http(body, "application/json", status=status)).entry["reply"]
    assert made["http"]["status"] == status
    assert made["http"]["body"] == (orjson.loads(body) if shown is None else shown)


@pytest.mark.parametrize(
    "capture",
    [
        http(b"\x89PNG\xff", "image/png"),
        http(b"a\x00b", "text/plain"),
        http(b"x" * 5000, "text/plain"),
        http(b"[" + b"1," * 20_000 + b"1]"),
        http("\ufeffa".encode("utf-16"), "text/plain; charset=utf-16"),
        http(b"part", pieces=(Piece(1.0, b"pa"), Piece(2.0, b"\xff")), ended_at=3.0, head_at=1.0),
        stream(b"data: {\n\n", b"data: [DONE]\n\n"),
        stream(b": comment\n\n"),
        stream(),
        stream(b'data: {"type":"response.unheard_of"}\n\n'),
        stream(b"event: error\ndata: {\"type\":\"error\",\"code\":\"x\",\"message\":\"y\"}\n\n"),
        http(b"{}", STREAM, request_body=b'{"stream":true}'),
        http(b"", "", status=204),
        http(b"", "text/plain", status=301, headers=(("location", "https://elsewhere/"),)),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_kept_raw(capture: Capture) -> None:
    made = written(capture)
    assert next(iter(made.entry["reply"]["http"])) == "status"
    assert made.entry["reply"].get("headers", {}).keys() <= {"location"}


def test_a_body_too_long_to_read_stands_in_the_exact_file_alone() -> None:
    made = written(http(b"x" * 5000, "text/plain"))
    assert made.entry["reply"] == {"http": {"status": 200, "headers": {"content-type": "text/plain"}}}
    assert (made.exact_name, made.exact) == ("a.1.txt", b"x" * 5000)


def test_a_response_in_the_other_encoding_or_elsewhere_is_not_output() -> None:
    capture = captured({"text": "hi"})
    for other in (
        replace(capture, request_body=b'{"model":"gpt-5","input":"hi","stream":true}'),
        replace(capture, path="/v1/responses/resp_1", method="GET", request_body=b""),
        replace(capture, status=201),
    ):
        assert "http" in written(other).entry["reply"]
    late = replace(captured({"text": "hi"}, stream=True), request_body=b'{"model":"gpt-5","input":"hi"}')
    assert "http" in written(late).entry["reply"]


@pytest.mark.parametrize(("end", "fault"), [("cut", "cut"), ("reset", "reset"), ("partial", "cut"), ("timeout", "cut")])
def test_a_stream_that_broke_off_says_how_far_it_came(end: End, fault: str) -> None:
    whole = captured({"output": [{"reasoning": "Hm."}, {"message": "one two three four"}]}, stream=True)
    upto = next(index for index, piece in enumerate(whole.pieces) if b'"delta":" two"' in piece.data)
    capture = replace(whole, pieces=whole.pieces[: upto + 1], end=end, why="went away")
    made = written(capture)
    reply = made.entry["reply"]
    assert [next(iter(entry)) for entry in reply["output"]] == ["reasoning", "message"]
    assert reply["output"][1]["message"]["text"] == "one two"
    assert list(reply["faults"][0]) == [fault]
    assert made.entry["recorded"]["end"] == end
    # An edited reply comes as far as that, word for word.
    readable = engine(new_file(entry_text({"name": "a", "reply": reply})))
    sent = decode(ask(readable, stream=True).body)
    told = [orjson.loads(frame.data or "") for frame in sent]
    assert "".join(event["delta"] for event in told if event["type"] == "response.output_text.delta") == "one two"
    assert told[-1]["type"] == "response.output_text.delta"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 40))
def test_wherever_a_stream_broke_off_it_is_recorded(count: int) -> None:
    whole = captured(
        {"output": [{"reasoning": "Hm. So."}, {"function_call": {"name": "f", "arguments": {"a": "b c"}}}]}, stream=True
    )
    capture = replace(whole, pieces=whole.pieces[:count], end="cut")
    reply = written(capture).entry["reply"]
    if 1 < count < len(whole.pieces):
        assert "faults" in reply


def test_a_response_that_says_more_than_a_rule_can_stays_raw() -> None:
    response = orjson.loads(captured({"text": "hi"}).body)
    for strange in (
        {"status": "cancelled"},
        {"status": "failed", "error": {"code": "unheard_of", "message": "x"}},
        {"status": "incomplete", "incomplete_details": {"reason": "bored"}},
        {"output": [{"type": "hologram", "id": "h_1"}]},
        {"output": "none"},
        {"usage": {"input_tokens": "many"}},
    ):
        capture = http(orjson.dumps({**response, **strange}))
        assert reply_of(capture).keys() == {"http"}
        written(capture)


def test_events_that_nobody_has_heard_of_leave_a_whole_response_readable() -> None:
    whole = captured({"text": "hi"}, stream=True)
    odd = Piece(whole.pieces[2].at, b': keep-alive\n\nevent: new\ndata: {"type":"response.new","delta":"x"}\n\n')
    capture = replace(whole, pieces=(*whole.pieces[:3], odd, *whole.pieces[3:]))
    assert written(capture).entry["reply"]["output"][0]["message"]["text"] == "hi"
    assert "http" in written(replace(capture, pieces=capture.pieces[:-1], end="cut")).entry["reply"]
    after = Piece(whole.ended_at, b'data: {"type":"response.new"}\n\n')
    assert "http" in written(replace(whole, pieces=(*whole.pieces, after))).entry["reply"]


def test_items_that_only_the_stream_told_are_the_output() -> None:
    capture = captured({"text": "hi"}, stream=True)
    *pieces, last = capture.pieces
    data = orjson.loads(decode(last.data)[0].data or "")
    data["response"]["output"] = []
    bare = Piece(last.at, b"event: response.completed\ndata: " + orjson.dumps(data) + b"\n\n")
    reply = written(replace(capture, pieces=(*pieces, bare))).entry["reply"]
    assert reply["output"][0]["message"]["text"] == "hi"


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"code": "server_error", "message": "Oh.", "param": None}},
        {"type": "error", "error": {"type": "server_error", "code": "server_error", "message": "Oh.", "param": None}},
    ],
    ids=["flat", "nested"],
)
def test_a_stream_that_failed_with_an_error_event_reads_as_events(error: dict[str, Any]) -> None:
    """Clients raise on that event and not on the other, so both are there."""
    failed = {"failed": {"response": {"error": {"code": "server_error", "message": "Oh."}}}}
    short = ["created", "in_progress", {"output_text.delta": "Hel"}, error, failed]
    capture = captured({"events": short, "response": {"id": "resp_1", "model": "gpt-5-2025"}}, stream=True)
    reply = written(capture).entry["reply"]
    assert reply["response"] == {"id": "resp_1", "model": "gpt-5-2025"}
    events = reply["events"]
    assert events[:2] == ["created", "in_progress"]
    assert [next(iter(entry)) for entry in events[2:]] == [
        *("output_item.added", "content_part.added", "output_text.delta", "error", "failed")
    ]
    said = error.get("error", error)
    assert said.items() <= (events[-2]["error"].get("error") or events[-2]["error"]).items()
    assert events[-1] == failed


def test_a_failed_stream_that_would_be_a_long_list_stays_raw() -> None:
    error = {"error": {"code": "server_error", "message": "Oh.", "param": None}}
    failed = {"failed": {"response": {"error": {"code": "server_error", "message": "Oh."}}}}
    short = ["created", "in_progress", *({"output_text.delta": f"{number} "} for number in range(30)), error, failed]
    assert "http" in written(captured({"events": short}, stream=True)).entry["reply"]
    odd = captured({"events": ["created", "in_progress", error, failed]}, stream=True)
    twice = replace(odd, pieces=(odd.pieces[0], *odd.pieces))  # `created` comes twice: no list may say that
    assert "http" in written(twice).entry["reply"]
