"""One pytest run and its server: when it starts, which test's session is the running one, and when it ends.

This room decides how tests share one server without ever seeing each other. It must not know how a verdict is reached
(`testing.verdict`) or which hooks call it (`mockserver.plugin`). Each process of a run that is spread over several has a
run, and a server, of its own.
"""

from __future__ import annotations

import contextlib
import re
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from mockserver.core.errors import MockServerError, SettingError
from mockserver.pytesting import ini
from mockserver.pytesting.environment import Environment
from mockserver.pytesting.failures import Failures
from mockserver.pytesting.wishes import Places, Wishes

if TYPE_CHECKING:
    import socket

    from mockserver.core.sessions import Sessions
    from mockserver.testing.host import Host
    from mockserver.testing.server import MockServer
    from mockserver.testing.verdict import Verdict

FIXTURE: Final = "mockserver"
MARKER: Final = "mockserver"

MARK: Final = f"@pytest.mark.{MARKER}"

ANYBODY: Final = "default"
"""The session of requests that name none: an alias of the running test's."""

KEY: Final = "mock"
"""The API key that clients are given where any is accepted."""

LONGEST_SLUG: Final = 100


@dataclass(slots=True)
class Running:
    """A test with its session.

    `passed` says that its verdict was good; `judged` is the number of the last exchange that it was given on, None while
    there is none.
    """

    item: pytest.Item
    server: MockServer
    passed: bool = False
    judged: int | None = None


class Run:
    """What a pytest run keeps. Nothing heavy is loaded before `serve`."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._environment = Environment()
        self._held: socket.socket | None = None
        self._host: Host | None = None
        self._refused: MockServerError | None = None
        self._failures: Failures | None = None
        self._names: Counter[str] = Counter()
        self._mode = ini.mode(config)
        self._wishes = ini.wishes(config)
        self._late = 0
        self.running: Running | None = None

    # --- the server

    @property
    def base_url(self) -> str:
        """What a client is given that means the running test's session, whichever that is."""
        from mockserver.adapters.port import url_of

        return f"{url_of(self._port())}/v1"

    def _port(self) -> socket.socket:
        if self._held is None:
            from mockserver.adapters.port import hold

            self._held = hold()
        return self._held

    def begin_early(self) -> None:
        """Before tests are collected: take the port and point clients at it, if that is wanted."""
        if self._mode == "early":
            self._point()

    def collected(self, used: bool) -> None:
        """Once tests are collected: serve if one of them needs it, else leave the environment as it was."""
        if used:
            # Now rather than in the first test, which may have patched sockets and clocks by then.
            with contextlib.suppress(MockServerError):  # told to each test that asks
                self.serve()
        else:
            self.step_back()

    def step_back(self) -> None:
        """Leave the environment as it was: no test runs here that needs the server."""
        self._environment.restore()

    def serve(self) -> Host:
        """Return the server, started. Raises `MockServerError` for rules or settings that it cannot be started with."""
        if self._refused is not None:
            raise self._refused
        if self._host is None:
            from mockserver.testing.host import FOR_TESTS, Host
            from mockserver.testing.verdict import NOBODY

            dialect = ini.dialect(self._config) or FOR_TESTS.dialect
            host = Host(replace(FOR_TESTS, dialect=dialect), self._wishes.rules, held=self._port())
            try:
                engine = host.start()
            except MockServerError as error:  # a host is started once; every test that needs it is told the same
                self._refused = error
                raise
            self._host = host
            engine.sessions.end(NOBODY)  # nothing has asked yet, so this need not be said on the server's thread
            self._mean(NOBODY)
            self._failures = Failures()
        return self._host

    def close(self) -> None:
        """Stop the server, give back the port, put back the environment."""
        self._environment.restore()
        if self._failures is not None:
            self._failures.close()
        if self._host is not None:
            self._host.stop()
        elif self._held is not None:
            self._held.close()

    def _point(self) -> None:
        keys = self._wishes.options.get("auth_keys") or (KEY,)
        self._environment.set(self.base_url, keys[0])

    # --- sessions

    def begin(self, item: pytest.Item, config: Any) -> Running:
        """Begin a test's session. Raises `MockServerError` for wishes that make no sense."""
        places = Places(item.path.parent, item.config.rootpath)
        wishes = self._wished(item, config, places)
        host = self.serve()
        server = opened(host, self._name(item.nodeid), wishes, places)
        self._mean(server.session_name)
        if self._mode != "off":
            self._point()
        self.running = Running(item, server)
        return self.running

    def end(self, running: Running) -> str:
        """End a test's session. Return the report of what went wrong since its verdict, "" for nothing."""
        from mockserver.testing.verdict import NOBODY

        text = self._told(running) if running.passed else ""
        self._mean(NOBODY)
        running.server.close()
        if self._mode == "test":
            self._environment.restore()
        self.running = None
        return text

    def _mean(self, session: str) -> None:
        """Let requests that name no session go to this one."""
        host = self.serve()
        host.run(lambda: host.engine.sessions.alias(ANYBODY, session))

    def _wished(self, item: pytest.Item, config: Any, places: Places) -> Wishes:
        """Return what is wished for a test: ini, then the fixture, then markers from the outermost in."""
        if not isinstance(config, Mapping):
            raise SettingError(f"{FIXTURE}_config: expected a dict such as {{'strict': True}}, got {config!r}")
        wishes = replace(self._wishes, rules=()).with_(config, f"{FIXTURE}_config: ", places)
        for mark in reversed(list(item.iter_markers(MARKER))):
            given = dict(mark.kwargs)
            if mark.args:
                if "rules" in given:
                    raise SettingError(f"{MARK}: rules are given twice, by position and by name")
                given["rules"] = mark.args
            wishes = wishes.with_(given, f"{MARK}: ", places)
        if wishes.options.get("on_miss") == "auto" and "miss" in wishes.allow:
            raise SettingError(f"{MARK}: on_miss='auto' answers every miss; allow=['miss'] beside it means nothing")
        return wishes

    def _name(self, nodeid: str) -> str:
        """Return a session's name: the same in every run, another one when a test is run again."""
        slug = re.sub(r"[^A-Za-z0-9_.]+", "-", nodeid.rpartition("/")[2]).strip("-.")[:LONGEST_SLUG]
        name = f"{slug}-{zlib.crc32(nodeid.encode()):08x}"
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name}-{self._names[name]}"

    # --- verdicts

    def mark(self) -> None:
        """From now on, requests to ended sessions and failures of ours are the coming test's to hear of."""
        if self._host is not None and self._failures is not None:
            self._late = self._late_total()
            self._failures.take()

    def judge(self, item: pytest.Item) -> str:
        """Return the report on a test that has passed so far, "" when nothing is wrong."""
        running = self._of(item)
        if running is not None:
            text = self._told(running)
            running.passed = not text
            return text
        if self._host is None or self._late_total() == self._late:
            return ""
        return self._told(None)  # something talks to the server, and this test never asked for it

    def section(self, item: pytest.Item) -> str:
        """Return what is told of a test that has failed by itself: findings if there are any, and its exchanges."""
        running = self._of(item)
        return "" if running is None or running.judged is not None else self._told(running, clean=True)

    def _of(self, item: pytest.Item) -> Running | None:
        return self.running if self.running is not None and self.running.item is item else None

    def _late_total(self) -> int:
        return 0 if self._host is None else self._host.engine.sessions.late.journal.total

    def _told(self, running: Running | None, *, clean: bool = False) -> str:
        """Return the report on what came since the last verdict; without `clean`, "" when nothing is wrong with it."""
        from mockserver.testing.report import report

        host = self.serve()
        verdict = host.run(lambda: self._verdict(host.engine.sessions, running))
        return report(verdict) if clean or not verdict.ok else ""

    def _verdict(self, sessions: Sessions, running: Running | None) -> Verdict:
        from mockserver.testing.verdict import judge

        late = list(sessions.late.journal.entries(after=self._late))
        self._late = sessions.late.journal.total
        broken = self._failures.take() if self._failures is not None else []
        if running is None:
            return judge(sessions.late, after=self._late, late=late, broken=broken, allow=self._wishes.allow)
        after, running.judged = running.judged or 0, running.server.session.journal.total
        return running.server.verdict(late=late, broken=broken, after=after)


def opened(host: Host, name: str, wishes: Wishes, places: Places) -> MockServer:
    """Return a server for one test: a session of the host, by this name."""
    from mockserver.testing.server import MockServer

    made = MockServer(
        wishes.rules,
        host=host,
        session=name,
        base=places.test,
        allow=wishes.allow,
        strict=wishes.strict,
        check=False,
        **wishes.options,
    )
    return made.start()
