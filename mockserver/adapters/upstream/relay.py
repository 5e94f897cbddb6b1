"""The relay: one request passed through to the upstream, and its answer back, live.

This room decides when bytes are handed on and how an exchange is said to have ended. It must not know which headers pass,
where a stream is cut (`core.forwarding` does), or how a connection is made (`client` does).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import orjson

from mockserver.adapters.clock import Clock
from mockserver.adapters.line import Line
from mockserver.adapters.player import perform
from mockserver.adapters.upstream import failures
from mockserver.adapters.upstream.client import Client, Unready
from mockserver.adapters.upstream.failures import Failure
from mockserver.core import catalogue
from mockserver.core.engine import Forward
from mockserver.core.forwarding import headers
from mockserver.core.forwarding.address import Astray
from mockserver.core.forwarding.encodings import BrokenEncoding, Unpacker, can_undo
from mockserver.core.forwarding.pieces import Frames, Part, Whole
from mockserver.core.messages import End, Ending, Passed
from mockserver.core.recordings.capture import STREAM_TYPE, Capture, Piece
from mockserver.core.recordings.capture import End as CaptureEnd
from mockserver.core.reply import Error
from mockserver.core.sessions import Session
from mockserver.core.timeline import Chunk, Cut, Finish, Head, Headers, Reset, Step, Timeline

if TYPE_CHECKING:
    import httpx2

LOG: Final = logging.getLogger("mockserver")

Taken = Callable[[Session, Capture | str], None]
"""Takes the capture of each exchange with the upstream once it has ended, or why there is none. It must not wait."""

MOST_TAKEN: Final = 64 * 1024 * 1024
"""Bytes of an answer that are kept for its capture. A longer one passes whole and is not captured."""


class Relay:
    """Passes requests to the upstream. `taken` gets what was seen; without it nothing of an answer is kept."""

    def __init__(self, client: Client, taken: Taken | None = None) -> None:
        self.client = client
        self.taken = taken

    async def run(self) -> None:
        """Be ready until cancelled."""
        await self.client.run()

    async def pass_on(
        self, forward: Forward, raw: Raw, line: Line, clock: Clock, arrived: float
    ) -> tuple[Ending, Passed]:
        """Pass a request on and its answer back; return how that ended and what it was.

        `raw` is the request as it was sent; `arrived` the moment (of `clock.monotonic`) from which offsets count. Where the
        client leaves, the upstream's connection is closed at once.
        """
        try:
            target = self.client.address.target(raw.path, raw.query)
        except Astray as astray:
            request = forward.exchange.request
            error = catalogue.error("unknown_url", method=request.method, path=request.path, hint=f" {astray}")
            forward.begun(error.status)
            ending = await perform(_whole(error, forward.headers), line, clock, arrived)
            return ending, Passed(error.status, notes=(str(astray),), kind="rejection")
        passing = _Passing(self, forward, line, clock, arrived)
        task = asyncio.ensure_future(passing.run(raw.headers, target))
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task.add_done_callback(lambda _: None if waiter.done() else waiter.set_result(None))
        try:
            await line.wait(waiter)
        finally:
            if not task.done():
                task.cancel()
            await asyncio.wait([task])
        if not task.cancelled():
            task.result()
        ending = await passing.end()
        if self.taken is not None:
            self._take(forward, passing)
        return ending, passing.passed()

    def _take(self, forward: Forward, passing: _Passing) -> None:
        request = forward.exchange.request
        where = f"{request.method} {request.path}"
        assert self.taken is not None
        try:
            if passing.too_long:
                self.taken(forward.session, f"{where}: the answer is longer than {MOST_TAKEN} bytes")
            else:
                self.taken(forward.session, passing.capture())
        except Exception:
            LOG.exception("cannot keep what the upstream answered to %s", where)


class Raw:
    """A request as it was sent: `path` percent-encoded and without session prefix, `query`, and all headers."""

    __slots__ = ("headers", "path", "query")

    def __init__(self, path: bytes, query: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        self.path = path
        self.query = query
        self.headers = headers


class _Passing:
    """One exchange with the upstream."""

    def __init__(self, relay: Relay, forward: Forward, line: Line, clock: Clock, arrived: float) -> None:
        self.too_long = False
        self._client = relay.client
        self._forward = forward
        self._line = line
        self._clock = clock
        self._arrived = arrived
        self._keeps = relay.taken is not None or forward.session.options.keep_answers
        self._status = 0
        self._head: Headers = ()
        self._head_at = 0.0
        self._pieces: list[Piece] = []
        self._kept = 0
        self._sent = 0
        self._sent_at: list[float] = []
        self._failure: Failure | None = None
        self._ended_at = 0.0
        self._whole = False
        self._last: Step = Finish(0.0)

    # --- while it goes on

    async def run(self, sent: list[tuple[bytes, bytes]], target: bytes) -> None:
        """Ask and pass on what comes, until it ends in one way or another."""
        import httpx2

        request = self._forward.exchange.request
        host = self._client.address.authority
        told = headers.upwards(sent, request.method, host, len(request.body))
        try:
            response = await self._client.send(request.method, target, told, request.body)
        except (httpx2.HTTPError, Unready) as error:
            self._failure = failures.unanswered(error, self._client.address, self._client.timeout)
            return
        try:
            await self._pass(response)
        finally:
            await response.aclose()

    async def _pass(self, response: httpx2.Response) -> None:
        import httpx2

        status, raw = response.status_code, response.headers.raw
        codings = headers.codings(raw)
        unpacker = Unpacker(codings) if can_undo(codings) else None
        head = headers.downwards(raw, status, undone=unpacker is not None)
        self._head_at = self._now()
        self._forward.begun(status)
        try:
            await self._line.begin(status, headers.under(head, self._forward.headers))
        except ValueError:
            self._failure = Failure("unreachable", "a header of its answer holds control characters")
            return
        self._status, self._head = status, head
        await self._line.flush()
        cutter = Frames() if _is_stream(head) else Whole()
        try:
            async with contextlib.aclosing(response.aiter_raw()) as chunks:
                async for chunk in chunks:
                    at = self._now()
                    if unpacker is None:
                        await self._hand_on(cutter.feed(chunk), at)
                    else:
                        for plain in unpacker.feed(chunk):
                            await self._hand_on(cutter.feed(plain), at)
            if unpacker is not None:
                unpacker.close()
        except (httpx2.HTTPError, BrokenEncoding) as error:
            self._failure = failures.broken_off(error, self._client.timeout)
        self._ended_at = self._now()
        await self._hand_on(cutter.close(), self._ended_at)
        if self._failure is None:
            await self._line.body(b"", False)
            self._whole = not self._line.gone

    async def _hand_on(self, parts: list[Part], at: float) -> None:
        """Send each part in a write of its own; a slow client is waited for."""
        for part in parts:
            if self._keeps:
                self._keep(part, at)
            if part.data:
                await self._line.body(part.data, True)
                self._sent += len(part.data)
            if part.event:
                self._sent_at.append(self._now())

    def _keep(self, part: Part, at: float) -> None:
        self._kept += len(part.data)
        if self._kept > MOST_TAKEN:
            self._keeps, self.too_long = False, True
            self._pieces.clear()
        elif part.ends_piece_before and self._pieces:
            before = self._pieces[-1]
            self._pieces[-1] = Piece(before.at, before.data + part.data)
        else:
            self._pieces.append(Piece(at, part.data))

    def _now(self) -> float:
        return round((self._clock.monotonic() - self._arrived) * 1000, 3)

    # --- once it is over

    async def end(self) -> Ending:
        """Let the client see how it ended, and say so."""
        line, failure = self._line, self._failure
        self._ended_at = self._ended_at or self._now()
        if line.gone and not self._whole:
            return self._ending("failed" if line.gone == "server" else "client_left")
        if failure is None:
            return self._ending("complete")
        if not self._status:
            error = catalogue.custom(failure.status, message=failure.told(self._client.address), code=failure.code)
            answer = _whole(error, self._forward.headers)
            self._status, self._head = error.status, _head_of(error)
            self._pieces = [Piece(self._ended_at, orjson.dumps(error.body))]
            self._head_at = self._ended_at
            self._forward.begun(error.status)
            return await perform(answer, line, self._clock, self._arrived)
        if failure.end == "reset":
            self._last = Reset(self._ended_at)
            await line.reset()
            return self._ending("reset")
        self._last = Cut(self._ended_at)
        await line.cut()
        return self._ending("cut")

    def _ending(self, end: End) -> Ending:
        duration = (self._clock.monotonic() - self._arrived) * 1000
        return Ending(end, duration, self._sent, tuple(self._sent_at), self._arrived, self._line.link)

    def passed(self) -> Passed:
        """Return what the journal is told."""
        failure = self._failure
        notes = () if failure is None else (". ".join(filter(None, (failure.why, failure.advice))),)
        answer = None
        if self._forward.session.options.keep_answers and self._status and not self.too_long:
            head = Head(self._head_at, self._status, headers.under(self._head, self._forward.headers))
            chunks = [Chunk(piece.at, piece.data) for piece in self._pieces]
            answer = Timeline((head, *chunks, self._last))
        return Passed(self._status, len(self._sent_at), notes, answer)

    def capture(self) -> Capture:
        """Return what was seen. The status is 0 where the client left before any answer."""
        request, failure = self._forward.exchange.request, self._failure
        end: CaptureEnd = "complete" if self._whole else "partial"
        why = "" if self._whole else "the server stopped" if self._line.gone == "server" else "the client left"
        if failure is not None:
            end, why = failure.end, failure.why
        return Capture(
            request.method,
            request.path,
            self._status,
            tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in self._head if name != _LENGTH),
            tuple(self._pieces),
            request.query,
            request.headers,
            request.body,
            self._head_at,
            self._ended_at,
            end,
            why,
            self._forward.exchange.arrived,
            str(self._client.address),
        )


_LENGTH: Final = b"content-length"


def _is_stream(head: Headers) -> bool:
    kind = next((value for name, value in head if name == b"content-type"), b"")
    return kind.partition(b";")[0].strip().lower() == STREAM_TYPE.encode()


def _head_of(error: Error) -> Headers:
    return ((b"content-type", b"application/json"),)


def _whole(error: Error, ours: Headers) -> Timeline:
    """Return an answer of ours in the provider's shape."""
    body = orjson.dumps(error.body)
    head = ((b"content-type", b"application/json"), (_LENGTH, b"%d" % len(body)))
    return Timeline((Head(0, error.status, headers.under(head, ours)), Chunk(0, body), Finish(0)))
