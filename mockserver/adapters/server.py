"""The server: bind, run, say when it is ready, stop.

This room decides how an application meets a port: the socket is bound first, so that a busy port is told at once and port 0
is known before anything starts. It must not know what the application answers, or print anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final

import uvicorn

from mockserver.adapters.line import Application
from mockserver.adapters.wire import protocol
from mockserver.core.errors import SettingError

GRACE: Final = 0.6
"""Seconds that running exchanges get to end by themselves when the server stops."""

KEEP_ALIVE: Final = 75
"""Seconds an idle connection stays open: longer than the pools of common clients keep theirs."""

BACKLOG: Final = 2048


def bind(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """Return a listening socket. Port 0 takes any free one. Raises `SettingError` in words when it cannot be had."""
    if not 0 <= port <= 65535:
        raise SettingError(f"port {port} does not exist; ports go from 1 to 65535 (0 takes any free one)")
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, OverflowError, UnicodeError) as error:
        raise SettingError(f"cannot listen on {host!r} port {port}: {error}; try --host 127.0.0.1") from error
    sock = socket.socket(family, kind, proto)
    try:
        if sys.platform != "win32":  # there it would let two servers share the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise SettingError(_why(host, port, error)) from error
    sock.setblocking(False)
    return sock


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use; stop the other server or choose another port (0 takes any free one)"
    if error.errno == errno.EACCES:
        return f"port {port} on {host} needs more rights; choose a port above 1023"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; try 127.0.0.1"
    return f"cannot listen on {host} port {port}: {error.strerror or error}"


def url_of(sock: socket.socket) -> str:
    """Return `http://HOST:PORT` of a listening socket, as a client on this machine can use it."""
    host, port = sock.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - told apart, not bound
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104 - the same
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


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
