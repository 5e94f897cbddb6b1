"""Sessions: isolated worlds on one server, each with its own rules, counts, journal, stored responses, clock and seed.

This room decides what belongs to a session and how many there may be. It must not know how a request names its session, or
what is answered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from copy import copy
from typing import Final

from mockserver.core.canned import Shelf
from mockserver.core.dialect import Dialect
from mockserver.core.durations import LAST
from mockserver.core.journal import Journal
from mockserver.core.limits import Limit
from mockserver.core.options import Options
from mockserver.core.rules.book import Rule, RuleBook
from mockserver.core.schemas.validation import Validator
from mockserver.core.state import MemoryState

LONGEST_NAME: Final = 200
MOST_SESSIONS: Final = 1000
MOST_ENDED: Final = 10_000
MOST_BYTES: Final = 256 * 1024 * 1024
"""What all sessions together may hold in journals and stored responses, about; each has bounds of its own besides."""
MOST_ALIASES: Final = 10_000
WEIGHED_EVERY: Final = 256
"""Requests between two looks at what all sessions hold."""

NOBODY: Final = "outside-any-test"
"""How the name of a session ends that an alias means while it means nobody's. It has always ended."""


def misnamed(name: str) -> str:
    """Return why a session cannot be given this name, "" when it can.

    Names stand in URLs and headers: one printable line without a slash. Those that begin by being named in a request are
    not asked: whatever the client calls them is theirs.
    """
    if not name:
        return "a session's name cannot be empty"
    if len(name) > LONGEST_NAME:
        return f"a session's name has at most {LONGEST_NAME} characters, this one {len(name)}"
    if not name.isprintable() or "/" in name:
        return f"a session's name is printable and has no slash, unlike {name!r}"
    if name != name.strip() or name in (".", ".."):
        return f"a session's name has no blanks around it and is not `.` or `..`, unlike {name!r}"
    return ""


class Session:
    """One world. It begins empty, on top of the server's rules.

    `frozen` is its time of day in seconds since the epoch, None while it follows the server's clock. While it is frozen,
    nothing takes time: answers are planned as ever and sent at once. `hurry` says otherwise: True sends at once whatever
    the clock does, False takes its time even so. `limits` are the session's own, besides the server's. `origin` is what ids
    and jitter are drawn from, besides the seed: its name, unless sessions of different names are to give the same.
    """

    def __init__(self, name: str, dialect: Dialect, server: RuleBook, options: Options) -> None:
        self.name = name
        self.origin = name
        self.journal = Journal(options.journal)
        self.state = MemoryState()
        self.frozen: float | None = None
        self.hurry: bool | None = None
        self.limits: tuple[Limit, ...] = ()
        self.rules: tuple[Rule, ...] = ()
        self.otherwise: tuple[Rule, ...] = ()
        self._dialect = dialect
        self.behave(options)
        self.found(server)

    def behave(self, options: Options) -> None:
        """Follow these options from the next request on; the journal keeps the size it began with."""
        self.options = options
        self.validator = Validator(
            self._dialect, mode=options.validate, lenient=options.lenient, allow_params=options.allow_params
        )

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

    @property
    def weight(self) -> int:
        """About how many bytes this session's journal and stored responses hold."""
        return self.journal.weight + self.state.weight

    @property
    def instant(self) -> bool:
        """Whether answers are sent at once, whatever was planned."""
        return self.frozen is not None if self.hurry is None else self.hurry

    def now(self, server: float) -> float:
        """Return the session's time of day; `server` is the server's."""
        return server if self.frozen is None else self.frozen

    def advance(self, seconds: float) -> None:
        """Let a frozen clock go forward. Raises `ValueError` for a running one and for going back."""
        if self.frozen is None:
            raise ValueError("the clock is not frozen; freeze it first")
        if seconds < 0:
            raise ValueError("a clock only goes forward")
        if not self.frozen + seconds < LAST:
            raise ValueError("a clock only goes to the end of the year 9999")
        self.frozen += seconds

    def snapshot(self) -> Session:
        """Return the session with its journal as it is now, to be looked at beside the server's loop."""
        made = copy(self)
        made.journal = self.journal.copy()
        return made

    def reset(self) -> None:
        """Forget what happened: counts, state, stored responses, journal. Rules, options and clock stay.

        An exchange that still goes on is not noted any more.
        """
        self.state = MemoryState()
        self.journal.clear()


class Sessions:
    """The sessions of one server, by name. A name that was ended is known until `MOST_ENDED` others were ended too."""

    def __init__(self, dialect: Dialect, server: RuleBook, options: Options) -> None:
        self.options = options
        self.dropped = 0
        self._found = 0
        self._dialect = dialect
        self._server = server
        self._open: OrderedDict[str, Session] = OrderedDict()
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._aliases: OrderedDict[str, str] = OrderedDict()
        self.late = Session("", dialect, server, options)
        """Takes the requests to sessions that have ended, so that someone can be told of them."""

    @property
    def names(self) -> list[str]:
        """The names of the open sessions, the longest idle first."""
        return list(self._open)

    def alias(self, name: str, session: str) -> None:
        """Let requests to `name` mean `session` from now on, whether that is open or has ended."""
        self._aliases[name] = session
        self._aliases.move_to_end(name)
        if len(self._aliases) > MOST_ALIASES:
            self._aliases.popitem(last=False)

    def unalias(self, name: str) -> None:
        """Let requests to `name` mean what they say again."""
        self._aliases.pop(name, None)

    def meant(self, name: str) -> str:
        """Return the name of the session that a request to `name` is for."""
        return self._aliases.get(name, name)

    def find(self, name: str) -> Session:
        """Return the open session of that name; it begins on first use, and `late` stands in for one that has ended.

        Beyond the bounds the longest idle makes room.
        """
        self._found += 1
        if not self._found % WEIGHED_EVERY:
            self._lighten(name)
        found = self._open.get(name)
        if found is None:
            return self.late if name in self._ended else self.begin(name)
        self._open.move_to_end(name)
        return found

    def _lighten(self, asked: str) -> None:
        """Forget the sessions idle longest, never the one asked for, until what is held is within the bound."""
        held = sum(session.weight for session in self._open.values())
        for name in list(self._open):
            if held <= MOST_BYTES:
                return
            if name != asked:
                held -= self._open.pop(name).weight
                self.dropped += 1

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
        self._ended.move_to_end(name)
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
