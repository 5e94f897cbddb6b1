"""Cassettes of vcrpy and its like, read as captures: every layout, every form of a body, what is hidden, what is left out."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core import sse
from mockserver.core.recordings.capture import Capture
from mockserver.core.recordings.imports import formats
from mockserver.core.recordings.imports.documents import document
from mockserver.core.recordings.imports.taken import Taking, UnreadableError

URL = "https://api.openai.com/v1/responses"
ASKED = {"model": "gpt-5", "input": "Grüße 👋"}
ANSWERED = {"id": "resp_1", "object": "response", "output": []}
STREAM = (
    'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1","object":"response"}}\n\n'
    'event: response.completed\ndata: {"type":"response.completed"}\n\n'
)
PLAIN = """\
interactions:
- request:
    body: '{"model": "gpt-5", "input": "Hello"}'
    headers:
      Accept-Encoding: [gzip, deflate]
      authorization: [Bearer sk-secret]
      content-type: [application/json]
    method: POST
    uri: https://api.openai.com/v1/responses?trace=1
  response:
    body:
      string: '{"id": "resp_1", "object": "response"}'
    headers:
      Connection: [keep-alive]
      Content-Length: ['38']
      Content-Type: [application/json]
      Set-Cookie: [a=1, b=2]
      Transfer-Encoding: [chunked]
      x-request-id: [req_1]
    status: {code: 200, message: OK}
version: 1
"""


def take(data: str | bytes, base: str = "") -> Taking:
    return formats.take(data.encode() if isinstance(data, str) else data, "a.yaml", base)


def cassette(request: dict[str, Any], response: dict[str, Any]) -> str:
    """A cassette with one interaction, as vcrpy's own serializer writes it."""
    return yaml.dump({"interactions": [{"request": request, "response": response}], "version": 1})


def one(request: dict[str, Any] | None = None, response: dict[str, Any] | None = None) -> Capture:
    asked = {"method": "POST", "uri": URL, "body": json.dumps(ASKED), "headers": {}, **(request or {})}
    given = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": "{}"}, **(response or {})}
    taking = take(cassette(asked, given))
    assert not taking.left_out, taking.left_out
    return taking.taken[0].capture


def refused(request: dict[str, Any] | None = None, response: dict[str, Any] | None = None) -> str:
    """Why this interaction is left out."""
    asked = {"method": "POST", "uri": URL, "body": json.dumps(ASKED), "headers": {}, **(request or {})}
    given = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": "{}"}, **(response or {})}
    taking = take(cassette(asked, given))
    assert not taking.taken
    return taking.left_out[0].why


def test_the_standard_layout() -> None:
    taking = take(PLAIN)
    assert (taking.format, taking.size, taking.left_out) == ("vcr", 1, [])
    taken = taking.taken[0]
    assert (str(taken.spot), taken.notes) == ("1 (line 2)", ())
    capture = taken.capture
    assert (capture.method, capture.path, capture.query, capture.status) == (
        "POST",
        "/v1/responses",
        {"trace": "1"},
        200,
    )
    assert capture.upstream == "https://api.openai.com/v1"
    assert capture.request_body == b'{"model": "gpt-5", "input": "Hello"}'
    assert capture.request_headers["accept-encoding"] == "gzip, deflate"
    assert capture.body == b'{"id": "resp_1", "object": "response"}'
    assert (capture.timed, capture.end) == (False, "complete")


def test_headers_of_one_hop_are_dropped_and_repeated_ones_stay() -> None:
    assert take(PLAIN).taken[0].capture.headers == (
        ("content-type", "application/json"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-request-id", "req_1"),
    )


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(PLAIN.encode()),
        gzip.compress(PLAIN[:200].encode()) + gzip.compress(PLAIN[200:].encode()),
        b"\xef\xbb\xbf" + PLAIN.encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        json.dumps(yaml.safe_load(PLAIN)).encode(),
        b"  \n" + json.dumps(yaml.safe_load(PLAIN), indent=2).encode(),
        yaml.safe_dump(yaml.safe_load(PLAIN), default_flow_style=True).encode(),
    ],
    ids=["gzip", "gzip members", "byte order mark", "CRLF", "JSON", "indented JSON", "flow style"],
)
def test_every_wrapping_of_the_same_cassette(packed: bytes) -> None:
    found, plain = take(packed), take(PLAIN)
    assert [each.capture for each in found.taken] == [each.capture for each in plain.taken]


def test_parallel_lists() -> None:
    """Requests in one list and responses in another; what has no partner is left out."""
    row = yaml.safe_load(PLAIN)["interactions"][0]
    taking = take(yaml.dump({"requests": [row["request"]] * 2, "responses": [row["response"]], "version": 1}))
    assert len(taking.taken) == 1
    assert [(each.spot.number, each.why) for each in taking.left_out] == [(2, "it has no response")]


def test_the_layout_of_other_languages() -> None:
    """`http_interactions`, lower-case methods, `base64_string`, the time of the recording."""
    body = {"encoding": "UTF-8", "base64_string": base64.encodebytes(json.dumps(ANSWERED).encode()).decode()}
    text = json.dumps(
        {
            "http_interactions": [
                {
                    "request": {
                        "method": "post",
                        "uri": URL,
                        "body": {"encoding": "UTF-8", "string": json.dumps(ASKED)},
                        "headers": {},
                    },
                    "response": {"status": {"code": 201, "message": "Created"}, "headers": {}, "body": body},
                    "recorded_at": "Tue, 01 Nov 2011 04:58:44 GMT",
                }
            ]
        }
    )
    capture = take(text).taken[0].capture
    assert (capture.method, capture.status, capture.arrived) == ("POST", 201, 1320123524.0)
    assert json.loads(capture.body) == ANSWERED


@pytest.mark.parametrize("body", ["Grüße 👋", "Grüße 👋".encode(), None, b"\x00\xff", {"string": "a"}, ""], ids=repr)
def test_bodies_in_every_form(body: Any) -> None:
    expected = body.encode() if isinstance(body, str) else b"a" if isinstance(body, dict) else body or b""
    capture = one({"body": body}, {"body": {"string": expected}})
    assert (capture.request_body, capture.body) == (expected, expected)


def test_answers_of_an_older_form() -> None:
    given = {"status_code": 404, "http_version": "HTTP/1.1", "headers": {}, "content": '{"error": {}}'}
    text = cassette({"method": "POST", "uri": URL, "body": json.dumps(ASKED), "headers": {}}, given)
    capture = take(text).taken[0].capture
    assert (capture.status, capture.body) == (404, b'{"error": {}}')


def test_bodies_kept_as_data() -> None:
    """Some serializers keep JSON parsed: the bytes are made again, and that is said."""
    asked = {"method": "POST", "uri": URL, "headers": {}, "parsed_body": ASKED}
    given = {"status": {"code": 200}, "headers": {"content-type": ["application/json"]}, "parsed_body": ANSWERED}
    taken = take(cassette(asked, given)).taken[0]
    assert json.loads(taken.capture.request_body) == ASKED
    assert json.loads(taken.capture.body) == ANSWERED
    assert [note.split(":")[0] for note in taken.notes] == [
        "its request's body is kept as data",
        "its answer's body is kept as data",
    ]


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"{}")),
        ("deflate", zlib.compress(b"{}")),
        ("deflate", zlib.compress(b"{}")[2:-4]),
        ("deflate, gzip", gzip.compress(zlib.compress(b"{}"))),
        ("identity", b"{}"),
        ("gzip", b"{}"),
        ("br", b"{}"),
        ("**REDACTED**", gzip.compress(b"{}")),
    ],
    ids=["gzip", "deflate", "bare deflate", "both", "none", "undone already", "unknown but undone", "hidden"],
)
def test_content_encodings_are_undone(encoding: str, packed: bytes) -> None:
    capture = one(response={"headers": {"Content-Encoding": [encoding]}, "body": {"string": packed}})
    assert capture.body == b"{}"
    assert "content-encoding" not in dict(capture.headers)


def test_an_encoding_that_is_not_known_is_no_body() -> None:
    why = refused(response={"headers": {"Content-Encoding": ["br"]}, "body": {"string": b"\x8b\x01\x80"}})
    assert why.startswith("its body is still compressed (br); record it with")


def test_a_body_that_breaks_off_in_its_compression() -> None:
    why = refused(
        response={"headers": {"Content-Encoding": ["gzip"]}, "body": {"string": gzip.compress(b"{}" * 99)[:-9]}}
    )
    assert why == "its body is broken compressed data: the body ends within its content encoding"


def test_streams_fall_into_frames_without_times() -> None:
    headers = {"Content-Type": ["text/event-stream; charset=utf-8"]}
    capture = one(response={"headers": headers, "body": {"string": STREAM}})
    assert [piece.data for piece in capture.pieces] == [frame.raw for frame in sse.decode(STREAM.encode())]
    assert {piece.at for piece in capture.pieces} == {0.0}
    assert (capture.is_stream, capture.timed) == (True, False)


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from([b"data: a\n", b"\n", b"\r\n", b": c\n", b"event: x\r", b"\xff", b"\xef\xbb\xbf", b"id"]))
)
def test_no_byte_of_a_stream_is_lost(parts: list[bytes]) -> None:
    body = b"".join(parts)
    capture = one(response={"headers": {"Content-Type": ["text/event-stream"]}, "body": {"string": body}})
    assert capture.body == body


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (STREAM, "text/event-stream; charset=utf-8"),
        (": keep-alive\n\n", "text/event-stream; charset=utf-8"),
        ("{}", "application/json"),
        ("plain", "text/plain; charset=utf-8"),
        (b"\x89PNG\x00", ""),
        ("", ""),
    ],
)
def test_a_hidden_content_type_is_told_from_the_body(body: str | bytes, kind: str) -> None:
    asked = {"method": "POST", "uri": URL, "body": json.dumps(ASKED), "headers": {}}
    given = {"status": {"code": 200}, "headers": {"Content-Type": ["**REDACTED**"]}, "body": {"string": body}}
    taken = take(cassette(asked, given)).taken[0]
    assert dict(taken.capture.headers).get("content-type", "") == kind
    assert bool(taken.notes) == bool(kind)


def test_hidden_header_values_are_dropped() -> None:
    hidden = ["**REDACTED**", "<REDACTED>", "[FILTERED]", "xxxxx", "***"]
    capture = one(response={"headers": {"x-a": hidden, "x-b": ["kept"], "x-c": [""]}})
    assert capture.headers == (("content-type", "application/json"), ("x-b", "kept"), ("x-c", ""))


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"method": None}, "its request has no method"),
        ({"headers": "none"}, "its headers are no names with values"),
        ({"body": 12}, "its body is a int, where text was expected"),
        ({"body": {"base64_string": "%%%"}}, "its body is said to be base64 and is not"),
        ({"uri": "https://example.com/v2/x"}, "no path of the API (/v1/…); --base URL selects another"),
    ],
)
def test_what_is_left_out_and_why(request_: dict[str, Any], why: str) -> None:
    assert refused(request_) == why


@pytest.mark.parametrize("status", [None, 0, 101, 600, "200", True, {"code": None}])
def test_a_status_that_none_is(status: Any) -> None:
    assert refused(response={"status": status}).startswith("its answer has no status between 200 and 599")


def test_one_bad_exchange_does_not_spoil_the_rest() -> None:
    good = yaml.safe_load(PLAIN)["interactions"][0]
    taking = take(yaml.dump({"interactions": [good, None, {"request": good["request"]}, "?", good], "version": 1}))
    assert [each.spot.number for each in taking.taken] == [1, 5]
    assert [(each.spot.number, each.why) for each in taking.left_out] == [
        (2, "it has no request"),
        (3, "it has no response"),
        (4, "it has no request"),
    ]


def test_places_say_the_line() -> None:
    text = PLAIN.replace("https://api.openai.com/v1/responses?trace=1", "https://example.com/image.png?key=sk-secret")
    left = take(text).left_out[0]
    assert (str(left.spot), left.what) == ("1 (line 2)", "POST https://example.com/image.png")


# YAML as it comes


def test_tags_of_values_that_are_plain() -> None:
    text = PLAIN.replace('\'{"model"', '!!python/unicode \'{"model"').replace(
        "method: POST", "method: !!python/str 'POST'"
    )
    text = text.replace("[gzip, deflate]", "!!python/tuple [gzip, deflate]")
    assert take(text).taken[0].capture == take(PLAIN).taken[0].capture


def test_anchors_and_merge_keys() -> None:
    text = PLAIN.replace("- request:", "- &first\n  request:").replace("version: 1", "- <<: *first\nversion: 1")
    assert len({each.capture.body for each in take(text).taken}) == 1
    assert len(take(text).taken) == 2


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("method: POST", "method: !!python/object/apply:os.system ['true']", 8, "has no meaning here"),
        ("method: POST", "method: !!python/name:os.system ''", 8, "has no meaning here"),
        ("method: POST", "method: !!binary 'no base64!'", 8, "this is no base64"),
        ("method: POST", "method: [POST", 9, "not closed"),
        ("method: POST", "method: POST\n    method: GET", 9, "duplicate key"),
    ],
)
def test_mistakes_of_the_file_have_their_line(old: str, new: str, line: int, says: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        take(PLAIN.replace(old, new))
    problem = caught.value.problems[0]
    assert (problem.file, problem.line) == ("a.yaml", line)
    assert says in str(problem)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file is empty"),
        (b"a: 1", "its keys are `a`"),
        (b"rules: []", "this is a rule file already"),
        (b"[1, 2]", "a list"),
        (b"just text", "a single value"),
        (b"interactions: {}", "a list of exchanges was expected"),
        (b"- {request: {}, response: {}}", "before version 1"),
        (b'{"interactions": [}', "a.yaml:1:19: not JSON"),
        (b"\xff\xfe", "not UTF-8 text (byte 1)"),
        (gzip.compress(b"interactions: []" * 99)[:-12], "the body ends within its content encoding"),
        (b"\x1f\x8bnonsense", "broken gzip data"),
        (b'{"a":' * 100_000, "nested"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_that_cannot_be_read(data: bytes, says: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        take(data)
    assert says in str(caught.value)


def test_an_empty_cassette_holds_nothing() -> None:
    assert take("interactions: []\nversion: 1\n").size == 0
    assert take("interactions:\nversion: 1\n").size == 0


@settings(max_examples=30)
@given(st.binary(max_size=60), st.text(max_size=60))
def test_any_bytes_and_any_text_come_back(body: bytes, text: str) -> None:
    """What the serializer writes is what is read."""
    taken = one({"body": body}, {"body": {"string": text}, "headers": {"content-type": ["text/plain"]}})
    if not body.startswith(b"\x1f\x8b"):
        assert taken.request_body == body
    assert taken.body == text.encode()


def test_json_has_no_lines() -> None:
    read = document(b'{"interactions": []}', "a.json")
    assert read.line("interactions") == 0
    assert document(b"interactions: []", "a.yaml").line("interactions") == 1
    assert document(b"interactions: []", "a.yaml").line("interactions", 4) == 0
