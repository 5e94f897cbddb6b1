"""Streams through the relay, live: frame by frame, in both directions of time, for many clients at once."""

from __future__ import annotations

import asyncio
import gzip
import io
import socket
import time
import zlib
from collections.abc import Iterator

import pytest
from openai import AsyncOpenAI, OpenAI

from mockserver.adapters.upstream import relay as relay_room
from mockserver.assembly import Assembly
from mockserver.core import sse
from mockserver.core.messages import Request
from mockserver.core.recordings.capture import Capture
from mockserver.settings import Settings
from tests.adapters.doubles import Peer
from tests.misbehaving import STREAM_HEAD, Heard, Misbehaving, Wire, stream
from tests.relays import relayed, settled

RULES = """
rules:
  - name: story
    when: {input: {contains: story}}
    reply: {text: Once upon a time there was a test, timing: {first: 40ms, every: 30ms}}
otherwise: {text: hello}
"""


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assembly]:
    """Another mockserver, with timed rules, to stand for the real API."""
    path = tmp_path_factory.mktemp("rules") / "a.mock.yaml"
    path.write_text(RULES, "utf-8")
    assembly = Assembly(Settings(port=0), (path,), io.StringIO())
    with assembly.server:
        yield assembly
    assembly.close()


# --- official clients


def test_the_official_client_hears_what_it_hears_directly(other: Assembly) -> None:
    with relayed(other.base_url) as relay, OpenAI(base_url=relay.base_url, api_key="sk-mine", max_retries=0) as client:
        assert client.responses.create(model="gpt-5", input="hi").output_text == "hello"
        with client.responses.stream(model="gpt-5", input="a story") as events:
            events.until_done()  # the client builds its types while it reads the first one
        with client.responses.stream(model="gpt-5", input="a story") as events:
            arrived = [(event.type, time.monotonic()) for event in events]
            assert events.get_final_response().output_text == "Once upon a time there was a test"
        deltas = [at for kind, at in arrived if kind == "response.output_text.delta"]
        assert deltas[-1] - deltas[0] > 0.1  # as they come, not all at the end
        capture = relay.capture(3)
        assert (capture.end, capture.is_stream, capture.method, capture.path) == (
            "complete",
            True,
            "POST",
            "/v1/responses",
        )
        assert [frame.raw for frame in sse.decode(capture.body)] == [piece.data for piece in capture.pieces]
        offsets = [piece.at for piece in capture.pieces]
        assert offsets == sorted(offsets)
        assert capture.pieces[4].at >= 40
        assert capture.ended_at >= offsets[-1] >= capture.head_at > 0
        assert capture.request_headers["authorization"] == "Bearer sk-mine"
        exchange = relay.entry(3).exchange
        assert (exchange.kind, exchange.status, exchange.events) == ("forwarded", 200, len(arrived))
        assert len(relay.ending(3).sent_at) == len(arrived)
    assert f"200 forwarded {len(arrived)}ev" in relay.out.getvalue()


async def test_many_streams_at_once(other: Assembly) -> None:
    """64 of them: each whole, in order, its own, and none waits for another."""
    with relayed(other.base_url) as relay:
        async with AsyncOpenAI(base_url=relay.base_url, api_key="any", max_retries=0) as client:

            async def one(number: int) -> str:
                text = ""
                made = await client.responses.create(
                    model="gpt-5", input=f"story {number}", stream=True, metadata={"n": str(number)}
                )
                async for event in made:
                    if event.type == "response.output_text.delta":
                        text += event.delta
                    elif event.type == "response.completed":
                        assert event.response.metadata == {"n": str(number)}
                return text

            texts = await asyncio.gather(*(one(number) for number in range(64)))
        assert set(texts) == {"Once upon a time there was a test"}
        assert relay.capture(64).end == "complete"
        for capture in relay.captures:
            assert capture.body.count(b"event: ") == len(capture.pieces)
            asked = Request("POST", "/", body=capture.request_body).json["metadata"]["n"]
            assert f'"n":"{asked}"'.encode() in capture.body


# --- frame by frame

ODD = [
    b"\xef\xbb\xbf: a comment\n\n",
    b"data: cr only\r\r",
    b"data: crlf\r\nid: 7\r\n\r\n",
    b"retry: 10\n\n",
    b"data: two\ndata: lines\n\n",
    b"data: caf\xe9 \xff\n\n",
    b"\n",
    b"event: x\ndata: {broken\n\n",
    b"data: [DONE]\n\n",
]


def test_odd_streams_pass_byte_for_byte() -> None:
    """Whatever a stream holds, and without its final blank line."""
    frames = [*ODD, b"data: no end"]
    with Misbehaving(stream(*frames, pause=0.03)) as upstream, relayed(f"{upstream.url}/v1") as relay:
        assert relay.ask()[2] == b"".join(frames)
        assert [piece.data for piece in relay.capture().pieces] == frames
        assert relay.entry().exchange.events == 6


def test_each_frame_is_handed_on_when_its_last_byte_is_there() -> None:
    """Also where it ends in a lone CR, and where the network cuts it in two; several in one read are a write each."""
    first, second = b"data: one\n\n", b"data: two\r\r"
    pause = 0.15

    def behave(_: Heard, wire: Wire) -> None:
        wire.send(STREAM_HEAD)
        time.sleep(pause)
        wire.chunk(first[:4])
        time.sleep(pause)
        wire.chunk(first[4:])
        time.sleep(pause)
        wire.chunk(second)
        time.sleep(pause)
        wire.chunk(first + first + first[:3])
        wire.chunk(first[3:])
        wire.chunk(b"")

    with Misbehaving(behave) as upstream, relayed(f"{upstream.url}/v1") as relay, Peer(relay.url) as peer:
        peer.post()
        peer.until(b"\r\n\r\n")
        begun = time.monotonic()
        took = []
        for mark in (first, second, first):
            peer.until(mark)
            took.append((time.monotonic() - begun) / pause)
        assert [round(each) for each in took] == [2, 3, 4], took
        # Each write is a chunk of its own.
        assert peer.until(b"0\r\n\r\n").count(b"b\r\ndata: one\n\n\r\n") == 2
        capture = relay.capture()
        assert [piece.data for piece in capture.pieces] == [first, second, first, first, first]
        assert round((capture.pieces[1].at - capture.head_at) / 1000 / pause) == 3


def test_a_head_does_not_wait_for_the_body() -> None:
    def behave(_: Heard, wire: Wire) -> None:
        wire.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n")
        time.sleep(0.3)
        wire.send(b"{}")

    with Misbehaving(behave) as upstream, relayed(f"{upstream.url}/v1") as relay, Peer(relay.url) as peer:
        begun = time.monotonic()
        peer.post()
        peer.until(b"\r\n\r\n")
        assert time.monotonic() - begun < 0.25
        capture = relay.capture()
        assert capture.pieces[0].at - capture.head_at > 200


@pytest.mark.parametrize("coding", [b"gzip", b"deflate"])
def test_a_packed_stream_is_as_live_as_a_plain_one(coding: bytes) -> None:
    frames = [b"data: %d\n\n" % number for number in range(4)]

    def behave(_: Heard, wire: Wire) -> None:
        wire.send(STREAM_HEAD[:-2] + b"content-encoding: " + coding + b"\r\n\r\n")
        packer = zlib.compressobj(wbits=31 if coding == b"gzip" else 15)
        for frame in frames:
            wire.chunk(packer.compress(frame) + packer.flush(zlib.Z_SYNC_FLUSH))
            time.sleep(0.1)
        wire.chunk(packer.flush())
        wire.chunk(b"")

    with Misbehaving(behave) as upstream, relayed(f"{upstream.url}/v1") as relay:
        status, headers, body = relay.ask()
        assert (status, body) == (200, b"".join(frames))
        assert "content-encoding" not in headers
        offsets = [piece.at for piece in relay.capture().pieces]
        assert [round((at - offsets[0]) / 100) for at in offsets] == [0, 1, 2, 3]


def test_a_frame_without_an_end_is_let_go() -> None:
    """More than a MiB of it: nobody knows whether it ends."""
    part = b"x" * (300 * 1024)

    def behave(_: Heard, wire: Wire) -> None:
        wire.send(STREAM_HEAD)
        wire.chunk(b"data: ")
        for _number in range(4):
            wire.chunk(part)
        time.sleep(0.5)
        wire.chunk(b"\n\n")
        wire.chunk(b"")

    with Misbehaving(behave) as upstream, relayed(f"{upstream.url}/v1") as relay, Peer(relay.url) as peer:
        begun = time.monotonic()
        peer.post()
        while len(peer.held) < 1024 * 1024:
            peer.held += peer.socket.recv(65536)
        assert time.monotonic() - begun < 0.5
        peer.until(b"\n\n\r\n0\r\n\r\n")
        assert relay.capture().body == b"data: " + part * 4 + b"\n\n"
        assert relay.entry().exchange.events == 1


# --- clients


def test_a_slow_client_holds_the_upstream_back() -> None:
    """What it does not read stays where it comes from, not in our memory; then it gets everything."""
    frame = b"data: " + b"x" * 65_000 + b"\n\n"
    sent = []

    def behave(_: Heard, wire: Wire) -> None:
        wire.send(STREAM_HEAD)
        for number in range(1000):
            wire.chunk(frame)
            sent.append(number)
        wire.chunk(b"")

    with (
        Misbehaving(behave) as upstream,
        relayed(f"{upstream.url}/v1", capture=False) as relay,
        Peer(relay.url) as peer,
    ):
        peer.post()
        time.sleep(0.7)
        assert 0 < len(sent) < 500, len(sent)
        got = 0
        while not peer.held.endswith(b"\r\n0\r\n\r\n"):
            data = peer.socket.recv(1 << 20)
            got += data.count(b"data: ")
            peer.held = (peer.held + data)[-64:]
        assert len(sent) == 1000
        assert 990 <= got <= 1000  # a mark may fall between two reads


def test_a_client_that_leaves_takes_the_upstreams_connection_along() -> None:
    waited: list[bool] = []
    endless = stream(b"data: 1\n\n", b"data: 2\n\n", then=lambda wire: waited.append(wire.wait_for_the_end()))
    with Misbehaving(endless) as upstream, relayed(f"{upstream.url}/v1") as relay:
        with Peer(relay.url) as peer:
            peer.post()
            peer.until(b"data: 2\n\n")
            left = time.monotonic()
        assert settled(lambda: waited == [True])
        assert time.monotonic() - left < 1
        capture = relay.capture()
        assert (capture.end, capture.why) == ("partial", "the client left")
        assert [piece.data for piece in capture.pieces] == [b"data: 1\n\n", b"data: 2\n\n"]
        assert relay.ending().end == "client_left"
        assert relay.entry().exchange.events == 2


def test_a_client_that_leaves_before_the_head_takes_it_along_too() -> None:
    waited: list[bool] = []
    with (
        Misbehaving(lambda _, wire: waited.append(wire.wait_for_the_end())) as upstream,
        relayed(f"{upstream.url}/v1") as relay,
    ):
        with Peer(relay.url) as peer:
            peer.post()
            assert settled(lambda: len(upstream.heard) == 1)
        assert settled(lambda: waited == [True])
        capture = relay.capture()
        assert (capture.end, capture.status, capture.pieces) == ("partial", 0, ())
        assert relay.entry().exchange.status == 0
    assert "- forwarded" in relay.out.getvalue()


def test_a_server_that_stops_lets_go_of_the_upstream() -> None:
    """Within a second or so, whatever still runs."""
    waited: list[bool] = []
    endless = stream(b"data: 1\n\n", then=lambda wire: waited.append(wire.wait_for_the_end()))
    with Misbehaving(endless) as upstream, relayed(f"{upstream.url}/v1") as relay, Peer(relay.url) as peer:
        peer.post()
        peer.until(b"data: 1\n\n")
        begun = time.monotonic()
        relay.assembly.server.stop()
        assert time.monotonic() - begun < 2
        assert settled(lambda: waited == [True])
        assert (relay.capture().end, relay.captures[0].why) == ("partial", "the server stopped")


def test_an_idle_connection_is_kept_and_closed_at_the_end() -> None:
    left: list[bool] = []

    def behave(heard: Heard, wire: Wire) -> None:
        wire.answer()
        if heard.target.endswith("last"):
            left.append(wire.wait_for_the_end())

    with Misbehaving(behave) as upstream:
        with relayed(f"{upstream.url}/v1") as relay:
            for _ in range(5):
                relay.ask()
            relay.ask("GET", "/v1/last", None)
            assert upstream.connections == 1
            begun = time.monotonic()
        assert time.monotonic() - begun < 1.5
        assert settled(lambda: left == [True])


# --- what is kept


def test_an_answer_that_is_too_long_passes_and_is_not_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes captures is told so instead."""
    monkeypatch.setattr(relay_room, "MOST_TAKEN", 1000)
    frames = [b"data: %04d\n\n" % number for number in range(100)]
    with Misbehaving(stream(*frames)) as upstream, relayed(f"{upstream.url}/v1") as relay:
        assert relay.ask()[2] == b"".join(frames)
        assert relay.entry().exchange.events == 100
        assert settled(lambda: bool(relay.lost))
        assert relay.lost == ["POST /v1/responses: the answer is longer than 1000 bytes"]
        assert relay.captures == []


def test_a_taker_that_fails_is_told_and_harms_nobody(other: Assembly, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Capture) -> None:
        raise RuntimeError("disk full")

    with relayed(other.base_url, then=fail) as relay:
        assert relay.ask(body=b'{"model":"m","input":"x"}')[0] == 200
        assert settled(lambda: "disk full" in caplog.text)
        assert relay.entry().exchange.status == 200


def test_nothing_of_an_answer_is_kept_for_nobody(other: Assembly) -> None:
    with relayed(other.base_url, capture=False) as relay:
        assert relay.ask(body=b'{"model":"m","input":"x"}')[0] == 200
        assert relay.entry().exchange.answer is None


def test_a_gzipped_request_passes_as_it_is() -> None:
    """What the client packed is for the upstream to unpack."""
    body = gzip.compress(b'{"model":"m"}')
    with Misbehaving(stream(b"data: 1\n\n")) as upstream, relayed(f"{upstream.url}/v1") as relay:
        relay.ask(body=body, content_encoding="gzip")
        assert upstream.heard[0].body == body
        assert upstream.heard[0].all("content-encoding") == ["gzip"]


def test_a_client_of_plain_http_1_0(other: Assembly) -> None:
    with relayed(other.base_url) as relay, socket.create_connection(("127.0.0.1", int(relay.url[-5:]))) as sock:
        body = b'{"model":"m","input":"story","stream":true}'
        sock.sendall(b"POST /v1/responses HTTP/1.0\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        got = b""
        while data := sock.recv(65536):
            got += data
        assert got.count(b"event: response.completed\n") == 1
        assert b"transfer-encoding" not in got.partition(b"\r\n\r\n")[0]
