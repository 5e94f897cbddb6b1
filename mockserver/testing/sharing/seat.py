"""A seat elsewhere: one session on a shared server, and how it is reached from a test.

This room decides what is asked of the server, and when. It must not know what a test says or asks. It offers what `Seat` does;
only the session itself is not at hand.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from mockserver.control import ControlError
from mockserver.core.errors import RuleError
from mockserver.core.journal import Entry
from mockserver.core.limits import Limit
from mockserver.core.rules.book import Rule
from mockserver.testing.asking import settle
from mockserver.testing.roster import Place
from mockserver.testing.sharing.host import SharedHost, testimony
from mockserver.testing.sharing.mirror import Mirror
from mockserver.testing.sharing.sending import Part, of_file, parts
from mockserver.testing.terms import Terms
from mockserver.testing.verdict import Made

T = TypeVar("T")

LOOKED_EVERY: Final = 0.02
"""Seconds between two looks at what came, while somebody waits for it."""


class SharedSeat:
    """A session that has begun. It is seated until `leave`; after that nothing more can be asked of it.

    `origin` is what its ids are drawn from: the same in every run, unlike its `name`.
    """

    def __init__(self, host: SharedHost, name: str, origin: str, terms: Terms) -> None:
        options = terms.options
        self.host = host
        self.name = name
        self.session = host.control.create_session(
            name,
            now=terms.frozen,
            hurry="clock" if terms.hurry is None else terms.hurry,
            seed=options.seed,
            speed=options.speed,
            validate=options.validate,
            lenient=options.lenient,
            allow_params=sorted(options.allow_params),
            on_miss="auto" if options.on_miss == "auto" else "error",
            exhausted=options.exhausted,
            auth_keys=options.auth_keys,
            journal=options.journal or 0,
            keep_answers=options.keep_answers,
            origin=origin,
            examples=False,
            afresh=True,
        )
        self.keys: tuple[str, ...] = tuple(options.auth_keys)
        self.base_url = self.session.base_url
        self._lock = threading.RLock()
        self._mirror = Mirror()
        self._published: list[Part] = []
        self._below = [{**of_file(path), "below": True} for path in host.read(host.below).files] if host.below else []
        if self._below:
            self.publish(())

    def call(self, step: Callable[[], T]) -> T:
        """Call `step` where no two run at once, and return what it returns."""
        with self._lock:
            return step()

    def publish(self, places: Sequence[Place]) -> None:
        """Put these in place of the session's own rules. Raises `RuleError` for what cannot be sent."""
        made = parts(places)
        known = len(self._published)
        new = made[known:]
        try:
            if new and made[:known] == self._published and all(_stands_last(part) for part in new):
                self.session.add_rules({"parts": new})
            else:
                self.session.put_rules({"parts": [*made, *self._below]})
        except ControlError as error:
            if not error.problems:
                raise
            raise RuleError("\n".join(map(str, error.problems))) from None
        self._published = made

    def demand(self, keys: Sequence[str], limits: Sequence[Limit]) -> None:
        """Take note of the keys that files ask for; keys and limits reach the server with the files."""
        self.keys = tuple(dict.fromkeys((*self.keys, *keys)))

    def used(self, rule: Rule) -> int:
        """Return how often a rule has answered."""
        found = (each for each in self.session.rules() if (each.place, each.name) == (rule.place, rule.name))
        return sum(each.answered for each in found)

    def entries(self) -> list[Entry]:
        """Return everything that the journal has kept, oldest first."""
        with self._lock:
            self._mirror.take(self.session.requests(after=self._mirror.settled, whole=True))
            return self._mirror.entries

    def history(self, response_id: str) -> Sequence[Mapping[str, Any]]:
        """Return the items stored of the chain that ends in this response."""
        with self._lock:
            return self._mirror.history(response_id)

    def time(self) -> tuple[float, bool]:
        """Return the session's time of day in seconds since the epoch, and whether it stands still."""
        clock = self.session.clock()
        return clock.now, clock.frozen

    def freeze(self, at: float | None) -> None:
        """Stop the session's clock at this time of day, or (None) let it follow the server's."""
        if at is None:
            self.session.release()
        else:
            self.session.freeze(at)

    def advance(self, seconds: float) -> None:
        """Let the stopped clock go forward. Raises `ValueError` for a running one and for going back."""
        try:
            self.session.advance(seconds)
        except ControlError as error:
            raise ValueError(str(error)) from None

    def until(self, holds: Callable[[], bool]) -> tuple[Future[None], Callable[[], None]]:
        """Return a future that is done once this holds, asked again and again; and how to give up."""
        future: Future[None] = Future()
        over = threading.Event()

        def watch() -> None:
            while not over.is_set() and not future.done():
                settle(future, holds)
                over.wait(LOOKED_EVERY)

        threading.Thread(target=watch, name="mockserver-wait", daemon=True).start()
        return future, over.set

    def report(self, made: Made, allowing: str, **terms: Any) -> tuple[bool, str]:
        """Return whether nothing is wrong with the session, and the report on it: the server judges."""
        verdict = self.session.judge(**testimony(terms), unfinished=list(made.unfinished), allowing=allowing)
        return verdict.clean, verdict.text

    def settle(self) -> None:
        """Ask again about every exchange: which connections have ended by now."""
        with self._lock:
            self._mirror.take(self.session.requests(whole=True))

    def leave(self) -> None:
        """End the session: later requests to it get 410."""
        self.session.end()


def _stands_last(part: Part) -> bool:
    """Say whether a part changes nothing of what was sent before it."""
    return "rule" in part and not part.get("otherwise")
