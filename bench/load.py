"""Load on loopback: raw keep-alive connections in one event loop, each asking again as soon as it was answered."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

END_OF_CHUNKS: Final = b"0\r\n\r\n"
END_OF_HEAD: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length: "


def request_bytes(url: str, path: str, body: bytes) -> bytes:
    """Return one HTTP request."""
    place = urlsplit(url)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {place.netloc}\r\naccept: application/json\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer sk-bench\r\nuser-agent: bench\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Asking(asyncio.Protocol):
    """One connection. Counts whole answers; an answer that is no 200 is an error."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.answers = 0
        self.errors = 0
        self.asking = True
        self.idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = b""
        self.transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport) or hasattr(transport, "write")
        self.transport = transport  # type: ignore[assignment]  # uvloop's transports are not asyncio's classes
        self.ask()

    def ask(self) -> None:
        assert self.transport is not None
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        buffer = self.buffer + data if self.buffer else data
        if not self._is_whole(buffer):
            self.buffer = buffer
            return
        self.buffer = b""
        self.answers += 1
        if not buffer.startswith(b"HTTP/1.1 200"):
            self.errors += 1
        if self.asking:
            self.ask()
        elif not self.idle.done():
            self.idle.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.idle.done():
            self.errors += 1
            self.idle.set_result(None)

    @staticmethod
    def _is_whole(buffer: bytes) -> bool:
        end = buffer.find(END_OF_HEAD)
        if end < 0:
            return False
        start = buffer.find(LENGTH, 0, end)
        if start < 0:
            return buffer.endswith(END_OF_CHUNKS)
        length = int(buffer[start + len(LENGTH) : buffer.index(b"\r", start)])
        return len(buffer) >= end + len(END_OF_HEAD) + length


@dataclass
class Rate:
    """What a load came to."""

    per_second: float
    errors: int


async def rate(url: str, path: str, body: bytes, *, connections: int = 16, seconds: float = 4.0) -> Rate:
    """Ask on every connection for `seconds`; return whole answers per second."""
    place = urlsplit(url)
    loop = asyncio.get_running_loop()
    request = request_bytes(url, path, body)
    clients = []
    for _ in range(connections):
        _, client = await loop.create_connection(lambda: Asking(request), place.hostname or "", place.port or 80)
        clients.append(client)
    await asyncio.sleep(0.5)
    before, start = sum(client.answers for client in clients), time.perf_counter()
    await asyncio.sleep(seconds)
    count, took = sum(client.answers for client in clients) - before, time.perf_counter() - start
    for client in clients:
        client.asking = False
    await asyncio.wait_for(asyncio.gather(*(client.idle for client in clients)), 30)
    for client in clients:
        if client.transport is not None:
            client.transport.close()
    return Rate(count / took, sum(client.errors for client in clients))


@dataclass
class Lateness:
    """How late the events of timed streams arrived, in milliseconds, the client's own lateness included."""

    offsets: list[float]
    late: list[float] = field(default_factory=list)
    streams: int = 0
    took: float = 0.0

    def at(self, share: float) -> float:
        """Return the lateness that `share` of the events stayed under."""
        ordered = sorted(self.late)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


class Watching(asyncio.Protocol):
    """One timed stream: notes when each frame arrives, against its planned offset from when the request was written."""

    def __init__(self, request: bytes, result: Lateness) -> None:
        self.request, self.result = request, result
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.seen = 0
        self.asked = 0.0
        self.tail = b""
        self.transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # uvloop's transports are not asyncio's classes

    def ask(self) -> None:
        assert self.transport is not None
        self.asked = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        offset = (time.perf_counter() - self.asked) * 1000
        for _ in range(data.count(b"\ndata: ")):
            if self.seen < len(self.result.offsets):
                self.result.late.append(offset - self.result.offsets[self.seen])
            self.seen += 1
        self.tail = (self.tail + data)[-8:]
        if self.tail.endswith(END_OF_CHUNKS):
            self.result.streams += 1
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def lateness(url: str, path: str, body: bytes, offsets: list[float], *, streams: int) -> Lateness:
    """Run `streams` streams at once, started evenly over one gap between events."""
    place = urlsplit(url)
    loop = asyncio.get_running_loop()
    result = Lateness(offsets)
    request = request_bytes(url, path, body)
    clients = []
    for _ in range(streams):
        _, client = await loop.create_connection(
            lambda: Watching(request, result), place.hostname or "", place.port or 80
        )
        clients.append(client)
    started = time.perf_counter()
    for client in clients:
        client.ask()
        await asyncio.sleep(0.5 / streams)
    await asyncio.wait_for(asyncio.gather(*(client.done for client in clients)), 120)
    result.took = time.perf_counter() - started
    for client in clients:
        if client.transport is not None:
            client.transport.close()
    return result
