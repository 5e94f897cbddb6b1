"""What reaches the socket, on every loop and parser: cuts, resets, raw bytes, clients that leave."""

from __future__ import annotations

import json
import logging
import socket
import struct
import sys
import time
from collections.abc import Callable

import pytest

from mockserver.adapters.wire import MOST_HEAD
from mockserver.core.timeline import Chunk, Cut, Finish, Head, Raw, Reset, Stall, Timeline
from tests.adapters.conftest import Starter
from tests.adapters.doubles import STREAM_HEADERS, FakeEngine, Peer, canned, frame, stream


def settled(condition: Callable[[], bool], seconds: float = 3.0) -> bool:
    """Wait for a condition, never for a duration."""
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.005)
    return condition()


def test_a_stream_ends_as_it_should(start: Starter) -> None:
    engine = FakeEngine(lambda _: stream(3))
    with Peer(start(engine).url) as peer:
        peer.post()
        answer = peer.until(b"0\r\n\r\n")
        assert b"\r\n" + frame(0) + frame(1) + frame(2) + b"\r\n" in answer
        assert settled(lambda: bool(engine.endings))
        assert engine.endings[0].end == "complete"


def test_a_cut_is_a_clean_end_without_the_end_of_the_body(start: Starter, caplog: pytest.LogCaptureFixture) -> None:
    """FIN after all frames, no terminating chunk, and not a word in the log about what was done on purpose."""
    engine = FakeEngine(lambda _: stream(5, then=Cut(20)))
    with caplog.at_level(logging.WARNING), Peer(start(engine).url) as peer:
        peer.post()
        answer = peer.rest()
    assert frame(4) in answer
    assert not answer.endswith(b"0\r\n\r\n")
    assert settled(lambda: bool(engine.endings))
    assert engine.endings[0].end == "cut"
    assert caplog.text == ""


def test_a_reset_comes_after_the_promised_bytes(start: Starter, caplog: pytest.LogCaptureFixture) -> None:
    """Every time: five frames, then ECONNRESET."""
    engine = FakeEngine(lambda _: stream(5, then=Reset(0)))
    url = start(engine).url
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            with Peer(url) as peer:
                peer.post()
                with pytest.raises(ConnectionResetError):
                    peer.rest()
                assert peer.held.count(b"event: tick") == 5
    assert settled(lambda: len(engine.endings) == 100)
    assert {ending.end for ending in engine.endings} == {"reset"}
    assert caplog.text == ""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a reset throws away what the client has not read yet")
@pytest.mark.parametrize("ending", [Reset(0), Cut(0)], ids=["reset", "cut"])
def test_much_data_before_the_end_arrives_at_a_slow_reader(quickest: Starter, ending: Reset | Cut) -> None:
    """Two megabytes and a client that is slow to read: nothing may be lost in a buffer of ours or the kernel's."""
    chunk = b"@" * 20_000
    engine = FakeEngine(
        lambda _: Timeline((Head(0, 200, STREAM_HEADERS), *[Chunk(0, chunk, 1, "tick") for _ in range(100)], ending))
    )
    with Peer(quickest(engine).url) as peer:
        peer.post()
        received = 0
        try:
            for delay in [0.1] * 3 + [0.0] * 10_000:
                time.sleep(delay)
                data = peer.socket.recv(50_000)
                received += data.count(b"@")
                if not data:
                    break
        except ConnectionResetError:
            assert isinstance(ending, Reset)
        assert received == 2_000_000


def test_a_reset_before_any_answer(start: Starter) -> None:
    engine = FakeEngine(lambda _: Timeline((Reset(5),)))
    with Peer(start(engine).url) as peer:
        peer.post()
        with pytest.raises(ConnectionResetError):
            peer.rest()
        assert peer.held == b""


def test_a_cut_before_any_answer(start: Starter) -> None:
    engine = FakeEngine(lambda _: Timeline((Cut(5),)))
    with Peer(start(engine).url) as peer:
        peer.post()
        assert peer.rest() == b""


def test_a_cut_after_the_headers_sends_them(start: Starter) -> None:
    engine = FakeEngine(lambda _: Timeline((Head(0, 200, STREAM_HEADERS), Cut(0))))
    with Peer(start(engine).url) as peer:
        peer.post()
        answer = peer.rest()
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n")


def test_raw_bytes_reach_the_socket_as_they_are(start: Starter) -> None:
    """Also before any head; the framing is then unknown, so that the end closes the connection."""
    steps = (Raw(0, b"HTTP/1.1 200 Oops\r\ncontent-"), Raw(10, b"length: 99\r\n\r\nshort"), Finish(10))
    engine = FakeEngine(lambda _: Timeline(steps))
    with Peer(start(engine).url) as peer:
        peer.post()
        assert peer.rest() == b"HTTP/1.1 200 Oops\r\ncontent-length: 99\r\n\r\nshort"
    assert settled(lambda: bool(engine.endings))
    assert engine.endings[0].end == "complete"


def test_raw_bytes_inside_a_chunked_body(start: Starter) -> None:
    steps = (Head(0, 200, STREAM_HEADERS), Chunk(0, b"ab", 1), Raw(0, b"zz\r\nnot a chunk"), Cut(0))
    engine = FakeEngine(lambda _: Timeline(steps))
    with Peer(start(engine).url) as peer:
        peer.post()
        assert peer.rest().endswith(b"\r\n\r\n2\r\nab\r\nzz\r\nnot a chunk")


def test_a_stall_shows_what_came_before_and_ends_with_the_client(start: Starter) -> None:
    engine = FakeEngine(lambda _: stream(2, then=Stall(0)))
    with Peer(start(engine).url) as peer:
        peer.post()
        peer.until(frame(1))
        time.sleep(0.05)
        assert engine.endings == []
    assert settled(lambda: bool(engine.endings))
    assert engine.endings[0].end == "stalled"


def test_a_client_that_leaves_mid_stream_is_noticed_at_once(start: Starter) -> None:
    """Long before the next event would be due; nothing of the exchange stays behind."""
    engine = FakeEngine(lambda _: stream(5, every=60_000))
    server = start(engine)
    with Peer(server.url) as peer:
        peer.post()
        peer.until(frame(0))
    assert settled(lambda: bool(engine.endings))
    assert engine.endings[0].end == "client_left"
    assert len(engine.endings[0].sent_at) == 1
    assert server._server is not None
    assert settled(lambda: not server._server.server_state.tasks)  # type: ignore[union-attr]  # asserted above
    assert not server._server.server_state.connections


def test_a_client_that_resets_is_one_that_left(start: Starter) -> None:
    engine = FakeEngine(lambda _: stream(5, every=60_000))
    with Peer(start(engine).url) as peer:
        peer.post()
        peer.until(frame(0))
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    assert settled(lambda: bool(engine.endings))
    assert engine.endings[0].end == "client_left"


def test_a_client_that_leaves_takes_its_pipelined_request_with_it(start: Starter) -> None:
    """With a request waiting the server reads no further, so that leaving is noticed when the next event is sent."""
    engine = FakeEngine(lambda _: stream(500, every=10))
    with Peer(start(engine).url) as peer:
        peer.post()
        peer.until(frame(0))
        peer.post()
        time.sleep(0.02)
    assert settled(lambda: bool(engine.endings))
    assert [ending.end for ending in engine.endings] == ["client_left"]


def test_bytes_that_are_no_http_get_a_json_400(start: Starter) -> None:
    with Peer(start(FakeEngine()).url) as peer:
        peer.send(b"\x16\x03\x01 hello, is this TLS?\r\n\r\n")
        status, headers, body = peer.answer()
    assert (status, headers["content-type"]) == (400, "application/json")
    assert b'"invalid_request_error"' in body


def test_a_header_that_cannot_be_sent_is_our_error_and_not_a_second_answer(
    start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    """Line ends in a value would let a rule file, or what it echoes, write another header."""
    headers = ((b"content-length", b"2"), (b"x-evil", b"a\r\nx-injected: b"))
    engine = FakeEngine(lambda _: Timeline((Head(0, 200, headers), Chunk(0, b"{}"), Finish(0))))
    url = start(engine).url
    with Peer(url) as peer:
        peer.post()
        data = peer.until(b"\r\n\r\n")
    assert b"x-injected" not in data
    assert b" 500 " in data.split(b"\r\n")[0]
    assert "cannot perform" in caplog.text
    engine.decide = lambda _: canned({"fine": True})
    with Peer(url) as peer:
        peer.post()
        assert peer.answer()[0] == 200


@pytest.mark.parametrize("part", [b"a" * 10_000, b"x: y\r\n" * 1_000], ids=["one header", "many headers"])
def test_a_head_without_an_end_is_ended(start: Starter, part: bytes) -> None:
    """Before it has taken megabytes of memory; and the server goes on."""
    url = start(FakeEngine()).url
    with Peer(url) as peer:
        peer.socket.settimeout(1)
        peer.send(b"GET / HTTP/1.1\r\nx: ")
        answer, ended = b"", False
        try:
            for _ in range(300):
                peer.send(part)
            answer, ended = peer.rest(), True
        except (ConnectionResetError, BrokenPipeError):
            ended = True  # what was answered may be lost: more was on its way than anybody read
        assert ended
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    with Peer(url) as peer:
        peer.post()
        assert peer.answer()[0] == 200


def test_a_head_without_an_end_is_refused_in_words(quickest: Starter) -> None:
    with Peer(quickest(FakeEngine()).url) as peer:
        peer.send(b"GET / HTTP/1.1\r\nx: " + b"a" * MOST_HEAD)
        head, _, body = peer.rest().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


def test_a_head_may_be_long_and_come_in_pieces(quickest: Starter) -> None:
    with Peer(quickest(FakeEngine()).url) as peer:
        peer.send(b"POST / HTTP/1.1\r\nhost: mock\r\ncontent-length: 2\r\nx: ")
        for _ in range(20):
            peer.send(b"a" * 10_000)
        peer.send(b"\r\n\r\n{}")
        assert peer.answer()[0] == 200


@pytest.mark.parametrize("read", [True, False], ids=["read", "unread"])
def test_a_link_tells_that_the_client_ended_the_connection(start: Starter, read: bool) -> None:
    """Nobody has while it is open; then the client, by FIN when it had read everything and by RST when not."""
    engine = FakeEngine()
    with Peer(start(engine).url) as peer:
        for _ in range(2):
            peer.post()
            if read:
                peer.answer()
        assert settled(lambda: len(engine.endings) == 2)
        link = engine.endings[0].link
        assert link is not None
        assert link is engine.endings[1].link
        assert link.ended == ""
    assert settled(lambda: link.ended == "client")


def test_a_link_tells_that_the_server_ended_the_connection(start: Starter) -> None:
    engine = FakeEngine()
    with Peer(start(engine).url) as peer:
        peer.post(extra=b"connection: close\r\n")
        peer.rest()
        assert settled(lambda: bool(engine.endings))
        link = engine.endings[0].link
        assert link is not None
        assert settled(lambda: link.ended == "server")


def test_bytes_that_are_no_http_spoil_no_answer_before_them(start: Starter) -> None:
    """A stream in progress and requests in waiting are answered to the end; then the connection closes."""
    engine = FakeEngine(lambda request: stream(5, every=10) if request.path == "/stream" else canned({}))
    with Peer(start(engine).url) as peer:
        one = b"POST /%b HTTP/1.1\r\nhost: mock\r\ncontent-length: 2\r\n\r\n{}"
        peer.send(one % b"stream" + one % b"next" + b"\x00\x01 nonsense\r\n\r\n" + one % b"never")
        answers = peer.rest()
    assert answers.count(b"event: tick") == 5
    head, _, rest = answers.partition(b"0\r\n\r\n")
    assert b"400 Bad Request" not in head
    assert rest.startswith(b"HTTP/1.1 200 ")
    assert settled(lambda: [request.path for request in engine.requests] == ["/stream", "/next"])


def test_a_body_that_goes_wrong_is_refused(start: Starter) -> None:
    with Peer(start(FakeEngine()).url) as peer:
        peer.send(b"POST / HTTP/1.1\r\nhost: mock\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n")
        assert peer.rest().startswith(b"HTTP/1.1 400 ")
