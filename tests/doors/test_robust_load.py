"""Many clients, many sessions, many faults: memory stays bounded, nothing is left open, and claims are exact.

Bounded means: after a warm-up with the same mixed load, ten thousand requests more add less than 25 MB to what the process
holds in memory. What may still grow then are the answered responses that sessions remember, up to 10,000 each of some 1.2 kB
(in a run of 100,000 requests the last 80,000 added 15 MB, all of it in two sessions that had not reached that bound).
"""

from __future__ import annotations

import asyncio
import collections
import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.doors.processes import Served, serving

RULES = """
rules:
  - {name: reset, when: {model: reset}, reply: {text: one two three four, faults: [{reset: {after: {deltas: 2}}}]}}
  - {name: cut, when: {model: cut}, reply: {text: one two three four, faults: [{cut: {after: {deltas: 2}}}]}}
  - {name: stall, when: {model: stall}, reply: {text: one two three four, faults: [{stall: {after: {deltas: 2}}}]}}
  - {name: slow, when: {model: slow}, reply: {text: one two three four five six, timing: {first: 2ms, every: 2ms}}}
  - {name: error, when: {model: error}, reply: {error: server_is_overloaded}}
  - name: claimed
    when: {model: claim}
    replies: [{text: first, times: 7}, {text: second, times: 21}, {error: slow_down, times: 4}]
    exhausted: miss
  - {name: third, when: {model: third, hit: 3}, reply: {text: the third}}
  - {name: once, when: {model: once, state: {taken: {exists: false}}}, reply: {text: taken, set_state: {taken: "yes"}}}
  - {name: hello, when: {input: {contains: hello}}, reply: {text: Hello.}}
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    path = tmp_path / "a.mock.yaml"
    path.write_text(RULES, encoding="utf-8")
    with serving("--log", "off", "--speed", "1", str(path)) as served:
        yield served
        assert served.end() == 0
    assert "Traceback" not in served.err


def address(served: Served) -> tuple[str, int]:
    place = urlsplit(served.url)
    assert place.hostname is not None
    assert place.port is not None
    return place.hostname, place.port


def http(body: bytes, path: str = "/v1/responses") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def asking(model: str, *, stream: bool = False, **more: object) -> bytes:
    return json.dumps({"model": model, "input": "hello", "stream": stream, **more}).encode()


class Client:
    """One connection that is opened again when it broke."""

    def __init__(self, served: Served) -> None:
        self._address = address(served)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send one request; return its status (0 for a connection that broke) and body, chunks as they came."""
        for attempt in (1, 2):
            try:
                if self._writer is None:
                    self._reader, self._writer = await asyncio.open_connection(*self._address)
                assert self._reader is not None
                self._writer.write(request)
                head = await self._reader.readuntil(b"\r\n\r\n")
                break
            except (ConnectionError, asyncio.IncompleteReadError):
                await self.close()
                if attempt == 2:
                    return 0, b""
        assert self._reader is not None
        status = int(head.split()[1])
        try:
            if b"transfer-encoding: chunked" in head:
                return status, await self._reader.readuntil(b"\r\n0\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return status, await self._reader.readexactly(length)
        except (ConnectionError, asyncio.IncompleteReadError):
            await self.close()
            return 0, b""

    async def leave(self, request: bytes, *, rudely: bool) -> None:
        """Send a request, take its head, and go."""
        reader, writer = await asyncio.open_connection(*self._address)
        writer.write(request)
        await reader.readuntil(b"\r\n\r\n")
        if rudely:
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


MIX: tuple[tuple[bytes, int], ...] = (
    (http(asking("any")), 200),
    (http(asking("any", stream=True)), 200),
    (http(asking("any", stream=True, metadata={"a": "b"}), "/s/blue/v1/responses"), 200),
    (http(asking("any"), "/s/green/v1/responses"), 200),
    (http(asking("slow", stream=True)), 200),
    (http(asking("error")), 503),
    (http(b'{"model": "m", "input": "goodbye"}'), 404),
    (http(b'{"model": "m"}'), 400),
    (http(b'{"model": "m", "input": "x", "unknown": {"deep": [1, 2, 3]}}'), 400),
    (http(b"[" * 1000), 400),
    (http(b"{", "/v1/nowhere"), 404),
    (http(asking("reset", stream=True)), 0),
    (http(asking("cut", stream=True)), 0),
)


async def soak(served: Served, rounds: int, clients: int = 16) -> collections.Counter[tuple[int, int]]:
    """Let each client go through the mix so many times, leaving two streams half read each time."""
    seen: collections.Counter[tuple[int, int]] = collections.Counter()

    async def one(number: int) -> None:
        client = Client(served)
        for turn in range(rounds):
            for place, (request, expected) in enumerate(MIX):
                status, _ = await client.ask(request)
                seen[place, status] += 1
                assert status == expected, request
            unlike = http(asking("any", user=f"{number} {turn} {time.monotonic_ns()}"))
            assert (await client.ask(unlike))[0] == 200
            await client.leave(http(asking("slow", stream=True)), rudely=False)
            await client.leave(http(asking("stall", stream=True)), rudely=bool(turn % 2))
        await client.close()

    await asyncio.gather(*(one(number) for number in range(clients)))
    return seen


def settled(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    return condition()


async def test_ten_thousand_mixed_requests_leave_nothing_behind(served: Served) -> None:
    """16 clients, JSON and streams, three sessions, errors, misses, faults, and clients that leave halfway."""
    process = psutil.Process(served.process.pid)
    await soak(served, 12)  # 3,000 requests: everything that is made once is made
    files, before = process.num_fds(), process.memory_info().rss
    seen = await soak(served, 40)
    assert sum(seen.values()) + 3 * 16 * 40 >= 10_000
    grown = process.memory_info().rss - before
    assert grown < 25_000_000, f"{grown / 1e6:.1f} MB more"
    assert settled(lambda: not [each for each in process.net_connections() if each.status != "LISTEN"])
    assert settled(lambda: process.num_fds() <= files)
    assert served.ask("hello")["status"] == "completed"
    told = json.loads(await asyncio.to_thread(journal, served))
    assert told["requests"]
    assert {entry["ended"] for entry in told["requests"]} <= {"complete", "cut", "reset", "stalled", "client_left"}


def journal(served: Served) -> bytes:
    from tests.adapters.doubles import call

    status, _, body = call(served.url.removesuffix("/v1"), "GET", "/_mock/requests", None)
    assert status == 200
    return body


async def sent(served: Served, requests: Iterator[bytes], clients: int = 8) -> int:
    """Send requests over a few connections; return how many got 200."""
    good = 0

    async def one() -> None:
        nonlocal good
        client = Client(served)
        for request in requests:
            status, _ = await client.ask(request)
            good += status == 200
        await client.close()

    await asyncio.gather(*(one() for _ in range(clients)))
    return good


async def test_ten_thousand_sessions_and_ids_are_bounded(served: Served) -> None:
    """Each session another name, each response another id, then one chain of hundreds of answers."""
    process = psutil.Process(served.process.pid)
    assert await sent(served, (http(asking("any"), f"/s/warm{number}/v1/responses") for number in range(1500))) == 1500
    before = process.memory_info().rss
    wanted = (http(asking("any", user=str(number)), f"/s/n{number}/v1/responses") for number in range(10_000))
    assert await sent(served, wanted) == 10_000
    assert process.memory_info().rss - before < 40_000_000
    before = process.memory_info().rss
    client, previous = Client(served), None
    for number in range(400):
        body = asking("any", previous_response_id=previous, instructions="x" * 2000, user=str(number))
        status, answer = await client.ask(http(body))
        assert status == 200
        previous = json.loads(answer)["id"]
    await client.close()
    assert process.memory_info().rss - before < 20_000_000


async def test_a_journal_of_large_bodies_is_bounded(served: Served) -> None:
    """More than half a gigabyte is asked; 64 MB of it are kept."""
    process = psutil.Process(served.process.pid)
    body = asking("any", instructions="x" * 2_000_000)
    assert await sent(served, (http(body) for _ in range(60))) == 60
    before = process.memory_info().rss
    assert await sent(served, (http(body) for _ in range(300))) == 300
    assert process.memory_info().rss - before < 120_000_000


async def at_once(served: Served, request: bytes, clients: int = 64) -> list[tuple[int, bytes]]:
    """Let so many clients, all of them connected, ask in the same moment."""
    gate = asyncio.Event()

    async def one() -> tuple[int, bytes]:
        client = Client(served)
        client._reader, client._writer = await asyncio.open_connection(*address(served))
        await gate.wait()
        answer = await client.ask(request)
        await client.close()
        return answer

    ready = [asyncio.ensure_future(one()) for _ in range(clients)]
    await asyncio.sleep(0.2)
    gate.set()
    return await asyncio.gather(*ready)


def heard(answers: list[tuple[int, bytes]], *words: bytes) -> collections.Counter[bytes]:
    """Count which of some words the answers hold, and their statuses."""
    found: collections.Counter[bytes] = collections.Counter()
    for status, body in answers:
        found[b"%d" % status] += 1
        found.update(word for word in words if b'"text":"%b"' % word in body)
    return found


@pytest.mark.parametrize("stream", [False, True])
async def test_claims_are_exact_under_64_clients(served: Served, stream: bool) -> None:
    """Replies with `times`, a `hit` and a `state`: each answers as often as it says, never once more."""
    for session in ("", "/s/other"):  # and each session counts for itself
        path = f"{session}/v1/responses"
        answers = heard(
            await at_once(served, http(asking("claim", stream=stream, input="x"), path)), b"first", b"second"
        )
        assert answers == {b"first": 7, b"second": 21, b"200": 28, b"503": 4, b"404": 32}
        answers = heard(await at_once(served, http(asking("third", stream=stream, input="x"), path)), b"the third")
        assert answers == {b"the third": 1, b"200": 1, b"404": 63}
        answers = heard(await at_once(served, http(asking("once", stream=stream, input="x"), path)), b"taken")
        assert answers == {b"taken": 1, b"200": 1, b"404": 63}
