"""The server: bind, run, say when it is ready, stop.

This room decides how an application meets a port: the socket is bound first (`port`), so that a busy port is told at once
and port 0 is known before anything starts. It must not know what the application answers, or print anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final

import uvicorn

from mockserver.adapters.line import Application
from mockserver.adapters.port import BACKLOG, bind, url_of
from mockserver.adapters.wire import protocol

__all__ = ["GRACE", "Server", "bind", "url_of"]

GRACE: Final = 0.6
"""Seconds that running exchanges get to end by themselves when the server stops."""

KEEP_ALIVE: Final = 75
"""Seconds an idle connection stays open: longer than the pools of common clients keep theirs."""


class _Uvicorn(uvicorn.Server):
    """uvicorn's server that hangs up on what still runs, and leaves a signal's meaning to us."""

    def __init__(self, config: uvicorn.Config, grace: float, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.grace = grace
        self.on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        timer = asyncio.get_running_loop().call_later(self.grace, self._hang_up)
        try:
            await super().shutdown(sockets)
        finally:
            timer.cancel()

    def _hang_up(self) -> None:
        """End every connection left, before uvicorn's own time limit, which would log errors."""
        for connection in list(self.server_state.connections):
            connection.hang_up()  # type: ignore[union-attr]  # every protocol here is one of `wire`'s

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM, on the main thread only. Unlike the original, do not raise them again after."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        names = ("SIGINT", "SIGTERM", "SIGBREAK")
        numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
        before: dict[int, Any] = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # A second signal changes nothing: supervisors often send two, and the end is at most the grace away.
        self.should_exit = True


class Server:
    """One application on one socket. `loop` is `auto` (uvloop where it is), `asyncio` or `uvloop`; `http` likewise."""

    def __init__(
        self,
        app: Application,
        sock: socket.socket,
        *,
        grace: float = GRACE,
        loop: str = "auto",
        http: type[asyncio.Protocol] | None = None,
    ) -> None:
        self.sock = sock
        self.url = url_of(sock)
        self._app = app
        self._grace = grace
        self._loop = loop
        self._http = http
        self._server: _Uvicorn | None = None
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def serve(self, on_ready: Callable[[str], None] | None = None) -> None:
        """Run until a signal or `stop`. `on_ready` is called with the URL once requests are answered."""
        server = self._server = _Uvicorn(
            self._config(), self._grace, lambda: on_ready(self.url) if on_ready is not None else None
        )
        if threading.current_thread() is threading.main_thread():
            # Rules and schemas live as long as the process: looking through them again and again for garbage would
            # hold up every timed stream for milliseconds.
            gc.freeze()
        try:
            with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
                runner.run(server.serve(sockets=[self.sock]))
        finally:
            self.sock.close()

    def start(self) -> str:
        """Run in a thread; return the URL once requests are answered. Raises what kept it from starting."""
        ready = threading.Event()

        def run() -> None:
            try:
                self.serve(lambda _: ready.set())
            except BaseException as error:  # told to the caller, in its own thread
                self._failure = error
            finally:
                ready.set()

        self._thread = threading.Thread(target=run, name="mockserver", daemon=True)
        self._thread.start()
        ready.wait()
        if self._failure is not None:
            raise self._failure
        return self.url

    def stop(self) -> None:
        """Stop and wait until it has. Safe to call twice, from any thread but the server's own."""
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _config(self) -> uvicorn.Config:
        return uvicorn.Config(
            self._app,
            loop=self._loop,
            http=self._http or protocol(),
            ws="none",
            lifespan="on",
            interface="asgi3",
            log_config=None,
            access_log=True,  # switched off in our protocol: off here would silence another uvicorn in this process
            proxy_headers=False,
            server_header=False,
            date_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=max(1, round(self._grace) + 1),
        )
