"""Servers that forward, for tests: one call starts a server in front of an upstream."""

from __future__ import annotations

import contextlib
import http.client
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mockserver.assembly import Assembly
from mockserver.core.forwarding.address import Address
from mockserver.core.journal import Entry
from mockserver.core.messages import Ending
from mockserver.core.recordings.capture import Capture
from mockserver.core.sessions import Session
from mockserver.settings import Settings


@dataclass(slots=True)
class Relayed:
    """A server in front of an upstream, and what it took."""

    assembly: Assembly
    out: io.StringIO
    captures: list[Capture]
    lost: list[str]
    sessions: list[str]

    @property
    def url(self) -> str:
        return self.assembly.server.url

    @property
    def base_url(self) -> str:
        return self.assembly.base_url

    def capture(self, count: int = 1) -> Capture:
        """Wait for so many captures; return the last."""
        assert settled(lambda: len(self.captures) >= count), f"{len(self.captures)} captures"
        return self.captures[count - 1]

    def entry(self, number: int = 1, session: str = "default") -> Entry:
        """Wait for the end of the exchange of this number; return it."""

        def ended() -> Entry | None:
            found = self.assembly.engine.sessions.peek(session)
            entries = found.journal.entries(after=number - 1) if found else iter(())
            return next((each for each in entries if each.number == number and each.ending), None)

        assert settled(lambda: ended() is not None)
        entry = ended()
        assert entry is not None
        return entry

    def ending(self, number: int = 1) -> Ending:
        """Wait for the end of the exchange of this number; return how it ended."""
        ending = self.entry(number).ending
        assert ending is not None
        return ending

    def ask(
        self, method: str = "POST", path: str = "/v1/responses", body: bytes | None = b"{}", **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Make one request; raise what the connection raises."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            told = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, {"content-type": "application/json", **told})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()


@contextlib.contextmanager
def relayed(
    upstream: str,
    *rules: str | Path,
    capture: bool = True,
    then: Callable[[Capture], None] = lambda _: None,
    **settings: Any,
) -> Iterator[Relayed]:
    """Run a server that forwards what no rule answers; `upstream` is a base URL, `then` is called with each capture."""
    out = io.StringIO()
    chosen = Settings(**{"port": 0, "on_miss": "forward", "upstream": Address.read(upstream), **settings})
    captures: list[Capture] = []
    lost: list[str] = []
    sessions: list[str] = []

    def take(session: Session, seen: Capture | str) -> None:
        sessions.append(session.name)
        if isinstance(seen, str):
            lost.append(seen)
        else:
            captures.append(seen)
            then(seen)

    assembly = Assembly(chosen, rules, out, taken=take if capture else None)
    with assembly.server:
        yield Relayed(assembly, out, captures, lost, sessions)
    assembly.close()


def settled(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait for a condition, never for a duration."""
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.005)
    return condition()
