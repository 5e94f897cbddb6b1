"""The wire: uvicorn's protocols, with reach. They put themselves into the scope, so that a line can get at the socket.

This room decides which protocol class is run, and tells open lines when their connection is lost. It must not know what is
said on a line, or how it is cut or reset.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from functools import cache
from typing import Any, Final, Literal

import orjson

from mockserver.adapters.line import KEY, Application, DirectLine, Receive, Scope, Send, SocketLine
from mockserver.core import catalogue
from mockserver.core.messages import Link

LOG: Final = logging.getLogger("mockserver.wire")

MOST_HEAD: Final = 512 * 1024
"""Bytes of a request's head that may have come without its end being in sight. More than one read ever brings."""


def _last_words(status: int, phrase: bytes, message: str) -> bytes:
    """Return a whole answer in the provider's shape, after which the connection ends."""
    body = orjson.dumps(catalogue.custom(status, message=message).body)
    head = b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
    return head % (status, phrase, len(body)) + body


_MALFORMED: Final = _last_words(400, b"Bad Request", "This is not a well-formed HTTP request.")
_ENDLESS: Final = _last_words(
    431, b"Request Header Fields Too Large", f"The request's headers are larger than {MOST_HEAD} bytes."
)


class _Reach:
    """Mixed into a protocol of uvicorn: puts the protocol into the scope and tells open lines that the client left."""

    line_class: type[SocketLine] = SocketLine

    app: Any
    transport: Any
    cycle: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines: list[SocketLine] = []
        self.hung_up = False
        self.link = Link()
        self.logger = LOG  # uvicorn's own names stay free for an app that runs it beside us
        self.access_log = False
        self._inner: Application = self.app
        self.app = self._enter

    def _enter(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        scope[KEY] = self
        return self._inner(scope, receive, send)

    def open(self, receive: Receive, send: Send) -> SocketLine:
        """Return the line of one exchange on this connection."""
        line = self.line_class(self, receive, send)
        self.lines.append(line)
        return line

    def leave(self, line: SocketLine) -> None:
        """Forget a line whose exchange is over."""
        self.lines.remove(line)

    def eof_received(self) -> None:
        """Note that it is the client that ends the connection: once we have, its end is not heard any more."""
        self.link.ended = self.link.ended or "client"
        super().eof_received()  # type: ignore[misc]  # uvicorn's protocol stands behind this class

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the server, then every open line."""
        self.link.ended = self.link.ended or ("server" if exc is None or self.hung_up else "client")
        super().connection_lost(exc)  # type: ignore[misc]  # uvicorn's protocol stands behind this class
        for line in self.lines:
            line.lost("server" if self.hung_up else "client")

    def hang_up(self) -> None:
        """End the connection because the server stops."""
        self.hung_up = True
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are no HTTP, in the provider's shape, and close; after whole requests have their answers."""
        cycle = self.cycle
        going_on = cycle is not None and not cycle.response_complete
        if going_on and not cycle.more_body:
            cycle.keep_alive = False
            return
        if not (going_on and cycle.response_started):
            self.transport.write(_MALFORMED)
        self.transport.close()


@cache
def protocol(parser: Literal["auto", "httptools", "h11"] = "auto") -> type[asyncio.Protocol]:
    """Return a protocol class with reach: over the C parser where this machine has it, else over the one in Python.

    Raises `ImportError` where `httptools` is named and missing.
    """
    if parser != "h11":
        try:
            from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
        except ImportError:
            if parser == "httptools":
                raise
        else:

            class HttpToolsWire(_Reach, HttpToolsProtocol):
                """The C parser, with reach and direct writes, and with an end to heads: it would read on for ever."""

                line_class = DirectLine
                in_head = False
                head_bytes = 0

                def on_message_begin(self) -> None:
                    super().on_message_begin()
                    self.in_head = True
                    self.head_bytes = 0

                def on_headers_complete(self) -> None:
                    self.in_head = False
                    super().on_headers_complete()

                def data_received(self, data: bytes) -> None:
                    super().data_received(data)
                    if self.in_head:
                        self.head_bytes += len(data)
                        if self.head_bytes > MOST_HEAD and not self.transport.is_closing():
                            self.transport.write(_ENDLESS)
                            self.transport.close()

            return HttpToolsWire
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class H11Wire(_Reach, H11Protocol):
        """The parser in Python, with reach."""

    return H11Wire
