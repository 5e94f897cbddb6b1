"""A line: one exchange's way to its client.

This room decides how head, body, raw bytes, a cut and a reset reach the client, and notices that it left. It must not know
timelines, requests or what is being said. With `wire`'s protocol it reaches the socket, and it knows which fields of
uvicorn's record of an exchange that takes. Where a server gives no socket to reach (an in-process client), it does what
plain ASGI can: a reset then looks like a cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, Literal, TypeAlias

from mockserver.adapters import kernel
from mockserver.core.messages import Link
from mockserver.core.timeline import Headers

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

Gone: TypeAlias = Literal["", "client", "server"]
"""Who ended the connection: nobody yet, the client, or we because the server stops."""

KEY: Final = "mockserver.wire"
"""Where `wire`'s protocol puts itself in the scope."""

_CONTROLS: Final = bytes([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])
"""What no header may hold, besides the line ends that are counted on their own."""
_STATUS_LINES: Final = {
    status: b"HTTP/1.1 %d %b\r\n"
    % (status, HTTPStatus(status).phrase.encode() if status in HTTPStatus._value2member_map_ else b"")
    for status in range(100, 1000)
}


class Line:
    """One exchange's way to its client, over plain ASGI.

    `begin`, `body` and `raw` may wait for a slow client; once the client is gone they do nothing and `gone` says so.
    """

    link: Link | None = None
    """The connection, where it can be seen."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self.gone: Gone = ""
        self._receive = receive
        self._send = send
        self._waiter: asyncio.Future[None] | None = None
        self._listener: asyncio.Task[None] | None = None
        self.begun = False

    def last(self) -> None:
        """Let the connection end after this exchange. Plain ASGI cannot ask for that."""

    async def begin(self, status: int, headers: Headers, shared: Headers = ()) -> None:
        """Send the status line and headers, the `shared` ones last; they may stay in hand until the first body bytes.

        Raises `ValueError`, before anything is sent, for a header that would end early or begin another.
        """
        header_block(headers + shared)
        self.begun = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers + shared})

    async def body(self, data: bytes, more: bool) -> None:
        """Send body bytes; `more` says that the body is not whole yet."""
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def raw(self, data: bytes) -> None:
        """Send bytes as they are, past the framing of the body. Plain ASGI cannot; they go into the body."""
        if not self.begun:
            await self.begin(200, ())
        await self.body(data, True)

    async def flush(self) -> None:
        """Make sure that headers held back are on their way."""

    async def wait(self, waiter: asyncio.Future[None]) -> None:
        """Wait for `waiter`, which is resolved early when the client leaves."""
        if self._listener is None:
            self._listener = asyncio.ensure_future(self._listen())
        self._waiter = waiter
        if not self.gone:
            await waiter
        self._waiter = None

    async def cut(self) -> None:
        """End without the end of the body, after all that was sent has left."""

    async def reset(self) -> None:
        """Reset the connection, after all that was sent has left. Plain ASGI cannot; it is a cut."""

    def close(self) -> None:
        """The exchange is over; nothing of it stays behind."""
        if self._listener is not None:
            self._listener.cancel()

    def lost(self, who: Gone = "client") -> None:
        """Note that the connection has ended, and wake whoever waits."""
        if not self.gone:
            self.gone = who
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.lost()


class SocketLine(Line):
    """A line over a protocol of ours: it also reaches the socket. Framing is still the server's."""

    def __init__(self, protocol: Any, receive: Receive, send: Send) -> None:
        super().__init__(receive, send)
        self._protocol = protocol
        # The bound method's owner is the server's record of this very exchange; with pipelining the protocol's own
        # `cycle` may already be a later one.
        self._cycle: Any = send.__self__  # type: ignore[attr-defined]
        self._transport: asyncio.Transport = protocol.transport
        self.link = protocol.link
        self._raw = False
        self._ended_by_us = False
        if self._cycle.disconnected:
            self.gone = "client"

    def last(self) -> None:
        """See `Line.last`."""
        self._cycle.keep_alive = False

    async def wait(self, waiter: asyncio.Future[None]) -> None:
        """See `Line.wait`; the protocol tells when the connection is lost, no task is needed to listen."""
        await self.flush()
        if not self.gone:
            self._waiter = waiter
            await waiter
            self._waiter = None

    async def body(self, data: bytes, more: bool) -> None:
        """See `Line.body`. After raw bytes nobody knows the framing any more: the end of the body closes."""
        if not self._raw:
            await super().body(data, more)
            return
        self._transport.write(data)
        if not more:
            await self.cut()

    async def raw(self, data: bytes) -> None:
        """Write bytes to the socket as they are."""
        await self.flush()
        self._raw = True
        if not self.gone:
            self._transport.write(data)

    async def cut(self) -> None:
        """Close the connection (FIN) without the end of the body."""
        await self._drained()
        self._ended_by_us = not self.gone
        self._transport.close()
        await self._ended()

    async def reset(self) -> None:
        """Close the connection with RST."""
        await self._drained()
        if not self.gone and not self._transport.is_closing():
            self._ended_by_us = True
            kernel.linger_zero(self._transport.get_extra_info("socket"))
            self._transport.abort()
        await self._ended()

    def close(self) -> None:
        """See `Line.close`."""
        self._protocol.leave(self)

    def lost(self, who: Gone = "client") -> None:
        """See `Line.lost`; the server must know too, or it would complain about an answer without an end."""
        self._cycle.disconnected = True
        super().lost("" if self._ended_by_us else who)

    async def _drained(self) -> None:
        """Wait until the client's machine has every byte, or is gone."""
        await self.flush()
        pause = 0.0
        while not self.gone and not self._transport.is_closing():
            if not self._transport.get_write_buffer_size() and not kernel.unacknowledged(self._transport):
                if not kernel.CAN_TELL:  # give the stack a moment instead
                    await asyncio.sleep(0.05)
                return
            await asyncio.sleep(pause)
            pause = min(pause + 0.001, 0.02)

    async def _ended(self) -> None:
        """Wait until the connection is gone by our own doing."""
        if not self._cycle.disconnected and not self.gone:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
            self._waiter = None


class DirectLine(SocketLine):
    """A line that writes head, chunks and end itself: one write where the server would make two or three.

    It does what uvicorn's own cycle does with the same fields of it, minus checks that a rule file has passed already.
    """

    def __init__(self, protocol: Any, receive: Receive, send: Send) -> None:
        super().__init__(protocol, receive, send)
        self._head = b""
        self._chunked = False
        self._silent = False

    async def begin(self, status: int, headers: Headers, shared: Headers = ()) -> None:
        """See `Line.begin`: the head stays in hand so that it leaves together with the first bytes of the body."""
        cycle = self._cycle
        block = header_block(headers) + _shared_block(shared)
        # One look through the text is cheaper than a look at every name of a dozen headers.
        names = b"\n" + block.lower()
        if b"\nconnection: close\r" in names:
            cycle.keep_alive = False
        elif not cycle.keep_alive:
            block += b"connection: close\r\n"
        self._silent = cycle.scope["method"] == "HEAD" or status in (204, 304)
        if b"\ntransfer-encoding: " in names:
            self._chunked = b"\ntransfer-encoding: chunked\r" in names
        elif b"\ncontent-length: " not in names and not self._silent and cycle.scope["http_version"] != "1.0":
            self._chunked = True  # HTTP/1.0 knows no chunks: there the end of the connection ends the body
            block += b"transfer-encoding: chunked\r\n"
        self._head = b"%b%b\r\n" % (_STATUS_LINES[status], block)
        self.begun = cycle.response_started = True
        cycle.waiting_for_100_continue = False

    async def body(self, data: bytes, more: bool) -> None:
        """See `Line.body`."""
        if self._raw:
            await super().body(data, more)
            return
        cycle = self._cycle
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return
        head, self._head = self._head, b""
        if self._silent:
            self._transport.write(head)
        elif not self._chunked:
            self._transport.write(head + data)
        elif not data:
            self._transport.write(head if more else head + b"0\r\n\r\n")
        else:
            self._transport.write(b"%b%x\r\n%b\r\n%b" % (head, len(data), data, b"" if more else b"0\r\n\r\n"))
        if not more:
            cycle.response_complete = True
            cycle.message_event.set()
            if not cycle.keep_alive:
                self._transport.close()
            cycle.on_response()

    async def flush(self) -> None:
        """Send a head that is still in hand."""
        if self._head:
            head, self._head = self._head, b""
            if not self._cycle.disconnected:
                self._transport.write(head)


def header_block(headers: Headers) -> bytes:
    """Return headers as they are sent. Raises `ValueError` where a name or value holds a control character."""
    block = b"".join([b"%b: %b\r\n" % header for header in headers])
    lines = len(headers)
    if (
        block.count(b"\r") != lines
        or block.count(b"\n") != lines
        or len(block.translate(None, _CONTROLS)) != len(block)
    ):
        raise ValueError(f"a header holds a control character: {headers!r}")
    return block


_shared_block = lru_cache(maxsize=1024)(header_block)
"""The same for headers that come again and again."""


def open_line(scope: Scope, receive: Receive, send: Send) -> Line:
    """Return the line of one exchange: with reach where `wire`'s protocol serves it, else over plain ASGI."""
    protocol = scope.get(KEY)
    if protocol is None:
        return Line(receive, send)
    line: Line = protocol.open(receive, send)
    return line
