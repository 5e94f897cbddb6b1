"""The ASGI application: their scope becomes our `Request`, our `Play` is performed or passed on, and its ending is told.

This room decides how a request is read: where its session stands, how large it may be, what happens when we fail. It must
not know rules, what is answered, or sockets. It is one plain callable, because the hot path runs through it; `/_mock` and
the life span of the server go to the control application.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, unquote

import orjson

from mockserver.adapters.clock import Clock
from mockserver.adapters.line import Application, Line, Receive, Scope, Send, open_line
from mockserver.adapters.player import perform
from mockserver.adapters.upstream.relay import Raw, Relay
from mockserver.core import catalogue
from mockserver.core.engine import Forward
from mockserver.core.messages import EMPTY, Ending, Exchange, Passed, Request
from mockserver.core.timeline import Chunk, Finish, Head, Timeline

LOG: Final = logging.getLogger("mockserver")

DEFAULT_SESSION: Final = "default"
PREFIX: Final = "/s/"
CONTROL: Final = "/_mock"
LONGEST_SESSION: Final = 200
"""Characters of a session's name that are kept."""
MAX_BODY: Final = 32 * 1024 * 1024
"""Bytes of a request body that are read unless the settings say otherwise."""


class Answering(Protocol):
    """The engine as this room sees it: what it hands out has a `timeline` or is a `Forward`, and is handed back when that
    has ended, a forward with what was passed."""

    def answer(self, request: Request, now: float) -> Any: ...
    def too_large(self, request: Request, limit: int, now: float) -> Any: ...
    def finish(self, play: Any, ending: Ending, passed: Passed | None = None) -> Exchange: ...


class App:
    """The callable that a server runs.

    `control` gets what stands under `/_mock` and the life span; `told` is called with each exchange and its ending (the
    access log). `max_body` is in bytes. `upstream` gets what the engine forwards.
    """

    def __init__(
        self,
        engine: Answering,
        clock: Clock,
        *,
        control: Application | None = None,
        told: Callable[[Exchange, Ending], None] | None = None,
        max_body: int = MAX_BODY,
        upstream: Relay | None = None,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.control = control
        self.told = told
        self.max_body = max_body
        self.upstream = upstream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request; hand over the life span and `/_mock`."""
        if scope["type"] == "http":
            path, session = scope["path"], ""
            if path.startswith(PREFIX):
                path, session = split_session(scope)
            if not path.startswith(CONTROL) or path[len(CONTROL) : len(CONTROL) + 1] not in ("", "/"):
                await self._exchange(scope, receive, send, path, session)
                return
            scope = {**scope, "path": path, "raw_path": path.encode(), "mockserver.session": session}
        if self.control is not None:
            await self.control(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._exchange(scope, receive, send, scope["path"], scope["mockserver.session"])
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _exchange(self, scope: Scope, receive: Receive, send: Send, path: str, session: str) -> None:
        clock, engine = self.clock, self.engine
        headers = read_headers(scope["headers"])
        line = open_line(scope, receive, send)
        try:
            body: bytes | None = b""
            whole = True
            if "expect" in headers and declared(headers) > self.max_body:
                # Not even asked for: receiving would invite the client to send it.
                line.last()
                whole = False
            else:
                body, whole = await self._read(receive)
            if body is None:
                return  # nothing whole was asked, and nobody listens
            arrived = clock.monotonic()
            query = scope["query_string"]
            request = Request(
                scope["method"],
                path,
                headers=headers,
                query=read_query(query) if query else EMPTY,
                body=body,
                session=bounded(session or headers.get("x-mock-session") or DEFAULT_SESSION),
            )
            try:
                now = clock.now()
                play = engine.answer(request, now) if whole else engine.too_large(request, self.max_body, now)
            except Exception:
                LOG.exception("cannot answer %s %s: an error of mockserver itself", request.method, loggable(path))
                await perform(_failure(), line, clock, arrived)
                return
            if type(play) is Forward:
                await self._forward(play, scope, line, arrived)
            else:
                await self._play(play, request, line, arrived)
        finally:
            line.close()

    async def _play(self, play: Any, request: Request, line: Line, arrived: float) -> None:
        """Perform, and tell how it ended whatever happens."""
        ending = Ending("failed", 0.0, 0, received=arrived, link=line.link)
        try:
            ending = await perform(play.timeline, line, self.clock, arrived)
        except Exception:
            LOG.exception("cannot perform the answer to %s %s", request.method, loggable(request.path))
            if line.begun:
                await line.cut()
            else:
                await perform(_failure(), line, self.clock, arrived)
        finally:
            self._note(play, request, ending)

    async def _forward(self, forward: Forward, scope: Scope, line: Line, arrived: float) -> None:
        """Pass on, and tell how it ended whatever happens."""
        request = forward.exchange.request
        ending, passed = Ending("failed", 0.0, 0, received=arrived, link=line.link), Passed(0)
        try:
            assert self.upstream is not None  # an engine forwards only where there is an upstream
            raw = Raw(raw_path(scope), scope["query_string"], scope["headers"])
            ending, passed = await self.upstream.pass_on(forward, raw, line, self.clock, arrived)
        except Exception:
            LOG.exception("cannot pass on %s %s", request.method, loggable(request.path))
            if line.begun:
                await line.cut()
            else:
                await perform(_failure(), line, self.clock, arrived)
        finally:
            self._note(forward, request, ending, passed)

    def _note(self, play: Any, request: Request, ending: Ending, *passed: Passed) -> None:
        try:
            exchange = self.engine.finish(play, ending, *passed)
            if self.told is not None:
                self.told(exchange, ending)
        except Exception:
            LOG.exception("cannot note the answer to %s %s", request.method, loggable(request.path))

    async def _read(self, receive: Receive) -> tuple[bytes | None, bool]:
        """Read a body. Return it and True; b"" and False when it is too large; None when the client left.

        The rest of a body that is too large is left to the server, which reads it and throws it away: a client that is
        still sending hears the refusal, and the connection stays in step.
        """
        message = await receive()
        if not message.get("more_body", False):
            if message["type"] == "http.disconnect":
                return None, True
            body: bytes = message.get("body", b"")
            return (body, True) if len(body) <= self.max_body else (b"", False)
        parts: list[bytes] = []
        size = 0
        while message["type"] == "http.request":
            part = message.get("body", b"")
            parts.append(part)
            size += len(part)
            if size > self.max_body:
                return b"", False
            if not message.get("more_body", False):
                return b"".join(parts), True
            message = await receive()
        return None, True


def read_headers(raw: Any) -> dict[str, str]:
    """Return ASGI headers as text by lower-case name; repeated ones are joined by ", "."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
    if len(headers) != len(raw):
        headers.clear()
        for name, value in raw:
            key, text = name.decode("latin-1"), value.decode("latin-1")
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def read_query(raw: bytes) -> dict[str, str]:
    """Return a query string as decoded text by name; repeated names are joined by ", "."""
    query: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        query[name] = f"{query[name]}, {value}" if name in query else value
    return query


def split_session(scope: Scope) -> tuple[str, str]:
    """Return the path without its `/s/NAME` prefix, and the name; the path as it is and "" where none is named.

    The name is cut from the path as sent, so that it may hold an encoded slash.
    """
    raw = scope.get("raw_path") or scope["path"].encode()
    name, slash, rest = raw.decode("latin-1")[len(PREFIX) :].partition("/")
    if not name:
        return scope["path"], ""
    return unquote(slash + rest) or "/", unquote(name)


def raw_path(scope: Scope) -> bytes:
    """Return the path as sent, percent-encoded, without its `/s/NAME` prefix."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    if not scope["path"].startswith(PREFIX):
        return raw
    _, slash, rest = raw[len(PREFIX) :].partition(b"/")
    return slash + rest


def bounded(name: str) -> str:
    """Return a session's name; the end of a very long one as its digest.

    Names are remembered and sent back, so that a client must not make them weigh megabytes. The name of a test with all of
    its parameters may be long, though, and is not refused.
    """
    if len(name) <= LONGEST_SESSION:
        return name
    digest = blake2b(name.encode(), digest_size=16).hexdigest()
    return f"{name[: LONGEST_SESSION - len(digest) - 1]}~{digest}"


def loggable(text: str) -> str:
    """Return client text as one printable line for a log."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def declared(headers: Mapping[str, str]) -> int:
    """Return the length that a request says its body has, 0 when it does not."""
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _failure() -> Timeline:
    """The answer when we ourselves broke."""
    body = orjson.dumps(catalogue.error("server_error").body)
    headers = ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)))
    return Timeline((Head(0, 500, headers), Chunk(0, body), Finish(0)))


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
