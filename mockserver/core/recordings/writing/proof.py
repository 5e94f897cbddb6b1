"""The proof of a recording: what was written is read again, asked what was asked, and compared with what came.

This room decides what must be the same. It must not know files: the text and the files beside it are handed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mockserver.core.dialect import Dialect, Quirks
from mockserver.core.engine import Engine, Play
from mockserver.core.grammar.event_types import SCHEMA_TYPES
from mockserver.core.headers import header_text
from mockserver.core.messages import Request
from mockserver.core.options import Options
from mockserver.core.recordings.capture import Capture, End, Piece
from mockserver.core.recordings.writing.keptheaders import is_kept, one_line
from mockserver.core.recordings.writing.text import new_file
from mockserver.core.recordings.writing.written import Written
from mockserver.core.rulefiles.recordingform import TIMED
from mockserver.core.rulefiles.rulefile import parse
from mockserver.core.rules.book import RuleBook
from mockserver.core.timeline import Chunk, Cut, Finish, Head, Raw, Reset, Stall, Step

FILE: Final = "recording"
CLOSE: Final = 0.0011
"""Milliseconds that offsets may differ: they are written with three decimals."""

_ENDS: Final[Mapping[End, type[Finish | Cut | Reset]]] = {
    "complete": Finish,
    "unreachable": Finish,
    "partial": Cut,
    "cut": Cut,
    "timeout": Cut,
    "reset": Reset,
}


def prove(written: Written, capture: Capture) -> str:
    """Return "" where the recording answers as was captured, else what differs, for people."""

    files = written.beside

    def beside(name: str) -> bytes:
        if name not in files:
            raise FileNotFoundError(name)
        return files[name]

    file = parse(new_file(written.text), FILE, beside=beside)
    if not file.usable or not file.rules:
        return f"it is no rule file: {'; '.join(map(str, file.problems))}"
    engine = Engine(
        RuleBook(file.rules),
        Dialect("any", Quirks(), SCHEMA_TYPES, _no_schema),
        Options(validate="off", journal=1),
    )
    kind = capture.request_headers.get("content-type")
    request = Request(
        capture.method,
        capture.path,
        headers={"content-type": kind} if kind else {},
        query=capture.query,
        body=capture.request_body,
    )
    play = engine.answer(request, capture.arrived)
    if not isinstance(play, Play) or play.exchange.rule != written.name:
        miss = play.exchange.miss.strip()
        return f"the recorded request is not answered by it{f': {miss}' if miss else ''}"
    return "; ".join(_differences(play.timeline.steps, capture, written))


def _differences(steps: Sequence[Step], capture: Capture, written: Written) -> Iterator[str]:
    head, *rest = steps
    if not isinstance(head, Head):
        yield "there is no answer"
        return
    if head.status != capture.status:
        yield f"status {head.status}, recorded {capture.status}"
    yield from _headers(head, capture, written)
    body = b"".join(step.data for step in rest if isinstance(step, (Chunk, Raw)))
    if body != capture.body:
        yield _first_difference(body, capture.body)
    if capture.timed:
        yield from _offsets(head, rest, capture, written)
    last = rest[-1] if rest else head
    if not isinstance(last, _ENDS[capture.end]):
        yield f"it ends as {_ending(last)}, recorded was {capture.end}"


def _headers(head: Head, capture: Capture, written: Written) -> Iterator[str]:
    sent: dict[str, list[str]] = {}
    for raw, text in (*head.headers, *head.shared):
        sent.setdefault(raw.decode(), []).append(text.decode())
    asked_for = {str(name) for name in written.entry["reply"].get("headers", ())}
    recorded: dict[str, list[str]] = {}
    for name, value in capture.headers:
        if (name == "content-type" and value) or is_kept(name, asked_for):
            recorded.setdefault(name, []).append(header_text(one_line(value)).decode())
    for name, values in recorded.items():
        if sent.get(name, []) != values:
            yield f"header {name} is {', '.join(sent.get(name, [])) or 'not sent'}, recorded {', '.join(values)}"


def _offsets(head: Head, rest: Sequence[Step], capture: Capture, written: Written) -> Iterator[str]:
    """Yield where a time differs: of each piece in a timed file; of head and end alone in any other."""
    if written.exact_name is None:
        return  # it comes at once, when the head did
    if not _close(head.at, capture.head_at):
        yield f"the head comes at {head.at:g} ms, recorded {capture.head_at:g} ms"
    if written.exact_name.endswith(TIMED):
        chunks = [step for step in rest if isinstance(step, Chunk)]
        yield from _pieces(chunks, capture.pieces)
    if rest and not _close(rest[-1].at, capture.ended_at):
        yield f"it ends at {rest[-1].at:g} ms, recorded {capture.ended_at:g} ms"


def _pieces(chunks: Sequence[Chunk], pieces: Sequence[Piece]) -> Iterator[str]:
    if len(chunks) != len(pieces):
        yield f"the body comes in {len(chunks)} pieces, recorded {len(pieces)}"
        return
    for number, (chunk, piece) in enumerate(zip(chunks, pieces, strict=True), 1):
        if chunk.data != piece.data or not _close(chunk.at, piece.at):
            yield f"piece {number} has {len(chunk.data)} bytes at {chunk.at:g} ms, recorded {len(piece.data)} at {piece.at:g}"
            return


def _close(one: float, other: float) -> bool:
    return abs(one - other) < CLOSE


def _first_difference(found: bytes, wanted: bytes) -> str:
    place = next((at for at, pair in enumerate(zip(found, wanted, strict=False)) if pair[0] != pair[1]), None)
    if place is None:
        return f"the body has {len(found)} bytes, recorded {len(wanted)}"
    return f"the body differs from byte {place} on"


def _ending(step: Step) -> str:
    match step:
        case Finish():
            return "a whole answer"
        case Cut():
            return "a cut connection"
        case Reset():
            return "a reset connection"
        case Stall():
            return "a stall"
        case _:
            return "nothing"


def _no_schema(name: str) -> Mapping[str, Any]:
    return {}  # what was recorded is compared, not judged
