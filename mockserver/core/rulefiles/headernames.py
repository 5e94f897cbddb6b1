"""Which request headers a rule looks at: in its conditions at any depth, and in the templates of its replies.

This room decides what makes two requests with one body different ones. Clients add headers of their own that change from
run to run (a port, a version, a retry count); only those that some rule names may decide what is drawn.
It must not know how conditions are tested or templates filled in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mockserver.core.messages import Json

_LOOKED_UP: Final = re.compile(r"\{\{\s*headers(?:\.([\w-]+)|\[[\"']([^\"']+)[\"']\])")


def header_names(when: Json, *replies: Json) -> frozenset[str]:
    """Return the names, in lower case, of a `when` as written and of replies as written."""
    return frozenset(name.lower() for found in (_tested(when), *map(_looked_up, replies)) for name in found)


def _tested(when: Json) -> Iterator[str]:
    if isinstance(when, list):
        for each in when:
            yield from _tested(each)
    elif isinstance(when, dict):
        for key, given in when.items():
            if key == "headers" and isinstance(given, dict):
                yield from map(str, given)
            elif key in ("any_of", "all_of", "not"):
                yield from _tested(given)


def _looked_up(reply: Json) -> Iterator[str]:
    if isinstance(reply, str):
        yield from (name or quoted for name, quoted in _LOOKED_UP.findall(reply))
    elif isinstance(reply, (dict, list)):
        for each in reply.values() if isinstance(reply, dict) else reply:
            yield from _looked_up(each)
