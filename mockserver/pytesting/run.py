"""One pytest run: which ground it stands on, which test's session is the running one, and when it ends.

This room decides how tests share one server without ever seeing each other. It must not know where that server is (`ground`),
how a verdict is reached (`testing.verdict`) or which hooks call it (`mockserver.plugin`). Each process of a run that is spread
over several has a run of its own.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import pytest

from mockserver.core.errors import MockServerError, SettingError
from mockserver.pytesting import ini
from mockserver.pytesting.environment import KEY, Environment
from mockserver.pytesting.own import Own

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mockserver.pytesting.ground import Ground
    from mockserver.pytesting.wishes import Places, Wishes
    from mockserver.testing.server import MockServer

FIXTURE: Final = "mockserver"
MARKER: Final = "mockserver"

MARK: Final = f"@pytest.mark.{MARKER}"

LONGEST_SLUG: Final = 100


class Running:
    """A test with its session.

    `passed` says that its verdict was good; `judged` is the number of the last exchange that it was given on, None while
    there is none.
    """

    __slots__ = ("item", "judged", "passed", "server")

    def __init__(self, item: pytest.Item, server: MockServer) -> None:
        self.item = item
        self.server = server
        self.passed = False
        self.judged: int | None = None


class Run:
    """What a pytest run keeps. Nothing heavy is loaded before the server is asked for."""

    def __init__(self, config: pytest.Config) -> None:
        self._environment = Environment()
        self._names: Counter[str] = Counter()
        self._mode = ini.mode(config)
        self._config = config
        self._read: Wishes | None = ini.wishes(config) if ini.given(config) else None
        self.shared = ini.url(config)
        self._taping = ini.taping(config)
        upstream = self._taping.upstream if self._taping else ""
        self._ground = _ground(self.shared, self._read.rules if self._read else (), ini.dialect(config), upstream)
        self.running: Running | None = None

    @property
    def _wishes(self) -> Wishes:
        """What is wished for every test; a run in which nobody wishes has nothing to load for it."""
        self._read = self._read or ini.wishes(self._config)
        return self._read

    # --- the server

    @property
    def base_url(self) -> str:
        """What a client is given that means the running test's session, whichever that is."""
        return self._ground.base_url

    def begin_early(self) -> None:
        """Before tests are collected: point clients at the server to be, if that is wanted."""
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

    def serve(self) -> None:
        """Make the server ready. Raises `MockServerError` for one that cannot be had."""
        self._ground.serve()

    def hand_out(self) -> None:
        """Before tests are handed out to other processes: make sure that a server elsewhere will do for all of them.

        Raises `MockServerError`: those processes have no voice of their own.
        """
        if self.shared:
            from mockserver.testing.sharing.host import named

            if named(self.shared):
                raise SettingError(
                    f"the session in {self.shared} is one app's, and can mean one test at a time: run without -n, "
                    "or give the bare URL"
                )
            self.serve()

    def close(self) -> None:
        """Give the server back, put back the environment."""
        self._environment.restore()
        self._ground.close()

    def _point(self) -> None:
        own = self._taping.key if self._taping else ""
        keys = (self._read.options.get("auth_keys") if self._read else None) or (KEY,)
        self._environment.set(self.base_url, own or keys[0])

    # --- sessions

    def begin(self, item: pytest.Item, config: Any) -> Running:
        """Begin a test's session. Raises `MockServerError` for wishes that make no sense."""
        from mockserver.pytesting.wishes import Places

        places = Places(item.path.parent, item.config.rootpath, item.nodeid)
        wishes = self._wished(item, config, places)
        mode = self._taping.mode if self._taping else "none"
        if mode == "rewrite" and isinstance(wishes.recording, str) and hasattr(item.config, "workerinput"):
            raise SettingError(
                f"recording={wishes.recording!r}: other tests may record into it too, and replacing it from several "
                "processes would lose theirs: rewrite it without -n (-n 0)"
            )
        server = self._ground.open(self._name(item.nodeid), wishes, places, mode)
        if self._mode != "off":
            self._point()
        self.running = Running(item, server)
        return self.running

    def end(self, running: Running) -> str:
        """End a test's session. Return the report of what went wrong since its verdict, "" for nothing."""
        try:
            return self._told(running) if running.passed else ""
        finally:
            self.running = None
            if self._mode == "test":
                self._environment.restore()
            self._ground.leave(running.server, fine=running.passed)

    def _wished(self, item: pytest.Item, config: Any, places: Places) -> Wishes:
        """Return what is wished for a test: ini, then the fixture, then markers from the outermost in."""
        if not isinstance(config, Mapping):
            raise SettingError(f"{FIXTURE}_config: expected a dict such as {{'strict': True}}, got {config!r}")
        from dataclasses import replace

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
        import re
        import zlib

        slug = re.sub(r"[^A-Za-z0-9_.]+", "-", nodeid.rpartition("/")[2]).strip("-.")[:LONGEST_SLUG]
        name = f"{slug}-{zlib.crc32(nodeid.encode()):08x}"
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name}-{self._names[name]}"

    # --- verdicts

    def mark(self) -> None:
        """From now on, requests to ended sessions and failures of ours are the coming test's to hear of."""
        self._ground.mark()

    def judge(self, item: pytest.Item) -> str:
        """Return the report on a test that has passed so far, "" when nothing is wrong."""
        running = self._of(item)
        if running is not None:
            text = self._told(running)
            running.passed = not text
            return text
        if not self._ground.serves or not self._ground.astir():
            return ""
        return self._ground.overdue(self._wishes.allow)  # something talks to the server; this test never asked for it

    def section(self, item: pytest.Item) -> str:
        """Return what is told of a test that has failed by itself: findings if there are any, and its exchanges."""
        running = self._of(item)
        if running is None or running.judged is not None:
            return ""
        try:
            return self._told(running, clean=True)
        except MockServerError as error:  # a server elsewhere that is gone
            return f"mockserver: {error}"

    def _of(self, item: pytest.Item) -> Running | None:
        return self.running if self.running is not None and self.running.item is item else None

    def _told(self, running: Running, *, clean: bool = False) -> str:
        """Return the report on what came since the last verdict; without `clean`, "" when nothing is wrong with it."""
        fine, text, running.judged = self._ground.judge(running.server, running.judged or 0)
        return text if clean or not fine else ""


def _ground(url: str, rules: Sequence[Path], dialect: str, upstream: str) -> Ground:
    if not url:
        return Own(rules, dialect, upstream)
    if dialect:
        raise SettingError(
            f"{ini.PREFIX}dialect: the dialect is that of the shared server; give it to `mockserver serve`"
        )
    from mockserver.pytesting.shared import Shared

    try:
        return Shared(url, rules)
    except SettingError as error:
        raise SettingError(f"--mockserver-url: {error}") from None
