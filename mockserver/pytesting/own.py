"""A server in this process for its tests: the usual ground.

This room decides when the port is taken and the server starts, and what requests mean that name no session. It must not know
tests.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mockserver.core.errors import MockServerError

if TYPE_CHECKING:
    import socket

    from mockserver.core.journal import Entry
    from mockserver.core.recordings.modes import Mode
    from mockserver.pytesting.failures import Failures
    from mockserver.pytesting.wishes import Places, Wishes
    from mockserver.testing.host import Host
    from mockserver.testing.server import MockServer
    from mockserver.testing.verdict import Verdict

ANYBODY: Final = "default"
"""The session of requests that name none: an alias of the running test's."""


class Own:
    """A `Ground`: one host, started once. `rules` are what every session stands on."""

    def __init__(self, rules: Sequence[Path], dialect: str, upstream: str = "") -> None:
        self._rules = rules
        self._dialect = dialect
        self._upstream = upstream
        self._held: socket.socket | None = None
        self._host: Host | None = None
        self._refused: MockServerError | None = None
        self._failures: Failures | None = None
        self._late = 0

    @property
    def base_url(self) -> str:
        """See `Ground`."""
        from mockserver.adapters.port import url_of

        return f"{url_of(self._port())}/v1"

    def _port(self) -> socket.socket:
        if self._held is None:
            from mockserver.adapters.port import hold

            self._held = hold()
        return self._held

    @property
    def serves(self) -> bool:
        """See `Ground`."""
        return self._host is not None

    def serve(self) -> None:
        """See `Ground`."""
        self._served()

    def _served(self) -> Host:
        if self._refused is not None:
            raise self._refused
        if self._host is None:
            from mockserver.pytesting.failures import Failures
            from mockserver.testing.host import FOR_TESTS, Host

            settings = dataclasses.replace(FOR_TESTS, dialect=self._dialect or FOR_TESTS.dialect)
            if self._upstream:
                from mockserver.testing.tape import read_upstream

                settings = dataclasses.replace(settings, upstream=read_upstream(self._upstream))
            host = Host(settings, self._rules, held=self._port())
            try:
                host.start()
            except MockServerError as error:  # a host is started once; every test that needs it is told the same
                self._refused = error
                raise
            self._host = host
            self._mean("")
            self._failures = Failures()
        return self._host

    def open(self, name: str, wishes: Wishes, places: Places, mode: Mode) -> MockServer:
        """See `Ground`."""
        from mockserver.pytesting.ground import opened

        server = opened(self._served(), name, wishes, places, mode)
        self._mean(server.session_name)
        return server

    def leave(self, server: MockServer, *, fine: bool) -> None:
        """See `Ground`."""
        self._mean("")
        server.close(fine=fine)

    def _mean(self, session: str) -> None:
        """Let requests that name no session go to this one; "": to nobody's."""
        from mockserver.core.sessions import NOBODY

        host = self._served()

        def step() -> None:
            if not session:
                host.engine.sessions.end(NOBODY)
            host.engine.sessions.alias(ANYBODY, session or NOBODY)

        host.run(step)

    def mark(self) -> None:
        """See `Ground`. Failures of ours until now are not the coming test's either."""
        if self._host is not None and self._failures is not None:
            self._late = self._late_total()
            self._failures.take()

    def astir(self) -> bool:
        """See `Ground`."""
        return self._late_total() != self._late

    def _late_total(self) -> int:
        return 0 if self._host is None else self._host.engine.sessions.late.journal.total

    def judge(self, server: MockServer, after: int) -> tuple[bool, str, int]:
        """See `Ground`."""
        from mockserver.testing.report import report

        server.written()

        def step() -> tuple[Verdict, int]:
            late, broken = self._since()
            return server.verdict(late=late, broken=broken, after=after), server.session.journal.total

        verdict, last = self._served().run(step)
        return verdict.ok, report(verdict), last

    def overdue(self, allow: frozenset[str]) -> str:
        """See `Ground`."""
        from mockserver.testing.report import report
        from mockserver.testing.verdict import judge

        host = self._served()

        def step() -> Verdict:
            before = self._late
            late, broken = self._since()
            return judge(host.engine.sessions.late, after=before, late=late, broken=broken, allow=allow)

        verdict = host.run(step)
        return "" if verdict.ok else report(verdict)

    def _since(self) -> tuple[list[Entry], list[str]]:
        """Return what came too late and what we failed at since it was last asked for."""
        journal = self._served().engine.sessions.late.journal
        late = list(journal.entries(after=self._late))
        self._late = journal.total
        return late, self._failures.take() if self._failures is not None else []

    def close(self) -> None:
        """See `Ground`."""
        if self._failures is not None:
            self._failures.close()
        if self._host is not None:
            self._host.stop()
        elif self._held is not None:
            self._held.close()
