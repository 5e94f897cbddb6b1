"""A whole server on a real socket: starting, stopping, and HTTP as clients of all kinds speak it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mockserver.adapters.server import bind, url_of
from mockserver.core.errors import SettingError
from mockserver.core.messages import Request
from mockserver.core.timeline import Chunk, Finish, Head, Stall, Timeline
from tests.adapters.conftest import Starter
from tests.adapters.doubles import FakeEngine, Peer, call, canned, frame, serve, stream
from tests.adapters.test_wire import settled


def test_what_was_read_of_a_request(start: Starter) -> None:
    status, _, body = call(start(FakeEngine()).url, path="/v1/responses?a=1&b=%C3%BC&a=2", X_Case="Hi")
    seen = json.loads(body)
    assert status == 200
    assert (seen["method"], seen["path"], seen["session"], seen["bytes"]) == ("POST", "/v1/responses", "default", 2)
    assert seen["query"] == {"a": "1, 2", "b": "ü"}
    assert seen["headers"]["x-case"] == "Hi"


@pytest.mark.parametrize(
    ("path", "header", "session", "inner"),
    [
        ("/v1/responses", {}, "default", "/v1/responses"),
        ("/s/blue/v1/responses", {}, "blue", "/v1/responses"),
        ("/v1/responses", {"x_mock_session": "green"}, "green", "/v1/responses"),
        ("/s/blue/v1/responses", {"x_mock_session": "green"}, "blue", "/v1/responses"),
        ("/s/tests%2Ftest_a.py%3A%3Atest_b%5B1%5D/v1/models", {}, "tests/test_a.py::test_b[1]", "/v1/models"),
        ("/s/blue", {}, "blue", "/"),
        ("/s//v1/responses", {}, "default", "/s//v1/responses"),
        ("/sessions", {}, "default", "/sessions"),
        ("/v1/a%20b%2Fc", {}, "default", "/v1/a b/c"),
    ],
)
def test_sessions_by_prefix_and_header(
    quickest: Starter, path: str, header: dict[str, str], session: str, inner: str
) -> None:
    seen = json.loads(call(quickest(FakeEngine()).url, "POST", path, b"{}", **header)[2])
    assert (seen["session"], seen["path"]) == (session, inner)


def test_a_connection_stays_open_after_every_kind_of_answer(start: Starter) -> None:
    engine = FakeEngine()
    with Peer(start(engine).url) as peer:
        for status in (200, 400, 404, 413, 429, 500):
            engine.decide = lambda _, status=status: canned({}, status)
            peer.post()
            assert peer.answer()[0] == status
        engine.decide = lambda _: stream(2)
        peer.post()
        peer.until(b"0\r\n\r\n")
        engine.decide = None
        peer.post(path="/again")
        assert json.loads(peer.answer()[2])["path"] == "/again"


def test_pipelined_requests_are_answered_in_order(start: Starter) -> None:
    with Peer(start(FakeEngine()).url) as peer:
        one = b"POST /%d HTTP/1.1\r\nhost: mock\r\ncontent-length: 2\r\n\r\n{}"
        peer.send(b"".join(one % number for number in range(5)))
        assert [json.loads(peer.answer()[2])["path"] for _ in range(5)] == [f"/{number}" for number in range(5)]


def test_the_last_answer_of_an_old_client_says_so(start: Starter) -> None:
    """HTTP/1.0 and `connection: close` end the connection."""
    with Peer(start(FakeEngine()).url) as peer:
        peer.post(extra=b"connection: close\r\n")
        assert b"connection: close" in peer.rest().lower()


def test_an_old_client_gets_a_stream_without_chunks(start: Starter) -> None:
    with Peer(start(FakeEngine(lambda _: stream(2, every=5))).url) as peer:
        peer.send(b"POST / HTTP/1.0\r\ncontent-length: 2\r\n\r\n{}")
        head, _, body = peer.rest().partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert body == frame(0) + frame(1)


def test_head_and_options_have_answers_without_and_with_a_body(start: Starter) -> None:
    url = start(FakeEngine()).url
    status, headers, body = call(url, "HEAD", body=None)
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 0
    assert json.loads(call(url, "OPTIONS", path="*", body=None)[2])["method"] == "OPTIONS"
    with Peer(url) as peer:  # nothing of a body may follow a HEAD
        peer.send(b"HEAD /x HTTP/1.1\r\nhost: mock\r\n\r\n")
        peer.until(b"\r\n\r\n")
        peer.post(path="/next")
        assert json.loads(peer.answer()[2])["path"] == "/next"


def test_head_of_a_stream_is_over_at_once(start: Starter) -> None:
    engine = FakeEngine(lambda request: stream(3) if request.method == "HEAD" else canned({}))
    with Peer(start(engine).url) as peer:
        peer.send(b"HEAD /x HTTP/1.1\r\nhost: mock\r\n\r\n")
        peer.until(b"\r\n\r\n")
        peer.post()
        assert peer.answer()[0] == 200


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none(start: Starter, status: int) -> None:
    engine = FakeEngine(lambda _: Timeline((Head(0, status, ()), Finish(0))))
    with Peer(start(engine).url) as peer:
        peer.post()
        assert b"transfer-encoding" not in peer.until(b"\r\n\r\n")
        engine.decide = None
        peer.post()
        assert peer.answer()[0] == 200


def test_a_body_up_to_the_limit_is_read_and_one_byte_more_is_refused(start: Starter) -> None:
    url = start(FakeEngine(), max_body=1000).url
    with Peer(url) as peer:
        peer.post(b"x" * 1000)
        assert json.loads(peer.answer()[2])["bytes"] == 1000
        peer.post(b"x" * 1001)
        assert peer.answer()[0] == 413
        peer.post(b"{}")  # the connection is still in step
        assert peer.answer()[0] == 200


def test_a_huge_body_is_refused_in_words_and_not_by_a_reset(start: Starter) -> None:
    """The client sends all of its 5 MB before it reads; what was too much was read and thrown away."""
    with Peer(start(FakeEngine(), max_body=1000).url) as peer:
        peer.post(b"x" * 5_000_000)
        assert peer.answer()[0] == 413
        peer.post()
        assert peer.answer()[0] == 200


def test_a_chunked_body_over_the_limit(start: Starter) -> None:
    head = b"POST /v1/responses HTTP/1.1\r\nhost: mock\r\ntransfer-encoding: chunked\r\n\r\n"
    with Peer(start(FakeEngine(), max_body=1000).url) as peer:
        peer.send(head + b"%x\r\n%b\r\n" % (600, b"x" * 600) * 3 + b"0\r\n\r\n")
        assert peer.answer()[0] == 413
        peer.send(head + b"5\r\nhello\r\n0\r\n\r\n")
        assert json.loads(peer.answer()[2])["bytes"] == 5


def test_a_client_that_asks_first_is_refused_before_it_sends(start: Starter) -> None:
    with Peer(start(FakeEngine(), max_body=1000).url) as peer:
        peer.send(b"POST / HTTP/1.1\r\nhost: mock\r\nexpect: 100-continue\r\ncontent-length: 5000\r\n\r\n")
        assert peer.answer()[0] == 413
        assert peer.rest() == b""


def test_a_client_that_asks_first_is_told_to_go_on(start: Starter) -> None:
    with Peer(start(FakeEngine()).url) as peer:
        peer.send(b"POST / HTTP/1.1\r\nhost: mock\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n")
        assert peer.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100")
        peer.send(b"hello")
        assert json.loads(peer.answer()[2])["bytes"] == 5


def test_a_client_that_leaves_while_it_sends_asks_nothing(start: Starter) -> None:
    engine = FakeEngine()
    url = start(engine).url
    with Peer(url) as peer:
        peer.send(b"POST / HTTP/1.1\r\nhost: mock\r\ncontent-length: 5000\r\n\r\nhalf")
    assert call(url)[0] == 200
    assert len(engine.requests) == 1


async def test_64_clients_at_once_each_get_their_own_answer(quickest: Starter) -> None:
    engine = FakeEngine(lambda request: stream(3, every=5) if "stream" in request.path else canned(request.path))
    url = quickest(engine).url
    host, port = url.removeprefix("http://").split(":")

    async def client(number: int) -> bytes:
        reader, writer = await asyncio.open_connection(host, int(port))
        answers = b""
        for turn in range(3):
            path = f"/{'stream' if number % 2 else 'json'}/{number}/{turn}"
            writer.write(b"POST %b HTTP/1.1\r\nhost: mock\r\ncontent-length: 2\r\n\r\n{}" % path.encode())
            if number % 2:
                answers += await reader.readuntil(b"0\r\n\r\n")
            else:
                await reader.readuntil(b"\r\n\r\n")
                answers += await reader.readexactly(len(path) + 2)
        writer.close()
        await writer.wait_closed()
        return answers

    results = await asyncio.gather(*(client(number) for number in range(64)))
    for number, answers in enumerate(results):
        if number % 2:
            assert answers.count(b"event: tick") == 9
        else:
            assert answers.decode() == "".join(f'"/json/{number}/{turn}"' for turn in range(3))
    assert settled(lambda: len(engine.endings) == 192)
    assert {ending.end for ending in engine.endings} == {"complete"}


def test_an_error_of_ours_is_a_500_in_the_providers_shape(start: Starter, caplog: pytest.LogCaptureFixture) -> None:
    def broken(request: Request) -> Timeline:
        raise ZeroDivisionError("our mistake")

    engine = FakeEngine(broken)
    url = start(engine).url
    status, _, body = call(url)
    assert status == 500
    assert json.loads(body)["error"]["code"] == "server_error"
    assert "our mistake" in caplog.text
    engine.decide = None
    assert call(url)[0] == 200


def test_an_error_of_ours_halfway_ends_the_stream_without_an_end(
    start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    steps = (Head(0, 200, ()), Chunk(0, b"ab", 1), Chunk(5, "no bytes", 1), Finish(5))  # type: ignore[arg-type]  # our mistake
    engine = FakeEngine(lambda _: Timeline(steps))
    with Peer(start(engine).url) as peer:
        peer.post()
        assert peer.rest().endswith(b"2\r\nab\r\n")
    assert settled(lambda: bool(engine.endings))
    assert engine.endings[0].end == "failed"
    assert "cannot perform" in caplog.text


def test_a_busy_port_is_told_before_anything_starts() -> None:
    with bind() as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingError, match=f"port {port} on 127.0.0.1 is in use"):
            bind("127.0.0.1", port)


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("not a host", 0), ("127.0.0.1", 70_000)])
def test_a_place_that_cannot_be_had_is_told(host: str, port: int) -> None:
    with pytest.raises(SettingError, match=r"127\.0\.0\.1|port"):
        bind(host, port).close()


def test_the_url_is_one_that_a_client_here_can_use() -> None:
    for host, expected in (("127.0.0.1", "127.0.0.1"), ("localhost", ""), ("0.0.0.0", "127.0.0.1")):
        with bind(host) as sock:
            assert expected in url_of(sock)
            socket.create_connection(sock.getsockname()[:2], timeout=1).close()


def test_stopping_ends_streams_quickly_and_quietly(start: Starter, caplog: pytest.LogCaptureFixture) -> None:
    engine = FakeEngine(lambda _: stream(2, every=60_000) if len(engine.requests) == 1 else stream(1, then=Stall(0)))
    server = start(engine)
    with caplog.at_level(logging.WARNING), Peer(server.url) as one, Peer(server.url) as two:
        one.post()
        one.until(frame(0))
        two.post()
        two.until(frame(0))
        before = time.monotonic()
        server.stop()
        assert time.monotonic() - before < 1.5
    assert sorted(ending.end for ending in engine.endings) == ["failed", "stalled"]
    assert caplog.text == ""
    server.stop()  # twice is fine


def test_a_port_can_be_had_again_at_once() -> None:
    with serve(FakeEngine()) as server:
        port = server.sock.getsockname()[1]
        assert call(server.url)[0] == 200
    bind("127.0.0.1", port).close()


def test_what_keeps_a_server_from_starting_is_raised_where_it_is_started() -> None:
    async def broken(scope: object, receive: object, send: object) -> None:
        raise RuntimeError("no")

    server = serve(FakeEngine())
    server.sock.close()
    with pytest.raises((OSError, ValueError)):
        server.start()
    assert not [thread for thread in threading.enumerate() if thread.name == "mockserver"]


PROGRAM = """
import sys
from mockserver.adapters.server import bind
from tests.adapters.doubles import FakeEngine, serve, stream
engine = FakeEngine(lambda request: stream(2, every=60_000))
serve(engine).serve(lambda url: print(url, flush=True))
print("stopped", [ending.end for ending in engine.endings])
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are sent the POSIX way")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_foreground_server_within_a_second_and_with_0(number: signal.Signals) -> None:
    root = Path(__file__).parent.parent.parent
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root
    )
    try:
        assert process.stdout is not None
        with Peer(process.stdout.readline().strip()) as peer:
            peer.post()
            peer.until(frame(0))
            before = time.monotonic()
            process.send_signal(number)
            out, err = process.communicate(timeout=5)
            assert time.monotonic() - before < 2
    finally:
        process.kill()
    assert (process.returncode, out, err) == (0, "stopped ['failed']\n", "")
