"""What the tests of recordings share: captures of any kind, and an engine made of rule files with exact files beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from hypothesis import strategies as st

from mockserver.adapters.disk import load_dialect
from mockserver.core.engine import Engine, Play
from mockserver.core.messages import Request
from mockserver.core.options import Options
from mockserver.core.recordings.capture import Capture, Piece
from mockserver.core.recordings.customs import Customs
from mockserver.core.rulefiles.rulefile import RuleFile, parse
from mockserver.core.rules.book import RuleBook
from mockserver.core.timeline import Chunk, Head, Timeline

NOW = 1_700_000_000.0
STREAM = (("content-type", "text/event-stream"),)


def offsets() -> st.SearchStrategy[list[float]]:
    """Offsets as they are noted: milliseconds with three decimals that never decrease, gaps of any length."""
    gaps = st.lists(st.integers(0, 10**9) | st.integers(0, 50), min_size=2, max_size=12)
    return gaps.map(lambda each: [sum(each[: index + 1]) / 1000 for index in range(len(each))])


FRAMES = st.sampled_from(
    [
        b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1"}}\n\n',
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"h\xc3\xa9"}\n\n',
        b'data: {"type":"response.output_text.delta","delta":"x"}\r\n\r\n',
        b'event: response.completed\rdata: {"type":"response.completed",\rdata: "response":{"id":"resp_1","output":[]}}\r\r',
        b": a comment\n\n",
        b"id: 7\nretry: 100\ndata: one\ndata: two\n\n",
        b"\xef\xbb\xbfdata: bom\n\n",
        b"data: [DONE]\n\n",
        b"data: no end",
        b"\xff\xfe\x00 nothing of the kind",
        b"end 12.000\n@ 1.000 5\n",
        b"\n",
    ]
)


@st.composite
def captures(draw: st.DrawFn, *, stream: bool | None = None) -> Capture:
    """Answers of any bytes in any pieces; with `stream` event streams with odd frames, cut anywhere by the network."""
    due = draw(offsets())
    streamed = draw(st.booleans()) if stream is None else stream
    count = len(due) - 2
    if streamed:
        body = b"".join(draw(st.lists(FRAMES, max_size=12)))
        cuts = sorted(draw(st.lists(st.integers(0, len(body)), min_size=max(count - 1, 0), max_size=max(count - 1, 0))))
        parts = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)][:count]
        due = [*due[: 1 + len(parts)], due[-1]]
    else:
        parts = draw(st.lists(st.binary(max_size=60), min_size=count, max_size=count))
    return Capture(
        "POST",
        "/v1/responses",
        200,
        STREAM if streamed else (("content-type", "application/octet-stream"),),
        tuple(Piece(at, data) for at, data in zip(due[1:-1], parts, strict=True)),
        head_at=due[0],
        ended_at=due[-1],
        end=draw(st.sampled_from(["complete", "partial", "cut", "reset", "timeout"])),
    )


def read(text: str, files: Mapping[str, bytes] | None = None, customs: Customs | None = None) -> RuleFile:
    """Return a rule file with these exact files beside it."""

    def beside(name: str) -> bytes:
        if name not in (files or {}):
            raise FileNotFoundError(name)
        return (files or {})[name]

    return parse(text, "r.mock.yaml", beside, customs)


def engine(text: str, files: Mapping[str, bytes] | None = None, **options: Any) -> Engine:
    """Return an engine that answers by this rule file, which must have no mistakes."""
    customs = options.pop("customs", None)
    file = read(text, files, customs)
    assert [str(each) for each in file.problems if each.severity == "error"] == []
    book = RuleBook(file.rules, [file.otherwise] if file.otherwise else ())
    return Engine(book, load_dialect("standard"), Options(**{"exhausted": "miss", **options}))


def ask(made: Engine, body: Mapping[str, Any] | bytes, path: str = "/v1/responses", **more: Any) -> Play:
    """Return what is answered to this body."""
    sent = body if isinstance(body, bytes) else orjson.dumps(body)
    play = made.answer(Request(more.pop("method", "POST"), path, body=sent, **more), NOW)
    assert isinstance(play, Play)
    return play


def head(timeline: Timeline) -> Head:
    """Return the head of an answer."""
    first = timeline.steps[0]
    assert isinstance(first, Head)
    return first


def headers(timeline: Timeline) -> dict[str, list[str]]:
    """Return the headers of an answer by name."""
    found: dict[str, list[str]] = {}
    for name, value in (*head(timeline).headers, *head(timeline).shared):
        found.setdefault(name.decode(), []).append(value.decode())
    return found


def sent(timeline: Timeline) -> list[tuple[float, bytes]]:
    """Return each write of a body with its offset."""
    return [(step.at, step.data) for step in timeline.steps if isinstance(step, Chunk)]


def whole(timeline: Timeline) -> bytes:
    """Return the body of an answer."""
    return b"".join(data for _, data in sent(timeline))
