"""Sending recorded requests again: to one upstream, a few strands at once, each in its order.

This room decides how a request goes out and how its answer is taken. It must not know what an answer means: `drift` does,
and `resends` says what is sent. Redirects are not followed, so that nothing but the upstream is ever asked.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from mockserver.adapters.upstream.client import Client, Unready
from mockserver.adapters.upstream.failures import Failure, broken_off, unanswered
from mockserver.core.forwarding import headers
from mockserver.core.forwarding.address import Astray
from mockserver.core.forwarding.encodings import BrokenEncoding, Unpacker, can_undo
from mockserver.core.forwarding.pieces import Frames, Part, Whole
from mockserver.core.recordings.capture import Capture, Piece
from mockserver.core.recordings.drift.comparison import Result, result
from mockserver.core.recordings.drift.resends import Ids, Resend, strands, unsendable

if TYPE_CHECKING:
    import httpx2

Told = Callable[[int, Result, Capture | None], None]
"""Takes the number of a recording, what came of it, and the answer where there was one, with the ids that were recorded."""

_BOUNDARY: Final = re.compile(rb"--([0-9A-Za-z'()+_,./:=? -]{1,70})\r\n")


def check(resends: Sequence[Resend], client: Client, sent: Mapping[str, str], jobs: int, told: Told) -> None:
    """Send what can be sent, at most `jobs` strands at once, and tell each result as it is known.

    `sent` are headers of every request, by lower-case name.
    """
    asyncio.run(_check(resends, client, sent, jobs, told))


async def _check(resends: Sequence[Resend], client: Client, sent: Mapping[str, str], jobs: int, told: Told) -> None:
    sending = _Sending(resends, client, sent, told)
    turns = asyncio.Semaphore(jobs)
    try:
        async with asyncio.TaskGroup() as group:
            for strand in strands(resends):
                group.create_task(sending.strand(strand, turns))
    finally:
        await client.close()


class _Sending:
    """All strands on their way."""

    def __init__(self, resends: Sequence[Resend], client: Client, sent: Mapping[str, str], told: Told) -> None:
        self._resends = resends
        self._client = client
        self._sent = sent
        self._told = told
        self._reached = False
        self._hopeless = ""
        """Why nothing more is sent."""

    async def strand(self, numbers: Sequence[int], turns: asyncio.Semaphore) -> None:
        """Send the requests of one strand, one after the other."""
        async with turns:
            ids = Ids()
            for number in numbers:
                await self._one(number, ids)

    async def _one(self, number: int, ids: Ids) -> None:
        resend = self._resends[number]
        request = unsendable(resend) or ids.renewed(resend.capture)
        if isinstance(request, Capture) and self._hopeless:
            request = self._hopeless
        if isinstance(request, str):
            ids.lose(resend)
            self._told(number, Result(why=request), None)
            return
        now = await self._send(request)
        found = result(resend.capture, now)
        if found.why:
            ids.lose(resend)
        else:
            ids.learn(resend, now)
            now = ids.restored(now)
        self._despair(now, found)
        self._told(number, found, now)

    def _despair(self, now: Capture, found: Result) -> None:
        """Send nothing more to where nobody answers, or nobody lets us in."""
        if now.end != "unreachable":
            self._reached = True
        elif not self._reached:
            self._hopeless = f"not sent: the upstream gave no answer to another request ({now.why})"
        if found.why and now.status == 401:
            self._hopeless = "not sent: the upstream did not accept the key for another request"

    async def _send(self, request: Capture) -> Capture:
        """Send one request; return it with the answer, however that ended."""
        import httpx2  # imported late: it takes 0.1 s, and no other command needs it

        client = self._client
        answer = _Answer(replace(request, request_headers=self._sent), client)
        try:
            target = client.address.target(quote(request.path).encode(), urlencode(request.query).encode())
            response = await client.send(request.method, target, self._headers(request), request.request_body)
        except Astray as astray:
            return answer.failed(Failure("unreachable", str(astray)))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, Unready) as error:
            return answer.failed(unanswered(error, client.address, client.timeout))
        try:
            return await answer.read(response)
        finally:
            await response.aclose()

    def _headers(self, request: Capture) -> list[tuple[bytes, bytes]]:
        kind = _content_type(request.request_body)
        made = {"accept": "*/*", **({"content-type": kind} if kind else {}), **self._sent}
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in made.items()]
        return headers.upwards(pairs, request.method, self._client.address.authority, len(request.request_body))


class _Answer:
    """An answer while it comes in."""

    def __init__(self, request: Capture, client: Client) -> None:
        self._began = time.perf_counter()
        self._timeout = client.timeout
        self._pieces: list[Piece] = []
        self._made = replace(
            request, status=0, headers=(), pieces=(), arrived=time.time(), upstream=str(client.address), end="complete"
        )

    async def read(self, response: httpx2.Response) -> Capture:
        """Read it to its end."""
        import httpx2

        codings = headers.codings(response.headers.raw)
        unpacker = Unpacker(codings) if can_undo(codings) else None
        head = headers.downwards(response.headers.raw, response.status_code, undone=unpacker is not None)
        named = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head)
        self._made = replace(
            self._made,
            status=response.status_code,
            headers=tuple(pair for pair in named if pair[0] != "content-length"),
            head_at=self._now(),
        )
        cutter = Frames() if self._made.is_stream else Whole()
        failure = None
        try:
            async for chunk in response.aiter_raw():
                for plain in (chunk,) if unpacker is None else unpacker.feed(chunk):
                    self._take(cutter.feed(plain))
            if unpacker is not None:
                unpacker.close()
        except (httpx2.HTTPError, BrokenEncoding, OSError) as error:
            failure = broken_off(error, self._timeout)
        self._take(cutter.close())
        return self.failed(failure) if failure else self._ended()

    def failed(self, failure: Failure) -> Capture:
        """Return what there is, and why there is no more."""
        return replace(self._ended(), end=failure.end, why=failure.why)

    def _ended(self) -> Capture:
        return replace(self._made, pieces=tuple(self._pieces), ended_at=self._now())

    def _take(self, parts: Sequence[Part]) -> None:
        for part in parts:
            if part.ends_piece_before and self._pieces:
                before = self._pieces[-1]
                self._pieces[-1] = Piece(before.at, before.data + part.data)
            else:
                self._pieces.append(Piece(self._now(), part.data))

    def _now(self) -> float:
        return round((time.perf_counter() - self._began) * 1000, 3)


def _content_type(body: bytes) -> str:
    """Return the content type of a recorded body: recordings do not hold it."""
    if not body:
        return ""
    boundary = _BOUNDARY.match(body)
    if boundary:
        return f"multipart/form-data; boundary={boundary[1].decode()}"
    return "application/json" if body.lstrip()[:1] in (b"{", b"[") else "text/plain"
