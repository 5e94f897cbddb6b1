"""HAR files of browsers and proxies, read as captures: what an entry holds, its times, what is left out."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mockserver.core.recordings.imports import formats
from mockserver.core.recordings.imports.taken import Taking, UnreadableError

URL = "https://api.openai.com/v1/responses"
STREAM = "event: response.created\ndata: {}\n\nevent: response.completed\ndata: {}\n\n"


def entry(**changes: Any) -> dict[str, Any]:
    """One entry as browsers save it; `request`, `response`, `content` and `timings` are merged over it."""
    content = {"size": 2, "mimeType": "application/json", "text": "{}", **changes.pop("content", {})}
    request = {
        "method": "POST",
        "url": URL,
        "httpVersion": "http/2.0",
        "headers": [
            {"name": ":authority", "value": "api.openai.com"},
            {"name": "Authorization", "value": "Bearer sk-secret"},
            {"name": "Content-Type", "value": "application/json"},
        ],
        "postData": {"mimeType": "application/json", "text": '{"model":"gpt-5","input":"Hello"}'},
        **changes.pop("request", {}),
    }
    response = {
        "status": 200,
        "statusText": "",
        "headers": [
            {"name": "content-type", "value": "application/json"},
            {"name": "content-encoding", "value": "gzip"},
            {"name": "set-cookie", "value": "a=1"},
            {"name": "set-cookie", "value": "b=2"},
        ],
        "content": content,
        **changes.pop("response", {}),
    }
    timings = {"blocked": 1, "dns": -1, "connect": -1, "send": 0.5, "wait": 120.25, "receive": 30.5}
    timings |= changes.pop("timings", {})
    return {
        "startedDateTime": "2026-11-22T12:00:00.500Z",
        "time": 152.25,
        "request": request,
        "response": response,
        "timings": timings,
        **changes,
    }


def take(*entries: Any, base: str = "") -> Taking:
    text = json.dumps({"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": entries}})
    return formats.take(text.encode(), "a.har", base)


def refused(**changes: Any) -> str:
    taking = take(entry(**changes))
    assert not taking.taken
    return taking.left_out[0].why


def test_an_entry() -> None:
    taking = take(entry())
    assert (taking.format, taking.left_out) == ("har", [])
    capture = taking.taken[0].capture
    assert (capture.method, capture.path, capture.status) == ("POST", "/v1/responses", 200)
    assert capture.upstream == "https://api.openai.com/v1"
    assert capture.request_body == b'{"model":"gpt-5","input":"Hello"}'
    assert capture.request_headers == {"authorization": "Bearer sk-secret", "content-type": "application/json"}
    assert capture.headers == (("content-type", "application/json"), ("set-cookie", "a=1"), ("set-cookie", "b=2"))
    assert capture.arrived == 1795348800.5


def test_headers_that_a_browser_joined() -> None:
    headers = [{"name": "x-a", "value": "1\n2"}, {"name": "x-b", "value": ""}, {"name": "bad name", "value": "3"}]
    capture = take(entry(response={"headers": headers})).taken[0].capture
    assert capture.headers == (("content-type", "application/json"), ("x-a", "1"), ("x-a", "2"), ("x-b", ""))


def test_a_moment_with_more_digits_than_anybody_needs() -> None:
    assert take(entry(startedDateTime="2026-11-22T13:00:00.5000001+01:00")).taken[0].capture.arrived == 1795348800.5
    assert take(entry(startedDateTime="yesterday")).taken[0].capture.arrived == 0


def test_times_of_head_and_end() -> None:
    capture = take(entry()).taken[0].capture
    assert (capture.timed, capture.head_at, capture.ended_at) == (True, 120.25, 150.75)
    assert [(piece.at, piece.data) for piece in capture.pieces] == [(150.75, b"{}")]


@pytest.mark.parametrize("timings", [{"wait": -1}, {"receive": None}, {"wait": "soon"}])
def test_without_times_there_are_none(timings: dict[str, Any]) -> None:
    capture = take(entry(timings=timings)).taken[0].capture
    assert (capture.timed, capture.head_at, capture.pieces[0].at) == (False, 0.0, 0.0)


def test_a_stream_has_frames_without_times() -> None:
    changes = {"headers": [{"name": "Content-Type", "value": "text/event-stream; charset=utf-8"}]}
    capture = take(entry(response={**changes, "content": {"text": STREAM, "size": 9}})).taken[0].capture
    assert [piece.at for piece in capture.pieces] == [0.0, 0.0]
    assert (capture.body.decode(), capture.timed) == (STREAM, False)


def test_base64_content() -> None:
    text = base64.b64encode(b"\x00\xff").decode()
    capture = take(entry(content={"text": text, "encoding": "base64"})).taken[0].capture
    assert capture.body == b"\x00\xff"


@pytest.mark.parametrize(
    ("data", "body"),
    [
        ({"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "a b", "value": "ü"}]}, b"a+b=%C3%BC"),
        ({"mimeType": "application/octet-stream", "text": "AP8=", "encoding": "base64"}, b"\x00\xff"),
        ({"mimeType": "application/json", "text": "", "params": []}, b""),
        (None, b""),
    ],
)
def test_request_bodies(data: Any, body: bytes) -> None:
    assert take(entry(request={"postData": data})).taken[0].capture.request_body == body


def test_a_stored_form_without_its_bytes() -> None:
    data = {"mimeType": "multipart/form-data; boundary=x", "params": [{"name": "file", "fileName": "a.txt"}]}
    assert refused(request={"url": "https://h/v1/files", "postData": data}).startswith("its request is a form of which")


def test_order_is_that_of_sending() -> None:
    late, early = entry(), entry(startedDateTime="2026-11-22T12:00:00Z")
    assert [taken.spot.number for taken in take(late, early).taken] == [2, 1]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"request": {"url": "https://example.com/app.js"}}, "no path of the API (/v1/…); --base URL selects another"),
        ({"request": {"method": "OPTIONS"}}, "a browser's preflight request, not the client's own"),
        ({"_webSocketMessages": []}, "messages over WebSocket are not imported"),
        ({"request": {"url": "wss://api.openai.com/v1/responses"}}, "messages over WebSocket are not imported"),
        ({"response": {"status": 0, "_error": "net::ERR_ABORTED"}}, "it has no answer (net::ERR_ABORTED)"),
        ({"response": {"status": 0}}, "it has no answer (status 0)"),
        ({"request": {"url": None}}, "its request has no method or no url"),
    ],
)
def test_what_is_left_out_and_why(changes: dict[str, Any], why: str) -> None:
    assert refused(**changes) == why


def test_a_body_that_was_not_saved() -> None:
    assert refused(response={"content": {"size": 812, "mimeType": "x"}}).startswith("its answer's body was not saved")
    empty = take(entry(response={"status": 204, "content": {"size": -1}})).taken[0].capture
    assert empty.pieces == ()


def test_an_answer_that_broke_off() -> None:
    capture = take(entry(response={"_error": "net::ERR_ABORTED"}, content={"text": '{"id'})).taken[0].capture
    assert (capture.end, capture.why, capture.body) == ("partial", "net::ERR_ABORTED", b'{"id')


def test_a_base_selects() -> None:
    other = entry(request={"url": "https://x.example/deep/responses"})
    taking = take(entry(), other, base="https://x.example/deep")
    assert [taken.capture.path for taken in taking.taken] == ["/v1/responses"]
    assert [left.why for left in taking.left_out] == ["not below --base"]


def test_bad_entries_do_not_spoil_the_rest() -> None:
    taking = take(None, {}, entry(), {"request": {}})
    assert [taken.spot.number for taken in taking.taken] == [3]
    assert [left.why for left in taking.left_out] == ["it has no request", "it has no request", "it has no response"]


def test_a_file_without_entries() -> None:
    with pytest.raises(UnreadableError, match=r"log\.entries: a list of entries was expected"):
        formats.take(b'{"log": {}}', "a.har")
    assert take().size == 0
