"""The journal as JSON: which entries are told, and how one reads.

This room decides both. It must not know how exchanges came about. Values that carry secrets never leave it.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, get_args
from urllib.parse import quote, unquote

import orjson
from starlette.requests import Request as Asked
from starlette.responses import Response

from mockserver.adapters.asgi import bounded
from mockserver.adapters.control.answers import Refused
from mockserver.adapters.control.served import Served
from mockserver.core.engine import Engine
from mockserver.core.errors import nearest
from mockserver.core.journal import Entry
from mockserver.core.messages import ABSENT, Kind, Raised, Unfilled, Untruth
from mockserver.core.timeline import Chunk, Head, Timeline

MASK: Final = "***"
SECRET_HEADERS: Final = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie"})
SECRET_WORDS: Final = ("token", "secret", "key", "password", "credential")
"""A header whose name holds one of these is masked too."""

LATE: Final = "/"
"""What the cursor calls the requests that came to sessions after their end."""

KINDS: Final[tuple[str, ...]] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for: of one session or ("") all, after what was seen, and what they must be.

    `seen` holds the last number seen by session; under "" for every session. With `limit` above 0: the newest that many, or
    the next that many where something was seen already. `rule` is a name or FILE:LINE. `whole` asks for everything that is
    kept of each.
    """

    session: str = ""
    seen: Mapping[str, int] = field(default_factory=dict)
    misses: bool = False
    rule: str = ""
    kind: str = ""
    status: int = 0
    limit: int = 0
    whole: bool = False

    def takes(self, entry: Entry) -> bool:
        """Say whether an entry is one of those asked for."""
        exchange = entry.exchange
        return (
            (not self.rule or self.rule in (exchange.rule, exchange.place))
            and (not self.kind or self.kind == exchange.kind)
            and (not self.status or self.status == exchange.status)
        )


class Requests:
    """The route of the journal."""

    def __init__(self, served: Served) -> None:
        self.served = served

    async def read(self, asked: Asked) -> Response:
        """Tell what was asked, of all sessions unless one is named."""
        if "name" in asked.path_params:
            self.served.session(asked)
        session = asked.path_params.get("name") or asked.scope.get("mockserver.session") or ""
        try:
            wanted = read_query(asked.query_params, session)
        except ValueError as error:
            raise Refused(400, f"Invalid query: {error}") from None
        chosen, cursor = select(self.served.engine, wanted)
        # Bodies may weigh megabytes: they are written out beside the loop, so that no timed stream waits for them.
        written = await asyncio.to_thread(render, chosen, cursor, wanted.whole)
        return Response(written, media_type="application/json")


def read_query(query: Mapping[str, str], session: str) -> Wanted:
    """Return what a query asks for; `session` is the one that the URL names. Raises `ValueError` with what is wrong."""
    for name in query:
        if name not in FILTERS:
            like = nearest(name, FILTERS)
            hint = f"did you mean '{like}'?" if like else f"there are {', '.join(FILTERS)}"
            raise ValueError(f"there is no filter '{name}'; {hint}")
    kind = query.get("kind", "")
    if kind and kind not in KINDS:
        raise ValueError(f"there is no kind '{kind}'; there are {', '.join(KINDS)}")
    return Wanted(
        bounded(query.get("session") or session),
        read_cursor(query.get("after", "")),
        query.get("misses", "0") not in ("", "0", "false"),
        query.get("rule", ""),
        kind,
        _whole(query, "status"),
        _whole(query, "limit"),
        query.get("whole", "0") not in ("", "0", "false"),
    )


FILTERS: Final = ("session", "after", "misses", "rule", "kind", "status", "limit", "whole")


def _whole(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "") or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(f"'{name}' takes a whole number, not '{text}'")
    return int(text)


def select(engine: Engine, wanted: Wanted) -> tuple[list[Entry], dict[str, int]]:
    """Return journal entries, oldest first, and the cursor after them."""
    found: list[tuple[float, str, Entry]] = []
    latest: dict[str, float] = {}
    for label, entry in _entries(engine, wanted):
        # A session's clock may be put back: its entries stay in their order all the same.
        latest[label] = max(entry.exchange.arrived, latest.get(label, 0.0))
        if (not wanted.misses or entry.exchange.miss) and wanted.takes(entry):
            found.append((latest[label], label, entry))
    found.sort(key=lambda each: each[0])
    if wanted.limit > 0:
        found = found[: wanted.limit] if wanted.seen else found[-wanted.limit :]
    cursor = dict(wanted.seen)
    for _, label, entry in found:
        cursor[label] = max(entry.number, cursor.get(label, 0))
    return [entry for _, _, entry in found], cursor


def _entries(engine: Engine, wanted: Wanted) -> Iterator[tuple[str, Entry]]:
    """Yield the entries after what was seen, each with what the cursor calls its journal."""
    sessions, seen = engine.sessions, wanted.seen
    for name in [wanted.session] if wanted.session else sessions.names:
        session = sessions.peek(name)
        if session is not None:
            after = seen.get(name, seen.get("", 0))
            if name in seen and after > session.journal.total:
                after = 0  # begun afresh since then: its numbers began again too
            yield from ((name, entry) for entry in session.journal.entries(after=after))
    for entry in sessions.late.journal.entries(after=seen.get(LATE, seen.get("", 0))):
        # A session that was begun afresh has nothing to do with what came late for the one before.
        name = entry.exchange.request.session
        if not wanted.session or (wanted.session == name and sessions.has_ended(name)):
            yield LATE, entry


def read_cursor(text: str) -> dict[str, int]:
    """Return the numbers of an `after`: `12` for every session, or what `next` said before. Raises `ValueError`."""
    if text.isascii() and text.isdigit():
        return {"": int(text)}
    seen = {}
    for part in filter(None, text.split(",")):
        name, colon, number = part.rpartition(":")
        if not (colon and number.isascii() and number.isdigit()):
            raise ValueError("'after' takes a number, or the value of 'next' in an earlier answer")
        seen[unquote(name)] = int(number)
    return seen


def render(entries: Sequence[Entry], cursor: Mapping[str, int], whole: bool = False) -> bytes:
    """Return the answer to `GET /_mock/requests`. `next` is what to give as `after` to go on from here."""
    following = ",".join(f"{quote(name, safe='')}:{number}" for name, number in cursor.items())
    told = [{**as_json(entry), **(in_full(entry) if whole else {})} for entry in entries]
    return orjson.dumps({"requests": told, "next": following})


def as_json(entry: Entry) -> dict[str, Any]:
    """Return one journal entry as it is told. Offsets and durations are milliseconds."""
    exchange, ending = entry.exchange, entry.ending
    request = exchange.request
    body = request.unread().json  # read from a copy: the journal keeps bytes, what is read from them weighs far more
    return {
        "number": entry.number,
        "time": exchange.arrived,
        "session": request.session,
        "method": request.method,
        "path": request.path,
        "query": dict(request.query),
        "headers": masked(request.headers),
        "body": request.body.decode("utf-8", "replace") if body is ABSENT else body,
        "status": exchange.status,
        "kind": exchange.kind,
        "rule": exchange.rule,
        "place": exchange.place,
        "events": exchange.events,
        "planned_ms": [round(at, 3) for at in exchange.planned],
        "sent_ms": [round(at, 3) for at in ending.sent_at] if ending else None,
        "ended": ending.end if ending else None,
        "duration_ms": round(ending.duration_ms, 3) if ending else None,
        "miss": exchange.miss,
        "violations": [
            {"message": each.message, "code": each.code, "param": each.param} for each in exchange.violations
        ],
        "notes": exchange.notes,
        "note_kinds": [_KINDS_OF_NOTES.get(type(note), "") for note in exchange.notes],
    }


_KINDS_OF_NOTES: Final[Mapping[type[str], str]] = {Untruth: "untruth", Unfilled: "unfilled", Raised: "raised"}
"""What each note that fails a test is called; the others have no kind."""


def in_full(entry: Entry) -> dict[str, Any]:
    """Return what else is kept of an entry: bytes in base64, the answer where the session keeps answers.

    `received` is a moment in seconds of a clock that only moves forward; `link` tells connections of one session apart.
    """
    exchange, ending = entry.exchange, entry.ending
    link = ending.link if ending is not None else None
    return {
        "content": b64encode(exchange.request.body).decode(),
        "answer": None if exchange.answer is None else _answer(exchange.answer),
        "received": ending.received if ending is not None else 0.0,
        "link": 0 if link is None else id(link),
        "link_ended": "" if link is None else link.ended,
    }


def _answer(answer: Timeline) -> dict[str, Any]:
    head = next((step for step in answer.steps if isinstance(step, Head)), None)
    headers = [] if head is None else [*head.headers, *head.shared]
    body = b"".join([step.data for step in answer.steps if isinstance(step, Chunk)])
    return {
        "status": 0 if head is None else head.status,
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers],
        "body": b64encode(body).decode(),
    }


def masked(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers without the values of those that carry secrets; an authorization keeps its scheme."""
    shown = {}
    for name, value in headers.items():
        if name == "authorization" and " " in value:
            shown[name] = f"{value.partition(' ')[0]} {MASK}"
        elif name in SECRET_HEADERS or any(word in name for word in SECRET_WORDS):
            shown[name] = MASK
        else:
            shown[name] = value
    return shown
