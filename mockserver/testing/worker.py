"""The worker: a server on a thread of its own, and the steps that others have run there.

This room decides when the thread begins to serve, how a step gets onto it, and that whoever waits is told when it ends. It
must not know sessions or what is served: that is put together on the thread, with everything heavy imported there.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    import asyncio

    from mockserver.adapters.asgi import App
    from mockserver.core.engine import Engine

T = TypeVar("T")

GRACE: Final = 0.2
"""Seconds that running exchanges get to end by themselves; with what a server needs to stop, this stays under one second."""


class Worker:
    """Waits on a listening socket for the first connection, or to be called; then serves what `assemble` gives."""

    def __init__(self, listening: socket.socket, assemble: Callable[[], tuple[Engine, App]]) -> None:
        self.engine: Engine | None = None
        self.failure: BaseException | None = None
        self._socket = listening
        self._assemble = assemble
        self._bell = socket.socketpair()
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._stopped = False
        self._rung = False
        self._end: Callable[[], None] = lambda: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._awaited: set[Future[Any]] = set()
        self._thread = threading.Thread(target=self._run, name="mockserver", daemon=True)
        self._thread.start()

    @property
    def serves(self) -> bool:
        """Whether requests are answered."""
        return self._loop is not None

    @property
    def is_current(self) -> bool:
        """Whether this is the worker's own thread."""
        return threading.current_thread() is self._thread

    def call_up(self) -> Engine:
        """Serve, and return the engine once requests are answered. Raises what keeps it from starting."""
        if not self._ready.is_set():
            self._ring()
            self._ready.wait()
        if self.failure is not None:
            raise self.failure
        if self.engine is None:
            raise RuntimeError("this host was stopped before it served")
        return self.engine

    def stop(self) -> None:
        """Stop, and wait until the thread has ended."""
        with self._lock:
            self._stopped = True
        self._end()
        self._ring()
        self._thread.join()

    def run(self, step: Callable[[], T]) -> T:
        """Call `step` on the thread and return what it returns or raise what it raises; at once on the thread itself.

        Raises `IdleError` where it does not serve.
        """
        if self.is_current:
            return step()
        future: Future[T] = Future()

        def take() -> None:
            try:
                future.set_result(step())
            except BaseException as error:  # raised where it was asked for
                future.set_exception(error)

        with self._lock:
            if self._loop is None:
                raise IdleError("the server does not run")
            self._awaited.add(future)
            self._loop.call_soon_threadsafe(take)
        try:
            return future.result()
        finally:
            self._awaited.discard(future)

    def let_go(self) -> None:
        """After a fork, in the child: close the sockets, so that the port does not outlive the parent's server."""
        for each in (self._socket, *self._bell):
            each.close()

    def _ring(self) -> None:
        with self._lock:
            rung, self._rung = self._rung, True
        if not rung:  # nobody answers it twice: it would fill up
            with contextlib.suppress(OSError):  # the thread has ended, and with it the bell
                self._bell[1].send(b"!")

    # --- on the thread

    def _run(self) -> None:
        try:
            if self._called():
                self._serve()
        except BaseException as error:  # told to whoever calls it up, in their own thread
            self.failure = error
        finally:
            with self._lock:
                self._loop, awaited = None, tuple(self._awaited)
            for future in awaited:
                if not future.done():
                    future.set_exception(IdleError("the server was stopped"))
            for each in (self._socket, *self._bell):
                each.close()
            self._ready.set()

    def _called(self) -> bool:
        """Wait for the first connection or the bell; return whether there is anybody to serve."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(self._bell[0], selectors.EVENT_READ)
            selector.select()
        return not self._stopped

    def _serve(self) -> None:
        import asyncio

        from mockserver.adapters.server import Server

        engine, app = self._assemble()
        server = Server(app, self._socket, grace=GRACE)
        self._end = server.stop

        def ready(_: str) -> None:
            with self._lock:
                self.engine, self._loop = engine, asyncio.get_running_loop()
                stopped = self._stopped
            if stopped:
                server.stop()
            self._ready.set()

        server.serve(ready)


class IdleError(RuntimeError):
    """There is no thread to run a step on: the server has not started, or has stopped."""
