"""The relay on every loop and parser: streams, breaks and clients that leave look alike on all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from mockserver.adapters.asgi import App
from mockserver.adapters.clock import SystemClock
from mockserver.adapters.control import control
from mockserver.adapters.server import Server, bind
from mockserver.adapters.upstream import Client, Relay
from mockserver.core.engine import Engine
from mockserver.core.forwarding.address import Address
from mockserver.core.options import Options
from mockserver.core.recordings.capture import Capture
from mockserver.core.rules.book import RuleBook
from mockserver.core.sessions import Session
from tests.adapters.conftest import STACKS
from tests.adapters.doubles import Peer, call
from tests.core.answering import dialect
from tests.misbehaving import Heard, Misbehaving, Wire, answer, stream
from tests.relays import settled

FRAME = b"data: 1\n\n"

Front = Callable[[Misbehaving], tuple[str, list[Capture]]]


@pytest.fixture(params=STACKS, ids=[f"{loop}-{parser.__name__}" for loop, parser in STACKS])
def front(request: pytest.FixtureRequest) -> Iterator[Front]:
    """Start a server on this loop and parser that forwards everything; it gives its URL and what it took."""
    loop, parser = request.param
    with ExitStack() as stack:

        def start(upstream: Misbehaving) -> tuple[str, list[Capture]]:
            captures: list[Capture] = []

            def take(_: Session, seen: Capture | str) -> None:
                assert isinstance(seen, Capture)
                captures.append(seen)

            address = Address.read(f"{upstream.url}/v1")
            engine = Engine(RuleBook(()), dialect("standard"), Options(on_miss="forward", upstream=str(address)))
            relay = Relay(Client(address), take)
            app = App(engine, SystemClock(), control=control(engine, background=(relay.run,)), upstream=relay)
            server = stack.enter_context(Server(app, bind(), loop=loop, http=parser, grace=0.1))
            return server.url, captures

        yield start


def test_whole_answers(front: Front) -> None:
    with Misbehaving(answer(b"x" * 100_000)) as upstream:
        url, captures = front(upstream)
        for _ in range(3):
            status, headers, body = call(url)
            assert (status, len(body), headers["content-length"]) == (200, 100_000, "100000")
        assert settled(lambda: [capture.end for capture in captures] == ["complete"] * 3)


@pytest.mark.parametrize("end", ["complete", "cut", "reset", "partial"])
def test_streams_however_they_end(front: Front, end: str) -> None:
    left: list[bool] = []
    ways: dict[str, Callable[[Wire], None]] = {
        "complete": lambda wire: wire.chunk(b""),
        "cut": Wire.cut,
        "reset": lambda wire: wire.send(b"no chunk\r\n"),
        "partial": lambda wire: left.append(wire.wait_for_the_end()),
    }
    with Misbehaving(stream(FRAME, FRAME, then=ways[end])) as upstream:
        url, captures = front(upstream)
        with Peer(url) as peer:
            peer.post()
            peer.until(FRAME)
            peer.until(FRAME)
            match end:
                case "complete":
                    peer.until(b"0\r\n\r\n")
                case "cut":
                    assert not peer.rest().endswith(b"0\r\n\r\n")
                case "reset":
                    with pytest.raises(ConnectionResetError):
                        peer.rest()
        assert settled(lambda: len(captures) == 1)
        assert captures[0].end == end
        assert captures[0].body == FRAME * 2
        assert settled(lambda: left == ([True] if end == "partial" else []))


def test_bodies_that_are_none(front: Front) -> None:
    def behave(heard: Heard, wire: Wire) -> None:
        status = b"204 No Content" if heard.method == "DELETE" else b"200 OK"
        wire.send(b"HTTP/1.1 %b\r\n%b\r\n" % (status, b"" if heard.method == "DELETE" else b"content-length: 9\r\n"))

    with Misbehaving(behave) as upstream:
        url, _ = front(upstream)
        with Peer(url) as peer:
            for method in (b"HEAD", b"DELETE", b"HEAD"):
                peer.send(method + b" /v1/files/1 HTTP/1.1\r\nhost: x\r\n\r\n")
                assert peer.until(b"\r\n\r\n").startswith(b"HTTP/1.1 20")
            assert peer.held == b""
