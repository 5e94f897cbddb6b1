"""A session's journal, read back from a server elsewhere: exchanges as they would be noted here.

This room decides how an exchange that was told becomes one of ours. It must not know how it was asked for. What was answered
is kept as one piece: its bytes, not the steps in which they were sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from mockserver.control import Exchange as Told
from mockserver.core.endpoints import RESPONSES
from mockserver.core.journal import Entry
from mockserver.core.messages import Ending, Exchange, Link, Raised, Request, Unfilled, Untruth, Violation
from mockserver.core.state import MemoryState, Remembered
from mockserver.core.timeline import Chunk, Head, Timeline
from mockserver.testing.sent import Sent

NOTES: Final[Mapping[str, type[str]]] = {"untruth": Untruth, "unfilled": Unfilled, "raised": Raised}


class Mirror:
    """What has been told of a session so far."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._links: dict[int, Link] = {}
        self._stored: set[int] = set()
        self._state = MemoryState()

    @property
    def entries(self) -> list[Entry]:
        """Every exchange, oldest first."""
        return [self._entries[number] for number in sorted(self._entries)]

    @property
    def settled(self) -> int:
        """The number up to which every exchange has ended: nothing more will be told of those."""
        for entry in self.entries:
            if entry.ending is None:
                return entry.number - 1
        return max(self._entries, default=0)

    def take(self, told: Iterable[Told]) -> None:
        """Take in what was told; an exchange that is known already stays the same one."""
        for each in told:
            known = self._entries.get(each.number)
            link = self._link(each)
            if known is not None and known.ending is not None:
                continue
            same = known is not None and known.exchange.status == each.status
            exchange = known.exchange if known is not None and same else _exchange(each)
            self._entries[each.number] = Entry(each.number, exchange, _ending(each, link))

    def history(self, response_id: str) -> list[Mapping[str, Any]]:
        """Return the items of the chain that ends in this response, oldest first."""
        for entry in self.entries:
            if entry.number not in self._stored and entry.exchange.status == 200:
                self._stored.add(entry.number)
                _store(entry.exchange, self._state)
        return self._state.history(response_id)

    def _link(self, told: Told) -> Link | None:
        if not told.link:
            return None
        link = self._links.setdefault(told.link, Link())
        if told.link_ended in ("client", "server"):
            link.ended = cast("Any", told.link_ended)
        return link


def _exchange(told: Told) -> Exchange:
    request = Request(
        told.method, told.path, headers=told.headers, query=told.query, body=told.content, session=told.session
    )
    kinds = (*told.note_kinds, *("" for _ in told.notes))
    notes = tuple(NOTES.get(kind, str)(note) for note, kind in zip(told.notes, kinds, strict=False))
    answer = None
    if told.answer is not None:
        headers = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in told.answer.headers)
        answer = Timeline((Head(0, told.answer.status, headers), Chunk(0, told.answer.body)))
    return Exchange(
        request, told.time, told.status, cast("Any", told.kind), told.rule, told.place, told.events, told.planned_ms,
        told.miss, tuple(_violation(each) for each in told.violations), notes, None, answer,
    )  # fmt: skip


def _violation(told: Mapping[str, Any]) -> Violation:
    return Violation(str(told.get("message", "")), told.get("code"), told.get("param"))


def _ending(told: Told, link: Link | None) -> Ending | None:
    if told.ended is None:
        return None
    return Ending(cast("Any", told.ended), told.duration_ms or 0.0, 0, told.sent_ms or (), told.received, link)


def _store(exchange: Exchange, state: MemoryState) -> None:
    """Keep what a later request may continue from, as the server does."""
    request = exchange.request.unread()
    response = Sent(exchange.answer).response
    if response is None or not isinstance(response.get("id"), str) or request.fields.get("store") is False:
        return
    body, output, previous = (
        request.body,
        list(response.get("output") or ()),
        request.fields.get("previous_response_id"),
    )
    state.remember(
        response["id"],
        Remembered(
            "",
            lambda: [*Request("POST", RESPONSES, body=body).conversation.input, *output],
            previous if isinstance(previous, str) else None,
        ),
    )
