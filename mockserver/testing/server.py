"""The mock server as a test sees it: give it rules, point clients at it, ask what happened.

This room decides what a test can say and where each thing goes; every noun behind it has a room of its own. It must not
know pytest.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, Unpack

from mockserver import building
from mockserver.building import Conditions, Draft, Part
from mockserver.core.errors import RuleFileError, SettingError
from mockserver.core.rules.book import Rule as CoreRule
from mockserver.core.sessions import Session
from mockserver.expiry import usable
from mockserver.testing import behaviour, verdict
from mockserver.testing.asking import Asking
from mockserver.testing.behaviour import Clients
from mockserver.testing.clock import Clock, Moment
from mockserver.testing.handle import OfRule, Rule, When
from mockserver.testing.host import FOR_TESTS, Host
from mockserver.testing.judging import Judging
from mockserver.testing.pointing import Pointing
from mockserver.testing.proxies import Bypass
from mockserver.testing.received import ReceivedRequest, Requests
from mockserver.testing.roster import Roster
from mockserver.testing.seat import Seat
from mockserver.testing.tape import RecordingWarning, at_hand, read_upstream, threaded
from mockserver.testing.terms import NOW, Terms
from mockserver.testing.verdict import Made
from mockserver.testing.vocabulary import Vocabulary

if TYPE_CHECKING:
    from mockserver.testing.sharing.host import SharedHost
    from mockserver.testing.sharing.seat import SharedSeat

HOW: Final = "MockServer(recording=FILE, record='new', upstream=URL)"

RulePaths: TypeAlias = str | Path | Sequence[str | Path]


@dataclass(frozen=True, slots=True)
class _Place:
    """What a started one has. `own`: the host is its own."""

    seat: Seat | SharedSeat
    roster: Roster
    clock: Clock
    own: bool


class MockServer(Asking, Judging, Pointing, Vocabulary):
    """A session of its own on a server for tests. Enter it (`with` or `async with`), or `start` and `close` it.

    `rules` are rule files and folders to begin with, seen from the folder `base` (else the working directory). `host` is
    the server to share with others, in this process or (a `SharedHost`) elsewhere; without one it has its own. `session`
    names the session; ids are drawn from that name too, so that the same name gives the same ids.

    The clock stands still at `now` (None: it is the machine's), and answers are sent at once; `speed` above 0 lets them
    take their time, 1 as planned, 2 in half of it. The other settings are those of `mockserver serve`; `exhausted` is
    `miss` here. Leaving the block without an exception raises `AssertionError` when something is wrong that `allow` does
    not name (a miss, a rule of the test that was never used ...); `check=False` leaves that to you and `report`.

    `recording` is a file of recordings to answer with, after the rules of the test; `record` the mode that says what else
    becomes of it, `upstream` the base URL of the real API that is then asked.

    Example:

        with MockServer() as server:
            server.when(input=contains("weather")).reply("Sunny.")
            client = OpenAI(**server.client_kwargs)
    """

    def __init__(
        self,
        rules: RulePaths = (),
        *,
        host: Host | SharedHost | None = None,
        session: str | None = None,
        base: str | Path | None = None,
        now: Moment | None = NOW,
        speed: float | None = None,
        seed: int = 0,
        validate: Literal["enforce", "warn", "off"] = "enforce",
        lenient: bool = False,
        allow_params: Collection[str] = (),
        on_miss: Literal["error", "auto"] = "error",
        exhausted: Literal["miss", "repeat", "cycle"] = "miss",
        auth_keys: Sequence[str] = (),
        journal: int = 1000,
        dialect: str | None = None,
        allow: Collection[str] = (),
        strict: bool = False,
        check: bool = True,
        recording: str | Path | None = None,
        record: str = "none",
        upstream: str | None = None,
    ) -> None:
        if host is not None and dialect is not None:
            raise SettingError("MockServer(dialect=): the dialect is that of the host; give it to the host's settings")
        self._terms = Terms.read(
            now, speed, seed=seed, validate=validate, lenient=lenient, allow_params=allow_params, on_miss=on_miss,
            exhausted=exhausted, auth_keys=auth_keys, journal=journal,
        )  # fmt: skip
        self.options = self._terms.options
        self.allow = verdict.read_allowed(tuple(allow), "MockServer(allow=)")
        self.strict = strict
        self._rules = _listed(rules)
        self._base = Path(base) if base is not None else None
        self._given_host, self._dialect, self._name, self._check = host, dialect, session, check
        self._found: _Place | None = None
        self._bypass: Bypass | None = None
        self._views: dict[int, ReceivedRequest] = {}
        self._read: set[int] = set()
        self._closed = False
        self._tape = threaded(self._base, recording, record)
        self._upstream = None if upstream is None else read_upstream(upstream)
        self._unrecorded: list[str] = []
        self.how_to_record = HOW
        """What a report says of how a miss is recorded."""

    # --- its life

    def start(self) -> MockServer:
        """Begin the session, starting the server if need be. Twice is fine. Raises `MockServerError` if it cannot."""
        if self._found is None:
            own = self._given_host is None
            host = self._given_host or Host(
                replace(FOR_TESTS, dialect=self._dialect or FOR_TESTS.dialect, upstream=self._upstream)
            )
            try:
                terms, tape = self._terms, self._tape
                if tape is not None:
                    terms = tape.terms(terms, at_hand(host), self.how_to_record)
                seat = host.sit(self._name, terms)
                self._found = _Place(seat, Roster(seat, self._received), Clock(seat), own=own)
                self.load(*self._rules)
                if tape is not None:
                    self.load(*tape.played)
                    tape.begin(self.host, self.session)
            except BaseException:
                self.close()
                if own:
                    host.stop()
                self._found = None
                raise
            if own:
                self._bypass = Bypass(self.host.settings.host)
                self._bypass.begin()
        return self

    def close(self, *, fine: bool = True) -> None:
        """End the session, and the server where it is not shared. What was noted can be asked for as before.

        With `fine` False recordings that were to be replaced stay as they were; else `RecordingError` tells if they cannot be.
        """
        if self._found is None or self._closed:
            return
        self.written()
        self._closed = True
        self._found.seat.leave()
        try:
            if self._tape is not None:
                self._tape.end(fine=fine)
        finally:
            if self._bypass is not None:
                self._bypass.end()
            if self._found.own:
                self._found.seat.host.stop()

    def __enter__(self) -> MockServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        self._leave(kind is None)

    async def __aenter__(self) -> MockServer:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        await asyncio.to_thread(self._leave, kind is None)

    def _leave(self, fine: bool) -> None:
        __tracebackhide__ = True
        passed = False
        try:
            if fine and self._check and not self._closed:
                self.check()
            passed = fine
        finally:
            self.close(fine=passed)

    @property
    def _place(self) -> _Place:
        if self._found is None:
            raise RuntimeError(
                "this MockServer was not started: use it as `with MockServer() as server:`, or start() it"
            )
        return self._found

    def __repr__(self) -> str:
        if self._found is None:
            return "<MockServer, not started>"
        return f"<MockServer {self.base_url}{', closed' if self._closed else ''}>"

    @property
    def host(self) -> Host:
        """The server that it is on, where that runs in this process."""
        return self._here.host

    @property
    def session(self) -> Session:
        """The engine's session, where that is in this process.

        What is read or changed of it belongs on the server's thread: see `Host.run`.
        """
        return self._here.session

    @property
    def _here(self) -> Seat:
        seat = self._place.seat
        if not isinstance(seat, Seat):
            raise RuntimeError(
                f"the session is in another process, at {seat.base_url}: `mockserver.control` asks there"
            )
        return seat

    @property
    def session_name(self) -> str:
        """The session's name, as it stands in the URL."""
        return self._place.seat.name

    # --- rules

    def when(self, **conditions: Unpack[Conditions]) -> When:
        """Begin a rule: all of these conditions have to hold; without any it is for every `POST /v1/responses`.

        Rules are tried in the order in which they were given; the first that fits answers.

        Example: `mockserver.when(model="gpt-5", input=contains("rain")).reply("Take an umbrella.")`
        """
        return self._place.roster.when(conditions)

    def otherwise(self, *parts: Part, **keywords: Unpack[OfRule]) -> Rule:
        """Answer so whatever no rule does. A later one takes the place of an earlier one."""
        return self._place.roster.otherwise(parts, keywords)

    def load(self, *paths: str | Path) -> None:
        """Add the rules of files and folders, seen from the folder `base`.

        Their accepted keys and their limits are this session's from now on. Raises `RuleFileError` with every mistake in
        all of them.
        """
        if not paths:
            return
        base = self._base or Path()
        found = self._place.seat.host.read([base / path for path in paths])
        if found.errors:
            raise RuleFileError(found.problems)
        for problem in usable(found):
            warnings.warn(str(problem), RecordingWarning, stacklevel=2)
        self._place.seat.demand(found.auth_keys, found.limits)
        self._place.roster.load(found.book.ruled, found.book.otherwise, found.files)

    def dump(self) -> str:
        """Return the rules built in Python as the text of a rule file; what cannot be written is told in a comment."""
        return building.dump(self.drafts)

    @property
    def drafts(self) -> list[Draft]:
        """The rules built in Python, as they were said."""
        return self._place.roster.drafts

    @property
    def handles(self) -> list[Rule]:
        """The rules built in Python that have a reply."""
        return self._place.roster.handles

    @property
    def rules(self) -> list[CoreRule]:
        """The rules built in Python, as the engine has them."""
        return self._place.roster.rules

    # --- asking (see `Asking`)

    @property
    def clients(self) -> Clients:
        """What clients did, call by call: tries, waits, how they read streams."""
        self._place.seat.settle()
        return behaviour.calls(self._received())

    @property
    def clock(self) -> Clock:
        """The session's clock."""
        return self._place.clock

    def _received(self) -> Requests:
        seat = self._place.seat
        views = self._views
        found: list[ReceivedRequest] = []
        for entry in seat.entries():
            view = views.get(entry.number)
            if view is None or view.ended is None:
                view = views[entry.number] = ReceivedRequest(entry, seat.history, self._read.add)
            found.append(view)
        return Requests(found)

    def _until(self, holds: Callable[[Requests], bool]) -> tuple[Future[None], Callable[[], None]]:
        return self._place.seat.until(lambda: holds(self._received()))

    # --- the verdict (see `Judging`)

    @property
    def made(self) -> Made:
        """What the test brought to its session."""
        roster = self._place.roster
        return Made(roster.rules, roster.loaded, roster.unfinished, self._unrecorded, self.how_to_record)

    def written(self) -> None:
        """Wait until what is recorded is on the disk."""
        if self._tape is not None and not self._closed:
            self._unrecorded += self._tape.lost(self._here)

    @property
    def seen(self) -> Collection[int]:
        """The numbers of the requests whose violations somebody has looked at."""
        return self._read

    @property
    def _seat(self) -> Seat | SharedSeat:
        return self._place.seat


def _listed(rules: RulePaths) -> tuple[str | Path, ...]:
    return (rules,) if isinstance(rules, (str, Path)) else tuple(rules)
