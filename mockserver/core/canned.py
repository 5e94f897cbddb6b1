"""Answers made ahead: the bytes of a reply that is the same for every request, with gaps for what a request changes.

This room decides which replies can be made ahead and how their gaps are filled: with ids, and with the response object at
each moment. Everything else is cut and encoded once, by `composition` and `sse` themselves, for a stand-in request whose
ids are marks to be found again; so the bytes are the same as if they had been made for each request. It must not know
timelines or rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from mockserver.core import composition, pacing, usage
from mockserver.core.dialect import Dialect
from mockserver.core.draws import Draw
from mockserver.core.events import Event
from mockserver.core.items.kinds import complete
from mockserver.core.messages import Request
from mockserver.core.reply import Output, Reply
from mockserver.core.response import Asked, at_moment, frame
from mockserver.core.sse import encode

_MARK: Final = "~gap 51f0c1f9d8a94d52b7e6 %d~"
_GAP: Final = re.compile(b'"~gap 51f0c1f9d8a94d52b7e6 ([0-9]+)~"')


def can(reply: Reply, dialect: Dialect) -> Output | None:
    """Return the reply's output when it can be made ahead, None when each request needs its own.

    Templates, drawn jitter and obfuscation differ from request to request; a fault wants its events one by one.
    """
    kind = reply.kind
    if not isinstance(kind, Output) or not kind.items.constant:
        return None
    return None if reply.faults or reply.timing.jitter or dialect.quirks.obfuscation else kind


@dataclass(frozen=True, slots=True)
class Write:
    """Whole frames due together: their offset in milliseconds, how many events, the first one's type."""

    at: float
    events: int
    event: str


@dataclass(frozen=True, slots=True)
class _Marks(Draw):
    """A draw that gives out marks in place of ids, and remembers what they stand for."""

    gaps: dict[tuple[str, str], str] = field(default_factory=dict)

    def identifier(self, prefix: str, purpose: str) -> str:
        return self.gaps.setdefault((prefix, purpose), _MARK % len(self.gaps))


class _Gapped:
    """JSON text with gaps for whole values; `fill` puts the values in."""

    __slots__ = ("_gaps", "_pieces")

    def __init__(self, text: bytes) -> None:
        self._pieces = _GAP.split(text)
        self._gaps = [(place, int(self._pieces[place])) for place in range(1, len(self._pieces), 2)]

    def fill(self, values: Sequence[bytes]) -> bytes:
        pieces = self._pieces.copy()
        for place, gap in self._gaps:
            pieces[place] = values[gap]
        return b"".join(pieces)


@dataclass(frozen=True, slots=True)
class _Moment:
    """The response at one moment of its stream, less what its request says. `gap` is where it goes."""

    gap: int
    status: str
    output: _Gapped
    error: Mapping[str, Any] | None
    incomplete: str | None
    spent: tuple[int, int]


class Shelf:
    """Canned answers of one rule book and dialect, made when first asked for."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._made: dict[tuple[int, float, bool], tuple[Reply, Canned | None]] = {}

    def find(self, reply: Reply, speed: float, *, background: bool) -> Canned | None:
        """Return the reply made ahead, None when it cannot be."""
        key = (id(reply), speed, background)
        found = self._made.get(key)
        if found is None:
            kind = can(reply, self._dialect)
            made = Canned(kind, reply, self._dialect, speed, background=background) if kind else None
            # The reply is kept beside, so that nothing else can come to have its identity.
            found = self._made[key] = (reply, made)
        return found[1]


class Canned:
    """One reply made ahead, for one dialect, speed and value of the request's `background`.

    `items` are its output with marks for ids; `planned` the offset of each event and `end` of the last, in milliseconds;
    `writes` how its stream is cut.
    """

    def __init__(self, kind: Output, reply: Reply, dialect: Dialect, speed: float, *, background: bool) -> None:
        self._reply = reply
        self._marks = _Marks(b"")
        body = b'{"background":true}' if background else b"{}"
        asked = Asked(Request("POST", "", body=body), self._marks, dialect, 0.0, "")
        self.items = complete(kind.items.tree, asked)
        answer = composition.compose(self.items, reply, asked)
        self.planned = tuple(pacing.offsets(answer.events, reply.timing, speed, self._marks))
        self.end = self.planned[-1]
        self._moments: dict[int, _Moment] = {}
        frames = [encode(self._with_gap(event)) for event in answer.events]
        self._final = self._moments[self._gap_of(answer.response)]
        self.writes: list[Write] = []
        self._texts: list[_Gapped] = []
        start = 0
        for index in range(1, len(frames) + 1):
            if index == len(frames) or self.planned[index] != self.planned[start]:
                self.writes.append(Write(self.planned[start], index - start, answer.events[start].type))
                self._texts.append(_Gapped(b"".join(frames[start:index])))
                start = index
        if dialect.quirks.done_marker:
            self._texts[-1] = _Gapped(b"".join([*frames[len(frames) - self.writes[-1].events :], pacing.DONE_FRAME]))
        # The response's own id stands only inside response objects, which fill gaps of their own.
        self._keys = [key if key[0] != "resp_" else ("", "") for key in self._marks.gaps]

    def _with_gap(self, event: Event) -> Event:
        """Return the event with a mark for its response object, where it has one."""
        data = event.data
        if isinstance(data, str) or "response" not in data:
            return event
        return Event(event.type, {**data, "response": _MARK % self._gap_of(data["response"])})

    def _gap_of(self, response: Mapping[str, Any]) -> int:
        output = orjson.dumps(response["output"])
        text = orjson.dumps([response["status"], output.decode(), response["error"], response["incomplete_details"]])
        key = ("", text.decode())
        gap = list(self._marks.gaps).index(key) if key in self._marks.gaps else len(self._marks.gaps)
        if gap not in self._moments:
            self._marks.gaps[key] = ""
            details = response["incomplete_details"]
            self._moments[gap] = _Moment(
                gap,
                response["status"],
                _Gapped(output),
                response["error"],
                details["reason"] if details else None,
                usage.output_tokens(response["output"]),
            )
        return gap

    def stream(self, asked: Asked) -> tuple[list[bytes], str, bytes]:
        """Return the bytes of each write, the response's id and its output as JSON."""
        values, shared = self._values(asked)
        for moment in self._moments.values():
            values[moment.gap] = orjson.dumps(self._at(moment, values, shared, asked))
        return [text.fill(values) for text in self._texts], shared["id"], self._final.output.fill(values)

    def whole(self, asked: Asked) -> tuple[bytes, str, bytes]:
        """Return the final response as JSON, its id, and its output as JSON."""
        values, shared = self._values(asked)
        output = self._final.output.fill(values)
        return orjson.dumps(self._at(self._final, values, shared, asked)), shared["id"], output

    def _values(self, asked: Asked) -> tuple[list[bytes], dict[str, Any]]:
        """Draw every id; the gaps of moments stay open."""
        draw = asked.draw
        values = [b'"%b"' % draw.identifier(*key).encode() if key[0] else b"" for key in self._keys]
        return values, frame(asked)

    def _at(self, moment: _Moment, values: Sequence[bytes], shared: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
        return at_moment(
            shared,
            asked,
            self._reply,
            status=moment.status,
            output=orjson.Fragment(moment.output.fill(values)),
            error=moment.error,
            incomplete=moment.incomplete,
            spent=moment.spent,
        )
