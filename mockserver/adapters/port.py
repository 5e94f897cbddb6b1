"""The port: a socket that listens before anything serves it.

This room decides how a port is had, and how one that cannot be had is told. It must not know what will be served, and
imports nothing heavy: a test run binds its port long before anything is asked of it.
"""

from __future__ import annotations

import errno
import socket
import sys
from typing import Final

from mockserver.core.errors import SettingError

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


def hold(host: str = "127.0.0.1") -> socket.socket:
    """Return a socket that has a free port to itself and does not listen: until `listen`, clients are refused at once.

    Raises `SettingError` where there is none.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.bind((host, 0))  # not to be reused: two that do not listen could share a port
    except OSError as error:
        sock.close()
        raise SettingError(_why(host, 0, error)) from error
    return sock


def listen(sock: socket.socket) -> socket.socket:
    """Let a socket that was held accept connections; return it."""
    sock.listen(BACKLOG)
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
