"""A claimed reply made ready to send: items, events, offsets, faults, bytes.

This room decides in which order those are applied, for each kind of reply. It must not know how the reply was chosen, nor
sessions or journals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, assert_never

import orjson

from mockserver.core import catalogue, composition, faults, limits, pacing, templates, waits
from mockserver.core.canned import Canned, Shelf
from mockserver.core.events import Answer
from mockserver.core.headers import JSON_TYPE, STREAM_TYPE, Pairs, answer_headers, over, shared_headers
from mockserver.core.items import auto
from mockserver.core.items.kinds import complete
from mockserver.core.literals import literal
from mockserver.core.messages import EMPTY, Kind, Raised
from mockserver.core.recordings import replaying
from mockserver.core.reply import Auto, Computed, Error, Events, Exact, Forward, Http, Output, Reply
from mockserver.core.response import Asked
from mockserver.core.templates import Scope
from mockserver.core.timeline import INSTANT, Chunk, Finish, Head, Step, Timeline, Timing, coalesced

Items = list[Mapping[str, Any]]

BODILESS: Final = (204, 304)
"""Statuses whose answers have no body, and so no length."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What will be sent, and what the journal and the session want to know of it.

    `planned` holds the offset of each event in milliseconds. Where a response was made, `response_id` names it and
    `output` gives its items.
    """

    timeline: Timeline
    status: int
    kind: Kind
    planned: tuple[float, ...] = ()
    response_id: str = ""
    output: Callable[[], Items] = list
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manner:
    """How answers are sent whatever the reply says: the server's speed, who answers in which session, extra headers."""

    speed: float
    rule: str
    session: str
    extra: tuple[tuple[str, str], ...] = ()
    instant: bool = False
    """Whether it is all sent at once in the end, so that a client told to wait should not wait long."""


def ready(reply: Reply, asked: Asked, scope: Scope, manner: Manner, shelf: Shelf | None) -> Ready:
    """Return `reply` made concrete for one request. Without a shelf nothing of it is kept for the next one."""
    speed = manner.speed if reply.speed is None else reply.speed
    kind = reply.kind
    match kind:
        case Output():
            background = asked.request.fields.get("background") is True
            canned = None if shelf is None else shelf.find(reply, speed, background=background)
            if canned is not None:
                return _canned(canned, reply, asked, manner)
            made = _response(_output(kind, reply, asked, scope, speed), reply, asked, manner, speed)
        case Auto():
            items = auto.items_for(asked.request)
            made = _response(_composed(items, [], reply, asked, speed), reply, asked, manner, speed)
        case Events():
            made = _response(literal.compose(kind, reply, asked), reply, asked, manner, speed)
        case Error():
            made = _error(kind, reply, asked, manner, speed)
        case Http():
            headers = over(kind.headers, reply.headers)
            at = pacing.first_offset(reply.timing, speed)
            timeline = _piece(kind.status, None, headers, kind.body, asked, manner, at)
            made = Ready(timeline, kind.status, "http")
        case Forward():
            error = catalogue.error("server_error", message="This rule forwards: give --upstream URL.")
            made = _error(error, reply, asked, manner, speed)
        case Computed():
            return _computed(kind, reply, asked, scope, manner)
        case Exact():
            other = _other_encoding(kind, reply, asked, scope, manner)
            if other is not None:
                return other
            made = _exact(kind, reply, asked, manner, speed)
        case _:
            assert_never(kind)
    if not reply.faults:
        return made
    struck, notes = faults.strike(made.timeline, reply.faults)
    return replace(made, timeline=struck, notes=made.notes + notes)


def refusal(error: Error, asked: Asked, manner: Manner) -> Ready:
    """Return an answer of ours without a rule; a note says why, for nobody reads a client's error messages later."""
    return replace(_error(error, None, asked, manner, manner.speed), notes=(error.body["error"]["message"],))


def document(body: bytes, asked: Asked, manner: Manner) -> Ready:
    """Return the JSON answer of a built-in endpoint."""
    return Ready(_piece(200, JSON_TYPE, (), body, asked, manner, 0.0), 200, "builtin")


def _computed(kind: Computed, reply: Reply, asked: Asked, scope: Scope, manner: Manner) -> Ready:
    """Return what the author's function answers; where it raises, a 500 that says so and that no client retries."""
    try:
        made = kind.function(asked.request)
    except Exception as raised:
        told = str(raised) or type(raised).__name__
        error = catalogue.error("server_error", message=told)
        error = replace(error, headers=(*error.headers, ("x-should-retry", "false")))
        failed = _error(error, Reply(error, place=reply.place), asked, manner, manner.speed)
        return replace(failed, notes=(Raised(told),))
    return ready(made, asked, scope, manner, None)


def _exact(kind: Exact, reply: Reply, asked: Asked, manner: Manner, speed: float) -> Ready:
    """Return the recorded bytes. Of the headers those that were recorded count before ours."""
    shared = shared_headers(manner.rule, manner.session, over(manner.extra, kind.headers))
    whole = not kind.stream and len(kind.pieces) < 2 and kind.end == "complete" and kind.status not in BODILESS
    length = sum(len(piece.data) for piece in kind.pieces) if whole else None
    named = {name for name, _ in shared}
    own = tuple([pair for pair in answer_headers(None, asked.draw, shared, length) if pair[0] not in named])
    timeline = replaying.timeline(kind, Head(0.0, kind.status, own, shared), speed, telling=bool(reply.faults))
    planned = replaying.reel_of(kind, speed).planned
    match kind.readable:
        case Error():
            return Ready(timeline, kind.status, "error", planned)
        case Http():
            return Ready(timeline, kind.status, "http", planned)
        case _:
            response = replaying.response_of(kind) or EMPTY
            items: Items = response.get("output") or []
            return Ready(
                timeline,
                kind.status,
                "stream" if kind.stream else "json",
                planned,
                str(response.get("id", "")),
                lambda: list(items),
            )


def _other_encoding(kind: Exact, reply: Reply, asked: Asked, scope: Scope, manner: Manner) -> Ready | None:
    """Return a recorded response in the encoding that is asked for, None where it is the recorded one.

    A stream says in its last event what the same response is as JSON; the reverse is composed from the readable reply.
    """
    if asked.request.stream == kind.asked_stream or isinstance(kind.readable, (Error, Http)):
        return None
    speed = manner.speed if reply.speed is None else reply.speed
    response = replaying.response_of(kind) if kind.stream else None
    if response is not None:
        headers = tuple(pair for pair in kind.headers if pair[0].lower() != JSON_TYPE[0].decode())
        body, at = orjson.dumps(response), pacing.scaled(kind.ended_at, speed)
        timeline = _piece(kind.status, JSON_TYPE, headers, body, asked, manner, at)
        items: Items = response.get("output") or []
        return Ready(timeline, kind.status, "json", (), str(response.get("id", "")), lambda: list(items))
    timing = Timing(duration=kind.ended_at) if reply.timing == INSTANT else reply.timing
    return ready(replace(reply, kind=kind.readable, timing=timing), asked, scope, manner, None)


def _output(kind: Output, reply: Reply, asked: Asked, scope: Scope, speed: float) -> Answer:
    notes: list[str] = []
    return _composed(templates.render(kind.items, scope, notes), notes, reply, asked, speed)


def _composed(sketched: Items, notes: list[str], reply: Reply, asked: Asked, speed: float) -> Answer:
    items = complete(sketched, asked)
    notes.extend(_untruths(items, reply, asked))
    if asked.request.stream or reply.faults or not pacing.is_instant(reply.timing, speed):
        answer = composition.compose(items, reply, asked)
        return replace(answer, notes=(*answer.notes, *notes)) if notes else answer
    return Answer(composition.final_response(items, reply, asked), (), tuple(notes))


def _untruths(items: Sequence[Mapping[str, Any]], reply: Reply, asked: Asked) -> tuple[str, ...]:
    """An answer that stops early may well be cut off in the middle of its JSON."""
    return () if reply.failed or reply.incomplete else auto.untruths(asked.request, items)


def _canned(canned: Canned, reply: Reply, asked: Asked, manner: Manner) -> Ready:
    notes = _untruths(canned.items, reply, asked)
    if not asked.request.stream:
        body, response_id, output = canned.whole(asked)
        timeline = _piece(200, JSON_TYPE, reply.headers, body, asked, manner, canned.end)
        return Ready(timeline, 200, "json", (), _named(reply, response_id), lambda: _parsed(output), notes)
    bodies, response_id, output = canned.stream(asked)
    steps: list[Step] = [_stream_head(reply, asked, manner)]
    for write, body in zip(canned.writes, bodies, strict=True):
        steps.append(Chunk(write.at, body, write.events, write.event))
    steps.append(Finish(canned.end))
    return Ready(
        Timeline(tuple(steps)),
        200,
        "stream",
        canned.planned,
        _named(reply, response_id),
        lambda: _parsed(output),
        notes,
    )


def _named(reply: Reply, drawn: str) -> str:
    """Return the id that the response goes by: the author's, else the one drawn."""
    return str(reply.response.get("id", drawn))


def _parsed(output: bytes) -> Items:
    items: Items = orjson.loads(output)
    return items


def _response(answer: Answer, reply: Reply, asked: Asked, manner: Manner, speed: float) -> Ready:
    """Return a response in the encoding that the request's `stream` flag asks for."""
    response = answer.response
    response_id, notes = str(response.get("id", "")), answer.notes

    def output() -> Items:
        return list(response.get("output") or ())

    if not asked.request.stream:
        due = pacing.offsets(answer.events, reply.timing, speed, asked.draw)
        body = orjson.dumps(response)
        timeline = _piece(200, JSON_TYPE, reply.headers, body, asked, manner, due[-1] if due else 0.0)
        return Ready(timeline, 200, "json", (), response_id, output, notes)
    timeline = pacing.stream(
        answer.events,
        reply.timing,
        speed,
        asked.draw,
        _stream_head(reply, asked, manner),
        done_marker=asked.dialect.quirks.done_marker,
    )
    planned = tuple([step.at for step in timeline.steps[1 : 1 + len(answer.events)]])
    if not reply.faults:
        timeline = coalesced(timeline)
    return Ready(timeline, 200, "stream", planned, response_id, output, notes)


def _stream_head(reply: Reply, asked: Asked, manner: Manner) -> Head:
    shared = shared_headers(manner.rule, manner.session, over(manner.extra, reply.headers))
    return Head(0.0, 200, answer_headers(STREAM_TYPE, asked.draw, shared), shared)


def _error(error: Error, reply: Reply | None, asked: Asked, manner: Manner, speed: float) -> Ready:
    if reply is not None and reply.retry_after is not None:
        error = waits.with_wait(error, reply.retry_after, always=True)
    elif reply is not None and any(name.lower() in waits.WAITS for name, _ in reply.headers):
        error = waits.without_wait(error)
    elif reply is not None and (speed == 0 or manner.instant):
        error = waits.with_wait(error, waits.RETRY_AFTER_INSTANT)
    extra = error.headers
    if reply is not None:
        extra = over((*extra, *limits.spent(error)), reply.headers)
        model = asked.request.fields.get("model")
        error = catalogue.naming(error, model) if isinstance(model, str) else error
    at = 0.0 if reply is None else pacing.first_offset(reply.timing, speed)
    kind: Kind = "rejection" if reply is None else "error"
    timeline = _piece(error.status, JSON_TYPE, extra, orjson.dumps(error.body), asked, manner, at)
    return Ready(timeline, error.status, kind)


def _piece(
    status: int,
    content_type: tuple[bytes, bytes] | None,
    extra: Pairs,
    body: bytes,
    asked: Asked,
    manner: Manner,
    at: float,
) -> Timeline:
    """Return the timeline of an answer in one piece."""
    shared = shared_headers(manner.rule, manner.session, over(manner.extra, extra))
    return pacing.whole(Head(at, status, answer_headers(content_type, asked.draw, shared, len(body)), shared), body)
