"""The host: one server in a thread of this process, for any number of sessions.

This room decides when the server starts, what runs on its thread, and that nothing of it is left behind. It must not know
rules, tests or what anybody asks of a session. Binding the port is cheap; everything heavy is imported on the server's own
thread, when somebody first wants to be served.

After a fork the child has no server: its clients talk to the parent's, which goes on, and the child's own copy of the host
refuses to be used. Processes that are started afresh (spawn, subprocess) know nothing of the host but its URL.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import selectors
import socket
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar

from mockserver.adapters.port import bind, listen, url_of
from mockserver.settings import Settings

if TYPE_CHECKING:
    import asyncio

    from mockserver.adapters.disk import RuleSet
    from mockserver.adapters.server import Server
    from mockserver.core.engine import Engine
    from mockserver.core.options import Options
    from mockserver.core.sessions import Session

T = TypeVar("T")

GRACE: Final = 0.2
"""Seconds that running exchanges get to end by themselves; with what a server needs to stop, this stays under one second."""

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
        self,
        settings: Settings = FOR_TESTS,
        rules: Sequence[str | Path] = (),
        *,
        held: socket.socket | None = None,
    ) -> None:
        self.settings = settings
        self.rules = tuple(rules)
        self._state: State = "new"
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._socket = held
        self._bell: tuple[socket.socket, socket.socket] | None = None
        self._thread: threading.Thread | None = None
        self._server: Server | None = None
        self._engine: Engine | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._awaited: set[Future[Any]] = set()
        self._sets: dict[tuple[Path, ...], RuleSet] = {}
        self._named = 0
        self._url = ""

    # --- its life

    @property
    def state(self) -> State:
        """How far it is: `bound` accepts connections, `serving` answers them, `stopped` is over."""
        return self._state

    @property
    def url(self) -> str:
        """Where it is, `http://127.0.0.1:PORT`. Takes the port if that has not happened yet."""
        return self._url or self.bind()

    def bind(self) -> str:
        """Take the port and return the URL. Connections are accepted from now on; the first request starts the server.

        Cheap: nothing of the server is imported. A thread waits for the first connection. Raises `SettingError` where
        the port cannot be had.
        """
        with self._lock:
            if self._state == "stopped":
                raise RuntimeError("this host was stopped; a host runs once, make another")
            if self._state == "new":
                held = self._socket
                self._socket = bind(self.settings.host, self.settings.port) if held is None else listen(held)
                self._url = url_of(self._socket)
                self._bell = socket.socketpair()
                self._thread = threading.Thread(target=self._run, name="mockserver", daemon=True)
                self._thread.start()
                self._state = "bound"
                _HOSTS.add(self)
                atexit.register(self.stop)
        return self._url

    def start(self) -> Engine:
        """Serve, and return the engine once requests are answered. Raises what keeps it from starting."""
        if self._state == "serving" and self._engine is not None and not self._is_foreign():
            return self._engine
        self._refuse_foreign()
        if self._failure is None:
            self.bind()
        self._ring()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        if self._engine is None:
            raise RuntimeError("this host was stopped before it served")
        return self._engine

    def stop(self) -> None:
        """Stop and wait until nothing is left running: well under a second, whatever still streams. Twice is fine."""
        if self._is_foreign():
            return
        if threading.current_thread() is self._thread:
            raise RuntimeError(
                "a host cannot be stopped from its own thread: a reply's function or a condition runs there"
            )
        with self._lock:
            before, self._state = self._state, "stopped"
        if before == "new" or self._thread is None:
            return
        atexit.unregister(self.stop)
        if self._server is not None:
            self._server.stop()
        self._ring()
        self._thread.join()

    @property
    def engine(self) -> Engine:
        """The engine, started if need be. What is read or changed of it belongs on the server's thread: see `run`."""
        return self.start()

    # --- what runs on its thread

    def run(self, step: Callable[[], T]) -> T:
        """Call `step` on the server's thread, between two requests, and return what it returns or raise what it raises.

        From that thread itself it is called at once. Raises `RuntimeError` where no server runs.
        """
        loop = self._loop
        if threading.current_thread() is self._thread:
            return step()
        self._refuse_foreign()
        future: Future[T] = Future()

        def take() -> None:
            try:
                future.set_result(step())
            except BaseException as error:  # raised where it was asked for
                future.set_exception(error)

        with self._lock:
            if loop is None or self._loop is None:
                raise RuntimeError("the server does not run")
            self._awaited.add(future)
            loop.call_soon_threadsafe(take)
        try:
            return future.result()
        finally:
            self._awaited.discard(future)

    def settle(self, step: Callable[[], T]) -> T:
        """Call `step` where it can read what the server has written: on its thread while it runs, else here."""
        try:
            return self.run(step)
        except RuntimeError:
            if self._loop is not None:
                raise
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

    def end(self, session: Session) -> None:
        """End a session: later requests to it get 410. One that was begun afresh by the same name is left alone."""
        engine = self._engine
        if engine is None or self._loop is None or self._is_foreign():
            return

        def step() -> None:
            if engine.sessions.peek(session.name) is session:
                engine.sessions.end(session.name)

        self.settle(step)

    def read(self, paths: Sequence[Path]) -> RuleSet:
        """Return the rules of these files and folders; parsed again only when one has changed.

        Mistakes are told in the set's `problems`.
        """
        from mockserver.adapters import disk

        key = tuple(paths)
        found = self._sets.get(key)
        if found is None or disk.stamps(found) != found.stamps:
            found = self._sets[key] = disk.read_rules(key)
        return found

    # --- the thread

    def _run(self) -> None:
        assert self._socket is not None
        try:
            if self._called():
                self._serve(self._socket)
        except BaseException as error:  # told to whoever starts it, in their own thread
            self._failure = error
        finally:
            with self._lock:
                self._loop, awaited = None, tuple(self._awaited)
                self._state = "stopped"
            for future in awaited:
                if not future.done():
                    future.set_exception(RuntimeError("the server was stopped"))
            self._socket.close()
            for end in self._bell or ():
                end.close()
            self._ready.set()

    def _called(self) -> bool:
        """Wait for the first connection or a ring; return whether there is anybody to serve."""
        assert self._socket is not None
        assert self._bell is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(self._bell[0], selectors.EVENT_READ)
            selector.select()
        return self._state != "stopped"

    def _ring(self) -> None:
        if self._bell is not None:
            with contextlib.suppress(OSError):  # the thread has ended, and with it the bell
                self._bell[1].send(b"!")

    def _serve(self, listening: socket.socket) -> None:
        """Serve until stopped. Everything heavy is imported here."""
        import asyncio

        from mockserver import __version__
        from mockserver.adapters import disk
        from mockserver.adapters.asgi import App
        from mockserver.adapters.clock import SystemClock
        from mockserver.adapters.control import control
        from mockserver.adapters.server import Server
        from mockserver.assembly import build_engine, judged

        engine = build_engine(self.settings, disk.load_rules(self.rules))
        clock = SystemClock(self.settings.now)
        clock.monotonic = _Moments.monotonic
        controls = control(engine, version=__version__, now=clock.now, report=judged)
        app = App(engine, clock, control=controls, max_body=self.settings.max_body)
        server = Server(app, listening, grace=GRACE)

        def ready(_: str) -> None:
            with self._lock:
                self._engine, self._loop = engine, asyncio.get_running_loop()
                if self._state == "stopped":
                    server.stop()
                else:
                    self._state = "serving"
            self._ready.set()

        self._server = server
        server.serve(ready)

    # --- forks

    def _is_foreign(self) -> bool:
        return os.getpid() != self._process

    def _refuse_foreign(self) -> None:
        if self._is_foreign():
            raise RuntimeError(
                "this process was forked from the one that serves: its clients may go on talking to the server, "
                "but rules and requests are at home there"
            )

    def _forked(self) -> None:
        """In a child: let go of the port, so that it does not outlive the parent's server."""
        self._lock = threading.Lock()
        for each in (self._socket, *(self._bell or ())):
            if each is not None:
                each.close()


_HOSTS: Final[weakref.WeakSet[Host]] = weakref.WeakSet()


def _let_go() -> None:
    for host in list(_HOSTS):
        host._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
