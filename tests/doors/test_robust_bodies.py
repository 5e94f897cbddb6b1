"""Bodies and bytes that no client should send: a clear answer in the provider's shape, and the server goes on."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mockserver.adapters import disk
from tests.adapters.doubles import Peer, call
from tests.doors.processes import Served, serving

RULES = """
rules:
  - {name: made up, when: {model: auto}, reply: {auto: true}}
  - {name: said back, when: {model: echo}, reply: {text: "{{ input }}"}}
  - {name: a call, when: {model: call}, reply: {call: {f: {a: 1}}}}
otherwise: {text: ok}
"""
SOON = 5.0
"""Seconds: no answer may take as long, whatever was asked."""

ERROR = disk.load_dialect("standard").schema("error")
RESPONSE = disk.load_dialect("standard").schema("response")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One process for all: each test finds it as the ones before left it."""
    path = tmp_path_factory.mktemp("rules") / "a.mock.yaml"
    path.write_text(RULES, encoding="utf-8")
    with serving(str(path), "--log", "off", "--max-body", "3000000") as served:
        yield served
        assert served.end() == 0
        assert "Traceback" not in served.err


@pytest.fixture(autouse=True)
def it_goes_on(served: Served) -> Iterator[None]:
    """After whatever was sent: a good request gets its answer."""
    yield
    assert served.ask("hello")["status"] == "completed"


def base(served: Served) -> str:
    return served.url.removesuffix("/v1")


def post(served: Served, body: bytes, **headers: str) -> tuple[int, Any]:
    """Send bytes; return status and JSON, both in the provider's shape."""
    began = time.monotonic()
    status, _, text = call(base(served), body=body, **headers)
    assert time.monotonic() - began < SOON
    answer = json.loads(text)
    assert (RESPONSE if status == 200 else ERROR).violations(answer) == ()
    return status, answer


DEEP = b'{"model": "m", "input": ' + b"[" * 200 + b"]" * 200 + b"}"
BODIES: dict[str, tuple[bytes, int]] = {
    "cut off": (b'{"model": "m", "inp', 400),
    "empty": (b"", 400),
    "white space": (b" \r\n\t ", 400),
    "NUL": (b"\0", 400),
    "brackets": (b"[" * 100_000, 400),
    "braces": (b'{"a":' * 100_000, 400),
    "deep": (DEEP, 400),
    "no UTF-8": (b'{"model": "\xff\xfe"}', 400),
    "UTF-16": ('{"model": "m"}'.encode("utf-16"), 400),
    "byte order mark": (b'\xef\xbb\xbf{"model": "m"}', 400),
    "NaN": (b'{"model": "m", "input": "x", "temperature": NaN}', 400),
    "Infinity": (b'{"model": "m", "input": "x", "temperature": -Infinity}', 400),
    "1e400": (b'{"model": "m", "input": "x", "temperature": 1e400}', 400),
    "5000 digits": (b'{"model": "m", "input": "x", "max_output_tokens": ' + b"9" * 5000 + b"}", 400),
    "30 digits": (b'{"model": "m", "input": "x", "top_logprobs": ' + b"9" * 30 + b"}", 400),
    "a lone surrogate": (b'{"model": "\\ud800", "input": "x"}', 400),
    "a key of a lone surrogate": (b'{"\\udfff": 1}', 400),
    "an array": (b"[]", 400),
    "null": (b"null", 400),
    "a text": (b'"model"', 400),
    "a number": (b"1", 400),
    "true": (b"true", 400),
    "two values": (b"{}{}", 400),
    "a form": (b"model=m&input=x", 400),
    "200,000 numbers": (b'{"model": "m", "input": [' + b"1," * 200_000 + b"1]}", 400),
    "unknown keys": (b'{"model": "m", "input": "x", %b}' % b",".join(b'"k%d":1' % n for n in range(19_000)), 400),
    "a name that looks like an index": (b'{"model": "m", "input": "x", "metadata": {"0": null, "007": 1}}', 400),
    "a long key": (b'{"model": "m", "input": "x", "%b": 1}' % (b"k" * 2_000_000), 400),
    "over the limit": (b'{"model": "' + b"m" * 3_000_000 + b'"}', 413),
    "the same key twice": (b'{"model": "auto", "model": "m", "input": "x"}', 200),
    "NUL in a text": (b'{"model": "m\\u0000", "input": "\\u0000"}', 200),
    "a megabyte of model": (b'{"model": "%b", "input": "x"}' % (b"m" * 2_000_000), 200),
    "30,000 messages": (b'{"model": "m", "input": [%b]}' % b",".join([b'{"role":"user","content":"x"}'] * 30_000), 200),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_strange_body_has_its_answer(served: Served, name: str) -> None:
    body, expected = BODIES[name]
    status, answer = post(served, body)
    assert status == expected
    if status != 200:
        assert answer["error"]["type"] == "invalid_request_error"
        assert 0 < len(answer["error"]["message"]) < 1500


@pytest.mark.parametrize(
    ("sent_as", "status"),
    [("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("nonsense", 415), ("a" * 5000, 415),
     ("application/json; charset=utf-8", 200), ("Application/JSON", 200), ("", 200)],
)  # fmt: skip
def test_the_content_type_counts(served: Served, sent_as: str, status: int) -> None:
    assert post(served, b'{"model": "m", "input": "x"}', content_type=sent_as)[0] == status


def test_a_body_in_chunks_over_the_limit(served: Served) -> None:
    head = b"POST /v1/responses HTTP/1.1\r\nhost: mock\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    with Peer(base(served)) as peer:
        peer.send(head + (b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n") * 4 + b"0\r\n\r\n")
        status, _, body = peer.answer()
    assert status == 413
    assert ERROR.violations(json.loads(body)) == ()


def asked(schema: object, model: str = "auto", **more: object) -> bytes:
    form = {"type": "json_schema", "name": "n", "schema": schema}
    tool = {"type": "function", "name": "f", "parameters": schema, "strict": False}
    return json.dumps({"model": model, "input": "x", "text": {"format": form}, "tools": [tool], **more}).encode()


def doubling(keyword: str) -> dict[str, Any]:
    each = {f"a{level}": {keyword: [{"$ref": f"#/$defs/a{level + 1}"}] * 2} for level in range(40)}
    return {"$ref": "#/$defs/a0", "$defs": {**each, "a40": {"type": "object" if keyword == "allOf" else "null"}}}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"unevaluatedProperties": False, "allOf": [schema]}
    return schema


SCHEMAS: dict[str, Any] = {
    "itself": {"$ref": "#"},
    "a ring": {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
    "endless": {"type": "object", "properties": {"below": {"$ref": "#"}}, "required": ["below"]},
    "a dead end": {"$ref": "#/$defs/nobody"},
    "doubling": doubling("anyOf"),
    "doubling all": doubling("allOf"),
    "left over": nested(50),
    "a pattern that backtracks": {"type": "string", "pattern": "^(a+)+$"},
    "a pattern that looks back": {"properties": {"a": {"pattern": r"^(?=(a|aa)+$)(a*)*\2b$"}}, "required": ["a"]},
    "big patterns": {"allOf": [{"pattern": f"\\w{{{number + 500}}}"} for number in range(300)]},
    "no pattern": {"type": "string", "pattern": "((("},
    "minItems": {"type": "array", "minItems": 10**9},
    "minLength": {"type": "string", "minLength": 10**12},
    "maxLength": {"type": "string", "maxLength": 10**12},
    "minProperties": {"type": "object", "minProperties": 10**9},
    "numbers": {"type": "number", "minimum": 1e308, "multipleOf": 1e-300},
    "negative": {"type": "array", "minItems": -1},
    "required names": {"properties": {f"p{n}": {} for n in range(4000)}, "required": [f"r{n}" for n in range(100_000)]},
    "a long enum": {"enum": list(range(150_000))},
    "nonsense": {"type": 5, "properties": [], "required": {}, "items": "x", "$defs": None},
    "another draft": {"$schema": "http://127.0.0.1:9/none", "type": "object"},
}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_in_a_request_never_holds_the_server(served: Served, name: str, stream: bool) -> None:
    """Made up to by `auto`, forced into a call, and checked against what a rule answers."""
    for body in (
        asked(SCHEMAS[name], stream=stream),
        asked(SCHEMAS[name], stream=stream, tool_choice={"type": "function", "name": "f"}),
        asked(SCHEMAS[name], "call", stream=stream),
        asked(SCHEMAS[name], "echo", stream=stream, input=json.dumps({"a": ["a" * 40] * 500})),
    ):
        began = time.monotonic()
        status, _, text = call(base(served), body=body)
        assert time.monotonic() - began < SOON
        assert status in (200, 400)
        if stream and status == 200:
            assert b"event: response.completed\n" in text


@pytest.mark.skipif(sys.platform == "win32", reason="there are no FIFOs")
def test_nothing_in_a_request_opens_a_file_or_a_connection(served: Served, tmp_path: Path) -> None:
    """Whoever opened the FIFO would wait for ever, and it would have a reader; the port would have a visitor."""
    fifo = tmp_path / "fifo.json"
    os.mkfifo(fifo)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        there = f"http://127.0.0.1:{listener.getsockname()[1]}/schema.json"
        for place in (fifo.as_uri(), there, "file:///etc/passwd", str(fifo)):
            for schema in (
                {"$ref": place},
                {"$dynamicRef": place},
                {"$schema": place, "type": "object"},
                {"$id": place, "$ref": "other.json"},
                {"type": "object", "properties": {"a": {"$ref": place + "#/a"}}, "required": ["a"]},
            ):
                for model in ("auto", "call"):
                    assert post(served, asked(schema, model))[0] == 200
                    assert post(served, asked(schema, model, tool_choice="required"))[0] == 200
            image = [{"role": "user", "content": [{"type": "input_image", "image_url": place}]}]
            assert post(served, json.dumps({"model": "m", "input": image}).encode())[0] in (200, 400)
        with pytest.raises(TimeoutError):
            listener.accept()
    with pytest.raises(OSError, match="No such device"):
        os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)


def test_what_was_said_is_said_back_in_bounds(served: Served) -> None:
    """A million words: not a million events."""
    began = time.monotonic()
    body = json.dumps({"model": "echo", "input": "a " * 1_000_000, "stream": True}).encode()
    status, _, text = call(base(served), body=body)
    assert status == 200
    assert text.count(b"event: response.output_text.delta\n") <= 50_000
    assert time.monotonic() - began < 2 * SOON


def raw(served: Served, data: bytes) -> tuple[bytes, bytes]:
    """Send bytes on a connection of their own; return head and body of what comes back until it closes."""
    with Peer(base(served)) as peer:
        peer.send(data)
        head, _, body = peer.rest().partition(b"\r\n\r\n")
    return head, body


NO_HTTP = {
    "bytes": b"\x00\xff\x80\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 200,
    "a version to come": b"GET / HTTP/9.9\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method": b"FROB / HTTP/1.1\r\nhost: h\r\n\r\n",
    "a header": b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    "a length": b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: -1\r\n\r\n",
    "a long length": b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999999999999999999\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "smuggling": b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    "a chunk": b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "a path of bytes": b"GET /v1/\xff\xfe HTTP/1.1\r\nhost: h\r\n\r\n",
    "a session of bytes": b"GET /s/\xff/v1/models HTTP/1.1\r\nhost: h\r\n\r\n",
    "a control character": b"GET / HTTP/1.1\r\nhost: h\r\nx-mock-session: a\x01b\r\n\r\n",
    "a NUL": b"GET / HTTP/1.1\r\nhost: h\r\nx-mock-session: a\x00b\r\n\r\n",
    "a URL": b"GET http://[/v1/models HTTP/1.1\r\nhost: h\r\n\r\n",
    "an endless path": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nhost: h\r\n\r\n",
}


@pytest.mark.parametrize("name", NO_HTTP)
def test_what_is_no_http_is_refused_in_words_and_closed(served: Served, name: str) -> None:
    head, body = raw(served, NO_HTTP[name])
    assert head.startswith(b"HTTP/1.1 400 ")
    assert ERROR.violations(json.loads(body)) == ()


LAST = b" HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
PATHS = {
    b"GET //v1/models": 404, b"GET /v1/models/": 200, b"GET /v1/%6dodels": 200, b"GET /s//v1/models": 404,
    b"GET /s/a/../b": 404, b"GET /s/a/v1/../../etc/passwd": 404, b"GET /s/%2e%2e/v1/models": 200,
    b"GET /s/%ff%00%0d%0aset-cookie:x/v1/models": 200, b"GET /v1/models?%ff=%00&&=&a": 200, b"GET /v1/models#x": 200,
    b"GET http://elsewhere/v1/models": 200, b"OPTIONS *": 404, b"OPTIONS /v1/responses": 405, b"HEAD /v1/models": 200,
    b"DELETE /v1/models": 405, b"GET /v1/responses": 405, b"GET /v1/%00": 404, b"GET /%e2%98%83": 404,
    b"GET /s/" + b"x" * 50_000 + b"/v1/models": 200, b"GET /v1/" + b"x" * 50_000: 404,
}  # fmt: skip


@pytest.mark.parametrize("line", PATHS, ids=lambda line: repr(line[:30]))
def test_a_strange_path_has_its_answer(served: Served, line: bytes) -> None:
    """No header is ever made of what stands in a path."""
    head, body = raw(served, line + LAST)
    lines = head.split(b"\r\n")
    assert int(lines[0].split()[1]) == PATHS[line]
    assert not any(each.lower().startswith(b"set-cookie") for each in lines)
    assert all(len(each) < 4000 for each in lines)
    assert line.startswith(b"HEAD") == (body == b"")
    if PATHS[line] >= 400:
        assert ERROR.violations(json.loads(body)) == ()


@pytest.mark.parametrize("name", ["ü" * 300, "a\tb", "%0d%0aset-cookie: x", "x" * 60_000, "'\"<>{}"])
def test_a_session_may_be_called_anything(served: Served, name: str) -> None:
    """By the header: sent back harmless and bounded, and two long names stay two sessions."""
    sent = name.encode("latin-1")
    request = b"POST /v1/responses HTTP/1.1\r\nhost: h\r\nx-mock-session: %b\r\nconnection: close\r\ncontent-length: 28\r\n\r\n"
    heads = [
        raw(served, request % (sent + end) + b'{"model": "m", "input": "x"}')[0].split(b"\r\n") for end in (b"1", b"2")
    ]
    assert heads[0][0] == heads[1][0] == b"HTTP/1.1 200 OK"
    told = [next(line for line in head if line.startswith(b"x-mock-session: ")) for head in heads]
    assert told[0] != told[1]
    assert max(map(len, told)) < 1500
    assert not any(line.startswith(b"set-cookie") for head in heads for line in head)


def test_requests_in_one_breath_are_answered_in_order(served: Served) -> None:
    """Good and bad ones; bytes that are no HTTP end the connection, after what was whole before them."""
    good = b'POST /v1/responses HTTP/1.1\r\nhost: h\r\ncontent-length: 28\r\n\r\n{"model": "m", "input": "x"}'
    bad = b"POST /v1/responses HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nnull"
    with Peer(base(served)) as peer:
        peer.send((good + bad) * 40 + good + b"\x00\r\n\r\n" + good)
        assert [peer.answer()[0] for _ in range(81)] == [200, 400] * 40 + [200]
        assert peer.rest() == b""


def test_clients_that_never_finish_keep_nobody_waiting(served: Served) -> None:
    """Hundreds of half requests, byte by byte: others are served, and nothing stays once they are gone."""
    peers = [Peer(base(served)) for _ in range(200)]
    for piece in (b"POST /v1/resp", b"onses HTTP/1.1\r\nho", b"st: h\r\ncontent-length: 500\r\n\r\n{"):
        for peer in peers:
            peer.send(piece)
        began = time.monotonic()
        assert served.ask("hello")["status"] == "completed"
        assert time.monotonic() - began < 1
    for peer in peers:
        peer.close()


HERE = b"host: localhost\r\n"
GUARDED = {
    "this machine": (HERE, 200),
    "a rebound name": (b"host: evil.example\r\n", 403),
    "a name that begins so": (b"host: localhost.evil.example\r\n", 403),
    "two hosts": (b"host: localhost\r\nhost: evil.example\r\n", 403),
    "no host": (b"", 403),
    "half a host": (b"host: [\r\n", 403),
    "an address": (b"host: [::1]:8080\r\n", 200),
    "a page elsewhere": (HERE + b"origin: https://evil.example\r\n", 403),
    "a page of no origin": (HERE + b"origin: null\r\n", 403),
    "half an origin": (HERE + b"origin: http://[\r\n", 403),
    "a page here": (HERE + b"origin: http://localhost:3000\r\n", 200),
}


@pytest.mark.parametrize("name", GUARDED)
@pytest.mark.parametrize("path", [b"/_mock/requests", b"/%5fmock/requests", b"/s/x/_mock/requests"])
def test_who_may_look_into_the_journal(served: Served, name: str, path: bytes) -> None:
    headers, expected = GUARDED[name]
    head, body = raw(served, b"GET %b?limit=1 HTTP/1.1\r\n%bconnection: close\r\n\r\n" % (path, headers))
    assert int(head.split()[1]) == expected
    assert json.loads(body)
    assert (b'"requests":' in body) == (expected == 200)


@pytest.mark.parametrize("query", ["limit=" + "9" * 5000, "after=" + "9" * 5000, "limit=x", "after=a:b", "limit=-5"])
def test_a_strange_question_to_the_journal_breaks_nothing(served: Served, query: str) -> None:
    assert call(base(served), "GET", f"/_mock/requests?{query}", None)[0] in (200, 400)


def test_from_elsewhere_only_the_token_opens() -> None:
    """On every address: no token, a wrong one, one that is no text, the right one."""
    with serving("--host", "0.0.0.0", "--log", "off", MOCKSERVER_TOKEN="right") as served:
        for sent, status in ((b"", 403), (b"Bearer wrong", 403), (b"Bearer \xff\xfe", 403), (b"Bearer right", 200)):
            head, _ = raw(
                served,
                b"GET /_mock/requests HTTP/1.1\r\nhost: box.lan\r\nauthorization: %b\r\nconnection: close\r\n\r\n"
                % sent,
            )
            assert int(head.split()[1]) == status
        assert served.end() == 0
    assert "Traceback" not in served.err
