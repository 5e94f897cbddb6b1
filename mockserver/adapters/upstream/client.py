"""The client that asks the upstream: one pool of connections, made late, closed when the server stops.

This room decides how connections are made, verified and kept. It must not know what is asked or answered. It uses httpx2's
transport and not its client on top: that one would read cookies and redirects, and write URLs to a log, none of which a
relay may do.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any, Final
from urllib.request import getproxies, proxy_bypass

from mockserver.core.errors import SettingError
from mockserver.core.forwarding.address import Address

if TYPE_CHECKING:
    import httpx2

CONNECT: Final = 10.0
"""Seconds that a connection may take, TLS included."""
TIMEOUT: Final = 600.0
"""Seconds of silence after which an answer is given up: models may think for minutes before the first byte."""
KEPT: Final = 128
"""Idle connections that are kept."""
IDLE: Final = 30.0
"""Seconds for which they are: shorter than servers keep theirs, so that none is closed under a request."""


class Unready(Exception):  # noqa: N818 - what the client is
    """No client can be made; the message says why."""


class Client:
    """Asks one upstream and nobody else.

    `timeout` is in seconds. `ca` is a file of CA certificates that are trusted in place of the system's; `trust_env` lets
    the variables for proxies and certificates count. Raises `SettingError` for a file that holds no certificates.
    """

    def __init__(
        self, address: Address, *, timeout: float = TIMEOUT, ca: str | None = None, trust_env: bool = False
    ) -> None:
        self.address = address
        self.timeout = timeout
        self._verify = True if ca is None else _trusting(ca)
        self._trust_env = trust_env
        self._made: asyncio.Task[tuple[Any, Any]] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waits = {"connect": CONNECT, "read": timeout, "write": timeout, "pool": None}

    async def run(self) -> None:
        """Get ready, then wait to be cancelled, and close."""
        try:
            await self._ready()
            await asyncio.get_running_loop().create_future()
        finally:
            await self.close()

    async def send(
        self, method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> httpx2.Response:
        """Ask, and return the answer once its head is there; whoever asked closes it.

        Raises what httpx2 raises, and `Unready`.
        """
        import httpx2

        transport, url = await self._ready()
        request = httpx2.Request(
            method, url, headers=headers, content=body, extensions={"timeout": self._waits, "target": target}
        )
        response: httpx2.Response = await transport.handle_async_request(request)
        return response

    async def close(self) -> None:
        """Close every connection. The next request makes new ones."""
        made, self._made = self._made, None
        if made is None or self._loop is not asyncio.get_running_loop():
            return
        transport, _ = await made
        await transport.aclose()

    async def _ready(self) -> tuple[httpx2.AsyncHTTPTransport, httpx2.URL]:
        loop = asyncio.get_running_loop()
        if self._made is None or self._loop is not loop:
            # In a thread: the import and the system's certificates take tenths of a second, and streams must go on.
            self._loop, self._made = loop, loop.create_task(asyncio.to_thread(self._make))
        try:
            return await asyncio.shield(self._made)
        except (ImportError, ValueError) as error:
            raise Unready(f"the proxy that the environment names cannot be used: {error}") from error

    def _make(self) -> tuple[httpx2.AsyncHTTPTransport, httpx2.URL]:
        import httpx2

        transport = httpx2.AsyncHTTPTransport(
            verify=self._verify,
            trust_env=self._trust_env,
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=KEPT, keepalive_expiry=IDLE),
            proxy=self._proxy(),
        )
        return transport, httpx2.URL(str(self.address))

    def _proxy(self) -> str | None:
        """Return the proxy that the environment names for this upstream, if it is trusted."""
        if not self._trust_env or proxy_bypass(self.address.authority):
            return None
        proxies = getproxies()
        return proxies.get(self.address.scheme) or proxies.get("all")


def _trusting(path: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        why = "it holds no certificate in PEM form" if isinstance(error, ssl.SSLError) else error.strerror
        raise SettingError(f"--upstream-ca: cannot use {path}: {why}") from None
