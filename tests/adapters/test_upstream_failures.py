"""When the upstream fails: what the client gets, and how the capture and the journal say it ended."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mockserver.adapters.server import bind
from tests.adapters.doubles import Peer
from tests.misbehaving import Heard, Misbehaving, Wire, answer, stream
from tests.relays import Relayed, relayed

FRAME = b'event: tick\ndata: {"n":1}\n\n'


def refusal(relay: Relayed) -> tuple[int, dict[str, Any]]:
    """Ask; return the status and the error of an answer that is ours."""
    status, headers, body = relay.ask()
    assert headers["content-type"] == "application/json"
    assert headers["x-mock-rule"] == "forward"
    assert "x-should-retry" not in headers
    error = json.loads(body)["error"]
    assert error["type"] == "server_error"
    return status, error


def test_nobody_listens() -> None:
    with bind() as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with relayed(url) as relay:
        status, error = refusal(relay)
        assert (status, error["code"]) == (502, "upstream_unreachable")
        assert error["message"].startswith(f"No answer from the upstream {url}: connection refused. Is it running at")
        capture = relay.capture()
        assert (capture.status, capture.end, capture.why) == (502, "unreachable", "connection refused")
        assert json.loads(capture.body)["error"] == error
        exchange = relay.entry().exchange
        assert (exchange.status, exchange.kind) == (502, "forwarded")
        assert "connection refused" in exchange.notes[0]
    assert "502 forwarded" in relay.out.getvalue()
    assert "note: connection refused" in relay.out.getvalue()


def test_a_name_that_does_not_exist() -> None:
    with relayed("http://nowhere.invalid/v1") as relay:
        status, error = refusal(relay)
        assert (status, error["code"]) == (502, "upstream_unreachable")
        assert "no such host" in error["message"]
        assert "Check the name nowhere.invalid in --upstream" in error["message"]
        assert relay.capture().end == "unreachable"


def silence(_: Heard, wire: Wire) -> None:
    wire.wait_for_the_end()


def test_silence_before_the_head_is_a_504() -> None:
    with Misbehaving(silence) as upstream, relayed(f"{upstream.url}/v1", upstream_timeout=0.2) as relay:
        status, error = refusal(relay)
        assert (status, error["code"]) == (504, "upstream_timeout")
        assert "silent for 0.2 s. Raise --upstream-timeout" in error["message"]
        capture = relay.capture()
        assert (capture.end, capture.status, capture.why) == ("timeout", 504, "silent for 0.2 s")
        assert capture.ended_at >= 200


def test_silence_within_the_stream_is_a_cut() -> None:
    still = stream(FRAME, FRAME, then=lambda wire: silence(upstream.heard[0], wire))
    with Misbehaving(still) as upstream, relayed(f"{upstream.url}/v1", upstream_timeout=0.2) as relay:
        with Peer(relay.url) as peer:
            peer.post()
            got = peer.rest()
        assert got.count(FRAME) == 2
        assert not got.endswith(b"0\r\n\r\n")
        capture = relay.capture()
        assert (capture.end, capture.why) == ("timeout", "the upstream was silent for 0.2 s")
        assert relay.ending().end == "cut"
        assert relay.entry().exchange.events == 2


@pytest.mark.parametrize(
    ("behave", "why"),
    [
        (lambda _, wire: wire.cut(), "it closed the connection without an answer"),
        (lambda _, wire: wire.reset(), "connection reset"),
        (lambda _, wire: wire.send(b"220 mail.example ESMTP\r\n\r\n"), "what came is not valid HTTP"),
        (lambda _, wire: wire.send(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
         "what came is not valid HTTP"),
        (lambda _, wire: wire.answer(b"{}", b"200 OK", b"x-bad: a\x01b"), "holds control characters"),
    ],
    ids=["cut", "reset", "no-http", "switches", "control"],
)  # fmt: skip
def test_no_answer_is_a_502(behave: Callable[[Heard, Wire], None], why: str) -> None:
    with Misbehaving(behave) as upstream, relayed(f"{upstream.url}/v1") as relay:
        status, error = refusal(relay)
        assert (status, error["code"]) == (502, "upstream_unreachable")
        assert why in error["message"]
        assert relay.capture().end == "unreachable"
        assert why in relay.capture().why


# --- within the body


def cut_in_a_chunk(wire: Wire) -> None:
    wire.send(b"40\r\ndata: half")
    wire.cut()


def late_reset(wire: Wire) -> None:
    """A reset throws away what the other side has not read yet."""
    time.sleep(0.1)
    wire.reset()


@pytest.mark.parametrize(
    ("ends", "end"),
    [
        (lambda wire: wire.cut(), "cut"),
        (cut_in_a_chunk, "cut"),
        (late_reset, "reset"),
        (lambda wire: wire.send(b"this is no chunk\r\n"), "reset"),
    ],
    ids=["fin", "fin-in-a-chunk", "rst", "no-chunk"],
)
def test_a_stream_that_breaks_off_breaks_off_here_too(ends: Callable[[Wire], Any], end: str) -> None:
    """By FIN or RST as it came, after every byte that came; a broken framing cannot be sent on and becomes a reset."""
    with Misbehaving(stream(FRAME, FRAME, then=ends)) as upstream, relayed(f"{upstream.url}/v1") as relay:
        with Peer(relay.url) as peer:
            peer.post()
            assert FRAME in peer.until(FRAME)
            peer.until(FRAME)
            if end == "cut":
                rest = peer.rest()
                assert not rest.endswith(b"0\r\n\r\n")
                assert (b"data: half" in rest) == (ends is cut_in_a_chunk)
            else:
                with pytest.raises(ConnectionResetError):
                    peer.rest()
        capture = relay.capture()
        assert capture.end == end
        assert capture.why.startswith("the upstream ")
        assert capture.body.startswith(FRAME * 2)
        ending = relay.ending()
        assert (ending.end, len(ending.sent_at)) == (end, 2)
        assert any(capture.why in note for note in relay.entry().exchange.notes)


def test_a_body_that_is_shorter_than_it_says() -> None:
    def behave(_: Heard, wire: Wire) -> None:
        wire.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{")
        wire.cut()

    with Misbehaving(behave) as upstream, relayed(f"{upstream.url}/v1") as relay:
        with Peer(relay.url) as peer:
            peer.post()
            assert peer.rest().endswith(b"\r\n\r\n{")
        assert (relay.capture().end, relay.captures[0].body) == ("cut", b"{")


@pytest.mark.parametrize(
    "body", [b"this is not gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00"], ids=["no-gzip", "half-a-gzip"]
)
def test_a_broken_encoding_is_a_reset(body: bytes) -> None:
    packed = answer(body, b"200 OK", b"content-encoding: gzip")
    with Misbehaving(packed) as upstream, relayed(f"{upstream.url}/v1") as relay, Peer(relay.url) as peer:
        peer.post()
        with pytest.raises(ConnectionResetError):
            peer.rest()
        assert relay.capture().end == "reset"
        assert "content encoding" in relay.captures[0].why


def test_after_a_failure_the_next_request_is_answered() -> None:
    """Each upstream connection that broke is dropped; the server in front goes on."""
    turns: list[Callable[[Wire], None]] = [Wire.answer, Wire.reset, Wire.cut]
    with Misbehaving(lambda _, wire: turns.pop()(wire)) as upstream, relayed(f"{upstream.url}/v1") as relay:
        assert [relay.ask()[0] for _ in range(3)] == [502, 502, 200]


def test_an_idle_connection_that_the_upstream_closed_is_not_used_again() -> None:
    def behave(_: Heard, wire: Wire) -> None:
        wire.answer()
        wire.cut()

    with Misbehaving(behave) as upstream, relayed(f"{upstream.url}/v1") as relay:
        for _ in range(5):
            assert relay.ask()[0] == 200
            time.sleep(0.05)
        assert upstream.connections == 5


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that only itself vouches for, with its key in the same file."""
    tool = shutil.which("openssl")
    if tool is None:
        pytest.skip("there is no openssl here to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    made = subprocess.run(
        [tool, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip(f"this openssl cannot make a certificate: {made.stderr[-200:]}")
    (folder / "both.pem").write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return folder / "both.pem"


def speaking_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_that_nobody_vouches_for(certificate: Path) -> None:
    with Misbehaving(answer(), speaking_tls(certificate)) as upstream, relayed(f"{upstream.url}/v1") as relay:
        status, error = refusal(relay)
        assert (status, error["code"]) == (502, "upstream_unreachable")
        assert "its certificate is not trusted (self-signed certificate)" in error["message"].replace(
            "self s", "self-s"
        )
        assert "--upstream-ca FILE" in error["message"]
        assert upstream.heard == []


def test_a_certificate_of_ones_own_authority(certificate: Path) -> None:
    with (
        Misbehaving(answer(b'{"safe":1}'), speaking_tls(certificate)) as upstream,
        relayed(f"{upstream.url}/v1", upstream_ca=str(certificate)) as relay,
    ):
        assert relay.ask()[::2] == (200, b'{"safe":1}')
        assert relay.capture().upstream == f"{upstream.url}/v1"


def test_tls_to_a_port_without_it() -> None:
    """A server of plain HTTP says that it did not understand, and closes."""

    def behave(_: Heard, wire: Wire) -> None:
        wire.socket.recv(65536)
        wire.answer(b"", b"400 Bad Request")
        wire.cut()

    with (
        Misbehaving(behave, unheard=True) as upstream,
        relayed(f"https://127.0.0.1:{upstream.port}/v1") as relay,
    ):
        status, error = refusal(relay)
        assert status == 502
        assert "TLS failed" in error["message"]
        assert "Is it https:// that this port speaks?" in error["message"]
        assert relay.capture().end == "unreachable"
