"""Captures for tests: what our own engine answers to a rule, as if the real API had."""

from __future__ import annotations

from typing import Any, Final

import orjson

from mockserver.core.engine import Play
from mockserver.core.messages import Request
from mockserver.core.recordings.capture import Capture, Piece
from mockserver.core.recordings.writing.proof import prove
from mockserver.core.recordings.writing.text import entry_text, new_file
from mockserver.core.recordings.writing.written import Written, compose
from mockserver.core.sse import decode
from mockserver.core.timeline import Chunk, Head
from tests.core.asking import CREATE, NOW, engine

STREAM: Final = "text/event-stream; charset=utf-8"


def captured(reply: Any, **fields: Any) -> Capture:
    """Return the capture of this reply (as YAML gives it) to a request with these fields."""
    body = orjson.dumps({"model": "gpt-5", "input": "hi", **fields})
    answering = engine(new_file(entry_text({"name": "a", "reply": reply})))
    play = answering.answer(Request("POST", CREATE, body=body), NOW)
    assert isinstance(play, Play)
    head, *rest = play.timeline.steps
    assert isinstance(head, Head)
    body_of_answer = b"".join(step.data for step in rest if isinstance(step, Chunk))
    if any(value.startswith(b"text/event-stream") for _, value in head.headers):
        frames = [frame.raw for frame in decode(body_of_answer)]
        pieces = tuple(Piece(200.5 + 10.125 * number, frame) for number, frame in enumerate(frames))
    else:
        pieces = (Piece(200.5, body_of_answer),)
    headers = tuple((name.decode(), value.decode()) for name, value in (*head.headers, *head.shared))
    return Capture(
        "POST",
        CREATE,
        head.status,
        tuple((name, value) for name, value in headers if not name.startswith("x-mock-") and name != "content-length"),
        pieces,
        request_body=body,
        head_at=150.25,
        ended_at=pieces[-1].at,
        arrived=NOW,
        upstream="https://api.example.com/v1",
    )


def http(body: bytes, content_type: str = "application/json", *, status: int = 200, **fields: Any) -> Capture:
    """Return a capture of these bytes in one piece."""
    given: dict[str, Any] = {
        "method": "POST", "path": CREATE, "request_body": b'{"model":"gpt-5","input":"hi"}',
        "pieces": (Piece(120.5, body),) if body else (), "head_at": 100.25, "ended_at": 120.5, "arrived": NOW, **fields,
    }  # fmt: skip
    headers = given.pop("headers", ())
    return Capture(status=status, headers=(("content-type", content_type), *headers), **given)


def stream(*frames: bytes, **fields: Any) -> Capture:
    """Return a capture of an event stream, 10 ms between the frames."""
    pieces = tuple(Piece(110.125 + 10 * number, frame) for number, frame in enumerate(frames))
    ended = pieces[-1].at if pieces else 100.25
    body = b'{"model":"gpt-5","input":"hi","stream":true}'
    return http(b"", STREAM, **{"request_body": body, "pieces": pieces, "ended_at": ended, **fields})


def written(capture: Capture, **options: Any) -> Written:
    """Write a capture down; it is proven to replay."""
    made = compose(capture, stem="a", number=1, **options)
    assert prove(made, capture) == ""
    return made
