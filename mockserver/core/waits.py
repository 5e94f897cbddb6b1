"""How long a client is told to wait before it tries again: two headers, and when an error carries them.

This room decides their values. It must not know clocks, limits or why the client should wait.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import Final

from mockserver.core.reply import Error

RETRY_AFTER: Final = 1000.0
"""Milliseconds a client is told to wait unless a reply says otherwise."""
RETRY_AFTER_INSTANT: Final = 10.0
"""The same at speed 0. Clients ignore a `retry-after-ms` of 0 and fall back to a slow default."""
WAITS: Final = ("retry-after", "retry-after-ms")
"""The headers that say so."""
WAITING: Final = frozenset({429, 503})
"""Statuses that tell the client when to come back."""


def retry_headers(ms: float) -> tuple[tuple[str, str], ...]:
    """Return the two headers that tell a client to wait `ms` milliseconds.

    `retry-after-ms` is exact but at least 1 (clients ignore 0); `retry-after` is whole seconds, rounded up, at least 1.
    """
    exact = max(1, ceil(ms))
    return (("retry-after", str(-(-exact // 1000))), ("retry-after-ms", str(exact)))


def with_wait(error: Error, ms: float = RETRY_AFTER, *, always: bool = False) -> Error:
    """Return the error telling the client to wait `ms`, if its status does so or `always`."""
    if not (always or error.status in WAITING):
        return error
    bare = without_wait(error)
    return replace(bare, headers=(*bare.headers, *retry_headers(ms)))


def without_wait(error: Error) -> Error:
    """Return the error without what tells the client how long to wait."""
    return replace(error, headers=tuple(pair for pair in error.headers if pair[0].lower() not in WAITS))
