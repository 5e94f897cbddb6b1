"""Doubles for the adapters' tests: a clock moved by hand, a line that writes down what it is told, a canned engine."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mockserver.adapters.asgi import App
from mockserver.adapters.clock import SystemClock
from mockserver.adapters.line import Gone, Line
from mockserver.adapters.server import Server, bind
from mockserver.core.messages import Ending, Exchange, Passed, Request
from mockserver.core.timeline import Chunk, Finish, Head, Headers, Step, Timeline


class FakeClock:
    """Time that moves only when someone waits: then at once, to the moment waited for plus `lateness` seconds."""

    def __init__(self, lateness: Sequence[float] = ()) -> None:
        self.moment = 1000.0
        self.waits: list[float] = []
        self._lateness = list(lateness)

    def now(self) -> float:
        return 1_700_000_000.0

    def monotonic(self) -> float:
        return self.moment

    def wake(self, waiter: asyncio.Future[None], when: float) -> None:
        self.waits.append(when)
        self.moment = max(self.moment, when) + (self._lateness.pop(0) if self._lateness else 0.0)
        waiter.set_result(None)


class Script(Line):
    """A line that notes each call; `leave_after` calls the client is gone."""

    def __init__(self, clock: FakeClock | None = None, leave_after: int | None = None) -> None:
        self.gone: Gone = ""
        self.begun = False
        self.calls: list[tuple[object, ...]] = []
        self._leave_after = leave_after

    def _note(self, *call: object) -> None:
        self.calls.append(call)
        if self._leave_after is not None and len(self.calls) >= self._leave_after:
            self.gone = "client"

    async def begin(self, status: int, headers: Headers, shared: Headers = ()) -> None:
        self.begun = True
        self._note("begin", status)

    async def body(self, data: bytes, more: bool) -> None:
        self._note("body", data, more)

    async def raw(self, data: bytes) -> None:
        self._note("raw", data)

    async def flush(self) -> None:
        self._note("flush")

    async def wait(self, waiter: asyncio.Future[None]) -> None:
        if not self.gone:
            await waiter

    async def cut(self) -> None:
        self._note("cut")

    async def reset(self) -> None:
        self._note("reset")

    def close(self) -> None:
        pass


@dataclass(slots=True)
class FakePlay:
    timeline: Timeline
    number: int
    session: str
    exchange: Exchange


@dataclass(slots=True)
class FakeEngine:
    """Answers every request with what `decide` gives; by default a JSON mirror of what was read of it."""

    decide: Callable[[Request], Timeline] | None = None
    requests: list[Request] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)

    def answer(self, request: Request, now: float) -> FakePlay:
        self.requests.append(request)
        return self._play(request, mirror(request) if self.decide is None else self.decide(request), now)

    def too_large(self, request: Request, limit: int, now: float) -> FakePlay:
        self.requests.append(request)
        return self._play(request, canned({"limit": limit}, 413), now)

    def finish(self, play: FakePlay, ending: Ending, passed: Passed | None = None) -> Exchange:
        self.endings.append(ending)
        return play.exchange

    def _play(self, request: Request, timeline: Timeline, now: float) -> FakePlay:
        head = timeline.steps[0]
        status = head.status if isinstance(head, Head) else 0
        return FakePlay(timeline, len(self.requests), request.session, Exchange(request, now, status, "json"))


def canned(value: object, status: int = 200) -> Timeline:
    """A JSON answer, at once."""
    body = json.dumps(value).encode()
    headers = ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)))
    return Timeline((Head(0, status, headers), Chunk(0, body), Finish(0)))


def mirror(request: Request) -> Timeline:
    """What we understood of the request, as JSON."""
    return canned(
        {
            "method": request.method,
            "path": request.path,
            "query": dict(request.query),
            "headers": dict(request.headers),
            "session": request.session,
            "bytes": len(request.body),
        }
    )


STREAM_HEADERS = ((b"content-type", b"text/event-stream; charset=utf-8"),)


def frame(number: int) -> bytes:
    """A numbered event as bytes."""
    return b'event: tick\ndata: {"sequence_number":%d}\n\n' % number


def stream(count: int, *, every: float = 0.0, then: Step | None = None) -> Timeline:
    """`count` events, `every` milliseconds apart, ended by `then` (a `Finish` unless given)."""
    chunks = [Chunk(number * every, frame(number), 1, "tick") for number in range(count)]
    return Timeline((Head(0, 200, STREAM_HEADERS), *chunks, then or Finish(chunks[-1].at if chunks else 0)))


def serve(
    engine: FakeEngine, *, loop: str = "auto", http: type[asyncio.Protocol] | None = None, **settings: int
) -> Server:
    """A server around an engine, not yet started, on a free port."""
    app = App(engine, SystemClock(), **settings)  # type: ignore[arg-type]  # the settings are max_body alone
    return Server(app, bind(), loop=loop, http=http, grace=0.1)


class Peer:
    """A client of raw bytes."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self.address = (parts.hostname, parts.port)
        self.socket = socket.create_connection(self.address, timeout=5)
        self.held = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def post(self, body: bytes = b"{}", path: str = "/v1/responses", extra: bytes = b"") -> None:
        head = b"POST %b HTTP/1.1\r\nhost: mock\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%b\r\n"
        self.send(head % (path.encode(), len(body), extra) + body)

    def until(self, mark: bytes) -> bytes:
        """Read up to and with `mark`; raises what the socket raises, `EOFError` at the end."""
        while mark not in self.held:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(self.held)
            self.held += data
        found, _, self.held = self.held.partition(mark)
        return found + mark

    def rest(self) -> bytes:
        """Read to the end of the connection."""
        while data := self.socket.recv(65536):
            self.held += data
        found, self.held = self.held, b""
        return found

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Read one answer that says its length."""
        head = self.until(b"\r\n\r\n").decode("latin-1")
        status, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(self.held) < length:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(self.held)
            self.held += data
        body, self.held = self.held[:length], self.held[length:]
        return int(status.split()[1]), headers, body

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def call(
    url: str, method: str = "POST", path: str = "/v1/responses", body: bytes | None = b"{}", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Make one request with the standard library's client."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        sent = {
            "content-type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()
