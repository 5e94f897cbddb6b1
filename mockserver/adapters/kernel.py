"""The kernel: the two things we ask of a TCP socket that no event loop offers.

This room decides how they are spelled on each system. It must not know what is sent or why.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from typing import Any, Final

PLATFORM: Final[str] = sys.platform
"""As text, so that the type checker reads the branches of every system."""

_RESET_LINGER: Final = struct.pack("hh" if PLATFORM == "win32" else "ii", 1, 0)
"""SO_LINGER on, zero seconds: closing then discards what is left and resets."""
_SO_NWRITE: Final = 0x1024
"""macOS: bytes not yet acknowledged. The socket module has no name for it."""

CAN_TELL: Final = PLATFORM in ("linux", "darwin")
"""Whether `unacknowledged` knows."""


def linger_zero(sock: Any) -> None:
    """Make closing this socket a reset. The option sits on the open socket, so that a duplicate sets it for all."""
    if os.name != "posix":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_LINGER)
        return
    with socket.socket(fileno=os.dup(sock.fileno())) as duplicate:
        duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_LINGER)


def unacknowledged(transport: asyncio.Transport) -> int:
    """Return how many bytes the kernel holds that the client's has not acknowledged; 0 where it cannot be asked."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0 or not CAN_TELL:
        return 0
    if PLATFORM == "darwin":
        with socket.socket(fileno=os.dup(sock.fileno())) as duplicate:
            return duplicate.getsockopt(socket.SOL_SOCKET, _SO_NWRITE)
    import fcntl
    import termios

    count = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    return int.from_bytes(count, sys.byteorder)
