"""A claimed reply made ready to send: items, events, offsets, faults, bytes.

This room decides in which order those are applied, for each kind of reply. It must not know how the reply was chosen, nor
sessions or journals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, assert_never

import orjson

from mockserver.core import auto, catalogue, composition, faults, literal, pacing, templates
from mockserver.core.events import Answer
from mockserver.core.headers import JSON_TYPE, STREAM_TYPE, Pairs, answer_headers, tail_headers
from mockserver.core.items import complete
from mockserver.core.messages import Kind
from mockserver.core.reply import Auto, Error, Events, Forward, Http, Output, Reply
from mockserver.core.response import Asked
from mockserver.core.templates import Scope
from mockserver.core.timeline import Timeline, coalesced


@dataclass(frozen=True, slots=True)
class Ready:
    """What will be sent, and what the journal and the session want to know of it.

    `planned` holds the offset of each event in milliseconds; `response` the final response object, None where there is none.
    """

    timeline: Timeline
    status: int
    kind: Kind
    planned: tuple[float, ...] = ()
    response: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manner:
    """How answers are sent whatever the reply says: the server's speed, who answers in which session, extra headers."""

    speed: float
    rule: str
    session: str
    extra: tuple[tuple[str, str], ...] = ()


INSTANT_RETRY: Final = catalogue.RETRY_AFTER_INSTANT


def ready(reply: Reply, asked: Asked, scope: Scope, manner: Manner) -> Ready:
    """Return `reply` made concrete for one request."""
    speed = manner.speed if reply.speed is None else reply.speed
    kind = reply.kind
    match kind:
        case Error():
            made = _error(kind, reply, asked, manner, speed)
        case Http():
            made = _whole(
                kind.status, None, (*kind.headers, *reply.headers), kind.body, asked, manner, _at(reply, speed), "http"
            )
        case Output() | Auto() | Events():
            made = _response(_answer(kind, reply, asked, scope), reply, asked, manner, speed)
        case Forward():
            made = _error(
                catalogue.error("server_error", message="This rule forwards, and this server has no upstream."),
                reply, asked, manner, speed,
            )  # fmt: skip
        case _:
            assert_never(kind)
    if not reply.faults:
        return made
    timeline, notes = faults.strike(made.timeline, reply.faults)
    return Ready(timeline, made.status, made.kind, made.planned, made.response, made.notes + notes)


def refusal(error: Error, asked: Asked, manner: Manner) -> Ready:
    """Return an answer of ours without a rule."""
    return _error(error, None, asked, manner, manner.speed)


def document(body: bytes, asked: Asked, manner: Manner) -> Ready:
    """Return the JSON answer of a built-in endpoint."""
    return _whole(200, JSON_TYPE, (), body, asked, manner, 0.0, "builtin")


def _answer(kind: Output | Auto | Events, reply: Reply, asked: Asked, scope: Scope) -> Answer:
    if isinstance(kind, Events):
        return literal.compose(kind, reply, asked)
    notes: list[str] = []
    if isinstance(kind, Auto):
        items = auto.items_for(asked.request)
    else:
        items = templates.render(kind.items, scope, notes)
    items = complete(items, asked)
    notes.extend(auto.untruths(asked.request, items))
    answer = composition.compose(items, reply, asked)
    return Answer(answer.response, answer.events, (*answer.notes, *notes)) if notes else answer


def _response(answer: Answer, reply: Reply, asked: Asked, manner: Manner, speed: float) -> Ready:
    """Return a response in the encoding that the request's `stream` flag asks for."""
    if not asked.request.stream:
        at = 0.0
        if not pacing.is_instant(reply.timing, speed) or any(event.at for event in answer.events):
            at = pacing.offsets(answer.events, reply.timing, speed, asked.draw)[-1]
        body = orjson.dumps(answer.response)
        made = _whole(200, JSON_TYPE, reply.headers, body, asked, manner, at, "json")
        return Ready(made.timeline, 200, "json", (), answer.response, answer.notes)
    tail = tail_headers(manner.rule, manner.session, (*manner.extra, *reply.headers))
    headers = answer_headers(STREAM_TYPE, asked.draw, tail)
    timeline = pacing.stream(
        answer.events, reply.timing, speed, asked.draw, headers, done_marker=asked.dialect.quirks.done_marker
    )
    planned = tuple([step.at for step in timeline.steps[1 : 1 + len(answer.events)]])
    if not reply.faults:
        timeline = coalesced(timeline)
    return Ready(timeline, 200, "stream", planned, answer.response, answer.notes)


def _error(error: Error, reply: Reply | None, asked: Asked, manner: Manner, speed: float) -> Ready:
    if reply is not None and reply.retry_after is not None:
        error = catalogue.with_wait(error, reply.retry_after, always=True)
    elif speed == 0:
        error = catalogue.with_wait(error, INSTANT_RETRY)
    extra: Sequence[tuple[str, str]] = error.headers if reply is None else (*error.headers, *reply.headers)
    at = 0.0 if reply is None else _at(reply, speed)
    kind: Kind = "rejection" if reply is None else "error"
    return _whole(error.status, JSON_TYPE, extra, orjson.dumps(error.body), asked, manner, at, kind)


def _whole(
    status: int,
    content_type: tuple[bytes, bytes] | None,
    extra: Pairs,
    body: bytes,
    asked: Asked,
    manner: Manner,
    at: float,
    kind: Kind,
) -> Ready:
    tail = tail_headers(manner.rule, manner.session, (*manner.extra, *extra))
    headers = answer_headers(content_type, asked.draw, tail, len(body))
    return Ready(pacing.whole(status, headers, body, at), status, kind)


def _at(reply: Reply, speed: float) -> float:
    return pacing.first_offset(reply.timing, speed)
