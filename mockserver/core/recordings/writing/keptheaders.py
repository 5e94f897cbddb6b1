"""Which headers of a recorded answer are written down.

This room decides that by name: those that clients act on or people look for. It must not know the rest of an answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from mockserver.core.messages import Json

KEPT: Final = frozenset(
    {
        "content-disposition",
        "content-encoding",
        "etag",
        "last-modified",
        "link",
        "location",
        "openai-model",
        "openai-processing-ms",
        "openai-version",
        "retry-after",
        "retry-after-ms",
        "www-authenticate",
        "x-request-id",
        "x-should-retry",
    }
)
KEPT_BY_START: Final = ("x-ratelimit-",)

_NEVER: Final = re.compile(r"authorization|cookie|api[-_]?key|^openai-(?:organization|project)$|^cf-")
"""Secrets, and who asked: not even where somebody names them."""
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_OF_THE_WIRE: Final = frozenset(
    {
        "alt-svc",
        "connection",
        "content-length",
        "content-type",
        "date",
        "keep-alive",
        "proxy-authenticate",
        "server",
        "strict-transport-security",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    }
)
"""Headers of a connection or a machine on the way, and the content type, which stands elsewhere."""


def kept(headers: Iterable[tuple[str, str]], more: Collection[str] = ()) -> dict[str, Json]:
    """Return what `reply.headers` has of these headers; a name that comes several times has a list.

    `more` names headers to keep besides the usual ones, in any case; never those with secrets or of the connection.
    """
    named = {name.lower() for name in more}
    made: dict[str, Json] = {}
    for name, raw in headers:
        if is_kept(name, named):
            value = one_line(raw)
            before = made.get(name)
            made[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return made


def one_line(value: str) -> str:
    """Return a header's value as a rule file takes it: tabs and what else nobody sees are blanks."""
    return _CONTROL.sub(" ", value)


def is_kept(name: str, more: Collection[str] = ()) -> bool:
    """Say whether a header of this lower-case name is written; `more` are lower-case names to keep besides."""
    if _NEVER.search(name) or name in _OF_THE_WIRE:
        return False
    return name in KEPT or name.startswith(KEPT_BY_START) or name in more
