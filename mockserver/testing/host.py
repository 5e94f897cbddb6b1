"""The host: one server in a thread of this process, for any number of sessions.

This room decides when the port is taken, what server is put together for tests, and that nothing of it is left behind. It
must not know rules, tests or what anybody asks of a session. Binding the port is cheap; everything heavy is imported on the
server's own thread, when somebody first wants to be served.

After a fork the child has no server: its clients talk to the parent's, which goes on, and the child's own copy of the host
refuses to be used. Processes that are started afresh (spawn, subprocess) know nothing of the host but its URL.
"""

from __future__ import annotations

import atexit
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar

from mockserver.adapters.port import bind, listen, url_of
from mockserver.settings import Settings
from mockserver.testing.rulesets import RuleSets
from mockserver.testing.worker import IdleError, Worker

if TYPE_CHECKING:
    from mockserver.adapters.asgi import App
    from mockserver.adapters.disk import RuleSet
    from mockserver.adapters.upstream import Taken
    from mockserver.core.engine import Engine
    from mockserver.core.options import Options
    from mockserver.core.recordings.capture import Capture
    from mockserver.core.sessions import Session
    from mockserver.testing.seat import Seat
    from mockserver.testing.terms import Terms

T = TypeVar("T")

FOR_TESTS: Final = Settings(port=0, exhausted="miss", log="off")
"""What a host is set to unless told otherwise: any free port."""

State: TypeAlias = Literal["new", "bound", "serving", "stopped"]


class _Moments:
    """The machine's clock that only moves forward, taken before anybody (a freezing library) could replace it."""

    monotonic = staticmethod(time.monotonic)


class Host:
    """A server for tests: `bind` takes the port, the first request (or `start`) starts it, `stop` ends it for good.

    `settings` is what the server and every session without settings of its own go by; `rules` are rule files and folders
    that every session stands on; `held` is a socket of `port.hold`, to serve on that one. Methods may be called from any
    thread, the running event loop's included: nothing waits longer than the server takes to start.
    """

    def __init__(
        self, settings: Settings = FOR_TESTS, rules: Sequence[str | Path] = (), *, held: socket.socket | None = None
    ) -> None:
        self.settings = settings
        self.rules = tuple(rules)
        self._held = held
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._stopped = False
        self._sets = RuleSets()
        self._named = 0
        self._url = ""
        self._takers: dict[Session, Taken] = {}
        self.sets_made: set[Path] = set()
        """The files whose recordings were all made on this host."""
        self._monotonic = time.monotonic
        self._epoch = time.time() - time.monotonic()

    # --- its life

    @property
    def state(self) -> State:
        """How far it is: `bound` accepts connections, `serving` answers them, `stopped` is over."""
        if self._stopped:
            return "stopped"
        if self._worker is None:
            return "new"
        return "serving" if self._worker.serves else "bound"

    @property
    def url(self) -> str:
        """Where it is, `http://127.0.0.1:PORT`. Takes the port if that has not happened yet."""
        return self._url or self.bind()

    def bind(self) -> str:
        """Take the port and return the URL. Connections are accepted from now on; the first request starts the server.

        Cheap: nothing of the server is imported. A thread waits for the first connection. Raises `SettingError` where
        the port cannot be had.
        """
        self._bound()
        return self._url

    def _bound(self) -> Worker:
        self._refuse_foreign()
        with self._lock:
            if self._stopped:
                raise RuntimeError("this host was stopped; a host runs once, make another")
            if self._worker is None:
                held = self._held
                listening = bind(self.settings.host, self.settings.port) if held is None else listen(held)
                self._url = url_of(listening)
                self._worker = Worker(listening, self._assembled)
                _HOSTS.add(self)
                atexit.register(self.stop)
            return self._worker

    def start(self) -> Engine:
        """Serve, and return the engine once requests are answered. Raises what keeps it from starting."""
        return self._bound().call_up()

    def stop(self) -> None:
        """Stop and wait until nothing is left running: well under a second, whatever still streams. Twice is fine."""
        if self._is_foreign():
            return
        if self._worker is not None and self._worker.is_current:
            raise RuntimeError(
                "a host cannot be stopped from its own thread: a reply's function or a condition runs there"
            )
        with self._lock:
            self._stopped = True
        if self._worker is not None:
            atexit.unregister(self.stop)
            self._worker.stop()

    @property
    def engine(self) -> Engine:
        """The engine, started if need be. What is read or changed of it belongs on the server's thread: see `run`."""
        worker = self._worker
        if worker is not None and worker.engine is not None:
            return worker.engine
        return self.start()

    # --- what runs on its thread

    def run(self, step: Callable[[], T]) -> T:
        """Call `step` on the server's thread, between two requests, and return what it returns or raise what it raises.

        From that thread itself it is called at once. Raises `RuntimeError` where no server runs.
        """
        self._refuse_foreign()
        if self._worker is None:
            raise IdleError("the server does not run")
        return self._worker.run(step)

    def settle(self, step: Callable[[], T]) -> T:
        """Call `step` where it can read what the server has written: on its thread while it runs, else here."""
        try:
            return self.run(step)
        except IdleError:
            return step()

    # --- sessions

    def begin(
        self,
        name: str | None = None,
        options: Options | None = None,
        prepare: Callable[[Session], None] | None = None,
    ) -> Session:
        """Begin a session; without a name it gets the next free one. `prepare` is called before any request comes.

        Raises `SettingError` for an impossible name.
        """
        from mockserver.core.errors import SettingError
        from mockserver.core.sessions import misnamed

        wrong = "" if name is None else misnamed(name)
        if wrong:
            raise SettingError(wrong)
        sessions = self.start().sessions

        def step() -> Session:
            given = name
            while given is None:
                self._named += 1
                given = f"test-{self._named}"
                if sessions.peek(given) is not None or sessions.has_ended(given):
                    given = None
            session = sessions.begin(given, options)
            if prepare is not None:
                prepare(session)
            return session

        return self.run(step)

    def now(self) -> float:
        """Return the machine's time of day, in seconds since the epoch, also while a test has it stand still."""
        return self._epoch + self._monotonic()

    def capture(self, session: Session, take: Taken) -> None:
        """Give what is seen of this session's exchanges with the upstream to `take`, on the server's thread."""
        self._takers[session] = take

    def _taken(self, session: Session, capture: Capture | str) -> None:
        take = self._takers.get(session)
        if take is not None:
            take(session, capture)

    def end(self, session: Session) -> None:
        """End a session: later requests to it get 410. One that was begun afresh by the same name is left alone."""
        self._takers.pop(session, None)
        worker = self._worker
        if worker is None or worker.engine is None or self._is_foreign():
            return
        sessions = worker.engine.sessions

        def step() -> None:
            if sessions.peek(session.name) is session:
                sessions.end(session.name)

        self.settle(step)

    def read(self, paths: Sequence[Path]) -> RuleSet:
        """Return the rules of these files and folders; parsed again only when one has changed.

        Mistakes are told in the set's `problems`.
        """
        return self._sets.read(paths)

    def sit(self, name: str | None, terms: Terms) -> Seat:
        """Begin a session on these terms, for a test."""
        from mockserver.testing.seat import Seat

        return Seat(self, name, terms)

    # --- the parts

    def _assembled(self) -> tuple[Engine, App]:
        """Put the server together, on its thread."""
        from mockserver import __version__
        from mockserver.adapters import disk
        from mockserver.adapters.asgi import App
        from mockserver.adapters.clock import SystemClock
        from mockserver.adapters.control import control
        from mockserver.assembly import build_engine, build_relay, judged

        engine = build_engine(self.settings, disk.load_rules(self.rules))
        clock = SystemClock(self.settings.now)
        clock.monotonic = _Moments.monotonic
        relay = build_relay(self.settings, self._taken)
        within = control(
            engine,
            version=__version__,
            now=clock.now,
            report=judged,
            background=() if relay is None else (relay.run,),
        )
        return engine, App(engine, clock, control=within, max_body=self.settings.max_body, upstream=relay)

    # --- forks

    def _is_foreign(self) -> bool:
        return os.getpid() != self._process

    def _refuse_foreign(self) -> None:
        if self._is_foreign():
            raise RuntimeError(
                "this process was forked from the one that serves: its clients may go on talking to the server, "
                "but rules and requests are at home there"
            )

    def _let_go(self) -> None:
        self._lock = threading.Lock()  # whoever held it is not here
        if self._worker is not None:
            self._worker.let_go()


_HOSTS: Final[weakref.WeakSet[Host]] = weakref.WeakSet()


def _let_go() -> None:
    for host in list(_HOSTS):
        host._let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
