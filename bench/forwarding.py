"""What it costs to stand between a client and the real API: the same answers asked for directly and through us."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bench.load import END_OF_CHUNKS, request_bytes
from bench.servers import bare, mock, running

PATH: Final = "/v1/responses"
ROUNDS: Final = 5
EVENTS: Final = 100
GAP: Final = 0.02
ASKED: Final = 300
"""JSON requests in a row, for each way and round."""

_STAMPED: Final = re.compile(rb'"at": ([0-9.]+)\}')
_DELTA: Final = (
    'event: response.output_text.delta\ndata: {"type": "response.output_text.delta", "sequence_number": 7, "delta": '
    '" word", "item_id": "msg_0123456789", "output_index": 0, "content_index": 0, "at": STAMP}\n\n'
)


def through(url: str) -> contextlib.AbstractContextManager[tuple[str, int, float]]:
    """Run a server that forwards everything."""
    options = ("--port", "0", "--log", "off", "--on-miss", "forward", "--upstream", url + "/v1")
    return running("mockserver", "serve", *options)


@dataclass
class Added:
    """How long events took from the upstream's write to the client, in milliseconds, directly and through us."""

    direct: list[float] = field(default_factory=list)
    relayed: list[float] = field(default_factory=list)

    def at(self, share: float) -> float:
        """Return the difference between the two at this share of the events."""
        direct, relayed = sorted(self.direct), sorted(self.relayed)
        return relayed[int(share * len(relayed))] - direct[int(share * len(direct))]


class _Stamped(asyncio.Protocol):
    """One stream: notes how long each event was on its way."""

    def __init__(self, request: bytes, took: list[float]) -> None:
        self.request, self.took = request, took
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self.request)  # type: ignore[attr-defined]  # uvloop's transports are not asyncio's classes

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self.held += data
        last = 0
        for found in _STAMPED.finditer(self.held):
            self.took.append((now - float(found[1])) * 1000)
            last = found.end()
        self.held = self.held[last:]
        if self.held.endswith(END_OF_CHUNKS) and not self.done.done():
            self.done.set_result(None)


async def _listen(url: str, streams: int, took: list[float]) -> None:
    place, loop = urlsplit(url), asyncio.get_running_loop()
    request = request_bytes(url, PATH, b'{"model":"m","input":"x","stream":true}')
    listening = []
    for _ in range(streams):
        connection = await loop.create_connection(
            lambda: _Stamped(request, took), place.hostname or "", place.port or 80
        )
        listening.append(connection)
        await asyncio.sleep(GAP / streams)
    await asyncio.wait_for(asyncio.gather(*(each.done for _, each in listening)), 60)
    for transport, _ in listening:
        transport.close()


def per_event(folder: Path, streams: int) -> Added:
    """Return how long events take both ways, for so many streams of 50 events/s at once.

    The rounds take turns, so that a busy machine weighs on both alike.
    """
    added = Added()
    headers = [("content-type", "text/event-stream")]
    with bare(folder, headers, [_DELTA] * EVENTS, gap=GAP) as (direct, _, _), through(direct) as (relayed, _, _):
        asyncio.run(_listen(relayed, streams, []))
        for _ in range(ROUNDS):
            asyncio.run(_listen(direct, streams, added.direct))
            asyncio.run(_listen(relayed, streams, added.relayed))
    return added


def per_answer(rules: Path, body: bytes) -> Added:
    """Return how long JSON answers take both ways, asked for one after the other."""
    added = Added()
    with mock(rules) as (direct, _, _), through(direct) as (relayed, _, _):
        _round_trips(relayed, body)
        for _ in range(ROUNDS):
            added.direct += _round_trips(direct, body)
            added.relayed += _round_trips(relayed, body)
    return added


def _round_trips(url: str, body: bytes) -> list[float]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    times = []
    for _ in range(ASKED):
        started = time.perf_counter()
        connection.request("POST", PATH, body, {"content-type": "application/json"})
        connection.getresponse().read()
        times.append((time.perf_counter() - started) * 1000)
    connection.close()
    return times
