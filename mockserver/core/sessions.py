"""Sessions: isolated worlds on one server, each with its own rules, counts, journal, stored responses, clock and seed.

This room decides what belongs to a session and how many there may be. It must not know how a request names its session, or
what is answered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from mockserver.core.canned import Shelf
from mockserver.core.dialect import Dialect
from mockserver.core.journal import Journal
from mockserver.core.options import Options
from mockserver.core.rules.book import Rule, RuleBook
from mockserver.core.schemas.validation import Validator
from mockserver.core.state import MemoryState

MOST_SESSIONS: Final = 1000
MOST_ENDED: Final = 10_000


class Session:
    """One world. It begins empty, on top of the server's rules.

    `frozen` is its time of day in seconds since the epoch, None while it follows the server's clock. While it is frozen,
    nothing takes time: answers are planned as ever and sent at once.
    """

    def __init__(self, name: str, dialect: Dialect, server: RuleBook, options: Options) -> None:
        self.name = name
        self.options = options
        self.journal = Journal(options.journal)
        self.state = MemoryState()
        self.frozen: float | None = None
        self.validator = Validator(
            dialect, mode=options.validate, lenient=options.lenient, allow_params=options.allow_params
        )
        self.rules: tuple[Rule, ...] = ()
        self.otherwise: tuple[Rule, ...] = ()
        self._dialect = dialect
        self.found(server)

    def found(self, server: RuleBook) -> None:
        """Stand on these rules of the server, below the session's own. What was counted stays."""
        self.server = server
        self.book = server
        if self.rules or self.otherwise:
            self.book = RuleBook.of(server.ruled, self.rules, (*self.otherwise, *server.otherwise))
        self.shelf = Shelf(self._dialect)

    def use(self, rules: Sequence[Rule] = (), otherwise: Sequence[Rule] = ()) -> None:
        """Replace the session's own rules, which come before the server's."""
        self.rules, self.otherwise = tuple(rules), tuple(otherwise)
        self.found(self.server)

    def now(self, server: float) -> float:
        """Return the session's time of day; `server` is the server's."""
        return server if self.frozen is None else self.frozen

    def advance(self, seconds: float) -> None:
        """Let a frozen clock go forward. Raises `ValueError` for a running one and for going back."""
        if self.frozen is None:
            raise ValueError("the clock is not frozen; freeze it first")
        if seconds < 0:
            raise ValueError("a clock only goes forward")
        self.frozen += seconds


class Sessions:
    """The sessions of one server, by name. A name that was ended is known until `MOST_ENDED` others were ended too."""

    def __init__(self, dialect: Dialect, server: RuleBook, options: Options) -> None:
        self.options = options
        self.dropped = 0
        self._dialect = dialect
        self._server = server
        self._open: OrderedDict[str, Session] = OrderedDict()
        self._ended: OrderedDict[str, None] = OrderedDict()
        self.late = Session("", dialect, server, options)
        """Takes the requests to sessions that have ended, so that someone can be told of them."""

    @property
    def names(self) -> list[str]:
        """The names of the open sessions, the longest idle first."""
        return list(self._open)

    def find(self, name: str) -> Session:
        """Return the open session of that name; it begins on first use, and `late` stands in for one that has ended.

        Beyond the bound the longest idle makes room.
        """
        found = self._open.get(name)
        if found is None:
            return self.late if name in self._ended else self.begin(name)
        self._open.move_to_end(name)
        return found

    def peek(self, name: str) -> Session | None:
        """Return the open session of that name, None where there is none; it does not begin."""
        return self._open.get(name)

    def begin(self, name: str, options: Options | None = None) -> Session:
        """Begin a session afresh; one of that name that is open is forgotten."""
        self._ended.pop(name, None)
        made = self._open[name] = Session(name, self._dialect, self._server, options or self.options)
        self._open.move_to_end(name)
        if len(self._open) > MOST_SESSIONS:
            self._open.popitem(last=False)
            self.dropped += 1
        return made

    def end(self, name: str) -> None:
        """End a session: from now on its name is refused."""
        self._open.pop(name, None)
        self._ended[name] = None
        if len(self._ended) > MOST_ENDED:
            self._ended.popitem(last=False)

    def has_ended(self, name: str) -> bool:
        """Say whether a session of that name was ended and not begun again."""
        return name in self._ended

    def found(self, server: RuleBook) -> None:
        """Put new rules of the server below every session."""
        self._server = server
        for session in self._open.values():
            session.found(server)
