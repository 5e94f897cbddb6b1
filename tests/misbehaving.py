"""A raw socket server that does what real servers should not: every byte, pause and end of a connection by hand."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Heard:
    """One request as it came."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for key, value in self.headers if key.lower() == name]


class Wire:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.left = threading.Event()
        """Set once the client has been seen to leave."""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def chunk(self, data: bytes) -> None:
        """Send one chunk of a chunked body; an empty one ends it."""
        self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def answer(self, body: bytes = b"{}", status: bytes = b"200 OK", *headers: bytes) -> None:
        """Send a whole answer."""
        lines = (b"content-type: application/json", b"content-length: %d" % len(body), *headers)
        self.send(b"HTTP/1.1 %b\r\n%b\r\n\r\n%b" % (status, b"\r\n".join(lines), body))

    def cut(self) -> None:
        """End the connection by FIN."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def reset(self) -> None:
        """End the connection by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def wait_for_the_end(self, seconds: float = 5.0) -> bool:
        """Wait until the client closes; say whether it did."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        self.left.set()
        return True


Behaviour = Callable[[Heard, Wire], None]


class Misbehaving:
    """Reads whole requests and lets `behave` do the rest; the connection goes on until somebody closes it.

    With a `context` it speaks TLS; with `unheard`, `behave` is called at once and does the reading too. `heard` holds
    every request, `connections` counts those that were opened.
    """

    def __init__(self, behave: Behaviour, context: ssl.SSLContext | None = None, *, unheard: bool = False) -> None:
        self.heard: list[Heard] = []
        self.connections = 0
        self._behave = behave
        self._context = context
        self._unheard = unheard
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._open: set[socket.socket] = set()
        scheme = "http" if context is None else "https"
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError):
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
                self._open.add(sock)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            held = b""
            wire = Wire(sock)
            if self._unheard:
                self._behave(Heard("", "", [], b""), wire)
                return
            while True:
                heard, held = _read(sock, held)
                self.heard.append(heard)
                self._behave(heard, wire)
        sock.close()

    def __enter__(self) -> Misbehaving:
        return self

    def __exit__(self, *_: object) -> None:
        # A listener that is only closed goes on listening while another thread waits in accept.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in list(self._open):
            sock.close()


def _read(sock: socket.socket, held: bytes) -> tuple[Heard, bytes]:
    """Read one request; return it and what came after it."""

    def more(held: bytes) -> bytes:
        data = sock.recv(65536)
        if not data:
            raise EOFError
        return held + data

    while b"\r\n\r\n" not in held:
        held = more(held)
    head, _, held = held.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
    while len(held) < length:
        held = more(held)
    method, target, _ = first.split(" ")
    return Heard(method, target, headers, held[:length]), held[length:]


def stream(*frames: bytes, pause: float = 0.0, then: Callable[[Wire], None] | None = None) -> Behaviour:
    """Answer with an event stream, `pause` seconds before each frame; `then` ends it (by its proper end unless given)."""

    def behave(_: Heard, wire: Wire) -> None:
        wire.send(STREAM_HEAD)
        for frame in frames:
            time.sleep(pause)
            wire.chunk(frame)
        if then is None:
            wire.chunk(b"")
        else:
            then(wire)

    return behave


def answer(body: bytes = b"{}", status: bytes = b"200 OK", *headers: bytes) -> Behaviour:
    """Answer every request so."""
    return lambda _, wire: wire.answer(body, status, *headers)
