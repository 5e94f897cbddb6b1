"""A seat: one session on a host of this process, and how it is reached from a test's thread.

This room decides what runs on the server's thread and what a session is begun with. It must not know what a test says or
asks. Everything of a session is read and changed between two requests; once the host has stopped, nobody else is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote

from mockserver.core.journal import Entry
from mockserver.core.limits import Limit
from mockserver.core.rules.book import Rule
from mockserver.core.sessions import Session
from mockserver.testing.asking import Watched, settle
from mockserver.testing.host import Host
from mockserver.testing.report import report
from mockserver.testing.roster import Place, arranged
from mockserver.testing.terms import Terms
from mockserver.testing.verdict import Made, Verdict, judge

T = TypeVar("T")


class Seat:
    """A session that has begun. It is seated until `leave`; what was noted can be read afterwards, too."""

    def __init__(self, host: Host, name: str | None, terms: Terms) -> None:
        self.host = host
        self._journal = Watched(terms.options.journal)

        def prepare(session: Session) -> None:
            session.journal = self._journal
            session.frozen, session.hurry = terms.frozen, terms.hurry

        self.session = host.begin(name, terms.options, prepare)
        self.base_url = f"{host.url}/s/{quote(self.session.name, safe='')}/v1"

    def call(self, step: Callable[[], T]) -> T:
        """Call `step` where the session can be read and changed, and return what it returns."""
        return self.host.settle(step)

    @property
    def name(self) -> str:
        """The session's name."""
        return self.session.name

    @property
    def keys(self) -> tuple[str, ...]:
        """The API keys that are accepted; () where any is."""
        return (*self.session.options.auth_keys, *self.host.engine.auth_keys)

    def publish(self, places: Sequence[Place]) -> None:
        """Put these in place of the session's own rules."""
        rules, otherwise = arranged(places)
        self.call(lambda: self.session.use(rules, otherwise))

    def demand(self, keys: Sequence[str], limits: Sequence[Limit]) -> None:
        """Accept these keys, and count by these limits, besides what holds already."""
        if not keys and not limits:
            return

        def step() -> None:
            options = self.session.options
            if keys:
                self.session.behave(replace(options, auth_keys=tuple(dict.fromkeys((*options.auth_keys, *keys)))))
            self.session.limits = (*self.session.limits, *limits)

        self.call(step)

    def used(self, rule: Rule) -> int:
        """Return how often a rule has answered."""
        return self.call(lambda: self.session.state.used(rule))

    def entries(self) -> list[Entry]:
        """Return everything that the journal has kept, oldest first."""
        return self.call(lambda: list(self._journal.entries()))

    def history(self, response_id: str) -> Sequence[Mapping[str, Any]]:
        """Return the items stored of the chain that ends in this response."""
        return self.session.state.history(response_id)

    def time(self) -> tuple[float, bool]:
        """Return the session's time of day in seconds since the epoch, and whether it stands still."""
        return self.session.now(time.time()), self.session.frozen is not None

    def freeze(self, at: float | None) -> None:
        """Stop the session's clock at this time of day, or (None) let it follow the machine's."""

        def step() -> None:
            self.session.frozen = at

        self.call(step)

    def advance(self, seconds: float) -> None:
        """Let the stopped clock go forward."""
        self.call(lambda: self.session.advance(seconds))

    def until(self, holds: Callable[[], bool]) -> tuple[Future[None], Callable[[], None]]:
        """Return a future that is done once this holds, asked now and whenever something is noted; and how to give up."""
        future: Future[None] = Future()

        def look() -> None:
            if not future.done():
                settle(future, holds)

        def begin() -> None:
            look()
            if not future.done():
                self._journal.watchers.append(look)

        def give_up() -> None:
            if look in self._journal.watchers:
                self._journal.watchers.remove(look)

        self.call(begin)
        return future, lambda: self.call(give_up)

    def verdict(self, made: Made, **terms: Any) -> Verdict:
        """Return what is wrong with the session; see `verdict.judge`."""
        return self.call(lambda: judge(self.session, made, **terms))

    def report(self, made: Made, allowing: str, **terms: Any) -> tuple[bool, str]:
        """Return whether nothing is wrong with the session, and the report on it; see `report.report`."""
        found = self.verdict(made, **terms)
        return found.ok, report(found, allowing)

    def settle(self) -> None:
        """Let the server take in what has reached its sockets: connections that clients have just ended."""
        for _ in range(3):
            self.call(lambda: None)

    def leave(self) -> None:
        """End the session: later requests to it get 410."""
        self.host.end(self.session)
