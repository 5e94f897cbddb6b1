"""A seat: one session on a host of this process, and how it is reached from a test's thread.

This room decides what runs on the server's thread and what a session is begun with. It must not know what a test says or
asks. Everything of a session is read and changed between two requests; once the host has stopped, nobody else is there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import replace
from typing import TypeVar
from urllib.parse import quote

from mockserver.core.journal import Entry
from mockserver.core.limits import Limit
from mockserver.core.rules.book import Rule
from mockserver.core.sessions import Session
from mockserver.testing.asking import Watched
from mockserver.testing.host import Host
from mockserver.testing.terms import Terms

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

    def use(self, rules: Sequence[Rule], otherwise: Sequence[Rule]) -> None:
        """Put these rules in place of the session's own."""
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
            if future.done():
                return
            with contextlib.suppress(InvalidStateError):  # given up meanwhile
                try:
                    if holds():
                        future.set_result(None)
                except Exception as error:  # raised where it is waited for
                    future.set_exception(error)

        def begin() -> None:
            look()
            if not future.done():
                self._journal.watchers.append(look)

        def give_up() -> None:
            if look in self._journal.watchers:
                self._journal.watchers.remove(look)

        self.call(begin)
        return future, lambda: self.call(give_up)

    def settle(self) -> None:
        """Let the server take in what has reached its sockets: connections that clients have just ended."""
        for _ in range(3):
            self.call(lambda: None)

    def leave(self) -> None:
        """End the session: later requests to it get 410."""
        self.host.end(self.session)
