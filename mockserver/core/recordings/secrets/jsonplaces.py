"""JSON source walked in place: where each value of a document stands in its bytes.

This room decides which bytes hold which value, also where the document is cut off or malformed. It must not know what is
done with the places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from mockserver.core.recordings.secrets.spellings import from_json
from mockserver.core.rules.jsonpath import Location

Sort: TypeAlias = Literal["key", "string", "scalar", "container"]

_TOKEN: Final = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)("?)|([{}\[\],:])|[^\s"{}\[\],:]+', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    """A value in the source: its bytes are `start:end`. Of strings and keys that is what stands between the quotes."""

    location: Location
    start: int
    end: int
    sort: Sort


class _Open:
    """A container whose end has not come yet."""

    __slots__ = ("expects_key", "is_object", "start", "step")

    def __init__(self, start: int, *, is_object: bool) -> None:
        self.start = start
        self.is_object = is_object
        self.expects_key = is_object
        self.step: str | int = "" if is_object else 0


def places(source: bytes) -> Iterator[Place]:
    """Yield every key, string, other scalar and container, in the order in which they end.

    A key's location is that of its value. Nothing is refused: what is missing at the end counts as ended there.
    """
    stack: list[_Open] = []
    for found in _TOKEN.finditer(source):
        mark = found[3]
        top = stack[-1] if stack else None
        if mark is None:
            if found[1] is None:
                yield Place(_location(stack), found.start(), found.end(), "scalar")
                continue
            if top is not None and top.expects_key:
                top.step = from_json(found[1])
                yield Place(_location(stack), *found.span(1), "key")
            else:
                yield Place(_location(stack), *found.span(1), "string")
        elif mark in b"{[":
            stack.append(_Open(found.start(), is_object=mark == b"{"))
        elif mark in b"}]":
            if stack:
                closed = stack.pop()
                yield Place(_location(stack), closed.start, found.end(), "container")
        elif top is not None:
            if mark == b":":
                top.expects_key = False
            elif top.is_object:
                top.expects_key = True
            else:
                assert isinstance(top.step, int)
                top.step += 1
    while stack:
        closed = stack.pop()
        yield Place(_location(stack), closed.start, len(source), "container")


def _location(stack: list[_Open]) -> Location:
    return tuple([each.step for each in stack])
